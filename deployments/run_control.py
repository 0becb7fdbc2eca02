"""Control of the runs of a `Runner`, for which Prefect has no public way: it can only cancel them all.

`bookcover serve` stops its runs so that they can be taken up again, and says itself what became of them. It begins no
more studies than the machine can bear. All that it needs of Prefect's own is here: `_scheduled_run_poller`,
`_process_manager` and `_control_channel` of a `Runner`.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import Any, Self
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.runner import Runner

WAITING = "Waiting"
"""State of the run of a study that waits for a free place."""

# States whose name says nothing that would be lost.
_PLAIN = {"Scheduled", "Late"}


class StudyRunner(Runner):
    """A runner that has so many studies at work at once, and starts all other runs at once.

    What a study waits for, the trainings among them, takes no place: a study that runs would wait for ever.

    Args:
        studies: The most studies.
        options: Those of a `Runner`.
    """

    def __init__(self, *, studies: int, **options: Any) -> None:
        super().__init__(limit=None, **options)
        self._most = studies
        self.limited: set[UUID] = set()
        """The deployments that run studies."""
        self._at_work: set[UUID] = set()
        """Runs of studies that have a place."""

    async def __aenter__(self) -> Self:
        """Begin: Prefect makes its poller here."""
        await super().__aenter__()
        self._find_scheduled = self._scheduled_run_poller._get_scheduled_flow_runs  # noqa: SLF001 - see above
        self._scheduled_run_poller._get_scheduled_flow_runs = self._find_startable  # type: ignore[method-assign]  # noqa: SLF001
        return self

    async def _find_startable(self) -> list[FlowRun]:
        """The scheduled runs that can begin now; those of studies without a place are told so."""
        # Until its process has ended.
        self._at_work &= self._scheduled_run_poller._submitting_flow_run_ids  # noqa: SLF001 - see above
        startable, waiting = share_places(await self._find_scheduled(), self.limited, self._at_work, self._most)
        for run in waiting:
            told = told_to_wait(run, f"Waits for a free place: {len(self._at_work)} of {self._most} studies run.")
            if told is not None:
                async with get_client() as client:
                    await client.set_flow_run_state(run.id, told, force=True)
        return startable


def share_places(
    runs: Iterable[FlowRun], limited: Collection[UUID], at_work: set[UUID], most: int
) -> tuple[list[FlowRun], list[FlowRun]]:
    """The runs that can begin, and those that wait, the earliest first.

    Args:
        runs: Scheduled runs.
        limited: Deployments whose runs need a place.
        at_work: Runs that have one; those that get one are added.
        most: How many places there are.
    """
    startable, waiting = [], []
    for run in sorted(runs, key=lambda run: str(run.expected_start_time)):
        if run.deployment_id in limited and run.id not in at_work:
            if len(at_work) >= most:
                waiting.append(run)
                continue
            at_work.add(run.id)
        startable.append(run)
    return startable, waiting


def told_to_wait(run: FlowRun, why: str) -> State | None:
    """The state of a scheduled run that waits for a place; None where it says so already."""
    if run.state is None or run.state.message == why:
        return None
    name = WAITING if run.state.name in _PLAIN else run.state.name
    return run.state.model_copy(update={"id": uuid4(), "name": name, "message": why})


def start_no_more(runner: Runner) -> None:
    """Let `runner`, which has been started, start no further runs."""
    runner._scheduled_run_poller.stopping = True  # noqa: SLF001 - `Runner.stop` cancels the runs, too


async def end_runs(runner: Runner, patience: float) -> None:
    """End the processes of all runs, which leave it to the caller to say what became of them.

    Args:
        runner: A runner that was started.
        patience: How long they may take, in seconds. What runs on then is left.
    """
    processes = runner._process_manager  # noqa: SLF001 - nothing public says which there are
    await asyncio.gather(*[_end_run(runner, each) for each in processes.flow_run_ids()])
    for _ in range(round(10 * patience)):
        if not processes.flow_run_ids():
            return
        await asyncio.sleep(0.1)


async def _end_run(runner: Runner, run: UUID) -> None:
    handle = runner._process_manager.get(run)  # noqa: SLF001 - nothing public ends one
    await runner._control_channel.signal(run, "relinquish")  # noqa: SLF001 - else it would say that it crashed
    if handle is not None and handle.is_alive():
        handle.graceful_kill()
