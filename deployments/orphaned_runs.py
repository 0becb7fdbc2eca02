"""What an earlier server left behind in its database, and what to make of it before another one begins.

A run whose process is gone would stay Running for ever, as nobody is there to say that it ended.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled

from bookcover_core.pipeline.study import is_being_run
from flows.judging import judge
from flows.review_gate import PAGE_VARIABLES
from flows.run_states import STOPPED
from flows.studies import folder_of_run
from flows.study import WHOLE
from tasks.limits import free_slots
from tasks.pages import SITE_VARIABLE

KILLED_COMMAND = "Its process was killed, or the machine went down. The same command goes on: what is done is kept."
"""What is said of a run of `bookcover run` whose process is gone."""

# A run is not looked for in the first moments: its process is about to say that it is at the study.
_BEGINNING = timedelta(seconds=10)

_UNFINISHED = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]

# Prefect gives no more runs than this at a time.
_PAGE = 200


def unfinished_runs(client: SyncPrefectClient) -> dict[UUID, FlowRun]:
    """Runs of deployments, and runs within them, that a process is at, or should be."""
    deployed = FlowRunFilter(state=_unfinished(), deployment_id=FlowRunFilterDeploymentId(is_null_=False))
    return _with_runs_within(client, _read(client, deployed))


def killed_commands(client: SyncPrefectClient) -> dict[UUID, FlowRun]:
    """Runs that no deployment started and whose process is gone, and runs within them: nobody holds their study.

    Such a run may have waited for a review, too. A study that does not lie on this machine is not looked for.
    """
    flows = {each.id: each.name for each in client.read_flows(limit=_PAGE)}
    whole = {flow.name for flow in WHOLE}
    typed = FlowRunFilter(
        state=_unfinished(StateType.PAUSED),
        deployment_id=FlowRunFilterDeploymentId(is_null_=True),
        parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True),
    )

    def is_gone(run: FlowRun) -> bool:
        flow, folder = flows.get(run.flow_id), folder_of_run(run.parameters)
        if folder is None or not folder.is_dir() or flow == judge.name or run.state is None:
            return False
        is_old = datetime.now(UTC) - run.state.timestamp > _BEGINNING
        return is_old and not is_being_run(folder, whole=flow in whole)

    return _with_runs_within(client, filter(is_gone, _read(client, typed)))


def _unfinished(*more: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=[*_UNFINISHED, *more]))


def _with_runs_within(client: SyncPrefectClient, runs: Iterable[FlowRun]) -> dict[UUID, FlowRun]:
    """These runs, and those within them that are unfinished."""
    unfinished = _unfinished()
    found = {run.id: run for run in runs}
    newest = list(found)
    while newest:
        within = FlowRunFilter(state=unfinished, parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=newest))
        newest = [run.id for run in _read(client, within) if found.setdefault(run.id, run) is run]
    return found


def badly_ended(client: SyncPrefectClient, runs: dict[UUID, FlowRun]) -> dict[UUID, FlowRun]:
    """Of these runs, which were under way, those that are still, or have crashed or failed since."""
    if not runs:
        return {}
    types = [*_UNFINISHED, StateType.CRASHED, StateType.FAILED]
    wanted = FlowRunFilter(
        id=FlowRunFilterId(any_=list(runs)), state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types))
    )
    return {run.id: run for run in _read(client, wanted)}


def declare_stopped(client: SyncPrefectClient, runs: dict[UUID, FlowRun], why: str) -> None:
    """End runs whose process is gone, with the reason as their message, and so their tasks; their slots are free then.

    Their state is a crash by another name: a crash would be taken up again by itself, and these wait for a person.
    A run whose process was told of its cancellation is cancelled.
    """
    if runs:
        free_slots(client, runs)
    for run in runs.values():
        is_cancelling = run.state is not None and run.state.type is StateType.CANCELLING
        state: State = (
            Cancelled(message=why) if is_cancelling else State(type=StateType.CRASHED, name=STOPPED, message=why)
        )
        client.set_flow_run_state(run.id, state, force=True)
    if not runs:
        return
    for task in client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(runs))),
        task_run_filter=TaskRunFilter(
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
        ),
        limit=_PAGE,
    ):
        client.set_task_run_state(task.id, State(type=StateType.CRASHED, name=STOPPED, message=why), force=True)


def skip_missed(client: SyncPrefectClient) -> int:
    """How many runs of schedules were due while no server was there; they are not made up for."""
    missed = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
    )
    runs = [run for run in _read(client, missed) if run.auto_scheduled and not run.run_count]
    for run in runs:
        said: State = Cancelled(name="Skipped", message="Nothing served this deployment at that time.")
        client.set_flow_run_state(run.id, said, force=True)
    return len(runs)


def forget_pages(client: SyncPrefectClient) -> None:
    """Forget where pages were that ended with an earlier server."""
    for variable in client.read_variables(limit=_PAGE):
        if variable.name == SITE_VARIABLE or variable.name.startswith(PAGE_VARIABLES):
            client.delete_variable_by_name(variable.name)


def _read(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    for page in range(1_000):
        runs = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=_PAGE, offset=page * _PAGE)
        yield from runs
        if len(runs) < _PAGE:
            return
