"""What commands print for people."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.graph import declarations, parts, stages
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.outlook import prospects
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings

_MOMENT, _MINUTE = 10, 60

# Columns that a table may take where no terminal limits it.
_WIDEST = 500

console = Console()
"""Where commands print."""


def say(text: str) -> None:
    """Print one line."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def print_results(settings: StudySettings) -> None:
    """Print the result table of a study, and where its report lies."""
    from bookcover_core.report.findings import UNTRAINED  # noqa: PLC0415 - imports pandas
    from bookcover_core.report.summary import result_table  # noqa: PLC0415 - imports pandas

    study = Study(settings)
    # Narrow enough for a terminal of 80 columns; the report has the rest. Of an interval no digit is lost.
    table = _table(f"{settings.name}: test books judged right")
    rows = result_table(study)
    measures = [name for name in rows[0] if name.startswith("top ")] if rows else []
    table.add_column("network and preparation", overflow="fold")
    for measure in measures:
        table.add_column(measure, justify="right", no_wrap=True)
    for row in rows:
        mark = "*" if row["model"].endswith(UNTRAINED) else ""
        name = f"{row['model'].removesuffix(UNTRAINED)} {row['preparation']}{mark}"
        table.add_row(name, *(str(row[measure]) for measure in measures))
    _print(table)
    if any(row["model"].endswith(UNTRAINED) for row in rows):
        say("* untrained: random weights in place of ImageNet's, so these numbers mean nothing.")
    say(f"Report: {study.workspace.report / 'index.html'}")


def print_status(settings: StudySettings) -> None:
    """Print which stages of a study are done, and how each stands."""
    study = Study(settings)
    table = _table(f"{settings.name} in {study.workspace.root}")
    for name in ("stage", "what it does", "done", "state"):
        table.add_column(name, no_wrap=name in {"stage", "done"}, overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    for stage in stages():
        manifests = study.manifests(stage.label)
        states = _states(study, stage.label, manifests)
        finished = max((manifest.finished for manifest in manifests), default=None)
        table.add_row(
            stage.name,
            stage.title,
            f"{finished:%m-%d %H:%M}" if finished else "",
            ", ".join(state if len(manifests) == 1 else f"{number} {state}" for state, number in states.items()) or "-",
            f"{sum(manifest.seconds for manifest in manifests):,.0f}" if manifests else "",
        )
    _print(table)


def _print(table: Table) -> None:
    """Print a table: in a terminal as wide as that is, else, for programs and files, with each row on one line."""
    if console.is_terminal:
        console.print(table)
        return
    width = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    Console(file=console.file, width=max(width, console.width)).print(table)


def print_prospects(settings: StudySettings) -> None:
    """Print what a study would run now, why, and how long it took last."""
    total = 0.0
    found = list(prospects(Study(settings)))
    for each in found:
        took = f" (last time {_duration(each.seconds)})" if each.seconds is not None else ""
        say(f"{each.label}: {'; '.join(each.reasons) or each.state}{took}")
        total += each.seconds or 0.0
    if not found:
        say("Nothing would run: everything is done by today's settings, inputs and code.")
    elif total:
        say(f"What ran before took {_duration(total)} then.")


def _duration(seconds: float) -> str:
    """A time for people: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < _MOMENT else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes < _MINUTE else f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


def _states(study: Study, label: str, manifests: Sequence[Manifest]) -> Counter[str]:
    """How the parts of a stage that were run stand; those that the study no longer has are of an earlier one."""
    runs = {}
    for declared in declarations():
        for part in parts(study, declared.name) if declared.label == label else ():
            with suppress(BookcoverError, OSError):
                runs[part.at(study).label] = part.state(study)
    return Counter(str(runs.get(manifest.label, "of an earlier study")) for manifest in manifests)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
