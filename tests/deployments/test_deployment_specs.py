"""One declaration of all deployments, whose forms tell people what they need."""

import pkgutil
from importlib import import_module

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.flows import load_flow_from_entrypoint

import flows
from bookcover_core.pipeline.graph import steps
from deployments.deployment_specs import DEPLOYMENTS, pooled_deployments, runs_studies, served_deployments
from deployments.setup_command import set_up_pool
from flows.stages import step_flow


def all_flows() -> dict[str, str]:
    """Where each flow of the project is, by its name."""
    modules = [import_module(f"flows.{each.name}") for each in pkgutil.iter_modules(flows.__path__)]
    return {
        value.name: f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Flow) and value.fn.__module__ == module.__name__
    }


def test_every_flow_is_deployed_under_its_name():
    """None is forgotten, and none is declared that is not there."""
    assert {each.name: each.entrypoint for each in DEPLOYMENTS} == all_flows()


@pytest.mark.usefixtures("prefect_server")
def test_trainings_have_a_queue_of_their_own_and_every_deployment_its_tags():
    """Studies that wait never take the places of trainings; a run on a worker enters its home first."""
    pooled = pooled_deployments()
    queues = {each.name: (each.work_pool_name, each.work_queue_name) for each in pooled}
    assert {name for name, queue in queues.items() if queue != ("bookcover", "default")} == {"train-backbone"}
    assert queues["train-backbone"] == ("bookcover", "trainings")
    assert all(each.tags[-1] == "bookcover" for each in pooled)
    assert all(each.storage.to_pull_step() == [{"deployments.home.enter_home": {}}] for each in pooled)
    assert {each.name for each in pooled if runs_studies(each)} == {"study", "study-every-setting", "continue-study"}


@pytest.mark.usefixtures("prefect_server")
def test_the_first_tags_lead_from_the_beginning_to_the_end():
    """To the deployment that begins a study, and through its parts in the order in which they are done."""
    served = {each.name: each for each in served_deployments()}
    assert [name for name, each in served.items() if each.tags[0] == "start here"] == ["study"]
    assert served["study"].description.startswith("Start here: ")
    parts = [name for name, each in served.items() if each.tags[0].startswith("step ")]
    assert parts == [step_flow(step).flow.name for step in steps()]
    for number, name in enumerate(parts, start=1):
        assert served[name].tags == [f"step {number} of {len(parts)}", "bookcover"]
        assert served[name].description.startswith(f"Step {number} of {len(parts)}. ")


def test_the_nightly_download_takes_the_next_chunk_and_is_off_until_somebody_wants_it(client):
    """A fresh installation asks no host for anything by itself."""
    assert [each.name for each in DEPLOYMENTS if each.nightly] == ["download-covers"]
    assert schedules(client) == {"nightly": ("0 2 * * *", False, {"chunks": "next"})}
    found = client.read_deployment_by_name(NIGHTLY)
    assert found.parameters == {"chunks": "next"}, "also where Prefect's command line has emptied the schedule's"


@pytest.mark.parametrize("declared", DEPLOYMENTS, ids=lambda each: each.name)
def test_every_form_but_one_is_flat(declared):
    """Prefect's dialog of a schedule sends an empty copy of what is nested; flat parameters are safe in it."""
    schema = load_flow_from_entrypoint(declared.entrypoint).parameters.model_dump()
    nested = [name for name, each in schema["properties"].items() if "$ref" in each or "anyOf" in each]
    kinds = {each.get("type") for each in schema["properties"].values()} | {
        each["items"]["type"] for each in schema["properties"].values() if each.get("type") == "array"
    }
    if declared.name == "study-every-setting":
        assert nested == ["settings"]
    else:
        assert not nested
        assert kinds <= {"string", "integer", "boolean", "array"}


