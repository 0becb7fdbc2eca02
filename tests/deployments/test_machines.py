"""What docker-compose.yml declares, at work: a study across two workers, one of which is lost in mid-training."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.conftest import QUICK_SERVER
from tests.deployments.composition import Composition, Container, missing_programs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_programs()), reason=f"not on this machine: {missing_programs()}"),
    pytest.mark.skipif(find_spec("prefect_redis") is None, reason="the extra `redis` is not installed"),
]

AUTH = ("reader", "a1b2c3d4")
VARIABLES = {
    "BOOKCOVER_AUTH": ":".join(AUTH),
    "POSTGRES_PASSWORD": "e5f6a7b8",
    "REDIS_PASSWORD": "c9d0e1f2",
    "BOOKCOVER_TRAININGS": "2",
}

# Seconds that a step of the test may take on a machine that has other things to do.
PATIENCE = 200

# Three genres of twelve covers, and two networks that are trained within seconds.
SETTINGS = {
    "name": "two-workers",
    "books": {"source": "folder", "folder": "data/studies/.covers"},
    "preparation": {"methods": ["padded"], "size": 64},
    "models": {"weights": "random", "input_size": 96},
    "training": {"backbones": ["LeNet", "MobileNetV2"], "preparation": "padded", "epochs": 3},
    "scratch": {"lenet_steps": 240, "batch_size": 4, "patience": 1000, "learning_rate": 0.001},
    "evaluation": {"resamples": 100},
    "baselines": {"names": []},
    "visualisation": {"genres": 0, "grad_cam": 0},
}

Found = TypeVar("Found")


@pytest.fixture(scope="module")
def composition(tmp_path_factory) -> Iterator[Composition]:
    # Workers ask for work every 2 seconds, where they would every 10.
    quick = QUICK_SERVER | {"PREFECT_WORKER_QUERY_SECONDS": "2"}
    folder = tmp_path_factory.mktemp("composition")
    with Composition(folder, VARIABLES, scale={"worker": 2}, extra=quick) as composition:
        yield composition


@pytest.fixture(scope="module")
def api(composition) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=composition.api, auth=AUTH, timeout=30) as client:
        yield client


def test_a_study_outlives_the_loss_of_a_worker(composition, api):
    """Trainings run side by side on two workers; what one of them leaves behind is taken up by the other."""
    draw_covers(composition.volume("studies") / ".covers")
    composition.wait_until_healthy()
    deployment = ask(api, "GET", "/deployments/name/study-every-setting/study-every-setting")["id"]
    study = ask(api, "POST", f"/deployments/{deployment}/create_flow_run", json={"parameters": {"settings": SETTINGS}})

    both = wait_for(lambda: two_at_once(api), "two trainings at once")
    where = {run["parameters"]["backbone"]: container_of(composition, run) for run in both}
    assert {container.name for container in where.values()} == {"worker-1", "worker-2"}

    lost, lenet = where["LeNet"], next(run for run in both if run["parameters"]["backbone"] == "LeNet")
    wait_for(lambda: ": epoch " in logs(api, lenet), "the first epoch of LeNet", every=0.5)
    lost.kill()
    assert ask(api, "GET", f"/flow_runs/{lenet['id']}")["state"]["type"] == "RUNNING", "nobody has told the server"
    shorten_the_silence(api, lenet)

    ended = wait_for(lambda: final(api, study), "the end of the study")
    assert ended["state"]["type"] == "COMPLETED", ended["state"]["message"]
    again = ask(api, "GET", f"/flow_runs/{lenet['id']}")
    assert again["state"]["type"] == "COMPLETED"
    assert again["run_count"] > 1
    assert "CRASHED" in states(api, lenet)
    report = composition.volume("studies") / "two-workers" / "report" / "index.html"
    assert report.is_file()


def test_the_server_answers_those_alone_who_know_the_password(composition):
    """Without it, only the probes of health answer; neither runs nor settings are told."""
    api = composition.api
    assert httpx.get(f"{api}/health").json() is True
    for request in ("admin/settings", "deployments/name/study/study", "openapi.json"):
        assert httpx.get(f"{api}/{request}").status_code == 401
    assert httpx.post(f"{api}/flow_runs/filter", json={}, auth=("reader", "guess")).status_code == 401
    answer = httpx.options(
        f"{api}/flow_runs/filter",
        headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in answer.headers


def draw_covers(folder: Path) -> None:
    chance = np.random.default_rng(5)
    for genre, colour in {"Blue": (60, 80, 200), "Green": (60, 160, 90), "Red": (200, 60, 60)}.items():
        (folder / genre).mkdir(parents=True)
        for number in range(12):
            pixels = np.array(colour) + chance.integers(-50, 50, (96, 72, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / genre / f"{number}.png")


def shorten_the_silence(api: httpx.Client, run: dict[str, Any]) -> None:
    """Let the shipped automations notice within seconds that this run says nothing any more; it would take minutes.

    Runs give a sign of life every 30 seconds, so all others are left out, its last is now, and the automations are as
    they were before anybody takes the run up.
    """
    who = {"prefect.resource.id": f"prefect.flow-run.{run['id']}"}
    shipped = {
        each["id"]: {key: each[key] for key in ("name", "description", "enabled", "actions", "trigger")}
        for each in ask(api, "POST", "/automations/filter", json={})
        if each["trigger"]["posture"] == "Proactive"
    }
    for number, automation in shipped.items():
        trigger = automation["trigger"] | {"within": 10, "match": who, "match_related": {}}
        ask(api, "PUT", f"/automations/{number}", json=automation | {"trigger": trigger})
    sign = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": "prefect.flow-run.heartbeat"}
    ask(api, "POST", "/events", json=[sign | {"resource": who, "payload": {}}])
    wait_for(lambda: "CRASHED" in states(api, run), "the automation that declares it crashed")
    wait_for(lambda: states(api, run)[-1] not in {"RUNNING", "CRASHED"}, "the automation that takes it up")
    for number, automation in shipped.items():
        ask(api, "PUT", f"/automations/{number}", json=automation)


def ask(api: httpx.Client, method: str, path: str, **options: Any) -> Any:
    answer = api.request(method, path, **options)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def two_at_once(api: httpx.Client) -> list[Any] | None:
    running = {"state": {"type": {"any_": ["RUNNING"]}}}
    runs = ask(
        api,
        "POST",
        "/flow_runs/filter",
        json={"flow_runs": running, "deployments": {"name": {"any_": ["train-backbone"]}}},
    )
    return runs if len(runs) == 2 else None


def container_of(composition: Composition, run: dict[str, Any]) -> Container:
    """The container in which a run works."""
    (container,) = [
        each
        for each in composition.containers.values()
        if any(run_of(process) == run["id"] for process in each.processes())
    ]
    return container


def run_of(process: psutil.Process) -> str | None:
    """The run that a process works at, if it works at one."""
    with suppress(psutil.Error):
        return process.environ().get("PREFECT__FLOW_RUN_ID")
    return None


def logs(api: httpx.Client, run: dict[str, Any]) -> str:
    lines = ask(api, "POST", "/logs/filter", json={"logs": {"flow_run_id": {"any_": [run["id"]]}}})
    return "\n".join(line["message"] for line in lines)


def states(api: httpx.Client, run: dict[str, Any]) -> list[str]:
    """Kinds of the states that a run has been in, in their order."""
    found = ask(api, "GET", "/flow_run_states/", params={"flow_run_id": run["id"]})
    return [state["type"] for state in sorted(found, key=lambda state: state["timestamp"])]


def final(api: httpx.Client, run: dict[str, Any]) -> Any:
    found = ask(api, "GET", f"/flow_runs/{run['id']}")
    return found if found["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None


def wait_for(look: Callable[[], Found | None], what: str, *, every: float = 2) -> Found:
    """What `look` sees, as soon as it is something: a look takes of the processor, as the server has to answer it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(every)
    return found
