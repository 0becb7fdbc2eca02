"""The deployments that `prefect.yaml` declares, one for each flow, as Prefect's own objects.

`bookcover serve` serves them itself; `bookcover setup` registers them for the workers of a pool. Either can be done
again: what people changed in the dashboard (parameters, schedules) stays.
"""

import logging
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.utilities.schema_tools.validation import validate
from pydantic import BaseModel, ConfigDict

from bookcover_core.pipeline.graph import steps
from flows.stages import step_flow

logger = logging.getLogger(__name__)


class _Declaration(BaseModel):
    """Part of the file, which holds nothing that is not understood."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Queue(_Declaration):
    """Where the runs of a deployment wait for a worker."""

    name: str
    """The work pool."""
    work_queue_name: str


class DeclaredSchedule(_Declaration):
    """When a deployment runs by itself."""

    cron: str
    timezone: str
    slug: str
    active: bool
    parameters: dict[str, Any]


class DeclaredDeployment(_Declaration):
    """A flow that people can run, and with what."""

    name: str
    entrypoint: str
    tags: list[str]
    work_pool: Queue
    parameters: dict[str, Any] = {}
    schedules: list[DeclaredSchedule] = []


class Catalogue(_Declaration):
    """All that the file says."""

    name: str
    build: list[dict[str, Any]]
    push: list[dict[str, Any]]
    pull: list[dict[str, Any]]
    """Steps before a run on a worker."""
    definitions: dict[str, Queue]
    deployments: list[DeclaredDeployment]


def read_catalogue() -> Catalogue:
    """What `prefect.yaml` says."""
    text = (files("deployments") / "prefect.yaml").read_text(encoding="utf-8")
    return Catalogue.model_validate(yaml.safe_load(text))


def served_deployments() -> list[RunnerDeployment]:
    """The deployments, for a runner of ours that serves them on the configured server."""
    return [_deployment(each, None, []) for each in read_catalogue().deployments]


def runs_studies(deployment: RunnerDeployment) -> bool:
    """Whether a deployment takes whole studies to their end, rather than one of their steps."""
    return str(deployment.entrypoint).startswith("flows.study.")


def pooled_deployments() -> list[RunnerDeployment]:
    """The deployments, for workers of the configured server; each is registered by its `apply()`."""
    catalogue = read_catalogue()
    return [_deployment(each, each.work_pool, catalogue.pull) for each in catalogue.deployments]


def _deployment(declared: DeclaredDeployment, queue: Queue | None, pull: list[dict[str, Any]]) -> RunnerDeployment:
    """A deployment as it is declared, with what people changed of it on the configured server.

    Of one that the server knows, schedules are not sent at all: Prefect would rebuild them from what is sent, and would
    drop those that people added.
    """
    # Imported before Prefect does so, which would first look for packages in the working folder.
    module, _, name = declared.entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    found = _find(f"{flow.name}/{declared.name}")
    if found is not None:
        _mend_schedules(flow, found)
    made = RunnerDeployment.from_entrypoint(
        declared.entrypoint,
        declared.name,
        tags=[*_place(flow), *declared.tags],
        description=". ".join([*(each.capitalize() for each in _place(flow)), flow.description or ""]),
        parameters=declared.parameters | (_kept_parameters(flow, found) if found else {}),
        schedules=[_schedule(each) for each in declared.schedules] if found is None else None,
    )
    if found is not None:
        made.model_fields_set.discard("schedules")
    # Named where there is none too: a deployment that had a pool does not keep it.
    made.work_pool_name = queue.name if queue else None
    made.work_queue_name = queue.work_queue_name if queue else None
    made.storage = _Installed(pull) if queue else None
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


def _schedule(declared: DeclaredSchedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=declared.cron, timezone=declared.timezone),
        slug=declared.slug,
        active=declared.active,
        parameters=declared.parameters,
    )


class _Installed:
    """Prefect's view of where the code is: installed where the worker runs. It only brings the steps before a run."""

    pull_interval = None

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self._steps = steps
        self.destination = Path.cwd()

    def set_base_path(self, path: Path) -> None:
        """Take note of a folder that is not needed."""

    async def pull_code(self) -> None:
        """Bring nothing: it is there."""

    def to_pull_step(self) -> list[dict[str, Any]]:
        """The steps that a worker takes before a run."""
        return self._steps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Installed) and self._steps == other._steps

    def __hash__(self) -> int:
        return hash(repr(self._steps))
