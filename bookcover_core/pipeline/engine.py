"""One stage about to run: its key, whether it is done, why not, and the manifest that says so afterwards."""

import logging
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bookcover_core.pipeline.file_lock import turn
from bookcover_core.pipeline.manifests import Manifest, Output, digest_of, digest_outputs, read_manifest
from bookcover_core.pipeline.shared_store import SharedStore
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import sync, write_json

logger = logging.getLogger(__name__)

_NAMED = 3  # inputs and modules that are named in a reason; of more, their number is said

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Inputs:
    """What one part of a stage is made from."""

    part: str = ""
    """Which part of the stage: "chunk-0003"; empty: the whole stage."""
    after: Sequence[str] = ()
    """Labels of the stages and parts that it builds on: "split", "download/chunk-0003"."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Further inputs by name: digests of files from outside, values that decide the part."""
    reads: Sequence[str] = ()
    """Labels of stages of whose outcome `given` holds what matters: another digest of theirs runs nothing again."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """How many things, covers say, those of `given` are digests of: for the reason why a part runs again."""


@dataclass(frozen=True)
class Result:
    """What a stage's function did."""

    outputs: Sequence[Path] = ()
    indexes: Sequence[Path] = ()
    """Files that it wrote and that list further files (`manifests.INDEX_COLUMNS` among their columns)."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    digest: str | None = None
    """What later stages see; None: the contents of all outputs."""
    spent: Sequence[Path] = ()
    """Files that were kept in case the run was cut off; they are removed when its manifest is written."""


class State(StrEnum):
    """How a stage, or part of one, stands in a study as it is now. The value is for people."""

    SOUND = "sound"
    NOT_RUN = "not run"
    WAITING = "waiting"
    """A stage that it builds on has not been run."""
    OTHER_SETTINGS = "of other settings"
    OTHER_CODE = "of other code"
    OTHER_INPUTS = "of other inputs"
    DAMAGED = "missing or altered"
    OPEN = "open"
    """It is done, and there is more that it could do: covers to ask for again."""


@dataclass(eq=False)
class Declaration:
    """What is declared of a stage."""

    name: str
    """Among all stages."""
    title: str
    """What the stage does, for people."""
    _: KW_ONLY
    label: str = ""
    """How its manifests' labels begin; empty: as it is called. Stages that make one thing share it."""
    step: str = ""
    """The step of a study that it belongs to: what people start alone. Empty: it is one itself."""
    run_title: str = ""
    """What one part does, for people; arguments in braces are filled in. Empty: the title."""
    settings: Sequence[str] = ()
    """Dotted paths of the settings that its outcome depends on."""
    after: Sequence[str] = ()
    """Labels of the stages that it builds on, where that is all that it is made from."""
    inputs: Callable[..., Inputs] | None = None
    """What a part is made from, otherwise; called with the study and the part's words."""
    parts: Callable[[Study], Iterable[tuple[Any, ...]]] = lambda _: [()]
    """The words of each part of a study, as far as they are known; as it stands here, of a stage that has no parts."""
    fetch: Callable[..., object] | None = None
    """Brings what `inputs` digests before a run, or refuses it; asking alone does without."""
    is_open: Callable[[Study, Manifest], bool] | None = None
    """Whether a manifest that stands leaves something to do."""
    kept: bool = False
    """Whether its results are kept in the store of the home, for all its studies (`pipeline.store`)."""
    apart: bool = False
    """Whether it is run in a process of its own, because it imports TensorFlow."""
    timed: bool = False
    """Whether it is a training, which may take `training.time_limit` minutes."""
    network_of: Callable[..., str | None] | None = None
    """The network that a part loads; parts of one share a process. None: its word `backbone` or `network`, if any."""
    asks_hosts: bool = False
    """Whether it asks hosts, which may answer at another attempt."""
    spreads: Callable[..., Iterable[Path]] | None = None
    """Files that a part reads besides those of the parts that it builds on, where the workers of a cluster can do its
    parts in any order; some may be missing. Called with the study and the part's words."""

    def __post_init__(self) -> None:
        self.label = self.label or self.name
        self.step = self.step or self.label
        self.run_title = self.run_title or self.title[0].lower() + self.title[1:]


