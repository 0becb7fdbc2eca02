"""Signs of life: what tells those who listen (`deployments.automations`) that a run's process has not died."""

from contextlib import AbstractContextManager

from prefect import tags
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

HEARTBEAT = 30
"""Seconds between two signs of life of a run (PREFECT_FLOWS_HEARTBEAT_FREQUENCY): the least that Prefect takes."""

TAG = "bookcover"
"""Tag of the runs that are listened to."""


def listened_to() -> AbstractContextManager[set[str]]:
    """A block whose runs bear the tag, unless their hearts beat so slowly that they would be taken for dead."""
    seconds = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
    return tags(*[TAG] if seconds is not None and seconds <= HEARTBEAT else [])
