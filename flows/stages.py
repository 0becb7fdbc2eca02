"""What all flows have in common."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from inspect import Signature, cleandoc, signature
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, flow
from prefect.context import FlowRunContext

from bookcover_core.errors import BookcoverError, InputError, StageOrderError
from bookcover_core.pipeline.graph import declarations
from bookcover_core.pipeline.stage_process import shared_process
from bookcover_core.pipeline.study import at_part
from bookcover_core.settings import StudySettings
from flows.forms import check_parameters
from flows.heartbeats import listened_to
from flows.logs import explain_errors
from flows.studies import find_study, name_of, settings_read_once

P = ParamSpec("P")
R = TypeVar("R")

Runs = Callable[[StudySettings], Iterable[dict[str, Any]]]


@dataclass(frozen=True)
class StepFlow:
    """The flow that does one step of a study (`bookcover_core.pipeline.graph.steps`)."""

    flow: Flow[..., Any]
    runs: Runs
    """What each of its runs is told beside the study's name, so that together they do the whole step."""


# What forms say of the parameters that most flows have, where a docstring does not.
_PARAMETERS = {
    "study": "Name of the study; empty: the only one of this home.",
    "changes": "Settings to change, now and for what comes after: training.epochs=400, say.",
}

_step_flows: dict[str, StepFlow] = {}


def step_flow(step: str) -> StepFlow:
    """The flow that does `step`."""
    import_module("flows.study")  # all flows are declared then
    return _step_flows[step]


def _one_run(_settings: StudySettings) -> list[dict[str, Any]]:
    return [{}]


def stage_flow(
    name: str, run_name: str | Callable[[dict[str, Any]], str], *, step: str | None = None, runs: Runs = _one_run
) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A decorator that makes a function a flow over stages.

    No result of it is kept: a retried run asks the core anew what is done. The process in which a network is trained
    stays for that network's next stage, and ends with the outermost run. If a run's process dies, that is noticed of
    the runs within it, too (`flows.heartbeats`). Parameters that a form or a schedule got wrong are refused in one
    sentence (`flows.forms`).

    Args:
        name: Name of the flow.
        run_name: Name of its runs; parameters in braces are filled in. Or what makes it from the parameters.
        step: The step of a study that it does; None: it does several.
        runs: See `StepFlow`.
    """

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        description = _description(function)
        if "\nArgs:" not in cleandoc(function.__doc__ or ""):  # which Python 3.13 has without its indentation
            of = {name: text for name, text in _PARAMETERS.items() if name in signature(function).parameters}
            arguments = "".join(f"\n    {name}: {text}" for name, text in of.items())
            function.__doc__ = f"{cleandoc(function.__doc__ or '')}\n\nArgs:{arguments}\n"
        made = flow(
            name=name,
            description=description,
            flow_run_name=_named(run_name, signature(function), name),
            persist_result=False,
            result_serializer="json",
            validate_parameters=False,  # `_surrounded` does, and tells people of faults in their words
        )(function)
        # Wrapped afterwards: Prefect takes version and entrypoint from the function as it is written.
        made.fn = _surrounded(function, is_step=step is not None)
        if step is not None:
            _step_flows[step] = StepFlow(made, runs)
        return made

    return decorate


def _named(run_name: str | Callable[[dict[str, Any]], str], of: Signature, flow_name: str) -> Callable[[], str]:
    """What Prefect calls for the name of a run; that of the flow where the parameters are such that it has none."""

    def name() -> str:
        context = FlowRunContext.get()
        assert context is not None
        try:
            bound = of.bind_partial(**(context.parameters or {}))
            bound.apply_defaults()
            if callable(run_name):
                return run_name(bound.arguments)
            return run_name.format(**bound.arguments | {"study": name_of(bound.arguments.get("study", ""))})
        except (AttributeError, KeyError, TypeError, ValueError):
            return flow_name

    return name


def _description(function: Callable[..., object]) -> str:
    """What a flow does, as its deployment's page shows it: its docstring without the parameters, which the form has."""
    paragraphs = cleandoc(function.__doc__ or "").partition("\nArgs:")[0].strip().split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)  # the page would begin a new one at each line


def _surrounded(function: Callable[P, R], *, is_step: bool) -> Callable[P, R]:
    """`function`, whose parameters are checked, whose errors explain themselves, with one process for its networks."""
    its = signature(function)

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        explain_errors()
        given = its.bind(*args, **kwargs)
        given.arguments.update(check_parameters(given.arguments, its))
        marked = _marked(given.arguments) if is_step else nullcontext()
        with shared_process(), listened_to(), settings_read_once(), marked:
            try:
                return function(*given.args, **given.kwargs)
            except StageOrderError as error:
                raise _with_advice(error) from None

    return run


def _marked(given: Mapping[str, Any]) -> AbstractContextManager[object]:
    """A block in which others see that a part of the study is run; what is wrong with it is told by the run itself."""
    try:
        return at_part(find_study(given.get("study", "")))
    except InputError:
        return nullcontext()


def _with_advice(error: StageOrderError) -> BookcoverError:
    """The error of a stage that is missing, with what to start first."""
    step = next((each.step for each in declarations() if each.label == error.stage), None)
    if step is None:
        return error
    advice = (
        f"Start the deployment `{step_flow(step).flow.name}` (`bookcover run --only {step}`) first, or the whole study."
    )
    said = StageOrderError(error.what, where=error.where, advice=advice)
    said.stage = error.stage
    return said
