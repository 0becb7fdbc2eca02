"""Schedules of a server of our own, which keep the parameters that people gave them.

The switch on a deployment's page sends whether a schedule is on, and nothing else. Prefect's API takes the parameters
that were not sent for none, and empties those of the schedule: a nightly download of one study would begin to ask which
study was meant, once it was switched off and on again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.server import models
from prefect.server.schemas.actions import DeploymentScheduleUpdate


@contextmanager
def kept_parameters() -> Iterator[None]:
    """A block in which an update of a schedule that brings no parameters leaves them as they are."""
    prefects: Any = models.deployments.update_deployment_schedule

    async def update(*args: Any, schedule: DeploymentScheduleUpdate, **kwargs: Any) -> bool:
        if "parameters" not in schedule.model_fields_set:
            schedule = schedule.model_copy(update={"parameters": None})
        return bool(await prefects(*args, schedule=schedule, **kwargs))

    models.deployments.update_deployment_schedule = update
    try:
        yield
    finally:
        models.deployments.update_deployment_schedule = prefects
