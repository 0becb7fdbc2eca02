"""Control of the runs of a `Runner`, for which Prefect has no public way: it can only cancel them all.

`bookcover serve` stops its runs so that they can be taken up again, and says itself what became of them. All that it
needs of Prefect's own is here: `_scheduled_run_poller`, `_process_manager` and `_control_channel` of a `Runner`.
"""

import asyncio
from uuid import UUID

from prefect.runner import Runner


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