class StageRun:
    """One part of a stage, with what it depends on: its declaration, what it is made from, and digests of its code."""

    def __init__(
        self, study: Study, declared: Declaration, inputs: Inputs, code: Mapping[str, str] | None = None
    ) -> None:
        self.study, self.stage, self.part, self._declared = study, declared.label, inputs.part, declared
        self.label = f"{self.stage}/{inputs.part}" if inputs.part else self.stage
        self._file = study.manifest_file(self.label)
        behind = {label: study.manifest(label) for label in inputs.after}
        self.inputs = {label: manifest.digest for label, manifest in behind.items()} | dict(inputs.given)
        self.sizes = {
            label: {name: count for name, count in manifest.counts.items() if type(count) is int}
            for label, manifest in behind.items()
        } | {name: {"": size} for name, size in inputs.sizes.items()}
        self.behind = [*inputs.after, *inputs.reads]
        """Labels of all that it builds on."""
        self.settings: dict[str, Any] = {path: study.settings.part(path) for path in declared.settings}
        self.modules = dict(code or {})
        self.code = digest_of(self.modules)
        self.key = digest_of([self.stage, self.part, self.settings, self.inputs, self.code])
        self._store = Store.beside(study)
        self._shared = SharedStore.of(study.settings) if declared.kept or declared.spreads else None
        self._started = time.perf_counter()

    @cached_property
    def last(self) -> Manifest | None:
        """The manifest of the last run, of whatever key; None where there is none."""
        return read_manifest(self._file)

    @property
    def earlier(self) -> Manifest | None:
        """The manifest of an earlier run with the same key, whether or not its files still stand."""
        return self.last if self.last is not None and self.last.key == self.key else None

    @cached_property
    def standing(self) -> Manifest | None:
        """The manifest of an earlier run, if nothing that it depends on and none of its files has changed."""
        if self.earlier is None or not self.earlier.stands(self.study.workspace.root):
            return None
        return self.earlier.model_copy(update={"reused": True})

    @property
    def done(self) -> Manifest | None:
        """The manifest of an earlier run that stands, if that leaves nothing to do."""
        standing, is_open = self.standing, self._declared.is_open
        return None if standing is None or (is_open and is_open(self.study, standing)) else standing

    def take(self) -> Manifest | None:
        """What `done` gives or, where that is nothing, the store or the shared one; a line in the log says so."""
        if self.done is not None:
            logger.info("%s: unchanged since %s", self.label, f"{self.done.finished:%Y-%m-%d %H:%M}")
            return self.done
        if not (self.is_stored or self._shared):
            return None
        root, place = self.study.workspace.root, "the store"
        with self.alone():
            made = self._store.give_result(self.stage, self.key, root) if self._declared.kept else None
            if made is None and self._shared:
                place, made = self._shared.address, self._shared.give(self.stage, self.key, root)
                if made is not None and self._declared.kept:
                    self._store.keep_result(made, root)
            if made is None:
                return None
            self._write(made, [root / output.path for output in made.outputs])
        why = f" ({'; '.join(reasons)})" if (reasons := self.reasons()) else ""
        logger.info("%s: taken from %s, made %s%s", self.label, place, f"{made.finished:%Y-%m-%d %H:%M}", why)
        return made.model_copy(update={"reused": True})

    @property
    def is_stored(self) -> bool:
        """Whether the store has what it would come to."""
        return self._declared.kept and self._store.has(self.stage, self.key)

    @property
    def files_behind(self) -> Iterator[Path]:
        """The manifests of all that it builds on, and the outputs that they name."""
        for label in self.behind:
            yield self.study.manifest_file(label)
            yield from (self.study.workspace.root / output.path for output in self.study.manifest(label).outputs)

    @property
    def state(self) -> State:
        """How the part stands."""
        if self.last is None:
            return State.NOT_RUN
        if self.standing is not None:
            return State.SOUND if self.done else State.OPEN
        if self.earlier is not None:
            return State.DAMAGED
        if self.last.settings != self.settings:
            return State.OTHER_SETTINGS
        return State.OTHER_CODE if self.last.code != self.code else State.OTHER_INPUTS

    def reasons(self) -> list[str]:
        """Why the part is to be run again, a phrase each; empty where it is done or was never run."""
        if self.last is None or self.done is not None:
            return []
        if self.earlier is not None:
            return ["it is not finished" if self.standing is not None else "its files are missing or altered"]
        return self._changes(self.last) or ["it was made by another version"]

    def _changes(self, last: Manifest) -> list[str]:
        """What it depends on and what has changed since an earlier run, a phrase each."""
        found: list[str] = []
        for path, value in self.settings.items():
            found += _differences(path, last.settings.get(path), value)
        if last.modules:
            files = [f"code: {'/'.join(each.split('.')[1:])}.py" for each in _changed(last.modules, self.modules)]
            found += _shortened(files, "code of {} more modules")
        elif last.code != self.code:
            found.append("code of another version")
        inputs = [self._input_change(last, name) for name in _changed(last.inputs, self.inputs)]
        return found + _shortened(inputs, "inputs changed beside these: {}")

    def _input_change(self, last: Manifest, name: str) -> str:
        """How an input differs from that of an earlier run: both values or, of what has many, how many there are."""
        before, now = last.inputs.get(name), self.inputs.get(name)
        if before is None or now is None:
            return f"input {'gone' if now is None else 'new'}: {name}"
        if not (_DIGEST.fullmatch(before) or _DIGEST.fullmatch(now)):
            return f"{name} changed from {before} to {now}"
        had, has = last.sizes.get(name, {}), self.sizes.get(name, {})
        differ = (each for each in has if had.get(each, has[each]) != has[each])
        told = ", ".join(f"{each} {had[each]:,} to {has[each]:,}".strip() for each in differ)
        same = "others, as many as before" if had and has else "another content"
        return f"input changed: {name} ({told or same})"

    def alone(self) -> AbstractContextManager[object]:
        """Within this block, no other run is at this part: its turn is waited for."""
        return turn(self._file, partial(logger.info, "%s: another run is at it, and is waited for", self.label))

    def key_but_for(self, *names: str) -> str:
        """The key that it would have if settings of these names did not count: shared by runs that differ in them."""
        return digest_of([self.stage, self.part, _without(names, self.settings), self.inputs, self.code])

    @property
    def is_overtaken(self) -> bool:
        """Whether another run has done it, by whatever key, since it was asked how it stands."""
        return read_manifest(self._file) != self.last

    def begin(self) -> None:
        """Start the clock, and say why the part is run again."""
        self._started = time.perf_counter()
        if reasons := self.reasons():
            logger.info("%s: runs again: %s", self.label, "; ".join(reasons))

    def finish(self, result: Result, *, imported: bool = False) -> Manifest:
        """The manifest of what was done, written last: the part is done from now on."""
        root = self.study.workspace.root
        written = [Output.of(file, root) for file in [*result.outputs, *result.indexes]]
        depends_on = ("stage", "part", "key", "code", "modules", "settings", "inputs", "sizes")
        manifest = Manifest(
            **{name: getattr(self, name) for name in depends_on},
            imported=imported,
            counts=dict(result.counts),
            outputs=written,
            indexes=[self.study.workspace.relative(file) for file in result.indexes],
            digest=result.digest or digest_outputs(written),
            seconds=round(time.perf_counter() - self._started, 3),
            finished=datetime.now(UTC),
        )
        self._write(manifest, [*result.outputs, *result.indexes])
        if self._declared.kept:
            self._store.keep_result(manifest, root)
        if self._shared:
            self._shared.keep(manifest, root)
        for file in result.spent:
            file.unlink(missing_ok=True)
        logger.info("%s: done in %.1f s %s", self.label, manifest.seconds, _in_words(manifest.counts))
        return manifest

    def _write(self, manifest: Manifest, files: Collection[Path]) -> None:
        """Write the manifest when what it says is there is on the disk, also after a power cut."""
        if manifest.indexes:
            os.sync()  # the files that they list are too many to wait for one by one
        sync(files)
        write_json(self._file, manifest.model_dump(mode="json"))
        sync([self._file])