@pytest.mark.parametrize("declared", DEPLOYMENTS, ids=lambda each: each.name)
def test_the_form_has_words_for_every_knob(declared):
    """Each parameter and each setting has a title and a text; what is bounded says so; the page says what it does."""
    flow = load_flow_from_entrypoint(declared.entrypoint)
    assert flow.description.endswith(".")
    assert "Args:" not in flow.description
    schema = flow.parameters.model_dump()
    knobs = dict(schema["properties"])
    for group in schema["definitions"].values():
        knobs |= {f"{group['title']}.{name}": each for name, each in group.get("properties", {}).items()}
    assert {"study", "name", "settings"} & set(knobs)
    for name, each in knobs.items():
        reference = each.get("$ref", "").rpartition("/")[2]
        described = each.get("description") or schema["definitions"].get(reference, {}).get("description")
        assert each.get("title") or reference, name
        assert described, name
        if {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} & each.keys():
            assert any(word in described for word in ("least", "ore than", "most", "ess than")), name


NIGHTLY = "download-covers/download-covers"


@pytest.fixture
def client(prefect_server):
    """A client of a server of our own, on which the download is registered anew."""
    with get_client(sync_client=True) as client:
        apply(served_deployments())
        yield client
        client.delete_deployment(client.read_deployment_by_name(NIGHTLY).id)


def apply(deployments) -> None:
    """Register the download, as serving or setting up does."""
    [wanted] = [each for each in deployments if each.name == "download-covers"]
    wanted.apply()


def schedules(client) -> dict[str | None, tuple[str, bool, dict]]:
    """Hour, switch and parameters of each schedule of the download, by its slug."""
    found = client.read_deployment_by_name(NIGHTLY).schedules
    return {each.slug: (each.schedule.cron, each.active, each.parameters) for each in found}


def test_a_deployment_that_is_registered_again_keeps_its_parameters(client):
    """Those that people gave it, as far as they still fit; its pool may change."""
    first = client.read_deployment_by_name(NIGHTLY)
    assert (first.work_pool_name, first.parameters, first.enforce_parameter_schema) == (None, {"chunks": "next"}, True)
    client.update_deployment(first.id, DeploymentUpdate(parameters={"chunks": "all", "study": "mine"}))
    apply(served_deployments())
    again = client.read_deployment_by_name(NIGHTLY)
    assert (again.id, again.parameters) == (first.id, {"chunks": "all", "study": "mine"})
    unfit = DeploymentUpdate(enforce_parameter_schema=False, parameters={"chunks": ["4"], "study": "mine", "when": 4})
    client.update_deployment(first.id, unfit)
    apply(served_deployments())
    assert client.read_deployment_by_name(NIGHTLY).parameters == {"chunks": "next", "study": "mine"}


def test_schedules_survive_whatever_people_did_to_them(client):
    """Switched on, moved, added without a slug, switched off and on again: registered again, all is as it was."""
    assert schedules(client) == {"nightly": ("0 2 * * *", False, {"chunks": "next"})}
    download = client.read_deployment_by_name(NIGHTLY)
    # What the dashboard sends for the switch, and for its two dialogs.
    nightly = f"/deployments/{download.id}/schedules/{download.schedules[0].id}"
    three = {"cron": "0 3 * * *", "timezone": "UTC", "day_or": True}
    client._client.patch(nightly, json={"active": True})
    assert schedules(client)["nightly"] == ("0 2 * * *", True, {"chunks": "next"})
    changed = {"parameters": {"chunks": "next", "study": "mine"}, "active": True, "schedule": three}
    client._client.patch(nightly, json=changed)
    added = {"parameters": {"chunks": "2", "study": "other"}, "active": True, "schedule": three | {"cron": "0 4 * * *"}}
    client._client.post(f"/deployments/{download.id}/schedules", json=[added])
    people_s = {
        "nightly": ("0 3 * * *", True, {"chunks": "next", "study": "mine"}),
        None: ("0 4 * * *", True, {"chunks": "2", "study": "other"}),
    }
    assert schedules(client) == people_s
    ids = {each.id for each in client.read_deployment_by_name(NIGHTLY).schedules}
    set_up_pool(client)
    for register in (served_deployments, pooled_deployments, served_deployments):
        apply(register())
        assert schedules(client) == people_s
    assert {each.id for each in client.read_deployment_by_name(NIGHTLY).schedules} == ids
    client.update_deployment_schedule(download.id, download.schedules[0].id, parameters={"settings": {"name": "old"}})
    apply(served_deployments())
    assert schedules(client)["nightly"] == ("0 3 * * *", True, {"study": "old"}), "settings that were nested once"
