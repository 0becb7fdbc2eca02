"""What all flows have in common."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Flow, flow

from bookcover_core.settings import StudySettings
from bookcover_core.stage_process import shared_process

P = ParamSpec("P")
R = TypeVar("R")

# The dissertation's study.
DISSERTATION = StudySettings()


def stage_flow(name: str, run_name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A decorator that makes a function a flow over stages.

    No result of it is kept: a retried run asks the core anew what is done. The process in which a network is trained
    stays for that network's next stage, and ends with the outermost run.

    Args:
        name: Name of the flow.
        run_name: Name of its runs; parameters in braces are filled in.
    """

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        made = flow(name=name, flow_run_name=run_name, persist_result=False, result_serializer="json")(function)
        # Wrapped afterwards: Prefect takes version and entrypoint from the function as it is written.
        made.fn = shared_process()(function)
        return made

    return decorate
