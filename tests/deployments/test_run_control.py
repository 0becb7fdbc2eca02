"""Tests of `deployments.run_control`: what Prefect's runner does not offer. `bookcover serve` shows that it works."""

import inspect
from datetime import UTC, datetime
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.runner import Runner
from prefect.runner._scheduled_run_poller import ScheduledRunPoller

from deployments import run_control
from deployments.run_control import share_places, told_to_wait


def test_prefect_has_what_is_used_of_its_own():
    """A Prefect whose runner has changed inside is named here, before runs end badly."""
    runner = Runner(name="looked-at", pause_on_shutdown=False)
    mend = f"of its own, this Prefect's Runner has no %s: mend {run_control.__name__}"
    assert "self._scheduled_run_poller.stopping" in inspect.getsource(Runner), mend % "_scheduled_run_poller.stopping"
    for part, names in {"_process_manager": ("flow_run_ids", "get"), "_control_channel": ("signal",)}.items():
        for name in names:
            assert callable(getattr(getattr(runner, part, None), name, None)), mend % f"{part}.{name}"
    poller = inspect.getsource(ScheduledRunPoller)
    for name in ("self._get_scheduled_flow_runs()", "self._submitting_flow_run_ids.discard"):
        assert name in poller, mend % f"_scheduled_run_poller {name}"
    assert "relinquish" in inspect.getsource(inspect.getmodule(type(runner._control_channel))), mend % "relinquish"


def scheduled(deployment, minute, name="Scheduled") -> FlowRun:
    """A run that is to begin at a minute."""
    due = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
    state = State(type=StateType.SCHEDULED, name=name)
    return FlowRun(flow_id=uuid4(), deployment_id=deployment, state=state, expected_start_time=due)


def test_a_study_begins_when_it_has_a_place_and_all_else_at_once():
    """What a study waits for, a training say, takes no place: the study would wait for ever."""
    study, training = uuid4(), uuid4()
    later, first, *others = scheduled(study, 2), scheduled(study, 1), scheduled(training, 3), scheduled(training, 4)
    at_work = set()
    for _ in range(2):
        assert share_places([later, *others, first], {study}, at_work, 1) == ([first, *others], [later])
        assert at_work == {first.id}
    at_work.clear()  # its process has ended
    assert share_places([later, *others], {study}, at_work, 1) == ([later, *others], [])


def test_a_study_without_a_place_is_told_so_once():
    """A run that is to be retried or resumed keeps the name of its state, which says so."""
    for name, shown in (("Scheduled", "Waiting"), ("Late", "Waiting"), ("AwaitingRetry", "AwaitingRetry")):
        run = scheduled(uuid4(), 1, name)
        run.state = told_to_wait(run, "2 of 2 studies run")
        assert (run.state.type, run.state.name, run.state.message) == (StateType.SCHEDULED, shown, "2 of 2 studies run")
        assert told_to_wait(run, "2 of 2 studies run") is None
