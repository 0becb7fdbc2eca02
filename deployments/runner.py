"""The process that starts the runs of `bookcover serve`, each in a process of its own.

It reads its standard input: first the address of the server's API, for which it waits; then nothing more, until that
input ends, as the command has closed it or is gone. Then it stops. Ctrl-C at a terminal does not reach it, so that the
runs are stopped once, and in order.

It works in an empty folder, and so do the runs until they import `flows`: Prefect looks for packages where it is.

    python -m deployments.runner <id of the command's process> <folder in which the runs work> <most studies at once>
"""

import asyncio
import os
import signal
import sys
from contextvars import copy_context
from functools import partial
from threading import Thread

from deployments.deployment_specs import runs_studies, served_deployments
from deployments.run_control import StudyRunner, end_runs, start_no_more
from deployments.serve_command import READY
from deployments.server import known_api
from flows import RUN_HOME
from flows.heartbeats import HEARTBEAT

# Seconds between two questions whether there are runs to start.
_POLL_INTERVAL = 3

# Seconds that a run has to end after its signal, before its process is killed.
_PATIENCE = 15


async def _serve(runner: StudyRunner, stop: asyncio.Event, ready: int) -> None:
    """Start runs until told to stop, then end those that run."""
    for deployment in await asyncio.to_thread(served_deployments):
        added = await runner.aadd_deployment(deployment)
        if runs_studies(deployment):
            runner.limited.add(added)
    serving = asyncio.create_task(runner.start())
    stopping = asyncio.create_task(stop.wait())
    os.write(ready, READY)
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if runner.started:
        start_no_more(runner)
        await end_runs(runner, _PATIENCE)
    serving.cancel()  # kills what has not ended
    await asyncio.gather(serving, return_exceptions=True)


def main() -> None:
    """Start runs on the server whose address comes first, until the standard input ends."""
    ready = os.dup(1)
    os.dup2(2, 1)  # what anything else prints is no part of the conversation
    os.environ[RUN_HOME] = sys.argv[2]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    address = sys.stdin.readline().strip()
    if address:
        with known_api(address):
            _run(ready)


def _run(ready: int) -> None:
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    runner = StudyRunner(
        name="bookcover",
        studies=int(sys.argv[3]),
        pause_on_shutdown=False,
        query_seconds=_POLL_INTERVAL,
        heartbeat_seconds=HEARTBEAT,
    )
    # In a thread, as it would take signals for itself in this one.
    serve = partial(copy_context().run, loop.run_until_complete, _serve(runner, stop, ready))
    serving = Thread(target=serve, name="runner")
    serving.start()

    def wait_for_the_command() -> None:
        os.read(0, 1)
        if os.getppid() != int(sys.argv[1]):  # its server is gone too: nobody is left to hear of an orderly end
            os.killpg(os.getpgrp(), signal.SIGKILL)
        loop.call_soon_threadsafe(stop.set)

    Thread(target=wait_for_the_command, name="command", daemon=True).start()
    serving.join()


if __name__ == "__main__":
    main()
