"""The chapters of the report, in their order. A new one is its template, the module that fills it, and a row here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bookcover_core.report.analysis_tables import analysis_tables
from bookcover_core.report.download_outcomes import cover_table
from bookcover_core.report.figure_spec import FigureSpec
from bookcover_core.report.findings import Findings
from bookcover_core.report.near_duplicate_section import genres_table, twins_table
from bookcover_core.report.number_verdicts import number_verdicts, verdict_tables
from bookcover_core.report.reading_section import reading_tables
from bookcover_core.report.record_tables import (
    architecture_table,
    funnel_table,
    machine_table,
    software_table,
    time_table,
)
from bookcover_core.report.replacement_tables import replaced_table
from bookcover_core.report.report_figures import (
    analysis_figures,
    cost_figures,
    ideal_figures,
    ideal_words,
    result_figures,
    trial_figures,
)
from bookcover_core.report.result_tables import (
    network_table,
    precision_table,
    preparation_table,
    published_table,
    recall_table,
)
from bookcover_core.report.statements import statement_table, statement_verdicts
from bookcover_core.report.summary import verdict_words
from bookcover_core.report.table import Table
from bookcover_core.report.training_section import (
    curve_figures,
    curve_words,
    doubt_words,
    ensemble_table,
    repeat_table,
    training_table,
    training_words,
)

TableMaker = Callable[[Findings], Table | Iterable[Table | None] | None]


@dataclass(frozen=True)
class Chapter:
    """A chapter of the page: the template `chapter-<id>.html`, which a section of that id in the page is made of."""

    id: str
    title: str
    """In the list of contents."""
    number: str = ""
    """Of the chapter of the dissertation that it follows."""
    tables: tuple[TableMaker, ...] = ()
    """What makes its tables, of which none may be there: the template finds them in `tables`, by name."""
    figures: tuple[Callable[[Findings], Iterable[FigureSpec]], ...] = ()
    """What tells its figures: the template finds them, drawn, in `figures`."""
    words: Mapping[str, Callable[[Findings], Any]] | None = None
    """What else its template asks for, by name."""


CHAPTERS = (
    Chapter("summary", "Summary", figures=(result_figures,), words={"three_verdicts": verdict_words}),
    Chapter(
        "data",
        "Data",
        "3",
        tables=(cover_table, twins_table, genres_table, replaced_table, preparation_table),
        figures=(trial_figures,),
    ),
    Chapter(
        "training-chapter",
        "Training",
        "4",
        tables=(training_table, ensemble_table, repeat_table),
        figures=(curve_figures,),
        words={"training_words": training_words, "curve_words": curve_words},
    ),
    Chapter(
        "evaluation",
        "Evaluation",
        "5",
        tables=(
            network_table,
            recall_table,
            precision_table,
            published_table,
            reading_tables,
            analysis_tables,
            lambda findings: verdict_tables(number_verdicts(findings)),
            lambda findings: statement_table(statement_verdicts(findings, findings.analysis)),
        ),
        figures=(analysis_figures, ideal_figures),
        words={
            "ideal_words": lambda findings: ideal_words(findings.insight) if findings.insight else "",
            "doubt_words": doubt_words,
        },
    ),
    Chapter(
        "appendix",
        "Appendix",
        tables=(architecture_table, machine_table, software_table),
        figures=(cost_figures,),
    ),
    Chapter("record", "Settings and record", tables=(funnel_table, time_table)),
    Chapter("again", "Make it again"),
)


def make_tables(findings: Findings) -> dict[str, Table]:
    """The tables that the findings allow, by name."""
    made = (make(findings) for chapter in CHAPTERS for make in chapter.tables)
    every = (each for found in made for each in ([found] if found is None or isinstance(found, Table) else found))
    return {table.name: table for table in every if table}


def figure_specs(findings: Findings) -> Iterator[FigureSpec]:
    """The figures that the findings allow."""
    return (spec for chapter in CHAPTERS for tell in chapter.figures for spec in tell(findings))


def chapter_words(findings: Findings) -> dict[str, Any]:
    """What the templates of the chapters ask for beside tables and figures."""
    return {name: tell(findings) for chapter in CHAPTERS for name, tell in (chapter.words or {}).items()}
