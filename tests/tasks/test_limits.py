"""Tests of `tasks.limits`: waiting for slots, and doing without where none are set up."""

import time
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import LogFilter
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.client.schemas.sorting import LogSort

from tasks import limits
from tasks.limits import free_slots, slot, trainings_on


@pytest.fixture
def limit(prefect_server) -> str:
    """The name of a limit of one slot."""
    name = f"bookcover-test-{uuid4()}"
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
    return name


@dataclass
class Holder:
    """Somebody who holds a slot until told to give it back."""

    name: str
    order: list[str]
    begun: Event = field(default_factory=Event)
    ends: Event = field(default_factory=Event)

    def start(self) -> Thread:
        limited = flow(self.hold, name="limited", persist_result=False)
        thread = Thread(target=copy_context().run, args=(limited,))
        thread.start()
        return thread

    def hold(self) -> None:
        with slot(self.name, unless=lambda: False), slot(self.name, unless=lambda: False):
            self.order.append("taken")
            self.begun.set()
            assert self.ends.wait(240)
            self.order.append("given back")


@flow(name="idle", persist_result=False)
def assert_is_passed(limit: str) -> None:
    """Somebody who has nothing to do does not wait."""
    with slot(limit, unless=lambda: True):
        pass


def test_a_slot_is_waited_for_and_the_log_says_so(limit):
    """Two never hold the only slot at once; who has nothing to do does not wait; a block within another needs none."""
    order: list[str] = []
    first, second = Holder(limit, order), Holder(limit, order)
    threads = [first.start()]
    assert first.begun.wait(240)
    threads.append(second.start())
    deadline = time.monotonic() + 240
    with get_client(sync_client=True) as client:
        while not any(
            "waiting for one" in line.message and limit in line.message
            for line in client.read_logs(LogFilter(), sort=LogSort.TIMESTAMP_DESC)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert order == ["taken"]
        assert_is_passed(limit)
        for each in (first, second):
            each.ends.set()
        for thread in threads:
            thread.join(240)
        assert order == ["taken", "given back"] * 2
        assert client.read_global_concurrency_limit_by_name(limit).active_slots == 0


def test_the_slot_of_a_run_that_was_cut_off_is_free_at_once(limit, monkeypatch):
    """Found by the run that holds it; those of other runs are left."""
    gone, alive = uuid4(), uuid4()
    with get_client(sync_client=True) as client:
        client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(limit=2))
        loans = {}
        for run in (gone, alive):
            holder = ConcurrencyLeaseHolder(type="flow_run", id=run)
            answer = client.increment_concurrency_slots_with_lease([limit], 1, "concurrency", 60, holder)
            loans[run] = UUID(answer.json()["lease_id"])

        class Loans:
            async def list_holders_for_limit(self, limit_id):
                found = client.read_global_concurrency_limit_by_name(limit)
                held = [(loan, ConcurrencyLeaseHolder(type="flow_run", id=run)) for run, loan in loans.items()]
                return held if limit_id == found.id else []

        monkeypatch.setattr(limits, "get_concurrency_lease_storage", Loans)
        free_slots(client, {gone})
        assert client.read_global_concurrency_limit_by_name(limit).active_slots == 1
        client.release_concurrency_slots_with_lease(loans[alive])
        assert client.read_global_concurrency_limit_by_name(limit).active_slots == 0


@pytest.mark.usefixtures("prefect_server")
def test_a_limit_that_nobody_set_up_holds_nobody_up():
    """In a run or outside of one."""
    order: list[str] = []
    unlimited = Holder("bookcover-nowhere", order)
    unlimited.ends.set()
    unlimited.start().join(240)
    unlimited.hold()
    assert order == ["taken", "given back"] * 2


def test_a_machine_is_called_what_the_environment_says(monkeypatch):
    """BOOKCOVER_MACHINE wins over the host's name."""
    monkeypatch.setenv("BOOKCOVER_MACHINE", "attic")
    assert limits.machine() == "attic"
    assert trainings_on(limits.machine()) == "bookcover-trainings-attic"
    monkeypatch.delenv("BOOKCOVER_MACHINE")
    assert limits.machine()
