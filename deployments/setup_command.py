"""Setting up a Prefect server for workers: what `bookcover setup` does, and can do again at any time.

    work pool          `bookcover`, whose workers start a process for each run
    its queues         `default`; `trainings`, which a worker can serve alone, so that waiting studies take none of its
                       slots
    deployments        those of `deployment_specs`
    limits             chunks downloaded at once, by all workers; trainings at once, on one machine (`tasks.limits`)
    automations        runs whose process died are taken up again (`deployments.automations`)

What people changed on the dashboard stays as they left it, unless a value is given here.
"""

from collections.abc import Iterator
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from deployments.automations import set_up_automations
from deployments.deployment_specs import POOL, pooled_deployments
from deployments.server import RUN_ENVIRONMENT
from tasks.limits import DOWNLOADS, machine, trainings_on

QUEUES = ("default", "trainings")


def set_up(*, downloads: int | None = None, trainings: int | None = None, of: str | None = None) -> Iterator[str]:
    """What is done to have everything on the configured server, in words, one line for each thing, as it is done."""
    with get_client(sync_client=True) as client:
        yield from set_up_pool(client)
        yield from _register(client)
        yield from set_up_limits(client, downloads=downloads, trainings=trainings, of=of)
        yield from set_up_automations(client)


def set_up_pool(client: SyncPrefectClient) -> list[str]:
    """What was done to have the work pool and its queues, in words."""
    said = []
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        template = _with_environment(ProcessWorker.get_default_base_job_template())
        client.create_work_pool(WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template))
        said.append(f"work pool {POOL}: made")
    else:
        said.append(_mend_template(client, pool))
    there = {queue.name for queue in client.read_work_queues(work_pool_name=POOL)}
    for name in QUEUES:
        if name not in there:
            client.create_work_queue(name, work_pool_name=POOL)
        said.append(f"work queue {name}: {'stands' if name in there else 'made'}")
    return said


def set_up_limits(
    client: SyncPrefectClient, *, downloads: int | None = None, trainings: int | None = None, of: str | None = None
) -> list[str]:
    """What was done to have the limits, in words; the arguments are those of `set_up`."""
    wanted = {DOWNLOADS: downloads, trainings_on(of or machine()): trainings}
    return [_set_up_limit(client, name, slots) for name, slots in wanted.items()]


def _set_up_limit(client: SyncPrefectClient, name: str, slots: int | None) -> str:
    try:
        found = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots or 1))
        return f"limit {name}: made, {slots or 1} at once"
    if slots is None or slots == found.limit:
        return f"limit {name}: stands, {found.limit} at once"
    client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=slots))
    return f"limit {name}: changed from {found.limit} to {slots} at once"


def _register(client: SyncPrefectClient) -> Iterator[str]:
    """Register the deployments, one after the other, and say of each what was done."""
    known = {deployment.id for deployment in client.read_deployments()}
    for deployment in pooled_deployments():
        found = deployment.apply()
        yield f"deployment {deployment.full_name}: {'brought up to date' if found in known else 'made'}"


def _mend_template(client: SyncPrefectClient, pool: WorkPool) -> str:
    """Let runs of a pool that stands already find Prefect as they need it."""
    template = _with_environment(pool.base_job_template)
    if template == pool.base_job_template:
        return f"work pool {POOL}: stands"
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    return f"work pool {POOL}: changed, its runs tell of all they do and give signs of life"


def _with_environment(template: dict[str, Any]) -> dict[str, Any]:
    """A pool's template whose runs tell of all they do, and give signs of life as often as the automations expect."""
    variables = template["variables"]
    env = variables["properties"]["env"]
    filled = {**env, "default": {**(env.get("default") or {}), **RUN_ENVIRONMENT}}
    return {**template, "variables": {**variables, "properties": {**variables["properties"], "env": filled}}}
