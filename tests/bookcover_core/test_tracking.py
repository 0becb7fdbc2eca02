"""Systems are recorded in other tools once, with everything that a person compares by, and never at a study's cost."""

import logging
import socket
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.evaluation.scores import evaluate, read_scores
from bookcover_core.families.systems import systems
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.study import Study
from bookcover_core.preflight import _check_tracking
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings
from bookcover_core.tracking import record
from tests.bookcover_core.report.specimen import Specimen, make_study

SMALL = Specimen(genres=("Law", "Travel", "Romance"), backbones=("MobileNetV2",), test_per_genre=8)
MODEL = "MobileNetV2-padded"
PART = Part(evaluate, ("MobileNetV2",))


@pytest.fixture
def study(tmp_path: Path):
    return make_study(tmp_path, SMALL)


def recording(study: Study, **where) -> Study:
    """The same study, whose settings ask for a record."""
    tracking = study.settings.tracking.model_copy(update=where)
    return Study(study.settings.model_copy(update={"tracking": tracking}))


def test_a_system_is_one_run_of_mlflow(study, tmp_path: Path):
    """Parameters, metrics of every epoch and of the test books, tags, figures, the model's files; told once."""
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    told = recording(study, mlflow=str(tmp_path / "mlruns"))
    manifest = study.manifest(f"train/{MODEL}")
    settings = {"head": {"dropout": 0.5}, "training.epochs": 40}
    changed = manifest.model_copy(update={"settings": settings}).model_dump_json()
    study.manifest_file(f"train/{MODEL}").write_text(changed, "utf-8")
    for _ in range(2):
        record(told, PART)
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name(study.settings.name)
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == MODEL
    assert run.info.status == "FINISHED"
    assert run.info.start_time <= run.info.end_time
    scores = read_scores(study.workspace.evaluation / MODEL / "metrics.json")
    assert run.data.metrics["test_accuracy"] == pytest.approx(scores.accuracy.value)
    assert run.data.metrics["test_accuracy_low"] == pytest.approx(scores.accuracy.low)
    assert run.data.params == {"head.dropout": "0.5", "training.epochs": "40"}
    assert run.data.tags["bookcover.system"] == "MobileNetV2"
    history = (study.workspace.models / MODEL / "history.csv").read_text("utf-8").splitlines()
    curve = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [each.step for each in curve] == [int(line.split(",")[0]) for line in history[1:]]
    assert [each.timestamp for each in curve] == sorted(each.timestamp for each in curve)
    figures = {each.path for each in client.list_artifacts(run.info.run_id, "figures")}
    assert figures == {"figures/confusion.png", "figures/training.png"}
    assert "evaluate/metrics.json" in {each.path for each in client.list_artifacts(run.info.run_id, "evaluate")}
    assert {f"train/{Path(each.path).name}" for each in manifest.outputs} == {
        each.path for each in client.list_artifacts(run.info.run_id, "train")
    }


