"""What commands print for people."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bookcover_core.pipeline.engine import State
from bookcover_core.pipeline.graph import NOT_KNOWN, declarations, known_parts, prospects, stages
from bookcover_core.pipeline.study import Study, reference, studies_in
from bookcover_core.report.formats import duration
from bookcover_core.settings import StudySettings
from deployments.plain_text import PlainConsole

# Columns that a table may take where no terminal limits it.
_WIDEST = 500

# Columns of a usual terminal. In a narrower one numbers take several lines.
_USUAL = 80

console = PlainConsole()
"""Where commands print."""


def say(text: str) -> None:
    """Print one line."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def print_results(settings: StudySettings) -> None:
    """Print the result table of a study, and where its report lies."""
    from bookcover_core.models.model_cards import UNTRAINED  # noqa: PLC0415 - slow to import
    from bookcover_core.report.summary import result_table, verdict  # noqa: PLC0415 - imports pandas

    study = Study(settings)
    # Narrow enough for a usual terminal; the report has the rest. Of an interval no digit is lost.
    table = _table(f"{settings.name}: test books judged right")
    rows = result_table(study)
    measures = [name for name in rows[0] if name.startswith("top ")] if rows else []
    table.add_column("network and preparation", overflow="fold")
    for measure in measures:
        table.add_column(measure, justify="right", no_wrap=console.width >= _USUAL, overflow="fold")
    for row in rows:
        mark = "*" if row["model"].endswith(UNTRAINED) else ""
        name = f"{row['model'].removesuffix(UNTRAINED)} {row['preparation']}{mark}"
        table.add_row(name, *(str(row[measure]) for measure in measures))
    _print(table)
    if any(row["model"].endswith(UNTRAINED) for row in rows):
        say("* untrained: random weights in place of ImageNet's, so these numbers mean nothing.")
    say(verdict(study))
    say(f"Report: {study.workspace.report / 'index.html'}")


def print_studies(folder: Path) -> None:
    """Print which studies lie in `folder`: what is done of each, or why it cannot be used."""
    table = _table(f"Studies in {folder}")
    for name in ("study", "last done", "parts", "what there is"):
        table.add_column(name, no_wrap=name != "what there is", overflow="fold")
    found = studies_in(folder)
    for name, study in found.items():
        if not isinstance(study, Study):
            table.add_row(name, "", "", Text(f"cannot be used: {study}"))
            continue
        done = [manifest for stage in stages() for manifest in study.manifests(stage.label)]
        last = max(done, key=lambda manifest: manifest.finished, default=None)
        report = (study.workspace.report / "index.html").is_file()
        there = "a report" if report else f"as far as {last.label}" if last else "settings alone"
        if mark := study.run_mark:
            there += "; it is being run" if mark.lives else "; interrupted: run it again to go on"
        table.add_row(name, f"{last.finished:%Y-%m-%d %H:%M}" if last else "", str(len(done)), there)
    if not found:
        say(f"There is no study in {folder}. `bookcover demo` or `bookcover run` begins one.")
        return
    _print(table)
    say("`bookcover status NAME` shows one of them, stage by stage.")


def print_status(settings: StudySettings) -> None:
    """Print which stages of a study are done, and how each stands."""
    study = Study(settings)
    table = _table(f"{settings.name} in {study.workspace.root}")
    for name in ("stage", "what it does", "done", "state"):
        table.add_column(name, no_wrap=name in {"stage", "done"}, overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    known, unknown = _states(study)
    for stage in stages():
        manifests = study.manifests(stage.label)
        other = State.WAITING if stage.label in unknown else "of an earlier study"
        states = Counter(known.get(manifest.label, other) for manifest in manifests)
        finished = max((manifest.finished for manifest in manifests), default=None)
        table.add_row(
            stage.name,
            stage.title,
            f"{finished:%m-%d %H:%M}" if finished else "",
            ", ".join(state if len(manifests) == 1 else f"{number} {state}" for state, number in states.items()) or "-",
            f"{sum(manifest.seconds for manifest in manifests):,.0f}" if manifests else "",
        )
    _print(table)
    if mark := study.run_mark:
        again = f"was interrupted: `bookcover run {reference(settings)}` goes on where it was."
        say(f"Its run ({mark}) {'is under way.' if mark.lives else again}")
    if waiting := _undecided(study):
        candidates = "box-set candidate waits" if waiting == 1 else "box-set candidates wait"
        say(f"{waiting:,} {candidates} for a decision: `bookcover review {reference(settings)}` shows them.")


def _undecided(study: Study) -> int:
    """Candidates that a study cannot go on without decisions on; 0 where it does not wait for people."""
    is_searched = study.manifests("candidates") and not study.manifests("curate")
    if study.settings.curation.undecided not in {"ask", "fail"} or not is_searched:
        return 0
    from bookcover_core.curation.review_queue import review_queue  # noqa: PLC0415 - imports pandas

    with suppress(*NOT_KNOWN):
        return len(review_queue(study).open)
    return 0


def _print(table: Table) -> None:
    """Print a table: in a terminal, or where COLUMNS is set, as wide as that; else, for programs, a row on a line."""
    if console.is_terminal or "COLUMNS" in os.environ:
        console.print(table)
        return
    width = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    PlainConsole(file=console.file, width=max(width, console.width)).print(table)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts below the names of their columns."""
    table = _table(title)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    _print(table)


def print_prospects(settings: StudySettings) -> None:
    """Print what a study would run now, why, and how long it took last."""
    total = 0.0
    found = list(prospects(Study(settings)))
    for each in found:
        took = f" (last time {duration(each.seconds)})" if each.seconds is not None else ""
        took = " (the store has it)" if each.is_stored else took
        say(f"{each.label}: {'; '.join(each.reasons) or each.state}{took}")
        total += 0.0 if each.is_stored else each.seconds or 0.0
    if not found:
        say("Nothing would run: everything is done by today's settings, inputs and code.")
    elif total:
        say(f"What ran before took {duration(total)} then.")


def _states(study: Study) -> tuple[dict[str, str], set[str]]:
    """How each part of a study stands, by its label; and the labels of stages of which not every part is known."""
    states: dict[str, str] = {}
    unknown = set()
    for stage in declarations():
        found, are_all = known_parts(study, stage.name)
        known = [run for part in found if (run := part.known(study))]
        states |= {run.label: run.state for run in known}
        if not are_all or len(known) < len(found):
            unknown.add(stage.label)
    return states, unknown


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
