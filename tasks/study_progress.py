"""How far a whole study is: what was done, what is being done, and the time that is expected.

Each task of a stage tells it here, while somebody watches the study: the terminal (`deployments.progress_display`) or
the page of the study's run (`flows.progress_artifact`). Times are expected from the manifests of the last run; of a
part that says how far it is, from that.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from bookcover_core.pipeline.graph import Part, find, prospects, stages
from bookcover_core.pipeline.study import Study
from bookcover_core.report.formats import capitalised, duration

# Seconds after which the pace of a part tells more than the time of its last run.
_PACE = 5.0

DONE, UNCHANGED, STOPPED, FAILED = "done", "unchanged", "stopped", "failed"
"""How a piece of work ended."""


@dataclass
class Work:
    """A piece of a study that is being done, or was: one part of a stage."""

    stage: str
    """Label of the stage."""
    title: str
    """What is done, for people: "download chunk 3"."""
    expected: float | None = None
    """Seconds that it took the last time; None where there was none."""
    done: int = 0
    total: int = 0
    """How far it is, where it says so: covers, epochs."""
    ended: str = ""
    """How it ended; empty while it is being done."""
    took: float = 0.0
    """Seconds until it ended."""

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, done: int, total: int) -> None:
        """Take note of how far it is: a progress callback."""
        self.done, self.total = done, total

    def end(self, how: str) -> None:
        """Take note that it has ended."""
        self.ended, self.took = how, self.seconds

    @property
    def seconds(self) -> float:
        """Time that it has taken so far."""
        return self.took if self.ended else time.monotonic() - self._began

    @property
    def left(self) -> float | None:
        """Seconds that are expected until it ends; None where nothing tells."""
        if self.done and self.total and self.seconds > _PACE:
            return self.seconds * (self.total - self.done) / self.done
        return None if self.expected is None else max(0.0, self.expected - self.seconds)

    def __str__(self) -> str:
        return f"{self.title}: {self.done:,} of {self.total:,}" if self.total else self.title


class Row(NamedTuple):
    """What is shown of a stage that has begun."""

    state: str
    """"now", or how it ended."""
    title: str
    what: str
    seconds: float


class StudyProgress:
    """How far a study is.

    Args:
        study: The study. What it would run is looked up, and none of it is run.
        step: The step that is run alone; None: the whole study.
    """

    def __init__(self, study: Study, step: str | None = None) -> None:
        self.name = study.settings.name
        self.works: list[Work] = []
        self._began = time.monotonic()
        coming = {each.label.replace(" ", "/", 1): each.seconds for each in prospects(study)}
        self._coming = {
            label: seconds
            for label, seconds in coming.items()
            if step is None or find(label.partition("/")[0]).step == step
        }
        self._lock = Lock()

    def begin(self, stage: str, title: str, *labels: str) -> Work:
        """A piece of work that begins now.

        Args:
            stage: Label of its stage.
            title: What is done, for people.
            labels: The parts of the study that it does.
        """
        with self._lock:
            known = [self._coming.pop(label, None) for label in labels]
            self._coming.pop(stage, None)  # which parts there would be was not known then
            seconds = [each for each in known if each is not None]
            work = Work(stage, title, sum(seconds) if seconds else self._usual(stage))
            self.works.append(work)
        return work

    def coming_of(self, network: str) -> list[str]:
        """The parts that are to come and that make the systems of a network."""
        with self._lock:
            return [label for label in self._coming if re.match(rf"{network}\b", label.partition("/")[2])]

    def _usual(self, stage: str) -> float | None:
        """Mean time of the parts of a stage that were done just now."""
        took = [each.took for each in self.works if each.stage == stage and each.ended == DONE]
        return sum(took) / len(took) if took else None

    @property
    def now(self) -> list[Work]:
        """What is being done."""
        return [work for work in list(self.works) if not work.ended]

    @property
    def coming(self) -> list[str]:
        """Stages that have not begun, and of which something is to be done, in their order."""
        begun = {work.stage for work in list(self.works)}
        with self._lock:
            wanted = {label.partition("/")[0] for label in self._coming}
        return [stage.name for stage in stages() if stage.name in wanted - begun]

    def rows(self) -> list[Row]:
        """The stages that have begun, in their order."""
        works = list(self.works)
        return [self._row(stage.name, found) for stage in stages() if (found := _of(works, stage.name))]

    @staticmethod
    def _row(stage: str, works: list[Work]) -> Row:
        now = [work for work in works if not work.ended]
        ended = [work.ended for work in works if work.ended]
        state = "now" if now else next(how for how in (FAILED, STOPPED, DONE, UNCHANGED) if how in ended)
        parts = f"{len(ended)} parts" if len(ended) > 1 else ""
        what = "; ".join([*map(str, now), *([parts] if parts else [])])
        return Row(state, find(stage).title, what, sum(work.seconds for work in works))

    def summary(self) -> str:
        """What is being done, how long the study has taken, and how long it may take yet, in a line."""
        what = capitalised("; ".join(map(str, self.now))) or f"Next: {', '.join(self.coming[:1]) or 'the end'}"
        return f"{what}. {duration(time.monotonic() - self._began)} so far{self._left()}."

    def _left(self) -> str:
        now = self.now
        with self._lock:
            times = [*(work.left for work in now), *self._coming.values()]
        known = [each for each in times if each is not None]
        if not sum(known):
            return ""
        return f"; {'about' if len(known) == len(times) else 'at least'} {duration(sum(known))} to go"

    def markdown(self) -> str:
        """All of it as Markdown, for a page."""
        lines = [f"**{self.summary()}**", "", "| | stage | | time |", "|---|---|---|---:|"]
        lines += [f"| {row.state} | {row.title} | {row.what} | {duration(row.seconds)} |" for row in self.rows()]
        if self.coming:
            lines += ["", f"To come: {', '.join(self.coming)}."]
        return "\n".join(lines)


def _of(works: list[Work], stage: str) -> list[Work]:
    return [work for work in works if work.stage == stage]


_watched: dict[Path, StudyProgress] = {}
"""Of the studies that are watched in this process, by their folders."""


@contextmanager
def watched(study: Study, step: str | None = None) -> Iterator[StudyProgress]:
    """How far a study is, told while the block lasts; that of the block around it, where there is one."""
    root = study.workspace.root
    if root in _watched:
        yield _watched[root]
        return
    _watched[root] = StudyProgress(study, step)
    try:
        yield _watched[root]
    finally:
        del _watched[root]


def progress_of(study: Study) -> StudyProgress | None:
    """How far a study is, if it is watched."""
    return _watched.get(study.workspace.root)


@contextmanager
def at_work(study: Study, part: Part) -> Iterator[Work]:
    """A part of a study that is being done while the block lasts."""
    stage = part.stage
    progress = progress_of(study)
    if progress is None:
        work = Work(stage.label, part.title)
    else:
        run = part.known(study)
        work = progress.begin(stage.label, part.title, *([run.label] if run else []))
    try:
        yield work
    except BaseException as error:
        work.end(STOPPED if isinstance(error, KeyboardInterrupt) else FAILED)
        raise
    if not work.ended:
        work.end(DONE)
