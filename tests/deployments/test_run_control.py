"""Tests of `deployments.run_control`: what Prefect's runner does not offer. `bookcover serve` shows that it works."""

import inspect

from prefect.runner import Runner

from deployments import run_control


def test_prefect_has_what_is_used_of_its_own():
    """A Prefect whose runner has changed inside is named here, before runs end badly."""
    runner = Runner(name="looked-at", pause_on_shutdown=False)
    mend = f"of its own, this Prefect's Runner has no %s: mend {run_control.__name__}"
    assert "self._scheduled_run_poller.stopping" in inspect.getsource(Runner), mend % "_scheduled_run_poller.stopping"
    for part, names in {"_process_manager": ("flow_run_ids", "get"), "_control_channel": ("signal",)}.items():
        for name in names:
            assert callable(getattr(getattr(runner, part, None), name, None)), mend % f"{part}.{name}"
    assert "relinquish" in inspect.getsource(inspect.getmodule(type(runner._control_channel))), mend % "relinquish"
