"""Tests of `flows.child_runs`: which runs of trainings a study waits for."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from flows.child_runs import _goes_on
from flows.run_states import STOPPED


@pytest.mark.parametrize(("name", "goes_on"), [("Crashed", True), (STOPPED, False)])
def test_a_training_that_was_stopped_is_not_waited_for(name, goes_on):
    """One that crashed may be taken up by itself; one that was stopped waits for a person, and a new one is started."""
    state = State(type=StateType.CRASHED, name=name)
    assert _goes_on(FlowRun(flow_id=uuid4(), state=state), datetime.now(UTC)) == goes_on
