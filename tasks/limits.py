"""Limits that all workers of a server share: chunks downloaded at once, and trainings at once on one machine.

They are Prefect's global concurrency limits; `bookcover setup` makes them. Where one was never made, or no server is
there, nothing is limited. A slot is lent for a minute and asked for anew before it is over: the slot of a process that
was killed is free again when its run is found to be cut off (`free_slots`), or within about a minute and a quarter,
when the server next looks for such loans.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.server.concurrency.lease_storage import get_concurrency_lease_storage

from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import BookSource, CoverSource

DOWNLOADS = "bookcover-downloads"
"""Chunks that are downloaded at once, by all workers together, so that each host is asked as slowly as the settings
say."""

_MACHINE = "BOOKCOVER_MACHINE"

# Seconds that a slot is lent for at a time: the least that Prefect takes.
_LEASE = 60


def machine() -> str:
    """Name of this machine: what the environment calls it, else its host name."""
    return os.environ.get(_MACHINE) or socket.gethostname()


def trainings_on(machine: str) -> str:
    """Name of the limit on the networks that are trained at once on a machine."""
    return f"bookcover-trainings-{machine}"


@contextmanager
def slot(name: str, *, unless: Callable[[], bool]) -> Iterator[None]:
    """Hold a slot of the limit called `name` for as long as the block lasts; wait for one where none is free.

    A block within another that holds a slot of the same limit needs none of its own.

    Args:
        name: The limit.
        unless: Whether there is nothing to do that a slot would be needed for; asked only where none is free.
    """
    if name in _held.get():
        yield
        return
    limit = _find(name)
    if limit is None or (limit.active_slots >= limit.limit and unless()):
        yield
        return
    with ExitStack() as held:
        _take(limit, held)
        token = _held.set(_held.get() | {name})
        try:
            yield
        finally:
            _held.reset(token)


def turn(study: Study, part: Part) -> AbstractContextManager[None]:
    """A block that begins when it is the part's turn: chunks are fetched from hosts one after the other."""
    settings = study.settings
    asks = settings.books.source is not BookSource.FOLDER and settings.covers.source is CoverSource.HTTP
    if part.stage.label == "download" and asks:
        return slot(DOWNLOADS, unless=lambda: part.is_sound(study))
    return nullcontext()


def training_slot(*, unless: Callable[[], bool]) -> AbstractContextManager[None]:
    """A slot of this machine for a training: see `slot`."""
    return slot(trainings_on(machine()), unless=unless)


def free_slots(client: SyncPrefectClient, runs: Collection[UUID]) -> None:
    """Give back the slots of runs whose processes are gone, where the server keeps its loans on this machine's disk."""
    limits = client.read_global_concurrency_limits(limit=200)

    async def lent() -> list[UUID]:
        loans = get_concurrency_lease_storage()
        held = [await loans.list_holders_for_limit(limit.id) for limit in limits]
        return [loan for each in held for loan, holder in each if holder.id in runs]

    for loan in asyncio.run(lent()):
        client.release_concurrency_slots_with_lease(loan)


def _take(limit: GlobalConcurrencyLimitResponse, held: ExitStack) -> None:
    """Wait for a slot, and let `held` give it back."""
    logger = get_run_logger()
    is_full = limit.active_slots >= limit.limit
    if is_full:
        logger.info("All %d slots of the limit %s are taken: waiting for one", limit.limit, limit.name)
    try:
        # Work that has begun goes on where the loan is lost: a server that was started anew knows of none.
        holder = ConcurrencyLeaseHolder(type="flow_run", id=UUID(flow_run.id)) if flow_run.id else None
        held.enter_context(
            concurrency(limit.name, lease_duration=_LEASE, holder=holder, raise_on_lease_renewal_failure=False)
        )
    except (httpx.HTTPError, ConcurrencySlotAcquisitionError) as error:
        logger.warning("The limit %s could not be asked for a slot, and is not kept: %s", limit.name, error)
    else:
        if is_full:
            logger.info("A slot of the limit %s is free", limit.name)


def _find(name: str) -> GlobalConcurrencyLimitResponse | None:
    """The limit called `name`, if a run asks and there is one in force."""
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return None
    try:
        with get_client(sync_client=True) as client:
            limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return None
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("The limit %s could not be looked up, and is not kept: %s", name, error)
        return None
    return limit if limit.active else None


_held: ContextVar[frozenset[str]] = ContextVar("held_limits", default=frozenset())
