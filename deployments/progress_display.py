"""How far a study is, in the terminal: one display that is drawn anew, or a line for each step where it is a file.

Prefect's lines go to a log file of the study, from the start of the server to its end; what needs a person, and what
went wrong, stands in the terminal too.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bookcover_core.pipeline.file_lock import alone_at
from bookcover_core.pipeline.study import Study
from bookcover_core.report.formats import duration
from bookcover_core.settings import StudySettings
from deployments.terminal import console, say
from tasks.study_progress import FAILED, UNCHANGED, StudyProgress, watched

# Seconds between two lines that say how far a study is, where there is no terminal.
_INTERVAL = 60.0

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class RunLog(logging.FileHandler):
    """The log of a study's run, which remembers what the work itself said last."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter(_FORMAT))
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        super().emit(record)
        if record.name.startswith("bookcover_core"):
            self.last = record.getMessage()


class _Terminal(logging.Handler):
    """What stands in the terminal: warnings and errors, above the display."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        console.print(Text(self.format(record), style=style), soft_wrap=True)


@contextmanager
def logged(settings: StudySettings, quiet: Callable[[logging.LogRecord], bool]) -> Iterator[RunLog]:
    """Write what is logged while the block lasts to a file in the study's folder, in place of Prefect's lines.

    The log of the last run is kept as `run.previous.log`. Where another run is writing it, this one adds to it.

    Args:
        settings: The study.
        quiet: Whether a record stays out of the terminal.
    """
    log = settings.root / "run.log"
    with alone_at(log) as is_mine:
        if is_mine and log.exists():
            log.replace(log.with_suffix(".previous.log"))
        say(f"Log: {log}")
        file, terminal = RunLog(log), _Terminal(logging.WARNING)
        terminal.addFilter(lambda record: not quiet(record))
        with _handlers(file, terminal):
            yield file


@contextmanager
def shown_progress(settings: StudySettings, log: RunLog, step: str | None = None) -> Iterator[None]:
    """Show how far a study is while the block lasts."""
    with watched(Study(settings), step) as progress:
        if console.is_terminal:
            with Live(console=console, get_renderable=lambda: _display(progress, log.last), refresh_per_second=2):
                yield
            return
        ending = Event()
        printing = Thread(target=_print_lines, args=(progress, ending), name="progress-lines")
        printing.start()
        try:
            yield
        finally:
            ending.set()
            printing.join()


@contextmanager
def _handlers(*ours: logging.Handler) -> Iterator[None]:
    """Let these hear all that is logged while the block lasts, in place of those that print."""
    from prefect.logging.handlers import PrefectConsoleHandler  # noqa: PLC0415 - takes a second

    root, core = logging.getLogger(), logging.getLogger("bookcover_core")
    theirs = [handler for handler in root.handlers if isinstance(handler, PrefectConsoleHandler)]
    loggers = [root] if core.propagate else [root, core]
    for printing in theirs:
        root.removeHandler(printing)
    for logger in loggers:
        for handler in ours:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            for handler in ours:
                logger.removeHandler(handler)
        for handler in ours:
            handler.close()
        for printing in theirs:
            root.addHandler(printing)


def _display(progress: StudyProgress, last: str) -> Group:
    """All stages that have begun, what is to come, and what the work said last."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    for row in progress.rows():
        style = {"now": "bold", FAILED: "red"}.get(row.state, "dim")
        table.add_row(row.state, row.title, row.what, duration(row.seconds), style=style)
    lines = [Text(progress.summary(), style="bold")]
    if progress.coming:
        lines.insert(0, Text(f"To come: {', '.join(progress.coming)}", style="dim"))
    if last:
        lines.append(Text(last, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(table, *lines)


def _print_lines(progress: StudyProgress, ending: Event) -> None:
    """Print each piece of work when it has ended, and now and then how far the study is."""
    printed, told = 0, time.monotonic()
    while True:
        is_ending = ending.wait(0.5)
        while printed < len(progress.works) and progress.works[printed].ended:
            work = progress.works[printed]
            if work.ended != UNCHANGED or work.title not in {each.title for each in progress.works[:printed]}:
                say(f"{work.title}: {work.ended}, {duration(work.took)}")
            printed += 1
            told = time.monotonic()
        if is_ending:
            return
        if time.monotonic() - told > _INTERVAL:
            say(progress.summary())
            told = time.monotonic()