def record(study: Study, label: str, *, after: Sequence[str] = (), **result: Any) -> Manifest:
    """The manifest of a stage (or part) called `label` whose results, the fields of `Result`, came from elsewhere."""
    name, _, part = label.partition("/")
    return StageRun(study, Declaration(name, name), Inputs(part, after)).finish(Result(**result), imported=True)


def _differences(path: str, before: Any, now: Any) -> list[str]:
    """What changed in a setting, or in a group of them, each by its own path."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [each for name in names for each in _differences(f"{path}.{name}", before.get(name), now.get(name))]
    old, new = (f'"{value}"' if isinstance(value, str) else value for value in (before, now))
    return [] if before == now else [f"{path} changed from {old} to {new}"]


def _without(names: Collection[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        path: _without(names, value) if isinstance(value, dict) else value
        for path, value in settings.items()
        if path.rpartition(".")[2] not in names
    }


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted({name for name, _ in before.items() ^ now.items()})


def _shortened(phrases: list[str], more: str) -> list[str]:
    """The first few phrases, and how many `more` there are."""
    rest = len(phrases) - _NAMED
    return [*phrases[:_NAMED], more.format(rest)] if rest > 0 else phrases


def _in_words(counts: Mapping[str, Any]) -> str:
    plain = [f"{name} {value}" for name, value in counts.items() if isinstance(value, int | float | str)]
    return f"({', '.join(plain)})" if plain else ""
