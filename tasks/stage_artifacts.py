"""What stages show on the page of their run: tables, pictures, and links, as Prefect's artifacts."""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.context import TaskRunContext

from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.study import Study
from tasks.pages import report_address

ANEW, CACHED, AFTER_FAILURE = "anew", "cached", "after failure"
"""How a stage ended."""


class _Shown(NamedTuple):
    write: Callable[..., None]
    """Called with the study and the part's words."""
    ends: Collection[str]
    """After which ends it is shown."""


def show(study: Study, part: Part, end: str) -> None:
    """Show what a part of a stage has to show, where a task is running."""
    shown = _SHOWN.get(part.stage.name)
    if shown is not None and end in shown.ends and TaskRunContext.get() is not None:
        shown.write(study, *part.words)


def artifact_key(*words: str) -> str:
    """A key that Prefect takes: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def _show_chunk(study: Study, chunk: int) -> None:
    """Outcomes and link rot by genre, what went wrong, and some covers."""
    from bookcover_core.report import download_outcomes  # noqa: PLC0415 - Matplotlib and pandas are slow to import

    part = f"chunk-{chunk:04d}"
    outcomes = download_outcomes.outcomes_markdown(study, chunk)
    _show_markdown(study, "outcomes", part, outcomes, f"What became of the covers of {part}")
    _show_markdown(
        study,
        "link-rot",
        "",
        download_outcomes.link_rot_markdown(study),
        "Covers that are not to be had any more, by genre",
    )
    _show_markdown(study, "covers", part, download_outcomes.sample_markdown(study, chunk), f"Some covers of {part}")


def _show_near_duplicates(study: Study) -> None:
    """The sheet of near duplicates under different genres."""
    from bookcover_core.report.curation_section import twins_markdown  # noqa: PLC0415 - imports Matplotlib

    _show_markdown(study, "twins", "", twins_markdown(study), "Books that show one picture")


def _show_replaced(study: Study) -> None:
    """Which books left and why, and covers that came for others."""
    from bookcover_core.report.curation_section import replaced_markdown  # noqa: PLC0415 - imports Matplotlib

    _show_markdown(study, "replaced", "", replaced_markdown(study), "Books that left, and what came in their place")


def show_results(study: Study, *_: object) -> None:
    """Show the result table, and where the report lies, on the page of the present run."""
    from bookcover_core.report.summary import result_markdown  # noqa: PLC0415 - imports pandas

    _show_markdown(study, "results", "", result_markdown(study), "Results on the test books")
    link, about = report_address(study.settings), "The report of the study"
    if link.startswith("file:"):
        about += ", on the machine that wrote it: a browser opens it from the disk only"
    create_link_artifact(
        key=artifact_key("report", study.settings.name),
        link=link,
        link_text=f"The report on {study.settings.name}",
        description=about,
    )


def _show_markdown(study: Study, what: str, part: str, markdown: str, description: str) -> None:
    if markdown:
        create_markdown_artifact(
            key=artifact_key(what, part, study.settings.name), markdown=markdown, description=description
        )


_SHOWN = {
    "download": _Shown(_show_chunk, {ANEW, AFTER_FAILURE}),
    "twins": _Shown(_show_near_duplicates, {ANEW, CACHED}),
    "curate": _Shown(_show_replaced, {ANEW}),
    "report": _Shown(show_results, {ANEW, CACHED}),
}
