"""Tests of `flows.review_gate`: studies that wait for people, and go on from the page or from the form."""

import subprocess
import sys
import time
from contextvars import copy_context
from threading import Thread

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.input import RunInput
from prefect.settings import PREFECT_API_URL

from bookcover_core.curation.decisions import append_decision, decisions_file, read_decisions
from bookcover_core.curation.review_queue import find_open, review_queue
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import (
    BaselineSettings,
    ComparisonSettings,
    EnsembleSettings,
    StudySettings,
    VisualisationSettings,
)
from deployments.review_command import review_page
from deployments.review_resume import announced, go_on
from flows.curation import curate
from tests.begun import begun


@pytest.fixture
def asking(copied) -> StudySettings:
    """A study whose covers are there, and whose candidates nobody has decided on."""
    settings = copied.settings
    changed = {
        "curation": settings.curation.model_copy(update={"undecided": "ask"}),
        "comparison": ComparisonSettings(),
        "training": settings.training.model_copy(update={"backbones": ("LeNet",), "preparation": "padded"}),
        "ensemble": EnsembleSettings(),
        "baselines": BaselineSettings(names=()),
        "visualisation": VisualisationSettings(model="LeNet", genres=0, grad_cam=0),
    }
    return settings.model_copy(update=changed)


@pytest.fixture
def server(monkeypatch) -> None:
    """The tests' Prefect server, for processes and threads that start from here; they ask it for runs every second."""
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setenv("PREFECT_RUNNER_POLL_FREQUENCY", "1")


@pytest.fixture
def served(server):
    """Deployments of the project's flows, served by a process of their own; gives a function that starts runs."""
    serve = (
        "from prefect import serve; from flows.study import continue_study; serve(continue_study.to_deployment('test'))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield lambda settings: start("continue-study/test", settings, process)
    finally:
        process.terminate()
        process.wait()


def start(deployment: str, settings: StudySettings, process: subprocess.Popen):
    """The run of a deployment, as soon as that is there."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return run_deployment(deployment, parameters={"study": begun(settings)}, timeout=0)
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the deployments were never served") from error
            time.sleep(0.5)


def wait_until(run, *states: StateType):
    """The run, in one of these states."""
    deadline = time.monotonic() + 240
    with get_client(sync_client=True) as client:
        while True:
            now = client.read_flow_run(run.id)
            if now.state.type in states:
                return now
            assert time.monotonic() < deadline, f"the run is {now.state.name}"
            time.sleep(0.3)


def form_of(run) -> str:
    """What the dashboard's form says. Prefect stores it when the run is paused already."""
    deadline = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while True:
            try:
                return client.read_flow_run_input(run.id, run.state.state_details.run_input_keyset["description"])
            except PrefectHTTPStatusError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)


def paused_run(settings: StudySettings):
    """The run of this study that is paused, once there is one."""
    deadline = time.monotonic() + 240
    paused = FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.PAUSED]}}})
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            for run in client.read_flow_runs(flow_run_filter=paused):
                if run.parameters.get("study") == str(settings.root):
                    return run
            time.sleep(0.3)
    raise AssertionError("no run was paused")


@pytest.mark.slow
def test_a_suspended_study_goes_on_after_the_last_decision_on_the_page(asking, served):
    """The process of a deployed study ends at the review; the page's last decision takes it up, and it is finished."""
    study = Study(asking)
    with review_page(study) as page, announced(asking, page.address), httpx.Client(base_url=page.address) as browser:
        suspended = wait_until(served(asking), StateType.PAUSED)
        assert suspended.state.name == "Suspended"
        assert page.address in form_of(suspended)
        waiting = review_queue(study).open
        assert waiting
        while reject_all(browser):
            time.sleep(0.3)
        finished = wait_until(suspended, StateType.COMPLETED, StateType.FAILED, StateType.CRASHED)
    assert finished.state.type is StateType.COMPLETED, finished.state.message
    reasons = read_table(study.workspace.curation / "replacements.csv").set_index("key")["reason"]
    assert {reasons[item.key] for item in waiting if item.role != "pool"} == {"box set"}
    assert (study.workspace.report / "index.html").is_file()


def reject_all(browser: httpx.Client) -> int:
    """How many open books the page showed, each of which was rejected, one after the other."""
    state = browser.get("state").json()
    waiting = [item["key"] for item in state["items"] if item["needed"] and not item["decision"]]
    headers = {"X-Bookcover-Token": state["token"], "Origin": str(browser.base_url).rsplit("/", 2)[0]}
    for key in waiting:
        decision = {"key": key, "decision": "reject", "why": "box set", "seen": None}
        answer = browser.post("decisions", json={"by": "Ada", "decisions": [decision]}, headers=headers)
        assert answer.status_code == 200, answer.text
    return len(waiting)


def test_a_paused_run_goes_on_from_the_form(asking):
    """A run of a command waits where it is; what the form leaves open is asked again, and what it says is on record."""
    ended: list[object] = []
    run = Thread(target=copy_context().run, args=(lambda: ended.append(curate(begun(asking), return_state=True)),))
    run.start()
    paused = paused_run(asking)
    first, *others = review_queue(Study(asking)).open
    assert others
    assert first.key in form_of(paused)
    with get_client(sync_client=True) as client:
        client.resume_flow_run(paused.id, run_input={"reject": [f"{first.key} {first.title}"], "reviewer": "Ada"})
        again = wait_until_key(client, paused, "review-2")
        answer = client.resume_flow_run(again.id, run_input={"reject": ["no such book"]})
        assert answer.status.value == "REJECT"
        client.resume_flow_run(again.id, run_input={"keep_all_others": True, "reviewer": "Bob"})
    run.join(timeout=240)
    [state] = ended
    assert state.is_completed(), state
    decisions = read_decisions(decisions_file(Study(asking)))
    assert (decisions[first.key].decision, decisions[first.key].by) == ("reject", "Ada")
    assert {(decisions[item.key].decision, decisions[item.key].by) for item in others} == {("keep", "Bob")}


def test_a_last_decision_in_the_very_instant_is_not_lost(asking, monkeypatch):
    """Prefect stores the form of a run that is paused already, and resumes none before: the run looks again then."""
    stored = RunInput.save.__func__
    seen = []

    def decide_and_store(form, *words):
        study = Study(asking)
        for item in find_open(study):
            append_decision(study, item.key, "keep", by="Ada")
        go_on(study)
        seen.append(paused_run(asking).state.name)
        return stored(form, *words)

    monkeypatch.setattr(RunInput, "save", classmethod(decide_and_store))
    assert curate(begun(asking), return_state=True).is_completed()
    assert seen == ["Paused"]


def wait_until_key(client, run, key: str):
    """The run, paused for the second time."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        now = client.read_flow_run(run.id)
        if now.state.type is StateType.PAUSED and now.state.state_details.pause_key == key:
            return now
        time.sleep(0.3)
    raise AssertionError(f"the run never asked again: {now.state}")


def test_a_study_whose_candidates_are_decided_never_stops(asking):
    """Where nothing is open, nobody is asked."""
    while waiting := find_open(Study(asking)):  # books of the pool, too, when they come in
        for item in waiting:
            append_decision(Study(asking), item.key, "keep", by="Ada")
    assert curate(begun(asking), return_state=True).is_completed()
