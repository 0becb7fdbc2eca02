"""Tests of `tasks.stages`."""

import asyncio
import time
from inspect import signature
from pathlib import Path

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, LogFilter, LogFilterTaskRunId
from prefect.context import TaskRunContext
from prefect.logging.handlers import APILogWorker
from prefect.states import Failed

from bookcover_core.errors import DownloadError, ListingError
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.graph import declarations
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks import stages
from tasks.stage_artifacts import artifact_key
from tasks.stages import StageResult, is_worth_retrying, perform, run_stage, stage_task, task_of
from tests.bookcover_core.pipeline.test_stage_process import tell


@stage("candidates", "Write something")
def write_something(study: Study, _: StageRun) -> Result:
    """A stage that writes one file, and reports progress."""
    output = study.workspace.curation / "candidates.csv"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("key\n1\n")
    study.progress(1, 2)
    study.progress(2, 2)
    return Result(outputs=[output], counts={"candidates": 1_234})


@stage_task("something", "write something")
def something(settings: StudySettings):
    return perform(settings, write_something)


@flow(name="one-task")
def one_task(settings: StudySettings):
    return something(settings, return_state=True)


def test_a_stage_that_is_done_and_sound_ends_cached_and_one_whose_file_is_gone_runs_again(tmp_path, prefect_server):
    """`Cached` is said where the files stand, and only there."""
    settings = StudySettings(workspace=str(tmp_path))
    first, second = one_task(settings), one_task(settings)
    assert (first.name, second.name) == ("Completed", "Cached")
    assert second.result().counts == {"candidates": 1_234}

    (settings.root / "curation" / "candidates.csv").unlink()
    assert one_task(settings).name == "Completed"


def test_progress_and_counts_are_shown_as_artifacts(tmp_path, prefect_server):
    """A task's progress ends at 100 %, and what it counted can be read in the browser."""
    one_task(StudySettings(workspace=str(tmp_path), name="shown"))
    progress = read_artifact("progress-shown-write-something")
    assert float(progress.data) == 100
    counts = read_artifact("counts-shown-candidates")
    assert "| candidates | 1,234 |" in counts.data


@stage("candidates", "Stop early")
def stop_early(study: Study, _: StageRun) -> Result:
    """A stage that was to take a hundred steps, and is done after three."""
    study.progress(3, 100)
    return Result(outputs=[], counts={"steps": 3})


@flow(name="early")
def stopping_early(settings: StudySettings):
    return stage_task("early", "stop early")(perform)(settings, stop_early)


def test_the_progress_of_a_stage_that_stopped_early_is_complete(tmp_path, prefect_server):
    """A training that ends before its last epoch is done: its bar does not stand at three per cent for ever."""
    stopping_early(StudySettings(workspace=str(tmp_path), name="early"))
    assert float(read_artifact("progress-early-stop-early").data) == 100


shown = []
"""The percentages that the server was sent."""


def write_from_a_loop(study: Study) -> Manifest:
    """A stage that works in an event loop of its own, as the download does, and tells from in there."""

    async def work() -> None:
        until = time.monotonic() + 60
        for done in range(1, 4):
            while done * 25 not in shown and time.monotonic() < until:
                study.progress(done, 4)
                await asyncio.sleep(0.02)

    asyncio.run(work())
    return write_something(study)


@flow(name="loop")
def in_a_loop(settings: StudySettings):
    return stage_task("loop", "work in a loop")(perform)(settings, write_from_a_loop)


def test_progress_moves_while_a_stage_works_in_an_event_loop(tmp_path, prefect_server, monkeypatch):
    """What is told from within a loop reaches the server while the stage is at work, step by step."""
    shown.clear()
    monkeypatch.setattr(stages, "_PROGRESS_INTERVAL", 0.01)
    create, update = stages.create_progress_artifact, stages.update_progress_artifact
    monkeypatch.setattr(
        stages, "create_progress_artifact", lambda progress, **more: shown.append(progress) or create(progress, **more)
    )
    monkeypatch.setattr(
        stages,
        "update_progress_artifact",
        lambda artifact, progress: shown.append(progress) or update(artifact, progress),
    )
    in_a_loop(StudySettings(workspace=str(tmp_path), name="loop"))
    assert [percent for percent in dict.fromkeys(shown) if percent < 100] == [25, 50, 75]
    assert float(read_artifact("progress-loop-work-in-a-loop").data) == 100


