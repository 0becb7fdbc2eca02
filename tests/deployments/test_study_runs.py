"""Tests of `deployments.study_runs`: what a real server tells of the studies of a home."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.states import Completed, Failed, Running, Scheduled

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from deployments import orphaned_runs
from deployments.study_runs import newest_runs, retry
from flows.judging import judge
from flows.run_states import REFUSED
from flows.steps import write_report
from flows.study import begin_study, continue_study
from tests.begun import begun


@pytest.fixture
def home(tmp_path, monkeypatch, prefect_server):
    """A home with two studies that were begun."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path))
    for name in ("one", "two"):
        begun(StudySettings(name=name))
    return tmp_path / "data" / "studies"


def test_each_study_has_its_newest_run(home):
    """Of whatever flow but those that judge; of a study that is still to begin, too, by the name that it will have."""
    before = newest_runs().keys()  # of other tests, whose studies are named alone
    with get_client(sync_client=True) as client:

        def run(flow, state, **parameters):
            return client.create_flow_run(flow, parameters=parameters, state=state)

        run(continue_study, Completed(), study="one")
        failed = run(continue_study, Failed(message="Flow run failed: TrainingError: The disk is full."), study="one")
        run(judge, Completed(), study="one", covers=["a.jpg"])
        run(continue_study, Failed(), study=str(home / "two"))
        step = run(write_report, Running(), study="two")
        coming = run(
            begin_study,
            State(type=StateType.SCHEDULED, name="Waiting", message="Waits for a free place."),
            name="",
            books="/covers/Mine and yours.csv",
        )
        found = newest_runs()
    assert found.keys() == before | {home / "one", home / "two", home / "Mine-and-yours"}
    one, two, later = found[home / "one"], found[home / "two"], found[home / "Mine-and-yours"]
    assert (one.id, one.state, one.said, one.is_whole) == (failed.id, "failed", "The disk is full", True)
    assert (two.id, two.state, two.is_whole) == (step.id, "running", False)
    assert (later.id, later.state, later.said) == (coming.id, "queued", "Waits for a free place.")
    for wrong, why in ((step.id, "it is running already"), (uuid4(), "not its study's newest")):
        with pytest.raises(StageOrderError, match=f"{why}.* Load the page again"):
            retry(wrong)
    with pytest.raises(StageOrderError, match="Start `bookcover serve`"):
        retry(one.id)


def test_a_command_that_was_killed_is_found_out(home, monkeypatch):
    """Its process holds the study no more: its run is stopped, also where it waited; one that holds it is left."""
    monkeypatch.setattr(orphaned_runs, "_BEGINNING", timedelta(0))
    paused = State(type=StateType.PAUSED, name="Paused")
    with get_client(sync_client=True) as client:
        runs = {
            name: client.create_flow_run(continue_study, parameters={"study": name}, state=state)
            for name, state in (("one", Running()), ("two", paused))
        }
        with Study(StudySettings(name="one")).alone():
            found = newest_runs()
        assert {name: found[home / name].state for name in runs} == {"one": "running", "two": "interrupted"}
        one = newest_runs()[home / "one"]
        assert (one.state, one.can_be_retried, one.is_deployed) == ("interrupted", True, False)
        assert one.said.endswith("what is done is kept")
        assert {client.read_flow_run(each.id).state.name for each in runs.values()} == {"Stopped"}


def test_a_run_that_was_refused_says_nothing_of_its_study(home):
    """The one that was under way does."""
    refused = State(type=StateType.CANCELLED, name=REFUSED, message="another run of this study is under way")
    with get_client(sync_client=True) as client:
        first = client.create_flow_run(continue_study, parameters={"study": "one"}, state=Completed())
        client.create_flow_run(continue_study, parameters={"study": "one"}, state=refused)
    assert newest_runs()[home / "one"].id == first.id


def test_what_a_stage_shows_is_no_progress_of_its_study(home):
    """Whatever the study is called: its stages' artifacts begin with its name."""
    begun(StudySettings(name="study-three"))
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(continue_study, parameters={"study": "study-three"}, state=Running())
        for key, text in (("study-study-three", "**Train LeNet.**"), ("study-three-twins", "### twins")):
            shown = {"key": key, "type": "markdown", "data": text, "flow_run_id": str(run.id)}
            client.request("POST", "/artifacts/", json=shown)
    assert newest_runs()[home / "study-three"].said == "Train LeNet."


def test_a_step_that_is_done_hides_no_study_that_failed(home):
    """Mending a setting with one step alone leaves the study failed, to be retried; a failed step is told."""
    with get_client(sync_client=True) as client:
        failed = client.create_flow_run(continue_study, parameters={"study": "one"}, state=Failed())
        client.create_flow_run(write_report, parameters={"study": "one"}, state=Completed())
        client.create_flow_run(write_report, parameters={"study": "one"}, state=Completed())
        assert newest_runs()[home / "one"].id == failed.id
        step = client.create_flow_run(write_report, parameters={"study": "one"}, state=Failed())
        assert newest_runs()[home / "one"].id == step.id


def test_a_study_that_is_done_again_is_told_whatever_its_steps_did_meanwhile(home):
    """A retried run was planned before them: it counts while it is at work, and once it has ended after them."""
    with get_client(sync_client=True) as client:

        def told():
            found = newest_runs()[home / "one"]
            return found.id, found.state

        whole = client.create_flow_run(continue_study, parameters={"study": "one"}, state=Failed())
        step = client.create_flow_run(write_report, parameters={"study": "one"}, state=Failed())
        assert told() == (step.id, "failed")
        for state, word in ((Running(), "running"), (Failed(), "failed"), (Completed(), "finished")):
            client.set_flow_run_state(whole.id, state, force=True)
            assert told() == (whole.id, word)


def test_a_run_under_way_is_told_before_one_that_waits_or_is_planned(home):
    """A second one waits for a free place; that of a schedule is there long before it is due."""
    with get_client(sync_client=True) as client:
        working = client.create_flow_run(continue_study, parameters={"study": "one"}, state=Running())
        client.create_flow_run(continue_study, parameters={"study": "one"}, state=Scheduled())
        assert newest_runs()[home / "one"].id == working.id
        ended = client.create_flow_run(continue_study, parameters={"study": "two"}, state=Failed())
        deployment = client.create_deployment(
            client.create_flow(continue_study),
            name="soon",
            schedules=[DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(seconds=40)))],
            parameters={"study": "two"},
        )
        now = datetime.now(UTC)
        span = {"start_time": str(now + timedelta(seconds=5)), "end_time": str(now + timedelta(seconds=55))}
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=span)
        planned = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id={"any_": [deployment]}, state={"type": {"any_": ["SCHEDULED"]}})
        )
        assert planned
        assert newest_runs()[home / "two"].id == ended.id
        client.delete_deployment(deployment)


def test_a_run_says_how_far_it_is(home):
    """In the first line of what its own page shows."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(continue_study, parameters={"study": "one"}, state=Running())
        shown = {"key": "study-one", "type": "markdown", "data": "**Train LeNet: 3 of 9.**\n\n| table |"}
        client.request("POST", "/artifacts/", json=shown | {"flow_run_id": str(run.id)})
        assert newest_runs()[home / "one"].said == "Train LeNet: 3 of 9."
        client.set_flow_run_state(run.id, Running(), force=True)
        assert not newest_runs()[home / "one"].said, "that was said before it was done again"
