"""Tests of `flows.study`: the whole way, again, changed, damaged, failed, and killed."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL

from bookcover_core.errors import TrainingError
from bookcover_core.pipeline import stage_process
from bookcover_core.pipeline.file_lock import turn
from bookcover_core.pipeline.manifests import read_manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import (
    BaselineSettings,
    ComparisonSettings,
    Preparation,
    StudySettings,
    VisualisationSettings,
)
from bookcover_core.settings.toml_file import load_settings
from bookcover_core.training.preparation_choice import chosen_preparation
from flows import study as whole_study
from flows.run_states import REFUSED
from flows.steps import prepare
from flows.study import begin_study_with_every_setting, continue_study
from flows.training import train_backbone
from tests.begun import begun
from tests.flows.conftest import GENRES
from tests.installed import folder_of_somebody_else

pytestmark = pytest.mark.usefixtures("tiny_networks")

# Every stage that has no parts, and one part of each that has some; as if padded covers had been chosen.
EVERY_STAGE = {
    "listings",
    "download/chunk-0001",
    "candidates",
    "hashes/chunk-0001",
    "twins",
    "curate",
    "split",
    "prepare/shard-0001",
    "features/Tiny-padded",
    "compare/padded",
    "compare",
    "analyse",
    "report",
}

# Stages whose parts are called after the preparation that was chosen.
CHOSEN_STAGES = {"train", "scratch", "ensemble", "evaluate", "visualise"}


def changed(before: dict, after: dict) -> set[str]:
    """The stages, without their parts, that were run between two looks at the manifests."""
    return {label.split("/")[0] for label, finished in after.items() if before.get(label) != finished}


def with_training(settings: StudySettings, **values) -> StudySettings:
    return settings.model_copy(update={"training": settings.training.model_copy(update=values)})


def test_a_study_goes_from_listings_to_a_report(demo_study):
    """Every stage leaves its manifest, the splits are balanced, and the report is there."""
    workspace = Study(demo_study.settings).workspace
    chosen = chosen_preparation(Study(demo_study.settings))
    assert set(demo_study.finished()) >= {label.replace("-padded", f"-{chosen}") for label in EVERY_STAGE}
    assert changed({}, demo_study.finished()) >= CHOSEN_STAGES
    books = read_table(workspace.splits, label="int64")
    assert books["label"].nunique() == GENRES
    assert set(books["split"]) == {"train", "validation", "test"}
    assert not books["key"].duplicated().any()
    assert "<html" in (workspace.report / "index.html").read_text(encoding="utf-8")
    files = list(workspace.evaluation.glob("*/predictions.csv"))
    assert len(files) == 3 + 2, "a frozen network, one trained from scratch, both together, and two baselines"
    for file in files:
        assert len(read_table(file)) == (books["split"] == "test").sum()


def test_a_study_that_is_run_again_recomputes_nothing_and_asks_no_host(demo_study, monkeypatch):
    """Same inputs, same settings: no stage runs, no process is started for one, no cover is asked for."""
    monkeypatch.setattr(stage_process, "_Process", lambda _: pytest.fail("a process was started"))
    before, asked = demo_study.finished(), sum(demo_study.host.requests.values())
    state = continue_study(begun(demo_study.settings), return_state=True)
    assert changed(before, demo_study.finished()) == set()
    assert sum(demo_study.host.requests.values()) == asked
    assert re.search(r"is right on .* test books .*Report: .*/report/", state.message), "those who are told are told so"


def test_a_changed_setting_recomputes_only_what_depends_on_it(here, copied):
    """More epochs train anew; covers, preparations and features stay, and so does what comes out the same."""
    before, judged = copied.finished(), evaluations(copied)
    continue_study(begun(with_training(copied.settings, epochs=6)))
    found = changed(before, copied.finished())
    behind = {"train", "ensemble", "evaluate", "analyse", "visualise", "report"}
    assert {"train", "ensemble", "evaluate", "report"} <= found <= behind
    assert ("analyse" in found) == (evaluations(copied) != judged)


def evaluations(demo_study) -> dict[str, str]:
    """What the stages behind see of each evaluation, by label."""
    return {manifest.label: manifest.digest for manifest in Study(demo_study.settings).manifests("evaluate")}


def test_a_network_can_choose_its_own_preparation(here, demo_study):
    """Compared per network, each has trials and a choice of its own; where that is the same one, nothing else runs."""
    before = demo_study.finished()
    own = demo_study.settings.comparison.model_copy(update={"per_backbone": True})
    train_backbone(begun(demo_study.settings.model_copy(update={"comparison": own})), "Tiny")
    assert changed(before, demo_study.finished()) == {"compare"}
    assert "compare/Tiny" in demo_study.finished()


def delete(file: Path) -> None:
    file.unlink()


def alter(file: Path) -> None:
    file.write_bytes(b"altered")


@pytest.mark.parametrize(
    "damages",
    [
        {
            "download": (delete, "covers/*/*.jpg"),
            "features": (delete, "features/Tiny-padded/*.npy"),
            "evaluate": (delete, "evaluation/*/metrics.json"),
        },
        {
            "prepare": (alter, "prepared/padded/*/*.jpg"),
            "train": (alter, "models/*/head.weights.h5"),
            "report": (alter, "report/index.html"),
        },
    ],
    ids=" ".join,
)
def test_a_damaged_output_is_made_again_and_nothing_behind_it(here, demo_study, damages):
    """An output that is missing or altered is never trusted; one that comes out the same changes nothing behind it."""
    before = demo_study.finished()
    contents = {}
    for damage, pattern in damages.values():
        damaged = min(demo_study.settings.root.glob(pattern))
        contents[damaged] = damaged.read_bytes()
        damage(damaged)
    continue_study(begun(demo_study.settings))
    for damaged, content in contents.items():
        assert damaged.is_file()
        assert damaged.read_bytes() != b"altered"
        if damaged.suffix in {".jpg", ".npy"}:
            assert damaged.read_bytes() == content
    assert changed(before, demo_study.finished()) == {*damages, "report"}, "the report tells times, too"


def test_a_study_that_another_run_is_at_is_refused_and_not_failed(demo_study, monkeypatch):
    """The run is cancelled, with the reason; a study that would be begun anew keeps the settings that it has."""
    monkeypatch.setattr(whole_study, "_PATIENCE", 0.1)
    study, before = begun(demo_study.settings), demo_study.finished()
    other = with_training(demo_study.settings, epochs=6)
    with turn(demo_study.settings.root / "run", lambda: pytest.fail("somebody is at it")):
        for state in (
            continue_study(study, return_state=True),
            begin_study_with_every_setting(settings=other, return_state=True),
        ):
            assert (state.type, state.name) == (StateType.CANCELLED, REFUSED)
            assert "another run of this study is under way" in state.message
    assert load_settings(Path(study)) == demo_study.settings
    assert changed(before, demo_study.finished()) == set()


def test_a_stage_can_be_run_alone(demo_study):
    """The flow of one stage mends what is missing of that stage, and touches no other."""
    before = demo_study.finished()
    next(demo_study.settings.root.glob("prepared/noprep/*/*.jpg")).unlink()
    prepare(begun(demo_study.settings))
    assert changed(before, demo_study.finished()) == {"prepare"}


def test_one_network_that_cannot_be_trained_does_not_stop_the_others(here, copied, tmp_path):
    """The study names the one that failed, reports the others, and goes on from there when the cause is mended."""
    broken = with_training(copied.settings, backbones=("Small", "Tiny", "LeNet"))
    missing = {"Small": str(tmp_path / "broken.h5")}
    (tmp_path / "broken.h5").write_bytes(b"no weights")
    broken = broken.model_copy(update={"models": broken.models.model_copy(update={"weight_files": missing})})
    (copied.settings.root / "report" / "index.html").unlink()
    with pytest.raises(TrainingError, match=r"Small could not be trained: .*broken\.h5") as failed:
        continue_study(begun(broken))
    assert "Ensemble-weighted could not be trained: Ensemble-weighted: not all of its members" in str(failed.value)
    assert (copied.settings.root / "report" / "index.html").is_file()
    continue_study(begun(copied.settings))


@pytest.mark.slow
def test_a_killed_study_goes_on_with_what_was_done(programs, small, prefect_server, settings_file, tmp_path):
    """After kill -9 in the middle, the same command finishes the study and does no finished stage again.

    It runs from a wheel, in a folder whose packages have the names of ours.
    """
    settings = with_training(
        small.model_copy(
            update={
                "workspace": str(tmp_path),
                "name": "killed",
                "preparation": small.preparation.model_copy(update={"methods": (Preparation.PADDED,)}),
                "comparison": ComparisonSettings(),
                "ensemble": small.ensemble.model_copy(update={"methods": ()}),
                "baselines": BaselineSettings(names=()),
                "visualisation": VisualisationSettings(model="LeNet", genres=0, grad_cam=0),
            }
        ),
        backbones=("LeNet",),
        preparation="padded",
    )
    arguments = ["run", str(settings_file(settings))]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    surroundings |= {"PREFECT_API_URL": PREFECT_API_URL.value()}
    here = folder_of_somebody_else(tmp_path / "here")
    process = subprocess.Popen(
        [programs / "bookcover", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=here,
        env=surroundings,
    )
    wait_for(settings.root / "manifests" / "prepare" / "shard-0001.json", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {file: read_manifest(file).finished for file in (settings.root / "manifests").rglob("*.json")}
    assert not (settings.root / "report" / "index.html").exists()

    script = (
        "import sys; from deployments.command_line import app; app(sys.argv[1:], standalone_mode=False)\n"
        "print('loaded:', [name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    finished = subprocess.run(
        [programs / "python", "-P", "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=here,
        env=surroundings,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "loaded: []", "networks are trained in processes of their own"
    assert {file: read_manifest(file).finished for file in done} == done
    assert (settings.root / "report" / "index.html").is_file()
    results = json.loads((settings.root / "report" / "results.json").read_text(encoding="utf-8"))
    assert results


def wait_for(file: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 180
    while not file.exists():
        assert process.poll() is None, "the study ended before it could be killed"
        assert time.monotonic() < deadline, f"{file.name} was never written"
        time.sleep(0.02)
