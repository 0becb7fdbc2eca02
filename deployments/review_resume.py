"""Runs that wait for a review: where their page is, and going on with them when the last decision has been made."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bookcover_core.curation.review_queue import find_open
from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from deployments.server import find_server

logger = logging.getLogger(__name__)


@contextmanager
def announced(settings: StudySettings, address: str) -> Iterator[None]:
    """Let runs of a study name the address of its review page while the block lasts, if a Prefect server is there."""
    server = find_server()
    if server is None:
        yield
        return
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - takes a second
    from prefect.variables import Variable  # noqa: PLC0415 - takes a second

    from flows.review_gate import page_variable  # noqa: PLC0415 - imports Prefect

    name = page_variable(settings)
    with temporary_settings({PREFECT_API_URL: server}):
        Variable.set(name, address, overwrite=True)
    try:
        yield
    finally:
        with temporary_settings({PREFECT_API_URL: server}):
            Variable.unset(name)


def go_on(study: Study) -> None:
    """Resume the runs that wait for the review of a study, unless there is more to decide.

    There is more where a candidate of the pool would come in for a book that was rejected; the page shows it then.
    """
    try:
        if find_open(study):
            return
    except StageOrderError:
        return  # the study is not so far yet, and does not wait
    server = find_server()
    if server is None:
        return
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415 - takes a second

    with temporary_settings({PREFECT_API_URL: server}):
        _resume(study)


def _resume(study: Study) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - takes a second
    from prefect.client.schemas.filters import (  # noqa: PLC0415 - takes a second
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType  # noqa: PLC0415 - takes a second

    from flows.studies import folder_of_run  # noqa: PLC0415 - imports Prefect

    paused = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=paused):
            if folder_of_run(run.parameters) != study.settings.root:
                continue
            answer = client.resume_flow_run(run.id, run_input={})
            logger.info("%s goes on: %s", run.name, answer.status.value.lower())
