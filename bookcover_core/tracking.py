"""Systems recorded in the tools that people compare experiments in: MLflow, and event files that TensorBoard reads.

What a study keeps stays the truth; this is a copy of it, made when a system has been evaluated. A tracker that does
not answer is told of in one line, never stops a study, and gets what it missed with the next run.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from bookcover_core.evaluation.scores import read_scores
from bookcover_core.families.systems import find_system
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_bytes
from bookcover_core.training.history import read_curve
from bookcover_core.version import __version__

logger = logging.getLogger(__name__)

# What MLflow is told, where the environment says nothing else: a study waits for no tracker, prints no address beside
# its progress, and tells nobody that it is run.
_MLFLOW = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

_LONGEST = 6000  # characters of a parameter that MLflow takes


def record(study: Study, part: Part) -> None:
    """Record the system that `part` evaluated, where the settings ask for it; nothing where it did something else."""
    tracking = study.settings.tracking
    if part.stage.name != "evaluate" or not (tracking.mlflow or tracking.tensorboard):
        return
    tools = (("TensorBoard", tracking.tensorboard, _write_events), ("MLflow", tracking.mlflow, _send))
    for name, is_on, tell in tools:
        try:
            if is_on:
                tell(study, _Recorded(study, *part.words))
        except Exception as error:  # noqa: BLE001 - whatever a tracker does, the study goes on
            reason = str(error).partition("\n")[0] or type(error).__name__
            logger.warning("%s is not recorded with %s: %s", part.words[0], name, reason)


class _Recorded:
    """What is told of a system."""

    def __init__(self, study: Study, name: str) -> None:
        system = find_system(study.settings, name)
        self.model, workspace = system.model(study), study.workspace
        self.maker, self.evaluation = (study.manifest(each) for each in (system.label(study), f"evaluate/{self.model}"))
        self.scores = read_scores(workspace.evaluation / self.model / "metrics.json")
        history = workspace.models / self.model / "history.csv"
        self.curve = read_curve(history) if history.is_file() else None

    @property
    def metrics(self) -> dict[str, float]:
        """Its scores on the test books, each with its interval, and what its making counted."""
        found = {name: float(value) for name, value in self.maker.counts.items() if isinstance(value, int | float)}
        for name, estimate in self.scores.totals.items():
            found[f"test_{name}"] = estimate.value
            found[f"test_{name}_low"], found[f"test_{name}_high"] = estimate.ends
        return found

    def epochs(self) -> Iterator[tuple[int, dict[str, float]]]:
        """The metrics of each epoch of its training, if it was trained in epochs."""
        if self.curve:
            names = ("loss", "accuracy", "val_loss", "val_accuracy")
            for row, epoch in enumerate(self.curve.epochs):
                yield epoch, {name: getattr(self.curve, name)[row] for name in names}

    def time(self, epoch: int) -> float:
        """When an epoch ended, in seconds since 1970, as far as the time that all took tells."""
        last = self.curve.epochs[-1] if self.curve else epoch
        return self.maker.finished.timestamp() - self.maker.seconds * (1 - epoch / max(last, 1))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested settings."""
    if not isinstance(value, dict):
        yield name, value
        return
    for step, each in value.items():
        yield from _flat(each, f"{name}.{step}".strip("."))


def _send(study: Study, system: _Recorded) -> None:
    """Record a system as a run of MLflow, once: parameters, metrics by epoch and at the end, figures, files, tags."""
    address = study.settings.tracking.mlflow
    for name, value in _MLFLOW.items():
        os.environ.setdefault(name, value)
    if "://" not in address:
        address = Path(address).expanduser().resolve().as_uri()
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # else it asks for a database
    from mlflow import MlflowClient  # noqa: PLC0415 - an extra

    client, name = MlflowClient(address), study.settings.name
    found = client.get_experiment_by_name(name)
    _, is_database, file = address.rpartition("sqlite:///")
    # Beside a database: MLflow would put pictures and tables into the current folder.
    files = (Path(file).resolve().parent / "mlruns" / name).as_uri() if is_database else None
    experiment = found.experiment_id if found else client.create_experiment(name, files)
    tags = {
        "bookcover.key": system.evaluation.key,
        "bookcover.version": __version__,
        "bookcover.study": str(study.workspace.root),
        "bookcover.system": system.scores.backbone,
        "bookcover.preparation": system.scores.preparation,
        "bookcover.made_by": system.maker.stage,
    }
    same = f"tags.`bookcover.key` = '{system.evaluation.key}'"
    if client.search_runs([experiment], f"{same} and attributes.status = 'FINISHED'", max_results=1):
        return
    for broken in client.search_runs([experiment], f"{same} and attributes.status = 'RUNNING'"):
        client.set_terminated(broken.info.run_id, "KILLED")  # the process that told of it was
    started = round(1000 * system.time(0))
    run = client.create_run(experiment, started, tags, system.model).info.run_id
    try:
        _fill(client, run, study, system)
    except BaseException:
        with suppress(Exception):  # a tracker that went away hears of it with the next run
            client.set_terminated(run, "FAILED")
        raise
    client.set_terminated(run, end_time=round(1000 * system.evaluation.finished.timestamp()))
    logger.info("%s is recorded with MLflow", system.model)


def _fill(client: Any, run: str, study: Study, system: _Recorded) -> None:
    """Tell a client of MLflow all that there is to a run."""
    from mlflow.entities import Metric, Param  # noqa: PLC0415 - an extra

    from bookcover_core.visualisation.analysis_figures import confusion_heat_map  # noqa: PLC0415 - imports Matplotlib
    from bookcover_core.visualisation.line_charts import training_curves  # noqa: PLC0415 - imports Matplotlib

    told = [(values, system.time(epoch), epoch) for epoch, values in system.epochs()]
    told.append((system.metrics, system.evaluation.finished.timestamp(), 0))
    metrics = [
        Metric(name, value, round(1000 * time), epoch) for values, time, epoch in told for name, value in values.items()
    ]
    parameters = [Param(name, str(value)[:_LONGEST]) for name, value in _flat(system.maker.settings)]
    for first in range(0, max(len(metrics), len(parameters)), 100):  # as many as a request may hold
        batch = slice(first, first + 100)
        client.log_batch(run, metrics[batch], parameters[batch])
    for manifest in (system.maker, system.evaluation):
        for output in manifest.outputs:
            client.log_artifact(run, str(study.workspace.root / output.path), manifest.stage)
    client.log_figure(run, confusion_heat_map(system.scores), "figures/confusion.png")
    if system.curve:
        client.log_figure(run, training_curves({system.scores.title: system.curve}), "figures/training.png")


def _write_events(study: Study, system: _Recorded) -> None:
    """Write tensorboard/<model>/, the events of one system: the metrics of every epoch, and of its evaluation."""
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415 - an extra
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415 - an extra
    from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415 - an extra

    content = BytesIO()
    writer = RecordWriter(content)
    writer.write(Event(wall_time=system.time(0), file_version="brain.Event:2").SerializeToString())
    for epoch, values in (*system.epochs(), (0, system.metrics)):
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        writer.write(Event(wall_time=system.time(epoch), step=epoch, summary=summary).SerializeToString())
    write_bytes(
        study.workspace.root / "tensorboard" / system.model / "events.out.tfevents.0.bookcover", content.getvalue()
    )
