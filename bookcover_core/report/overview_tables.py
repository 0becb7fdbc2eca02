"""The tables with a row for each network: the study's with their totals, and the published ones."""

from bookcover_core.evaluation.published_results import published_recall, published_results
from bookcover_core.report.findings import Findings
from bookcover_core.report.result_tables import comparability_note, interval_note
from bookcover_core.report.table import Cell, Column, Kind, Table


def network_table(findings: Findings) -> Table | None:
    """A row for each network: totals with intervals, best epoch, and the published accuracy; None without networks."""
    if not findings.networks:
        return None
    ks = [k for k in (1, 3, 5) if k < len(findings.genres)] or [1]
    published = published_recall() if findings.has_published else {}
    columns = [
        Column("Network"),
        Column("Preparation"),
        *(Column(f"Top {k}", Kind.SHARE, f"top {k}", interval=True) for k in ks),
        Column("Macro precision", Kind.SHARE, interval=True),
        Column("Macro F1", Kind.SHARE, interval=True),
        Column("Best epoch", Kind.COUNT),
    ]
    if published:
        columns.append(Column("Top 1, Hill 2020", Kind.SHARE, "published top 1", faint=True))
    rows = []
    for network in findings.networks:
        scores = network.scores
        row = [
            Cell(network.title, best=network is findings.best and len(findings.networks) > 1),
            Cell(scores.preparation),
            *(Cell.of(scores.top(k)) for k in ks),
            Cell.of(scores.totals["macro_precision"]),
            Cell.of(scores.totals["macro_f1"]),
            Cell(network.best_epoch),
        ]
        if published:
            other = published.get(scores.backbone)
            row.append(Cell(other.total_top1 if other else None))
        rows.append(row)
    return Table(
        name="networks",
        caption="All networks on the test books, in per cent",
        columns=columns,
        rows=rows,
        notes=(*comparability_note(findings), interval_note(findings)),
    )


def published_table() -> Table:
    """Other published results on BookCover30, with how each was measured."""
    return Table(
        name="published-results",
        caption="Published results on BookCover30, in per cent",
        columns=[
            Column("Study"),
            Column("Year", name="year"),
            Column("Sees"),
            Column("Network"),
            Column("Top 1", Kind.SHARE),
            Column("Top 3", Kind.SHARE),
            Column("Protocol"),
            Column("Source"),
        ],
        rows=[
            [
                Cell(result.study),
                Cell(str(result.year)),
                Cell(result.input),
                Cell(result.model),
                Cell(result.top1),
                Cell(result.top3),
                Cell(result.protocol),
                Cell(result.source),
            ]
            for result in published_results()
        ],
        notes=("Only results of one protocol can be compared with each other.",),
    )
