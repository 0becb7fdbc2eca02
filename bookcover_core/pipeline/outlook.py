"""What a study would run now, and why, before anything is run."""

from collections.abc import Iterator
from dataclasses import dataclass

from bookcover_core.pipeline.engine import State
from bookcover_core.pipeline.graph import Part, declarations, known_parts, runs
from bookcover_core.pipeline.study import Study


@dataclass(frozen=True)
class Prospect:
    """A part of a stage that would run, or might."""

    label: str
    """Stage and part; of a part that is not known yet, the stage alone."""
    state: State
    reasons: tuple[str, ...]
    """Why it would run again; empty where it was never run."""
    seconds: float | None
    """Time that its last run took; None where there is none."""
    is_stored: bool = False
    """Whether the store of the home has what it would come to."""


def prospects(study: Study) -> Iterator[Prospect]:
    """The parts of a study that are not sound, in the order in which they would run.

    A part that builds on one of these may turn out to be done, where that comes to the same outcome as before; its
    state is `waiting`, as is that of a stage whose parts are not known yet.
    """
    running: set[str] = set()
    for stage in declarations():
        known, is_all = known_parts(study, stage.name)
        for part in known:
            prospect = _prospect(study, part, running)
            if prospect is not None:
                running.add(prospect.label)
                yield prospect
        if not known and not is_all:
            yield Prospect(stage.label, State.WAITING, (), None)


def _prospect(study: Study, part: Part, running: set[str]) -> Prospect | None:
    run = part.known(study)
    if run is None:
        return Prospect(f"{part.stage.label} {' '.join(map(str, part.words))}".strip(), part.state(study), (), None)
    seconds = run.last.seconds if run.last is not None else None
    if run.done is None:
        return Prospect(run.label, run.state, tuple(run.reasons()), seconds, run.is_stored)
    behind = sorted(running.intersection(run.behind))
    if not behind:
        return None
    return Prospect(run.label, State.WAITING, (f"it builds on {behind[0]}",), seconds)


def outdated(study: Study) -> dict[str, str]:
    """Why each part that was run is not of the study as it is now, by its label: "seed changed from 1 to 2".

    That is so of a part whose settings, inputs or code have changed, and of all that builds on it. Files are not looked
    at: a part whose files are lost is not outdated. Results that came from elsewhere are taken as they are.
    """
    found: dict[str, str] = {}
    for run in runs(study):
        behind = [label for label in run.behind if label in found]
        if run.last is not None and run.earlier is None and not run.last.imported:
            found[run.label] = f"{run.label}: {'; '.join(run.reasons())}"
        elif behind:
            found[run.label] = found[behind[0]]
    return found
