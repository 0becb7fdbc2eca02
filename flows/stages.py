"""What all flows have in common."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Flow, flow

from bookcover_core.settings import StudySettings

P = ParamSpec("P")
R = TypeVar("R")

# The dissertation's study.
DISSERTATION = StudySettings()


def stage_flow(name: str, run_name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A decorator that makes a function a flow over stages.

    No result of it is kept: a retried run asks the core anew what is done.

    Args:
        name: Name of the flow.
        run_name: Name of its runs; parameters in braces are filled in.
    """
    return flow(name=name, flow_run_name=run_name, persist_result=False, result_serializer="json")
