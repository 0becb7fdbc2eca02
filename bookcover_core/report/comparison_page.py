"""Studies side by side, as one page that can be mailed, with its figures, tables and numbers as files beside it."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import refuse_within_study, write_json, write_text
from bookcover_core.report.formats import setting_text
from bookcover_core.report.report_figures import FigureSpec, draw_figure
from bookcover_core.report.study_comparison import StudyComparison, StudyPair, SystemPair, compare_studies
from bookcover_core.report.summary import result_rows
from bookcover_core.report.table import Cell, Table
from bookcover_core.report.words import environment, passage, sentences
from bookcover_core.visualisation.interval_charts import recall_comparison
from bookcover_core.visualisation.line_charts import setting_curves

logger = logging.getLogger(__name__)

# Letters of the names of studies in the name of their folder, and studies of which one setting differs in a curve.
_LONGEST, _FEWEST_IN_CURVE = 100, 3

# What the title of a notice begins with that says that the numbers mean something else than they seem to.
_STRONG = "! "


def comparison_tables(comparison: StudyComparison) -> Iterator[Table | None]:
    """All tables: systems, genres, books, settings."""
    first, others = comparison.names[0], comparison.others
    pairs: dict[tuple[str, str], tuple[StudyPair, SystemPair]] = {}
    for each in others:
        pairs |= {(each.names[1], pair.second): (each, pair) for pair in reversed(each.pairs)}
    rows = []
    for place, (name, findings) in enumerate(zip(comparison.names, comparison.studies, strict=True)):
        for system in (*findings.systems, *findings.baselines):
            beside, pair = pairs.get((name, system.name), (None, None))
            rows.append(
                {
                    "system": Cell(system.title, best=system is findings.best),
                    "scores": system.scores,
                    "study": name,
                    "settings": [setting_text(values[place]) for _, values in comparison.settings],
                    "top3": system.scores.top(3) if len(findings.genres) > 3 else None,
                    "pair": pair,
                    "against": beside and pair and _basis(beside, pair),
                }
            )
    yield Table.of(
        "systems",
        sorted(rows, key=lambda row: -row["scores"].accuracy.value),
        wide=True,
        comparison=comparison,
        pairs=[pair for _, pair in pairs.values()],
    )
    by_genre = [{genre.name: genre for genre in each.best.genres} for each in others]
    every = [genre for genres in by_genre for genre in genres.values()]
    yield Table.of(
        "genres",
        [
            [genre, *(genres.get(name) for genres in by_genre)]
            for name, genre in {genre.name: genre for genre in reversed(every)}.items()
        ][::-1],
        wide=len(others) > 1,
        comparison=comparison,
        compared=len([genre for genre in every if genre.difference]),
        every=len(every),
    )
    test_books = comparison.studies[0].test_books
    yield Table.of("books", others, first=first, books=others[0].shared.books(0), test=test_books)
    changed = [[name, *map(setting_text, values)] for name, values in comparison.settings]
    yield Table.of("settings", changed, names=comparison.names)


def _basis(beside: StudyPair, pair: SystemPair) -> str:
    """With which system of the first study, on which books, and so how."""
    books = f"the same {pair.first_books:,}" if pair.paired else f"{pair.second_books:,} and {pair.first_books:,}"
    with_other = "" if pair.first == pair.second else f"with {beside.title(pair, 0)}, "
    return f"{with_other}{'paired' if pair.paired else 'unpaired'}, {books}"


@dataclass(frozen=True)
class Notice:
    """Something to keep in mind."""

    title: str
    text: str
    strong: bool = False
    """Whether the numbers mean something else than they seem to."""


class WrittenComparison(NamedTuple):
    """What was written."""

    page: Path
    headline: str
    """The most important line of it."""


def write_comparison(*studies: Study, folder: Path | None = None) -> WrittenComparison:
    """The page on studies with results, and its headline; it is written to `folder`, or beside the first study.

    Raises as `compare_studies`, and `WorkspaceError` where the folder is a study's or cannot be written.
    """
    joined = "-".join(study.settings.name for study in studies)
    if len(joined) > _LONGEST:
        joined = f"{joined[:_LONGEST]}-{digest_of(joined)[:8]}"
    usual = studies[0].workspace.root.with_name(joined)
    target = (folder.expanduser() if folder else usual).resolve()
    refuse_within_study(target, "Name another with --output.")
    compared = compare_studies(*studies)
    tables = {table.name: table for table in comparison_tables(compared) if table}
    for table in tables.values():
        table.write(target / "tables")
    results = comparison_results(compared)
    write_json(target / "comparison.json", results)
    finished = [manifest.finished for each in compared.studies for done in each.manifests.values() for manifest in done]
    template = environment().get_template("side_by_side.html")
    text = template.render(
        comparison=compared,
        names=compared.names,
        answer=results["headline"],
        sentence=results["sentence"],
        notices=notices(compared),
        figures=[draw_figure(spec, target / "figures") for spec in _figures(compared)],
        tables=tables,
        finished=max(finished),
    )
    write_text(target / "index.html", text)
    logger.info("%s stand side by side in %s", ", ".join(compared.names), target)
    return WrittenComparison(target / "index.html", f"{results['headline']} {results['sentence']}")


def comparison_results(compared: StudyComparison) -> dict[str, Any]:
    """All numbers, as JSON values: shares from 0 to 1; differences are the first study's less the other's."""
    words = {"comparison": compared, "beside": compared.others[0]}
    return {
        "headline": sentences("comparison answer", **words),
        "sentence": sentences("comparison sentence", **words),
        "notices": [asdict(notice) for notice in notices(compared)],
        "confidence": compared.studies[0].confidence,
        "studies": [
            {
                "name": name,
                "random_weights": findings.random_weights,
                "genres": [genre.name for genre in findings.genres],
                "best": findings.best.name if findings.best else None,
                "systems": result_rows(findings),
            }
            for name, findings in zip(compared.names, compared.studies, strict=True)
        ],
        "beside_the_first": [
            {
                "name": each.names[1],
                "shared_test_books": each.shared.test,
                "test_books_of_the_first_it_has_seen": each.shared.leaked(0),
                "test_books_the_first_has_seen": each.shared.leaked(1),
                "pairs": [{"best": pair is each.best} | pair.model_dump(mode="json") for pair in each.pairs],
            }
            for each in compared.others
        ],
        "settings": dict(compared.settings),
        "other_code": compared.other_code,
    }


def notices(comparison: StudyComparison) -> list[Notice]:
    """What to keep in mind of the studies, the gravest first; each once, whichever studies it is true of."""
    studies, others = [*zip(comparison.names, comparison.studies, strict=True)], comparison.others
    lines = passage(
        "comparison notices",
        comparison=comparison,
        others=others,
        untrained=[name for name, findings in studies if findings.random_weights],
        unlike_genres=[
            [each for each in others if not each.shared_genres],
            [each for each in others if each.shared_genres and (each.own_genres(0) or each.own_genres(1))],
        ],
        seen=[
            (count, each.names[study], each.names[1 - study])
            for each in others
            for study in (0, 1)
            if (count := each.shared.leaked(study))
        ],
        some_shared=[
            each
            for each in others
            if each.best.paired and each.best.first_books < max(findings.test_books for findings in each.both)
        ],
        unsure=[each for each in others if each.both[1].confidence != each.both[0].confidence],
        missing=[f"{system.title} of {name}" for name, findings in studies for system in findings.missing],
    )
    found = [
        Notice(title.removeprefix(_STRONG), text, strong=title.startswith(_STRONG))
        for title, text in zip(lines[::2], lines[1::2], strict=True)
    ]
    return sorted(found, key=lambda notice: not notice.strong)


def _figures(comparison: StudyComparison) -> Iterator[FigureSpec]:
    """Of two studies recall by genre of their best systems; of several that differ in one setting accuracy over it."""
    if len(comparison.settings) == 1 and len(comparison.studies) >= _FEWEST_IN_CURVE:
        ((setting, values),) = comparison.settings
        curves: dict[str, list[Estimate | None]] = {}
        for place, findings in enumerate(comparison.studies):
            for system in findings.systems:
                curves.setdefault(system.title, [None] * len(values))[place] = system.scores.accuracy
        words: Any = {"confidence": comparison.studies[0].confidence, "values": list(map(setting_text, values))}
        draw = partial(setting_curves, setting, values, curves)
        yield FigureSpec.of("setting", draw, setting=setting, curves=curves, **words)
    if len(comparison.others) > 1:
        return
    beside = comparison.others[0]
    genres = [
        (each.name, each.first, each.second, each.difference)
        for each in beside.best.genres
        if each.first and each.second and each.difference
    ]
    if genres:
        names = [f"{name}: {beside.title(beside.best, study)}" for study, name in enumerate(beside.names)]
        words = {"comparison": beside, "genres": genres, "names": names}
        ties = sum(apart.holds_zero for *_, apart in genres)
        yield FigureSpec.of("recall-of-both", partial(recall_comparison, genres, names), ties=ties, **words)