def test_a_server_that_takes_no_progress_fails_no_stage(tmp_path, prefect_server, monkeypatch, caplog):
    """Hours of work are not lost because a bar could not be drawn; the log says so."""

    def refuse(**_: object) -> None:
        raise httpx.ConnectError("gone")

    monkeypatch.setattr(stages, "create_progress_artifact", refuse)
    assert one_task(StudySettings(workspace=str(tmp_path), name="deaf")).is_completed()
    assert "could not be shown: gone" in caplog.text


def test_a_stage_can_be_performed_without_prefect(tmp_path):
    """Outside a task run nothing is shown, and nothing is asked of a server."""
    result = perform(StudySettings(workspace=str(tmp_path)), write_something)
    assert isinstance(result, StageResult)
    assert not result.reused


@pytest.mark.parametrize(("error", "expected"), [(DownloadError("x"), True), (ListingError("x"), False)])
def test_wrong_input_is_not_tried_again(error, expected):
    """Another attempt cannot mend what the person gave."""
    assert is_worth_retrying(None, None, Failed(data=error)) is expected


def test_artifact_keys_are_what_prefect_takes():
    """Only lower-case letters, digits and dashes remain."""
    assert artifact_key("Counts", "my study", "train/ResNeXt50-padded") == "counts-my-study-train-resnext50-padded"


@flow(name="apart")
def in_a_process_of_its_own(settings: StudySettings):
    task = stage_task("apart", "train apart")(perform)
    return task(settings, lambda study: run_apart(study, tell, "LeNet"), return_state=True)


def test_a_training_in_a_process_of_its_own_is_seen(tmp_path, prefect_server):
    """Its lines stand in the log of the task that waits for it, and its progress in the task's bar."""
    state = in_a_process_of_its_own(StudySettings(workspace=str(tmp_path), name="apart"))
    APILogWorker.drain_all(timeout=10)
    with get_client(sync_client=True) as client:
        wanted = LogFilter(task_run_id=LogFilterTaskRunId(any_=[state.state_details.task_run_id]))
        lines = [line.message for line in client.read_logs(wanted)]
    assert [line for line in lines if line.startswith("epoch")] == [f"epoch {epoch}: 100 %" for epoch in (1, 2, 3)]
    assert float(read_artifact("progress-apart-train-apart").data) == 100


def read_artifact(key: str):
    with get_client(sync_client=True) as client:
        [*_, artifact] = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return artifact


def test_the_workspace_is_where_the_settings_say(tmp_path):
    """Nothing is written outside the study's folder."""
    perform(StudySettings(workspace=str(tmp_path), name="here"), write_something)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert (Path(tmp_path) / "here" / "manifests" / "candidates.json").is_file()


@flow(name="every-stage")
def every_stage(settings: StudySettings):
    run_stage(settings, "hashes", 3)
    run_stage(settings, "compare")


def test_the_task_of_a_stage_is_named_and_given_its_words(tmp_path, prefect_server, monkeypatch):
    """A part's words reach the stage in their order, however Prefect passes them, and stand in the name of the run."""
    given = []
    monkeypatch.setattr(
        stages,
        "_run",
        lambda name, _settings, words, _inputs: given.append((name, words, TaskRunContext.get().task_run.name)),
    )
    every_stage(StudySettings(workspace=str(tmp_path)))
    assert given == [
        ("hashes", (3,), "hash the covers of chunk 3"),
        ("compare", (None,), "choose the preparation for None"),
    ]


@pytest.mark.parametrize("stage", declarations(), ids=lambda stage: stage.name)
def test_every_stage_has_a_task_of_its_words(stage):
    """A task takes the study and the words of the stage, which stand in braces in the names of its runs.

    That of a stage that other machines can do is told where what it reads is in the shared store.
    """
    task = task_of(stage.name)
    assert list(signature(task.fn).parameters) == ["settings", *stage.words, *(["inputs"] if stage.spreads else [])]
    assert task.task_run_name.format(**dict.fromkeys(stage.words, "word"))
    assert task.retries == (3 if stage.asks_hosts else 0)
