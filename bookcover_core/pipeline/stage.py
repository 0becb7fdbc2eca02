"""The declaration of a stage, where its function is written.

    @stage("split", "Split into training, validation and test", settings=("seed", "splits"), after=("curate",))
    def split(study: Study, run: StageRun) -> Result:
        books = read_table(study.workspace.selection)
        ...
        return Result(outputs=[study.workspace.splits], counts={...})

`split(study)` gives the stage's manifest, and runs the function only where that is needed; `split.at(study)` never runs
it. A stage in parts takes the words that name one: `prepare_shard(study, 3)`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property, update_wrapper
from inspect import signature
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec

from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study, telling_of_wrong_files

P = ParamSpec("P")


@dataclass(eq=False)
class _Declared:
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
    """Brings what `inputs` digests, before a run; asking alone does without."""
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


class stage(_Declared):  # noqa: N801 - a decorator
    """A decorator that makes a function a stage: see `_Declared` for its arguments."""

    def __call__(self, function: Callable[Concatenate[Study, StageRun, P], Result]) -> "Stage[P]":
        """The stage that `function` is from now on."""
        return Stage(function, self)


class Stage(_Declared, Generic[P]):
    """A stage of a study."""

    def __init__(self, function: Callable[Concatenate[Study, StageRun, P], Result], declared: _Declared) -> None:
        super().__init__(**vars(declared))
        update_wrapper(self, function)
        self.function = function

    def __call__(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> Manifest:
        """The manifest of a part: of an earlier run where that stands or the store has it, else of this one."""
        with telling_of_wrong_files(study):
            if self.fetch is not None:
                self.fetch(study, *args, **kwargs)
            run = self.at(study, *args, **kwargs)
            if done := run.take():
                return done
            with run.alone():
                if not run.is_overtaken:
                    run.begin()
                    return run.finish(self.function(study, run, *args, **kwargs))
            return self(study, *args, **kwargs)

    def at(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> StageRun:
        """The part as it stands now: its label, key and state. None of its work is done."""
        with telling_of_wrong_files(study):
            inputs = self.inputs(study, *args, **kwargs) if self.inputs else Inputs(after=self.after)
        return StageRun(
            study,
            self.label,
            inputs,
            settings=self.settings,
            code=self.code,
            is_open=self.is_open,
            kept=self.kept,
            shared=self.kept or self.spreads is not None,
        )

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Names of the words that tell its parts apart."""
        words = list(signature(self.function).parameters.values())[2:]
        return tuple(each.name for each in words if each.kind is not each.KEYWORD_ONLY)

    def network(self, study: Study, *words: Any) -> str | None:
        """The network that a part loads, if it loads one."""
        if self.network_of is not None:
            return self.network_of(study, *words)
        named = dict(zip(self.words, words, strict=False))
        return named.get("backbone", named.get("network"))

    @cached_property
    def code(self) -> dict[str, str]:
        """Digests, by module, of the code that its outcome depends on."""
        return code_of(f"{self.function.__module__}:{self.function.__name__}")
