"""Tests of studies on a real server: trainings of their own, caching, crashes, and setting the server up."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import FlowRunFilter, LogFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Crashed, Running, Scheduled

from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings
from deployments import automations, deployment_specs, setup_command
from deployments.home_server import used_server
from deployments.server import RUN_ENVIRONMENT
from tasks.limits import DOWNLOADS
from tests.begun import begun
from tests.bookcover_core.inference.trained import GENRES, draw
from tests.deployments.quick_worker import CHANGED, WEIGHTS
from tests.installed import folder_of_somebody_else

pytestmark = pytest.mark.slow

STUDY, TRAINING, DOWNLOAD = (
    "continue-study/continue-study",
    "train-backbone/train-backbone",
    "download-covers/download-covers",
)
BOOKS = 10


@dataclass
class Place:
    """A server that was set up, and a folder beside it."""

    client: SyncPrefectClient
    folder: Path
    environment: dict[str, str]
    said: list[str]
    """What setting it up said."""

    def worker(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "tests.deployments.quick_worker", str(self.folder)]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def start(self, settings: StudySettings, deployment_name: str = STUDY, **others: Any) -> UUID:
        deployment = self.client.read_deployment_by_name(deployment_name)
        parameters = {"study": begun(settings), **others}
        return self.client.create_flow_run_from_deployment(deployment.id, parameters=parameters).id

    def retry(self, run: UUID, message: str = "Retry from the UI", at: datetime | None = None) -> None:
        """What the dashboard's button does, or an automation."""
        state = Scheduled(scheduled_time=at).model_copy(update={"name": "AwaitingRetry", "message": message})
        self.client.set_flow_run_state(run, state)

    def wait(self, run: UUID, *names: str) -> State:
        """The state of a run, when it is one of these."""
        return until(lambda: (state := self.client.read_flow_run(run).state) and state.name in names and state)

    def runs_in(self, run: UUID) -> list[FlowRun]:
        within = FlowRunFilter.model_validate({"parent_flow_run_id": {"any_": [run]}})
        return self.client.read_flow_runs(flow_run_filter=within)

    def trainings(self, run: UUID) -> dict[str, FlowRun]:
        """The trainings of a study, by network; no network has two."""
        runs = [each for each in self.runs_in(run) if each.deployment_id is not None]
        found = {each.parameters["backbone"]: each for each in runs}
        assert len(found) == len(runs)
        return found

    def tasks(self, run: UUID) -> dict[str, str]:
        """State of each task of a study and of the runs within it, by name, as far as the server knows it yet."""
        within = [run, *(each.id for each in self.runs_in(run))]
        found = self.client.read_task_runs(flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": within}}))
        known = [(task.name, task.state) for task in found if task.state is not None]
        return {name: state.name for name, state in known if not state.state_details.child_flow_run_id}

    def log(self, run: UUID) -> str:
        logs = LogFilter.model_validate({"flow_run_id": {"any_": [run]}, "level": {"ge_": 20}})
        return "\n".join(f"{line.name}: {line.message}" for line in self.client.read_logs(logs))

    def tell(self, event: str, run: UUID, deployment: UUID) -> FlowRun:
        """Tell the server of an event of a run, as its process would; the run, a moment later."""
        related = [
            {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.bookcover"},
            {"prefect.resource.role": "deployment", "prefect.resource.id": f"prefect.deployment.{deployment}"},
        ]
        told = {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": f"prefect.flow-run.{event}",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
            "related": related,
        }
        answer = httpx.post(f"{self.environment['PREFECT_API_URL']}/events", json=[told])
        assert answer.is_success, answer.text
        time.sleep(0.5)
        return self.client.read_flow_run(run)


def until(look: Callable[[], Any], seconds: float = 280) -> Any:
    """What `look` sees, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(1)
    return seen


@pytest.fixture(scope="module")
def place(tmp_path_factory, empty_database) -> Iterator[Place]:
    """The project's own server, with all of Prefect's services, set up with three of the deployments."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder)
    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_HOME: folder}):
        patch.setenv("PREFECT_HOME", str(folder))
        names = {name.partition("/")[0] for name in (STUDY, TRAINING, DOWNLOAD)}
        few = tuple(each for each in deployment_specs.DEPLOYMENTS if each.name in names)
        patch.setattr(deployment_specs, "DEPLOYMENTS", few)
        with used_server(folder, 0) as server:
            api = f"{server.address}/api"
            environment = (
                os.environ | RUN_ENVIRONMENT | {"PREFECT_API_URL": api, "PYTHONPATH": str(Path(__file__).parents[2])}
            )
            with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
                place = Place(client, folder, environment, list(setup_command.set_up()))
                # The form offers no networks but those that there are; the tests have tiny ones of their own.
                training = client.read_deployment_by_name(TRAINING)
                client.update_deployment(training.id, DeploymentUpdate(enforce_parameter_schema=False))
                yield place


