"""A worker for tests, which runs flows in threads of one process: `python -m tests.deployments.quick_worker FOLDER`.

Runs begin at once, and TensorFlow is imported once. It leaves weights for the tiny networks in FOLDER, and takes the
code of the modules that FOLDER/changed.txt names for changed.
"""

import logging
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import prefect.flow_engine
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import FlowRunEngine, run_flow
from prefect.states import Pending

from bookcover_core.pipeline import stage_process
from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.stage import Stage

FOLDER = Path(sys.argv[1]) if __name__ == "__main__" else Path()
WEIGHTS = "spare.weights.h5"
CHANGED = "changed.txt"

# Seconds between two signs of life of a run that came from a deployment; the tests listen for ten.
HEARTBEAT = 3


def heartbeat(engine: FlowRunEngine) -> int | None:
    """None for a run within another: the end of each run that gives signs of life waits for a second."""
    return HEARTBEAT if engine.flow_run is not None and engine.flow_run.deployment_id is not None else None


def digests(symbol: str) -> dict[str, str]:
    """The digests of code, some of which may count as changed."""
    named = FOLDER / CHANGED
    changed = named.read_text().split() if named.exists() else []
    return {module: digest + "changed" * (module in changed) for module, digest in code_of(symbol).items()}


def leave_weights() -> None:
    """Import TensorFlow while there is time, and leave weights of one of the tiny networks."""
    from bookcover_core.models.backbones import find_backbone

    model = find_backbone("Small").build()
    model.save_weights(FOLDER / f"new-{WEIGHTS}")
    (FOLDER / f"new-{WEIGHTS}").rename(FOLDER / WEIGHTS)


def save_nothing(_figure, buffer, **options) -> None:
    buffer.write(b"<svg/>" if options["format"] == "svg" else b"")


def work() -> None:
    """Take up runs for ever."""
    from flows.study import continue_study
    from flows.training import train_backbone

    flows = {flow.name: flow for flow in (continue_study, train_backbone)}
    waiting = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"is_null_": False}}
    )
    with get_client(sync_client=True) as client:
        names = {client.read_flow_by_name(name).id: name for name in flows}
        while True:
            for run in client.read_flow_runs(flow_run_filter=waiting):
                due = run.next_scheduled_start_time
                if run.flow_id in names and not run.auto_scheduled and (due is None or due <= datetime.now(UTC)):
                    client.set_flow_run_state(run.id, Pending())
                    taken = client.read_flow_run(run.id)
                    threading.Thread(target=execute, args=(flows[names[run.flow_id]], taken), daemon=True).start()
            time.sleep(1)


def execute(flow, run: FlowRun) -> None:
    run_flow(flow, flow_run=run, return_type="state")


def main() -> None:
    from matplotlib.figure import Figure

    from tests.bookcover_core.inference.trained import add_networks

    patch = pytest.MonkeyPatch()
    add_networks(patch)
    patch.setattr(Stage, "code", property(lambda self: digests(f"{self.function.__module__}:{self.function.__name__}")))
    patch.setattr(stage_process, "run_apart", lambda study, stage, *words, **_: stage(study, *words))
    patch.setattr(Figure, "savefig", save_nothing)  # seconds for each report
    patch.setattr(prefect.flow_engine, "MINIMUM_HEARTBEAT_INTERVAL", HEARTBEAT)
    patch.setattr(FlowRunEngine, "heartbeat_seconds", property(heartbeat))
    logging.getLogger("bookcover_core").setLevel(logging.INFO)
    threading.Thread(target=leave_weights, daemon=True).start()
    work()


if __name__ == "__main__":
    main()