def test_a_run_that_breaks_off_does_not_stay_running(study, tmp_path: Path, monkeypatch, caplog):
    """It has failed; one whose process was killed is ended by the next, which tells everything anew."""
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    told, whole = recording(study, mlflow=str(tmp_path / "mlruns")), mlflow.MlflowClient.log_figure

    def statuses() -> list[str]:
        client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
        [runs] = [client.search_runs([client.get_experiment_by_name(study.settings.name).experiment_id])]
        return sorted(run.info.status for run in runs)

    def breaks_off(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(mlflow.MlflowClient, "log_figure", breaks_off)
    record(told, PART)
    assert statuses() == ["FAILED"]
    assert "is not recorded with MLflow: the disk is full" in caplog.text
    with monkeypatch.context() as killed:
        killed.setattr(mlflow.MlflowClient, "set_terminated", lambda *_: None)
        record(told, PART)
    assert statuses() == ["FAILED", "RUNNING"]
    monkeypatch.setattr(mlflow.MlflowClient, "log_figure", whole)
    record(told, PART)
    record(told, PART)
    assert statuses() == ["FAILED", "FINISHED", "KILLED"]


def test_every_kind_of_system_can_be_recorded(tmp_path: Path, caplog):
    """Ensembles have no epochs."""
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    wanted = replace(SMALL, backbones=("MobileNetV2", "ResNeXt50"))
    study = make_study(tmp_path, wanted, ensemble={"methods": ["mean"]})
    told = recording(study, mlflow=str(tmp_path / "mlruns"), tensorboard=True)
    evaluated = [each.name for each in systems(study.settings) if Part(evaluate, (each.name,)).is_sound(study)]
    assert len(evaluated) > 2
    for name in evaluated:
        record(told, Part(evaluate, (name,)))
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    runs = client.search_runs([client.get_experiment_by_name(study.settings.name).experiment_id])
    assert {each.data.tags["bookcover.system"] for each in runs} == {*evaluated}


@pytest.mark.parametrize("answer", ["closed", "silent"])
def test_a_tracker_that_does_not_answer_is_told_in_one_line(study, answer: str, caplog, monkeypatch):
    """Whether it refuses the connection or never says a word."""
    pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as host:
        host.bind(("127.0.0.1", 0))
        if answer == "silent":
            host.listen()
        record(recording(study, mlflow=f"http://127.0.0.1:{host.getsockname()[1]}"), PART)
    [line] = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert "MobileNetV2 is not recorded with MLflow" in line
    assert "\n" not in line


def test_events_hold_every_epoch(study):
    """As TensorBoard's own reader has them."""
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    from tensorboard.compat.proto.event_pb2 import Event

    told = recording(study, tensorboard=True)
    for _ in range(2):
        record(told, PART)
    [file] = (study.workspace.root / "tensorboard" / MODEL).iterdir()
    content, events, place = file.read_bytes(), [], 0
    while place < len(content):  # length, its checksum, the event, its checksum
        [length] = struct.unpack_from("<Q", content, place)
        events.append(Event.FromString(content[place + 12 : place + 12 + length]))
        place += length + 16
    assert events[0].file_version == "brain.Event:2"
    seen = {(value.tag, event.step): value.simple_value for event in events[1:] for value in event.summary.value}
    history = (study.workspace.models / MODEL / "history.csv").read_text("utf-8").splitlines()
    assert sum(tag == "val_loss" for tag, _ in seen) == len(history) - 1
    scores = read_scores(study.workspace.evaluation / MODEL / "metrics.json")
    assert seen["test_accuracy", 0] == pytest.approx(scores.accuracy.value)


def test_nothing_is_recorded_unasked_and_no_result_depends_on_it(study, tmp_path: Path):
    """No folder is made; and a study whose systems are to be recorded has nothing to do again."""
    before = {*tmp_path.rglob("*")}
    record(study, PART)
    assert {*tmp_path.rglob("*")} == before
    assert PART.is_sound(recording(study, mlflow="somewhere", tensorboard=True))


@pytest.mark.parametrize("tool", ["mlflow", "tensorboard"])
def test_a_missing_extra_is_told_before_any_work(tool: str, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setattr("bookcover_core.preflight.find_spec", lambda _: None)
    settings = StudySettings.model_validate({"tracking": {"mlflow": "here" if tool == "mlflow" else ""}})
    if tool == "tensorboard":
        settings = StudySettings.model_validate({"tracking": {"tensorboard": True}})
    with pytest.raises(SettingsError, match=rf"{tool} is not installed.*bookcover\[{tool}\]"):
        _check_tracking(settings)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("mlruns", "{}/mlruns"),
        ("sqlite:///ml flow.db", "sqlite:///{}/ml flow.db"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_a_folder_or_database_of_records_lies_beside_the_settings_file(tmp_path: Path, given: str, found: str):
    """As other folders do; an address of a server stays as it is."""
    (tmp_path / "a.toml").write_text(f'[tracking]\nmlflow = "{given}"\n', "utf-8")
    assert load_settings(tmp_path / "a.toml").tracking.mlflow == found.format(tmp_path)


def test_files_of_records_lie_beside_their_database(study, tmp_path: Path, monkeypatch):
    """Never in the folder that a command happens to be typed in."""
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path}/kept/ml flow.db"
    (tmp_path / "kept").mkdir()
    told = recording(study, mlflow=address)
    record(told, PART)
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name(told.settings.name)
    [run] = client.search_runs([experiment.experiment_id])
    assert client.list_artifacts(run.info.run_id)
    assert sorted(each.name for each in tmp_path.iterdir() if each.name in {"kept", "mlruns"}) == ["kept"]
