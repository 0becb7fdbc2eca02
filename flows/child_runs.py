"""The trainings of a study, side by side: for each network a run of its own, where the study came from a deployment.

Such a training has its own log, progress and Retry button, and any free worker takes it up. The study starts all of
them, waits for all of them, and says of those that failed why. Whether a network is trained is asked of the manifests,
never of a run's state:

    trained already                        no run
    a run of it is under way               waited for: somebody retried it, or the study's own process had died
    a run of it crashed just now           waited for: it may be taken up again, as this study may have been
    a run of it was stopped                a new run: a stopped one waits for a person
    none of these                          a new run

A study of the command line trains within its own process, one network after the other.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
from prefect import Task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.states import Cancelling, Pending, Scheduled
from prefect.utilities.urls import url_for

from bookcover_core.errors import TrainingError
from bookcover_core.families.systems import network_is_made
from bookcover_core.pipeline.study import Study, reference
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings
from flows.names import training_name
from flows.run_states import STOPPED, reason
from flows.studies import folder_of_run
from flows.training import train_backbone
from tasks.study_progress import DONE, FAILED, UNCHANGED, Work, progress_of

# The deployment that trains one network.
_DEPLOYMENT = f"{train_backbone.name}/{train_backbone.name}"

# Seconds between two looks at the trainings.
_POLL_INTERVAL = 2.0

# A training that is to begin later than this is not under way: it waits for its schedule.
_SOON = timedelta(minutes=1)

# Seconds after which the study says that a training waits for a worker, and after which it says so again.
_PATIENCE, _REMINDER = 60.0, 600.0

# Seconds for which a crashed training may be taken up again (`deployments.automations`) before it counts as failed.
_TAKE_UP = 75.0

_UNDER_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED]


def train_networks(settings: StudySettings) -> dict[str, object]:
    """Why networks of the study could not be trained, by their names; empty where all of them are."""
    study_run = deployed_run()
    if study_run is not None:
        with get_client(sync_client=True) as client:
            deployment = _find_deployment(client)
            if deployment is not None:
                return _Trainings(client, settings, study_run, deployment).causes()
        get_run_logger().info("The server knows no deployment %s: the networks are trained in this run", _DEPLOYMENT)
    study = reference(settings)
    states = {name: train_backbone(study, name, return_state=True) for name in settings.training.backbones}
    return {name: state.result(raise_on_failure=False) for name, state in states.items() if not state.is_completed()}


def how_to_go_on() -> str:
    """What a person does after trainings of the present study have failed."""
    if deployed_run() is None:
        return "Mend the cause and run the study again: everything else is kept."
    return (
        "Mend the cause, choose Retry in the menu of that training's run, then in the study's: everything else is kept."
    )


def deployed_run() -> FlowRun | None:
    """The present run, if it came from a deployment."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return run if run is not None and run.deployment_id is not None else None


def _find_deployment(client: SyncPrefectClient) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(_DEPLOYMENT)
    except ObjectNotFound:
        return None


