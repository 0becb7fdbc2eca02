"""The deployments, declared once, one for each flow; and as Prefect's own objects.

`bookcover serve` serves them itself; `bookcover setup` registers them for the workers of a pool. Either can be done
again: what people changed in the dashboard (parameters, schedules) stays.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.utilities.schema_tools.validation import validate

from bookcover_core.pipeline.graph import steps
from flows.heartbeats import TAG
from flows.judging import judge
from flows.stages import step_flow
from flows.study import WHOLE, begin_study, begin_study_with_every_setting, continue_study

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Declared:
    """A deployment: it is called as its flow, which says what it does and what its parameters mean."""

    flow: Flow[..., Any]
    tags: tuple[str, ...] = ()
    """The first leads a newcomer; a flow of one step is told its place in a study when it is registered."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    """Where its runs wait for a worker of the pool."""
    nightly: bool = False
    """Whether it has a schedule with these parameters, which is off until somebody wants it."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.flow.name

    @property
    def entrypoint(self) -> str:
        """Where its flow is."""
        return f"{self.flow.fn.__module__}.{self.flow.fn.__name__}"


# What steps have beside their flow. The nightly chunk stands among the parameters too: switching a schedule on with
# `prefect deployment schedule resume` empties those of the schedule.
_OF_STEPS: dict[str, dict[str, Any]] = {
    "download": {"parameters": {"chunks": "next"}, "nightly": True},
    "train": {"parameters": {"backbone": "MobileNetV2"}, "queue": "trainings"},
}

DEPLOYMENTS = (
    Declared(begin_study, ("start here",)),
    Declared(begin_study_with_every_setting, ("every setting",)),
    Declared(continue_study, ("go on",)),
    *(Declared(step_flow(step).flow, **_OF_STEPS.get(step, {})) for step in steps()),
    Declared(judge, ("afterwards",)),
)
"""All deployments, one for each flow, in the order in which they are shown."""

POOL = "bookcover"
"""The work pool."""

_NIGHTLY = DeploymentScheduleCreate(
    schedule=CronSchedule(cron="0 2 * * *", timezone="UTC"), slug="nightly", active=False
)

# Steps before a run on a worker: nothing is fetched, as the project is installed there.
_PULL: list[dict[str, Any]] = [{"deployments.home.enter_home": {}}]


def served_deployments() -> list[RunnerDeployment]:
    """The deployments, for a runner of ours that serves them on the configured server."""
    return [_deployment(each, is_pooled=False) for each in DEPLOYMENTS]


def pooled_deployments() -> list[RunnerDeployment]:
    """The deployments, for workers of the configured server; each is registered by its `apply()`."""
    return [_deployment(each, is_pooled=True) for each in DEPLOYMENTS]


def runs_studies(deployment: RunnerDeployment) -> bool:
    """Whether a deployment takes whole studies to their end, rather than one of their steps."""
    return deployment.name in {flow.name for flow in WHOLE}


def _deployment(declared: Declared, *, is_pooled: bool) -> RunnerDeployment:
    """A deployment as it is declared, with what people changed of it on the configured server.

    Of one that the server knows, schedules are not sent at all: Prefect would rebuild them from what is sent, and would
    drop those that people added.
    """
    flow, place = declared.flow, _place(declared.flow)
    found = _find(f"{flow.name}/{declared.name}")
    if found is not None:
        _mend_schedules(flow, found)
    made = RunnerDeployment.from_entrypoint(
        declared.entrypoint,
        declared.name,
        tags=[*place, *declared.tags, TAG],
        description=". ".join([*(each.capitalize() for each in place), flow.description or ""]),
        parameters={**declared.parameters, **(_kept_parameters(flow, found) if found else {})},
        schedules=[_NIGHTLY.model_copy(update={"parameters": declared.parameters})] * declared.nightly
        if found is None
        else None,
    )
    if found is not None:
        made.model_fields_set.discard("schedules")
    # Named where there is none too: a deployment that had a pool does not keep it.
    made.work_pool_name = POOL if is_pooled else None
    made.work_queue_name = declared.queue if is_pooled else None
    made.storage = _Installed() if is_pooled else None
    return made


def _place(flow: Flow[..., Any]) -> list[str]:
    """Which step of a study a flow does, in words; none where it does several."""
    wanted = steps()
    return [f"step {n} of {len(wanted)}" for n, step in enumerate(wanted, start=1) if step_flow(step).flow is flow]


def _find(name: str) -> DeploymentResponse | None:
    """The deployment that the server knows by this name, if it does."""
    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name(name)
        except ObjectNotFound:
            return None


def _kept_parameters(flow: Flow[..., Any], found: DeploymentResponse) -> dict[str, Any]:
    """The parameters that people gave a deployment, as far as the flow still takes them."""
    kept = _fitting(flow, found.parameters)
    if kept != found.parameters:
        _tell_of_change(found.name, found.parameters, kept)
    return kept


def _mend_schedules(flow: Flow[..., Any], found: DeploymentResponse) -> None:
    """Let the schedules of a deployment give its runs no parameters that the flow does not take any more."""
    for schedule in found.schedules:
        kept = _fitting(flow, schedule.parameters)
        if kept != schedule.parameters:
            _tell_of_change(f"{found.name}, schedule {schedule.slug or schedule.id}", schedule.parameters, kept)
            with get_client(sync_client=True) as client:
                client.update_deployment_schedule(found.id, schedule.id, parameters=kept)


def _fitting(flow: Flow[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Those of `parameters` that the flow takes; of nested settings, which it took once, the name of the study."""
    schema = flow.parameters.model_dump()
    wanted, settings = schema["properties"], parameters.get("settings")
    kept = {name: value for name, value in parameters.items() if name in wanted}
    if "study" in wanted and "settings" not in wanted and isinstance(settings, dict) and settings.get("name"):
        kept = {"study": settings["name"]} | kept
    faults = validate(kept, schema, raise_on_error=False, ignore_required=True)
    for name in {str(fault.absolute_path[0]) for fault in faults if fault.absolute_path}:
        del kept[name]
    return kept


def _tell_of_change(what: str, before: dict[str, Any], kept: dict[str, Any]) -> None:
    logger.warning("%s: of its parameters %s these are kept, which still fit: %s", what, sorted(before), kept)


class _Installed:
    """Prefect's view of where the code is: installed where the worker runs. It only brings the steps before a run."""

    pull_interval = None

    def __init__(self) -> None:
        self.destination = Path.cwd()

    def set_base_path(self, path: Path) -> None:
        """Take note of a folder that is not needed."""

    async def pull_code(self) -> None:
        """Bring nothing: it is there."""

    def to_pull_step(self) -> list[dict[str, Any]]:
        """The steps that a worker takes before a run."""
        return _PULL
