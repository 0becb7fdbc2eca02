"""The tables of section 5.2: colour and recall, overlap, confusions, calibration, pairs of systems."""

from collections.abc import Iterator

from bookcover_core.evaluation.colour_analysis import Correlation
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Table

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS, _MOST_CONFUSIONS = 8, 15


def analysis_tables(findings: Findings) -> Iterator[Table | None]:
    """The tables that the analysis allows; none without one, none of confusions without any, none of pairs of one."""
    analysis, called, best = findings.analysis, findings.titles, findings.best
    if analysis is None or best is None:
        return

    def by_itself(found: Correlation | None) -> Cell:
        return Cell(found.expected, found.low, found.high) if found else Cell()

    yield Table.of(
        "colour-correlation", analysis.systems.items(), analysis=analysis, called=called, by_itself=by_itself
    )
    overlaps = {called[name]: system.overlap for name, system in analysis.systems.items()}
    yield Table.of(
        "overlapping-pairs",
        [
            (title, pair)
            for title, overlap in overlaps.items()
            for pair in overlap.pairs[:_MOST_OVERLAPS] or filter(None, [overlap.highest])
        ],
        analysis=analysis,
        overlaps=overlaps,
        threshold=max((each.threshold for each in overlaps.values()), default=0.0),
        most=_MOST_OVERLAPS,
    )
    yield Table.of(
        "confused-pairs",
        analysis.systems[best.name].confused[:_MOST_CONFUSIONS],
        best=best,
        analysis=analysis,
        titles=read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"].to_dict(),
    )
    calibrations = {called[name]: system.calibration for name, system in analysis.systems.items()}
    yield Table.of(
        "calibration",
        calibrations.items(),
        first=next(iter(calibrations.values())),
        is_tempered=any(each.tempered for each in calibrations.values()),
    )
    yield Table.of("pairs", analysis.pairs, called=called)
    if joint := analysis.together:
        yield Table.of(
            "together",
            enumerate(joint.right_by),
            analysis=analysis,
            known=joint.any_right,
            called=[called[name] for name in joint.systems],
        )
