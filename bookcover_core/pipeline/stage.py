"""The declaration of a stage, where its function is written.

    @stage("split", "Split into training, validation and test", settings=("seed", "splits"), after=("curate",))
    def split(study: Study, run: StageRun) -> Result:
        books = read_table(study.workspace.selection)
        ...
        return Result(outputs=[study.workspace.splits], counts={...})

`split(study)` gives the stage's manifest, and runs the function only where that is needed; `split.at(study)` never runs
it. A stage in parts takes the words that name one: `prepare_shard(study, 3)`.
"""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from inspect import signature
from typing import Any, Concatenate, Generic, ParamSpec

from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.engine import Declaration, Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study, telling_of_wrong_files

P = ParamSpec("P")


class stage(Declaration):  # noqa: N801 - a decorator
    """A decorator that makes a function a stage: see `Declaration` for its arguments."""

    def __call__(self, function: Callable[Concatenate[Study, StageRun, P], Result]) -> "Stage[P]":
        """The stage that `function` is from now on."""
        return Stage(function, self)


class Stage(Declaration, Generic[P]):
    """A stage of a study."""

    def __init__(self, function: Callable[Concatenate[Study, StageRun, P], Result], declared: Declaration) -> None:
        super().__init__(**vars(declared))
        update_wrapper(self, function)
        self.function = function

    def __call__(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> Manifest:
        """The manifest of a part: of an earlier run where that stands or the store has it, else of this one."""
        with telling_of_wrong_files(study):
            run = self.before(study, *args, **kwargs)
            if done := run.take():
                return done
            with run.alone():
                if not run.is_overtaken:
                    run.begin()
                    return run.finish(self.function(study, run, *args, **kwargs))
            return self(study, *args, **kwargs)

    def before(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> StageRun:
        """The part as it stands before a run, which brings what its key depends on."""
        if self.fetch is not None:
            with telling_of_wrong_files(study):
                self.fetch(study, *args, **kwargs)
        return self.at(study, *args, **kwargs)

    def at(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> StageRun:
        """The part as it stands now: its label, key and state. None of its work is done."""
        with telling_of_wrong_files(study):
            inputs = self.inputs(study, *args, **kwargs) if self.inputs else Inputs(after=self.after)
        return StageRun(study, self, inputs, self.code)

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