class _Trainings:
    """The trainings of one study, each a run of its own."""

    def __init__(
        self, client: SyncPrefectClient, settings: StudySettings, study_run: FlowRun, deployment: DeploymentResponse
    ) -> None:
        self._client = client
        self._settings = settings
        self._study_run = study_run
        self._deployment = deployment
        self._logger = get_run_logger()
        self._runs: dict[str, FlowRun] = {}
        """What is waited for, by network."""
        self._works: dict[str, Work] = {}
        """What those that watch the study are told of them."""
        self._started: set[str] = set()
        """Networks whose training was started here."""
        self._crashed: dict[str, float] = {}
        """When a training was first seen to have crashed."""
        self._causes: dict[str, object] = {}
        self._said = time.monotonic() + _PATIENCE - _REMINDER
        """When it was last said that trainings wait for a worker."""

    def causes(self) -> dict[str, object]:
        """Why networks could not be trained, by their names, when all trainings have ended."""
        under_way = {name: run for run in self._under_way() if (name := self._network_of(run)) is not None}
        for name in self._settings.training.backbones:
            if name in under_way:
                self._wait_for(name, under_way[name])
                self._logger.info("The training of %s is under way: %s", name, _page(under_way[name]))
            else:
                self._start_unless_trained(name)
        try:
            while self._runs:
                time.sleep(_POLL_INTERVAL)
                self._look()
        except BaseException:
            self._end_with_study()
            raise
        return {name: self._causes[name] for name in self._settings.training.backbones if name in self._causes}

    def _under_way(self) -> Iterator[FlowRun]:
        """Runs of trainings, of any study, that have not ended for good."""
        states = FlowRunFilterState(type=FlowRunFilterStateType(any_=[*_UNDER_WAY, StateType.CRASHED]))
        deployments = DeploymentFilter(id=DeploymentFilterId(any_=[self._deployment.id]))
        now = datetime.now(UTC)
        for run in self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=states),
            deployment_filter=deployments,
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        ):
            if _goes_on(run, now):
                yield run

    def _network_of(self, run: FlowRun) -> str | None:
        """The network of this study that a run trains; None for one of another study."""
        backbone = run.parameters.get("backbone")
        is_ours = folder_of_run(run.parameters) == self._settings.root
        return str(backbone) if is_ours and backbone in self._settings.training.backbones else None

    def _start_unless_trained(self, name: str) -> None:
        if network_is_made(Study(self._settings), name):
            self._logger.info("%s is trained already", name)
            if progress := progress_of(Study(self._settings)):
                progress.begin("train", f"train {name}", *progress.coming_of(name)).end(UNCHANGED)
            return
        # The dashboard shows a run below another by a task of that one, which stands for it.
        task = Task(name=f"train {name}", fn=train_backbone.fn, version=train_backbone.version)
        parent = self._client.create_task_run(
            task, self._study_run.id, dynamic_key=name, name=f"train {name}", state=Pending()
        )
        try:
            run = self._client.create_flow_run_from_deployment(
                self._deployment.id,
                parameters={"study": reference(self._settings), "backbone": name},
                state=Scheduled(),
                name=training_name(self._settings, name),
                parent_task_run_id=parent.id,
                # A request that is sent twice, over a bad line, starts one run.
                idempotency_key=f"{self._study_run.id}-{self._study_run.run_count}-{name}",
            )
            self._wait_for(name, run)
        except PrefectHTTPStatusError as error:
            detail = " ".join(error.response.text.split())
            self._end(name, f"the server starts no run of {_DEPLOYMENT} for this study ({detail})")
            return
        self._started.add(name)
        self._logger.info("The training of %s is a run of its own: %s", name, _page(self._runs[name]))

    def _wait_for(self, name: str, run: FlowRun) -> None:
        self._runs[name] = run
        progress = progress_of(Study(self._settings))
        if progress is not None:
            self._works[name] = progress.begin("train", f"train {name}, a run of its own", *progress.coming_of(name))

    def _wait_no_longer(self, name: str, how: str) -> None:
        self._runs.pop(name, None)
        if work := self._works.pop(name, None):
            work.end(how)

    def _look(self) -> None:
        """See how far the trainings are."""
        ids = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in self._runs.values()]))
        try:
            found = {run.id: run for run in self._client.read_flow_runs(flow_run_filter=ids)}
        except httpx.TransportError as error:
            self._logger.warning("The server does not say how far the trainings are, and is asked again: %r", error)
            return
        for name, before in list(self._runs.items()):
            run = found.get(before.id)
            state = run.state if run is not None else None
            if run is None or state is None:
                self._end(name, f"its run was deleted ({_page(before)})")
            elif state.is_final() and not self._may_be_taken_up(name, state):
                self._settle(name, run, state)
            else:
                self._runs[name] = run
        self._say_who_waits()

    def _end_with_study(self) -> None:
        """Cancel the trainings where the study is cancelled; where it is ended in another way, they go on."""
        state = self._client.read_flow_run(self._study_run.id).state
        if state is not None and state.type is StateType.CANCELLING:
            for run in self._runs.values():
                self._client.set_flow_run_state(run.id, Cancelling(message="The study was cancelled."))

    def _may_be_taken_up(self, name: str, state: State) -> bool:
        """Whether a training has crashed just now; one that was stopped waits for a person."""
        if not state.is_crashed() or state.name == STOPPED:
            self._crashed.pop(name, None)
            return False
        return time.monotonic() - self._crashed.setdefault(name, time.monotonic()) < _TAKE_UP

    def _settle(self, name: str, run: FlowRun, state: State) -> None:
        """Take note of a training that has ended; start one where that was not ours, and is not what is wanted."""
        if network_is_made(Study(self._settings), name):
            self._logger.info("%s is trained", name)
            self._wait_no_longer(name, DONE)
        elif name not in self._started and (state.is_crashed() or state.is_completed()):
            self._wait_no_longer(name, FAILED)
            self._start_unless_trained(name)
        elif state.is_completed():
            folder = self._settings.root
            why = (
                "the study's settings have changed meanwhile"
                if self._settings != load_settings(folder)
                else (f"nothing of it is in {folder} of this machine")
            )
            self._end(name, f"its run is completed, but {why} ({_page(run)})")
        else:
            self._end(name, f"{reason(state)} ({_page(run)})")

    def _end(self, name: str, why: str) -> None:
        self._wait_no_longer(name, FAILED)
        self._causes[name] = TrainingError(why)
        self._logger.error("%s could not be trained: %s", name, why)

    def _say_who_waits(self) -> None:
        """Say that no worker takes trainings up, now and then."""
        states = {name: run.state.type for name, run in self._runs.items() if run.state is not None}
        waiting = [name for name, state in states.items() if state is StateType.SCHEDULED]
        if not waiting or len(waiting) < len(states):
            self._said = max(self._said, time.monotonic() + _PATIENCE - _REMINDER)
        elif time.monotonic() - self._said >= _REMINDER:
            self._said = time.monotonic()
            self._logger.warning(
                "No worker has taken up the training of %s yet. %s This study goes on waiting.",
                " or ".join(waiting),
                self._who_would(),
            )

    def _who_would(self) -> str:
        """Who would take a training up."""
        pool, queue = self._deployment.work_pool_name, self._deployment.work_queue_name
        if pool is None:
            return "Is the process that serves the deployments running (`bookcover serve`)?"
        return f"Start one with `prefect worker start --pool {pool} --work-queue {queue}`, unless all are at work."


def _goes_on(run: FlowRun, now: datetime) -> bool:
    """Whether a run without end is under way, or one that crashed may yet be taken up."""
    if run.state is not None and run.state.is_crashed():
        return run.state.name != STOPPED and now - run.state.timestamp < timedelta(seconds=_TAKE_UP)
    return run.next_scheduled_start_time is None or run.next_scheduled_start_time <= now + _SOON


def _page(run: FlowRun) -> str:
    """Address of a run's page on the dashboard, or its name where that is not known."""
    return url_for(run) or f"run {run.name}"
