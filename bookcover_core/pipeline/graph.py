"""All stages of a study, in their order: assembled from their declarations, and listed nowhere else.

Asking for a part's key or its state never runs a stage, nor does asking what a study would run now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.engine import StageRun, State
from bookcover_core.pipeline.stage import Stage
from bookcover_core.pipeline.study import Study

# Modules that declare stages, or name such modules in `STAGE_MODULES`, in the order in which a study runs them.
_MODULES = (
    "listings.read_listings",
    "covers.download",
    "curation.box_set_candidates",
    "curation.fingerprints",
    "reading.cover_candidates",
    "curation.draw_from_pool",
    "curation.near_duplicates",
    "curation.curate",
    "curation.splits",
    "preparation.prepare",
    "reading.read_covers",
    "training.quantise",
    "training.features",
    "training.preparation_comparison",
    "training.hyperparameter_search",
    "families.systems",
    "training.repeated_training",
    "evaluation.scores",
    "evaluation.analyse",
    "evaluation.repeats",
    "evaluation.label_noise",
    "visualisation.visualise",
    "report.write_report",
)


NOT_KNOWN = (BookcoverError, OSError, ValueError, KeyError)
"""What asking for a part raises where something that it depends on has not been made, or is missing or damaged."""


@dataclass(frozen=True)
class Part:
    """One part of a stage: what is run, and done, as a whole."""

    stage: Stage[...]
    words: tuple[Any, ...] = ()

    @property
    def title(self) -> str:
        """What it does, for people: "train MobileNetV2"."""
        return self.stage.run_title.format(**dict(zip(self.stage.words, self.words, strict=False)))

    def at(self, study: Study) -> StageRun:
        """The part as it stands now."""
        return self.stage.at(study, *self.words)

    def known(self, study: Study) -> StageRun | None:
        """The part as it stands now; None where something that it depends on is not known."""
        try:
            return self.at(study)
        except NOT_KNOWN:
            return None

    def state(self, study: Study) -> State:
        """How it stands in the study as it is now."""
        try:
            return self.at(study).state
        except NOT_KNOWN as error:
            # What it waits for is a stage, or what its own run brings.
            is_brought = self.stage.fetch and not getattr(error, "stage", "")
            return State.NOT_RUN if is_brought else State.WAITING

    def is_sound(self, study: Study) -> bool:
        """Whether it is done, by today's settings, inputs and code, and leaves nothing to do."""
        return self.state(study) is State.SOUND


def stages() -> list[Stage[...]]:
    """The stages as people know them, in the order in which a study runs them: one for each label."""
    return [each for each in declarations() if each.name == each.label]


def steps() -> list[str]:
    """What people can start alone: one stage, or several that belong together, in the order of a study."""
    return [each.name for each in stages() if each.name == each.step]


@cache
def declarations() -> tuple[Stage[...], ...]:
    """Every stage that is declared, those among them that are steps of another, in the order of a study."""
    named = [import_module(f"bookcover_core.{name}") for name in _MODULES]
    modules = [module for each in named for module in getattr(each, "STAGE_MODULES", (each,))]
    found = [(module, each) for module in modules for each in vars(module).values() if isinstance(each, Stage)]
    return tuple(each for module, each in found if each.function.__module__ == module.__name__)


def find(name: str) -> Stage[...]:
    """The stage called `name`."""
    return {each.name: each for each in declarations()}[name]


def known_parts(study: Study, name: str) -> tuple[list[Part], bool]:
    """The parts of the stage called `name` that are known, and whether those are all: later ones may depend on it."""
    stage, found = find(name), []
    try:
        for words in stage.parts(study):
            found.append(Part(stage, words))  # noqa: PERF401 - those found before an error count
    except NOT_KNOWN:
        return found, False
    return found, True


def parts(study: Study, name: str) -> list[Part]:
    """The parts of the stage called `name` in the study as it is now, as far as they are known."""
    return known_parts(study, name)[0]


def runs(study: Study) -> Iterator[StageRun]:
    """The parts of all stages as they stand now, in the order of a study, as far as they are known."""
    found = (part.known(study) for each in declarations() for part in parts(study, each.name))
    yield from filter(None, found)


@dataclass(frozen=True)
class Prospect:
    """A part of a stage that would run, or might."""

    label: str
    """Stage and part; of a part that is not known yet, the stage alone."""
    state: State
    reasons: tuple[str, ...] = ()
    """Why it would run again; empty where it was never run."""
    seconds: float | None = None
    """Time that its last run took; None where there is none."""
    is_stored: bool = False
    """Whether the store of the home has what it would come to."""


def prospects(study: Study) -> Iterator[Prospect]:
    """The parts of a study that are not sound, in the order in which they would run.

    A part that builds on one of these may turn out to be done: its state is `waiting`, as is that of a stage whose
    parts are not known yet.
    """
    running: set[str] = set()
    for stage in declarations():
        known, is_all = known_parts(study, stage.name)
        for part in known:
            run = part.known(study)
            seconds = run.last.seconds if run and run.last else None
            if run is None:
                label = f"{stage.label} {' '.join(map(str, part.words))}".strip()
                prospect = Prospect(label, part.state(study))
            elif run.done is None:
                prospect = Prospect(run.label, run.state, tuple(run.reasons()), seconds, run.is_stored)
            elif behind := sorted(running.intersection(run.behind)):
                prospect = Prospect(run.label, State.WAITING, (f"it builds on {behind[0]}",), seconds)
            else:
                continue
            running.add(prospect.label)
            yield prospect
        if not known and not is_all:
            yield Prospect(stage.label, State.WAITING)


def outdated(study: Study) -> dict[str, str]:
    """Why each part that was run is not of the study as it is now, by its label: "seed changed from 1 to 2".

    That is so of a part whose settings, inputs or code have changed, and of all that builds on it. Files are not looked
    at, and results that came from elsewhere are taken as they are.
    """
    found: dict[str, str] = {}
    for run in runs(study):
        behind = [label for label in run.behind if label in found]
        if run.last is not None and run.earlier is None and not run.last.imported:
            found[run.label] = f"{run.label}: {'; '.join(run.reasons())}"
        elif behind:
            found[run.label] = found[behind[0]]
    return found
