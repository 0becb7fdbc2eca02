"""The declaration of a stage, where its function is written.

    @stage("split", "Split into training, validation and test", settings=("seed", "splits"), after=("curate",))
    def split(study: Study, run: StageRun) -> Result:
        books = read_table(study.workspace.selection)
        ...
        return Result(outputs=[study.workspace.splits], counts={...})

The function does the work and knows nothing of keys or of whether it is done. Called from outside, `split(study)` gives
the stage's manifest, and runs the function only where that is needed. `split.at(study)` asks, and never runs it.

A stage in parts takes the words that name one: `prepare_shard(study, 3)`. Its `inputs` says what that part is made
from, its `parts` which there are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from inspect import signature
from typing import Any, Concatenate, Generic, ParamSpec

from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study, telling_of_lost_files

P = ParamSpec("P")

Parts = Callable[[Study], Iterable[tuple[Any, ...]]]


def _whole(_study: Study) -> list[tuple[Any, ...]]:
    """The one part of a stage that is not divided."""
    return [()]


@dataclass(eq=False)
class Stage(Generic[P]):
    """A stage of a study, as it is declared: `stage` says what each field means."""

    function: Callable[Concatenate[Study, StageRun, P], Result]
    name: str
    title: str
    label: str
    step: str
    run_title: str
    settings: Sequence[str]
    inputs: Callable[..., Inputs]
    parts: Parts
    fetch: Callable[..., object] | None
    is_open: Callable[[Study, Manifest], bool] | None
    kept: bool
    apart: bool
    timed: bool
    network_of: Callable[..., str | None] | None
    asks_hosts: bool
    spreads: bool

    def __post_init__(self) -> None:
        update_wrapper(self, self.function)

    @telling_of_lost_files()
    def __call__(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> Manifest:
        """The manifest of a part: of an earlier run where that stands or the store has it, else of this one.

        Raises:
            StageOrderError: A stage that it builds on has not been run, or files of the study are missing.
            BookcoverError: What its function raises.
        """
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

    @telling_of_lost_files()
    def at(self, study: Study, *args: P.args, **kwargs: P.kwargs) -> StageRun:
        """The part as it stands now: its label, key and state. None of its work is done.

        Raises:
            StageOrderError: A stage that it builds on has not been run, or files of the study are missing.
        """
        return StageRun(
            study,
            self.label,
            self.inputs(study, *args, **kwargs),
            settings=self.settings,
            code=self.code,
            is_open=self.is_open,
            kept=self.kept,
        )

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Names of the words that tell its parts apart."""
        _study, _run, *words = signature(self.function).parameters.values()
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


def stage(
    name: str,
    title: str,
    *,
    label: str | None = None,
    step: str | None = None,
    run_title: str | None = None,
    settings: Sequence[str] = (),
    after: Sequence[str] = (),
    inputs: Callable[..., Inputs] | None = None,
    parts: Parts = _whole,
    fetch: Callable[..., object] | None = None,
    is_open: Callable[[Study, Manifest], bool] | None = None,
    kept: bool = False,
    apart: bool = False,
    timed: bool = False,
    network_of: Callable[..., str | None] | None = None,
    asks_hosts: bool = False,
    spreads: bool = False,
) -> Callable[[Callable[Concatenate[Study, StageRun, P], Result]], Stage[P]]:
    """A decorator that makes a function a stage.

    Args:
        name: Its name, among all stages.
        title: What the stage does, for people.
        label: How its manifests' labels begin; None: as it is called. Stages that make one thing share it.
        step: The step of a study that it belongs to: what people start alone. None: it is one itself.
        run_title: What one part does, for people; arguments in braces are filled in. None: the title.
        settings: Dotted paths of the settings that its outcome depends on. A setting that no stage names changes no
            outcome: how many requests are in flight, say.
        after: Labels of the stages that it builds on, where that is all that it is made from.
        inputs: What a part is made from, otherwise; called with the study and the part's words.
        parts: The words of each part of a study, as far as they are known.
        fetch: Brings what `inputs` digests, before a run; asking alone does without.
        is_open: Whether a manifest that stands leaves something to do.
        kept: Whether its results are kept in the store of the home, for all its studies (`pipeline.store`).
        apart: Whether it is run in a process of its own, because it imports TensorFlow.
        timed: Whether it is a training, which may take `training.time_limit` minutes.
        network_of: The network that a part loads; parts of one network share a process. None: its word `backbone` or
            `network`, if it has one.
        asks_hosts: Whether it asks hosts, which may answer at another attempt.
        spreads: Whether its parts can be done by the workers of a cluster, in any order.
    """

    def from_after(*_args: Any, **_kwargs: Any) -> Inputs:
        return Inputs(after=after)

    def declare(function: Callable[Concatenate[Study, StageRun, P], Result]) -> Stage[P]:
        return Stage(
            function,
            name,
            title,
            label=label or name,
            step=step or label or name,
            run_title=run_title or title[0].lower() + title[1:],
            settings=settings,
            inputs=inputs or from_after,
            parts=parts,
            fetch=fetch,
            is_open=is_open,
            kept=kept,
            apart=apart,
            timed=timed,
            network_of=network_of,
            asks_hosts=asks_hosts,
            spreads=spreads,
        )

    return declare