@pytest.fixture(scope="module")
def worker(place) -> Iterator[subprocess.Popen]:
    with_tensorflow = place.worker()
    try:
        until((place.folder / WEIGHTS).exists)
        yield with_tensorflow
    finally:
        with_tensorflow.kill()
        with_tensorflow.wait()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for genre, colour in GENRES.items():
        (folder / genre).mkdir()
        for number in range(BOOKS):
            draw(colour, number).save(folder / genre / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def settings(place, pictures) -> StudySettings:
    """A study of two tiny networks; what the settings call the weights of one is none."""
    (place.folder / "small.weights.h5").write_bytes(b"no weights")
    return StudySettings.model_validate(
        {
            "name": "served",
            "workspace": str(place.folder / "studies"),
            "books": {"source": "folder", "folder": str(pictures)},
            "splits": {"test_share": 0.3, "validation_share": 0.3},
            "preparation": {"methods": ["padded"], "size": 32},
            "models": {"weights": "random", "weight_files": {"Small": str(place.folder / "small.weights.h5")}},
            "training": {"backbones": ["Small", "Tiny"], "preparation": "padded", "epochs": 3},
            "scratch": {"lenet_steps": 60, "batch_size": 8, "learning_rate": 0.00001, "patience": 1000},
            "evaluation": {"resamples": 100},
            "baselines": {"names": []},
            "visualisation": {"genres": 0, "grad_cam": 0, "model": "Tiny"},
        }
    )


def finished(settings: StudySettings) -> dict[str, datetime]:
    """When each stage of a study was finished."""
    study = Study(settings)
    files = study.workspace.manifests.rglob("*.json")
    labels = [file.relative_to(study.workspace.manifests).with_suffix("").as_posix() for file in files]
    return {label: study.manifest(label).finished for label in labels}


def test_a_worker_takes_no_package_of_its_folder_for_one_of_ours(place, settings, tmp_path, monkeypatch):
    """Its runs work in the folder in which it was started, and look for code elsewhere."""
    here = folder_of_somebody_else(tmp_path / "here")
    monkeypatch.chdir(here)
    there = settings.model_copy(update={"name": "elsewhere", "workspace": "studies"})
    read_listings(Study(there))
    run = place.start(there, DOWNLOAD)
    once = ["--run-once", "--install-policy", "never", "--no-create-pool-if-not-found"]
    worked = subprocess.run(
        [Path(sys.executable).parent / "prefect", "worker", "start", "--type", "process", "--pool", "bookcover", *once],
        env={name: value for name, value in place.environment.items() if name != "PYTHONSAFEPATH"} | {"PWD": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert place.wait(run, "Completed", "Failed", "Crashed").name == "Completed", worked.stdout + worked.stderr
    assert list((here / "studies" / "elsewhere" / "covers").rglob("*.png"))


@pytest.mark.usefixtures("worker")
def test_a_training_that_failed_is_retried_alone_and_the_study_repeats_nothing(place, settings):
    """Its siblings finish, the study reports them and says what to do; Retry on both finishes it."""
    run = place.start(settings)
    ended = place.wait(run, "Completed", "Failed", "Crashed")
    failed = place.trainings(run)["Small"]
    assert ended.name == "Failed"
    assert "Small could not be trained: " in ended.message
    assert "small.weights.h5: these are not weights of Small" in ended.message
    assert f"/runs/flow-run/{failed.id}" in ended.message
    assert "choose Retry in the menu of that training's run, then in the study's" in ended.message
    assert {name: each.state.name for name, each in place.trainings(run).items()} == {
        "Small": "Failed",
        "Tiny": "Completed",
    }
    until(lambda: "Finished in state Failed" in place.log(run))
    assert "Traceback" not in place.log(run)
    tiny = place.trainings(run)["Tiny"].id
    until(lambda: "bookcover_core.training.loop: train/Tiny-padded: epoch 3 of 3" in place.log(tiny))
    before = finished(settings)
    assert {"evaluate/Tiny-padded", "report"} <= set(before)

    shutil.copyfile(place.folder / WEIGHTS, place.folder / "small.weights.h5")
    place.retry(failed.id)
    assert place.wait(failed.id, "Completed", "Failed").name == "Completed"
    place.retry(run)
    assert place.wait(run, "Completed", "Failed").name == "Completed"
    assert set(place.trainings(run)) == {"Small", "Tiny"}
    after = finished(settings)
    assert {label for label in before if after[label] != before[label]} == {"analyse", "report"}
    until(lambda: "Tiny is trained already" in place.log(run))


# What a study does, whatever its networks; `Place.tasks` tells of a task only when the server has heard of it.
CHECK = "check what the study needs"
TASKS = {
    CHECK,
    "read the listings",
    "download chunk 1",
    "find box sets by title",
    "hash the covers of chunk 1",
    "find covers that look the same",
    "replace unusable books",
    "split into training, validation and test",
    "prepare shard 1",
    "analyse colour, shape, overlap and agreement",
    "write the report",
}


def done_again(place: Place, settings: StudySettings) -> set[str]:
    """Names of the tasks whose work a study did, when it is run once more; all others ended `Cached`."""
    run = place.start(settings)
    assert place.wait(run, "Completed", "Failed").name == "Completed"
    trained = set(place.trainings(run))
    expected = TASKS | {f"evaluate {name}" for name in settings.training.backbones}
    expected |= {task for name in trained for task in (f"features of {name} on padded", f"train {name}")}
    states = until(
        lambda: expected <= set(seen := place.tasks(run)) and set(seen.values()) <= {"Cached", "Completed"} and seen
    )
    assert set(states) == expected
    return {name for name, state in states.items() if state == "Completed" and name != CHECK} | trained


@pytest.mark.usefixtures("worker")
def test_only_what_changed_is_done_again(place, settings):
    """A setting, an output, the code of a stage: what depends on it is done, and all other tasks are cached."""
    evaluation = settings.evaluation.model_copy(update={"resamples": 120})
    min(settings.root.glob("prepared/padded/*/*.jpg")).unlink()
    (settings.root / "models" / "Tiny-padded" / "history.csv").write_text("")  # the store's, too: it is one file
    (place.folder / CHANGED).write_text("bookcover_core.curation.splits")
    remade = {"prepare shard 1", "split into training, validation and test", "train Tiny", "write the report"}
    remade |= {"analyse colour, shape, overlap and agreement", "Tiny"}
    assert done_again(place, settings.model_copy(update={"evaluation": evaluation})) == remade


@pytest.mark.usefixtures("worker")
def test_a_network_is_trained_again_with_other_parameters(place, settings):
    """Its own form trains it alone, with a changed setting that the study keeps; the study's next run takes it so."""
    few = settings.training.model_copy(update={"backbones": ("Tiny",), "epochs": 2})
    looks = settings.visualisation.model_copy(update={"model": "Tiny"})
    other = settings.model_copy(update={"name": "again", "training": few, "visualisation": looks})
    assert place.wait(place.start(other), "Completed", "Failed").name == "Completed"
    first = finished(other)

    longer = other.model_copy(update={"training": few.model_copy(update={"epochs": 4})})
    run = place.start(other, TRAINING, backbone="Tiny", changes=["training.epochs=4"])
    assert place.wait(run, "Completed", "Failed").name == "Completed"
    again = finished(longer)
    assert {label for label in first if again[label] != first[label]} == {"train/Tiny-padded"}
    until(lambda: "epoch 4 of 4" in place.log(run))
    assert load_settings(other.root) == longer
    assert "train Tiny" not in done_again(place, longer)


@pytest.mark.usefixtures("worker")
def test_a_study_waits_for_a_training_that_crashed_just_now(place, settings):
    """It may be taken up again: a second one beside it would write the same files."""
    few = settings.training.model_copy(update={"backbones": ("Tiny",)})
    other = settings.model_copy(update={"name": "crashed", "training": few})
    deployment = place.client.read_deployment_by_name(TRAINING)
    parameters = {"study": begun(other), "backbone": "Tiny"}
    training = place.client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=Running()).id
    run = place.start(other)
    until(lambda: place.tasks(run).get("split into training, validation and test"))
    place.client.set_flow_run_state(training, Crashed())
    until(lambda: "The training of Tiny is under way" in place.log(run))
    place.retry(training, automations.TAKEN_UP)
    assert place.wait(run, "Completed", "Failed").name == "Completed"
    assert place.trainings(run) == {}
    assert place.client.read_flow_run(training).state.name == "Completed"


def test_a_killed_study_is_taken_up_by_another_worker(place, settings, worker, monkeypatch):
    """After kill -9 of worker, study and training, both go on, in the same runs; the training after its last epoch."""
    monkeypatch.setattr(automations, "_SILENCE", timedelta(seconds=20))
    monkeypatch.setattr(automations, "_DOUBT", timedelta(seconds=10))
    automations.set_up_automations(place.client)
    lenet = settings.training.model_copy(update={"backbones": ("LeNet",)})
    looks = settings.visualisation.model_copy(update={"model": "LeNet"})
    wanted = settings.model_copy(update={"name": "killed", "training": lenet, "visualisation": looks})
    run = place.start(wanted)
    training = until(lambda: place.trainings(run).get("LeNet"))
    until(lambda: "epoch 4 of" in place.log(training.id))
    worker.kill()
    another = place.worker()
    try:
        assert place.wait(training.id, "Completed", "Failed").name == "Completed"
        assert place.wait(run, "Completed", "Failed").name == "Completed"
    finally:
        another.kill()
        another.wait()
        monkeypatch.undo()
        automations.set_up_automations(place.client)
    assert [each.id for each in place.trainings(run).values()] == [training.id]
    until(lambda: "scratch/LeNet-padded: going on after epoch" in place.log(training.id))
    assert place.log(training.id).count("epoch 1 of") == 1
    states = [state for each in (run, training.id) for state in place.client.read_flow_run_states(each)]
    assert sum(state.type is StateType.CRASHED for state in states) == 2
    assert {state.message for state in states if state.name == "AwaitingRetry"} == {automations.TAKEN_UP}
    assert sum(state.type is StateType.PENDING for state in states) == 4
    assert len(read_table(wanted.root / "models" / "LeNet-padded" / "history.csv"))


def test_setting_up_again_changes_only_what_is_said(place):
    """The second time everything stands; what a person switched or chose in between stays, unless a value is given."""
    assert sum(line.endswith(": made") for line in place.said) >= 3 + len(automations.automations())
    nightly = place.client.read_deployment_by_name(DOWNLOAD)
    schedule = nightly.schedules[0]
    assert not schedule.active
    place.client.update_deployment_schedule(nightly.id, schedule.id, active=True)
    started = place.client.read_automations_by_name(automations.automations()[3].name)[0]
    place.client.pause_automation(started.id)
    said = list(setup_command.set_up(downloads=4))
    assert f"limit {DOWNLOADS}: changed from 1 to 4 at once" in said
    assert not any(line.endswith(": made") for line in said)
    assert sum("changed" in line for line in said) == 1
    assert [each.active for each in place.client.read_deployment_by_name(DOWNLOAD).schedules] == [True]
    assert [each.enabled for each in place.client.read_automations_by_name(started.name)] == [False]
    assert f"limit {DOWNLOADS}: stands, 4 at once" in list(setup_command.set_up_limits(place.client))


def test_a_schedule_that_is_switched_on_brings_runs(place):
    """Once switched on, the server plans nights to come, each of which takes the next chunk."""
    nightly = place.client.read_deployment_by_name(DOWNLOAD)
    place.client.update_deployment_schedule(nightly.id, nightly.schedules[0].id, active=True)
    planned = FlowRunFilter.model_validate(
        {"deployment_id": {"any_": [nightly.id]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
    )
    runs = until(lambda: place.client.read_flow_runs(flow_run_filter=planned))
    assert all(run.auto_scheduled and run.parameters["chunks"] == "next" for run in runs)


def test_a_run_whose_process_dies_three_times_is_given_up(place, settings):
    """It fails, and says why. One that crashed, but gives a sign of life, is Running after all, however often."""
    deployment = place.client.read_deployment_by_name(TRAINING)
    parameters = {"study": begun(settings)}
    dying, living = (
        place.client.create_flow_run_from_deployment(deployment.id, parameters=parameters, state=Running()).id
        for _ in range(2)
    )
    for _ in range(3):
        place.client.set_flow_run_state(living, Crashed(), force=True)
        until(lambda: place.tell("heartbeat", living, deployment.id).state.name == "Running", 120)
        assert place.client.read_flow_run(living).state.message == "It is alive after all."

    def die() -> None:
        place.client.set_flow_run_state(dying, Running(), force=True)
        place.client.set_flow_run_state(dying, Crashed(), force=True)
        place.retry(dying, automations.TAKEN_UP, at=datetime.now(UTC) + timedelta(days=1))
        time.sleep(2)  # real crashes are minutes apart

    def given_up() -> bool:
        return place.client.read_flow_run(dying).state.message == automations.GIVEN_UP

    for _ in range(2):  # the second time after a person's Retry, which gives it all three lives again
        for _ in range(2):
            die()
            assert not given_up()
        die()
        until(given_up, 120)
        place.retry(dying, at=datetime.now(UTC) + timedelta(days=1))
    assert place.client.read_flow_run(living).state.name == "Running"
    for run in (dying, living):
        place.client.delete_flow_run(run)
