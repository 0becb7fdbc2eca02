"""What all flows have in common."""

from collections.abc import Callable
from functools import wraps
from inspect import cleandoc
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, flow
from prefect.context import FlowRunContext

from bookcover_core.pipeline.stage_process import shared_process
from bookcover_core.settings import StudySettings
from flows.heartbeats import listened_to
from flows.logs import explain_errors

P = ParamSpec("P")
R = TypeVar("R")

# The dissertation's study.
DISSERTATION = StudySettings()


def stage_flow(name: str, run_name: str | Callable[[dict[str, Any]], str]) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A decorator that makes a function a flow over stages.

    No result of it is kept: a retried run asks the core anew what is done. The process in which a network is trained
    stays for that network's next stage, and ends with the outermost run. If a run's process dies, that is noticed of
    the runs within it, too (`flows.heartbeats`).

    Args:
        name: Name of the flow.
        run_name: Name of its runs; parameters in braces are filled in. Or what makes it from the parameters.
    """

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        made = flow(
            name=name,
            description=_description(function),
            flow_run_name=run_name if isinstance(run_name, str) else _named(run_name),
            persist_result=False,
            result_serializer="json",
        )(function)
        # Wrapped afterwards: Prefect takes version and entrypoint from the function as it is written.
        made.fn = _surrounded(function)
        return made

    return decorate


def _named(make: Callable[[dict[str, Any]], str]) -> Callable[[], str]:
    """`make` as Prefect calls it."""

    def name() -> str:
        context = FlowRunContext.get()
        assert context is not None
        return make(context.parameters or {})

    return name


def _description(function: Callable[..., object]) -> str:
    """What a flow does, as its deployment's page shows it: its docstring without the parameters, which the form has."""
    paragraphs = cleandoc(function.__doc__ or "").partition("\nArgs:")[0].strip().split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)  # the page would begin a new one at each line


def _surrounded(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, whose errors explain themselves, with one process for its networks."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        explain_errors()
        with shared_process(), listened_to():
            return function(*args, **kwargs)

    return run
