"""What became of each study of a home, as its newest run on the Prefect server tells; and doing a run again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterParentTaskRunId,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Scheduled

from bookcover_core.errors import ServerError, StageOrderError
from deployments.orphaned_runs import KILLED_COMMAND, declare_stopped, killed_commands
from flows.judging import judge
from flows.progress_artifact import progress_key
from flows.run_states import REFUSED, STOPPED, reason
from flows.studies import folder_of_run
from flows.study import WHOLE, begin_study, continue_study

_WHOLE = {flow.name for flow in WHOLE}

# Runs that are looked at, from the newest on.
_MOST = 200

# What people call a state.
_WORDS = {
    StateType.SCHEDULED: "queued",
    StateType.PENDING: "running",
    StateType.RUNNING: "running",
    StateType.CANCELLING: "running",
    StateType.PAUSED: "waits",
    StateType.COMPLETED: "finished",
    StateType.FAILED: "failed",
    StateType.CRASHED: "failed",
    StateType.CANCELLED: "stopped",
}

# States of runs that have not ended: what is at work tells more of a study than what waits.
_UNDER_WAY = {
    StateType.SCHEDULED: 1,
    StateType.PAUSED: 2,
    StateType.PENDING: 3,
    StateType.RUNNING: 3,
    StateType.CANCELLING: 3,
}


@dataclass(frozen=True)
class StudyRun:
    """The newest run that works, or worked, on a study."""

    id: UUID
    name: str
    state: str
    """queued, running, waits (for a person), finished, failed, stopped, interrupted."""
    said: str
    """Why it failed or waits, or how far it is; empty where nothing says."""
    when: datetime
    """When it came into this state."""
    is_whole: bool
    """Whether it takes the study to its end, rather than one step of it."""
    can_be_retried: bool
    """Whether it can be done again from the start page."""
    is_deployed: bool = True
    """Whether it came from a deployment, and can be done again as the same run, rather than from a typed command."""


def newest_runs() -> Mapping[Path, StudyRun]:
    """The run that tells how each study stands, by its folder; runs of commands that were killed are ended first.

    A run that was refused, as another was under way, says nothing of its study.
    """
    with get_client(sync_client=True) as client:
        declare_stopped(client, killed_commands(client), KILLED_COMMAND)
        flows = {each.id: each.name for each in client.read_flows(limit=_MOST)}
        runs: defaultdict[Path, list[_Run]] = defaultdict(list)
        for run, folder in _runs(client):
            flow = flows.get(run.flow_id, "")
            if run.state is not None and run.state.name != REFUSED and flow != judge.name:
                runs[folder].append(_Run(run, run.state, flow in _WHOLE))
        newest = {folder: _newest(each) for folder, each in runs.items()}
        progress = _progress(client, newest)
    return {folder: _study_run(each, progress.get(each.run.id, "")) for folder, each in newest.items()}


class _Run(NamedTuple):
    run: FlowRun
    state: State
    is_whole: bool


def _newest(runs: Sequence[_Run]) -> _Run:
    """The run that is under way, or the one that ended last: one that is retried may have been planned before others.

    A step that was run alone, and is done, says nothing of a study that failed: there it is the whole study's last run.
    """
    last = max(runs, key=lambda each: (_UNDER_WAY.get(each.state.type, 0), each.state.timestamp))
    whole = [each for each in runs if each.is_whole and last.state.type is StateType.COMPLETED]
    return max(whole, key=lambda each: each.state.timestamp, default=last)


def begin_form() -> str:
    """Path, on the dashboard, of the short form that begins a study; of all deployments where it is not served."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(f"{begin_study.name}/{begin_study.name}")
        except ObjectNotFound:
            return "deployments"
    return f"deployments/deployment/{found.id}/run"


def retry(run: UUID) -> None:
    """Do a run again that has failed: what is done is kept. That of a typed command is done by a run of its own.

    Raises:
        StageOrderError: It cannot be done again now.
        ServerError: The server does not answer.
    """
    message = "Retry was pressed on the start page."
    try:
        folder, known = next(((at, each) for at, each in newest_runs().items() if each.id == run), (None, None))
        if folder is None or known is None or not known.can_be_retried:
            raise StageOrderError(
                f"it is {known.state} already" if known else "this run is not its study's newest",
                where=known.name if known else None,
                advice="Load the page again: it says how the study stands, and what can be done now.",
            )
        with get_client(sync_client=True) as client:
            if known.is_deployed:
                client.set_flow_run_state(run, State(type=StateType.SCHEDULED, name="AwaitingRetry", message=message))
                return
            deployment = client.read_deployment_by_name(f"{continue_study.name}/{continue_study.name}")
            client.create_flow_run_from_deployment(
                deployment.id, parameters={"study": str(folder)}, state=Scheduled(message=message)
            )
    except ObjectNotFound:
        raise StageOrderError("nobody serves `continue-study`", advice="Start `bookcover serve` again.") from None
    except (httpx.HTTPError, PrefectException) as error:
        raise ServerError(
            f"the Prefect server does not answer just now ({error or type(error).__name__})",
            advice="Wait a moment, and press the button again.",
        ) from error


def _runs(client: SyncPrefectClient) -> Iterator[tuple[FlowRun, Path]]:
    """Runs that a person or a schedule started, the newest first, and the folders of their studies.

    Those of a schedule that are not due yet tell nothing.
    """
    now = datetime.now(UTC)
    soon = now + timedelta(minutes=1)  # the server may be on another machine
    wanted = FlowRunFilter(
        parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=soon),
    )
    for run in client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_MOST):
        is_planned = run.auto_scheduled and run.state_type is StateType.SCHEDULED
        is_due = not is_planned or run.expected_start_time is None or run.expected_start_time <= now
        if is_due and (folder := folder_of_run(run.parameters)) is not None:
            yield run, folder


def _progress(client: SyncPrefectClient, newest: Mapping[Path, _Run]) -> dict[UUID, str]:
    """How far runs of studies are, in a line: what `flows.progress_artifact` shows since they began."""
    began = {each.run.id: each.state.timestamp for each in newest.values()}
    keys = [progress_key(folder.name) for folder in newest]
    shown = client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=list(began)), key=ArtifactFilterKey(any_=keys)
        )
    )
    return {
        each.flow_run_id: str(each.data).partition("\n")[0].strip("*")
        for each in shown
        if each.flow_run_id is not None and each.created is not None and each.created >= began[each.flow_run_id]
    }


def _study_run(newest: _Run, progress: str) -> StudyRun:
    run, state, _ = newest
    is_deployed = run.deployment_id is not None
    is_cut_off = state.name == STOPPED or (state.type is StateType.CRASHED and not is_deployed)
    word = "interrupted" if is_cut_off else _WORDS[state.type]
    is_whole = newest.is_whole and not run.parameters.get("only_begin")
    told = {"queued": state.message or "", "running": progress, "failed": reason(state), "interrupted": reason(state)}
    return StudyRun(
        id=run.id,
        name=run.name,
        state=word,
        said=told.get(word, ""),
        when=state.timestamp,
        is_whole=is_whole,
        can_be_retried=(is_deployed or is_whole) and word in {"failed", "stopped", "interrupted"},
        is_deployed=is_deployed,
    )
