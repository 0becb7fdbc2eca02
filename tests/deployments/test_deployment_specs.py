"""One declaration of all deployments, whose forms tell people what they need."""

import pkgutil
from importlib import import_module
from importlib.resources import files

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.flows import load_flow_from_entrypoint

import flows
from deployments.deployment_specs import read_catalogue, served_deployments


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
    assert {each.name: each.entrypoint for each in read_catalogue().deployments} == all_flows()


def test_trainings_have_a_queue_of_their_own_and_every_deployment_its_tags():
    """Studies that wait never take the places of trainings."""
    queues = {each.name: (each.work_pool.name, each.work_pool.work_queue_name) for each in read_catalogue().deployments}
    assert {name for name, queue in queues.items() if queue != ("bookcover", "default")} == {"train-backbone"}
    assert queues["train-backbone"] == ("bookcover", "trainings")
    assert all(each.tags[0] == "bookcover" and len(each.tags) == 2 for each in read_catalogue().deployments)


def test_the_nightly_download_takes_the_next_chunk_and_is_off_until_somebody_wants_it():
    """A fresh installation asks no host for anything by itself."""
    [(name, schedule)] = [(each.name, found) for each in read_catalogue().deployments for found in each.schedules]
    assert (name, schedule.parameters, schedule.active) == ("download-covers", {"chunks": "next"}, False)
    [download] = [each for each in read_catalogue().deployments if each.name == name]
    assert download.parameters == {"chunks": "next"}, "also where Prefect's command line has emptied the schedule's"


def test_prefect_reads_the_same_file():
    """`prefect deploy` finds every deployment in it, and the step that brings a run home."""
    said = PrefectYamlModel.model_validate(yaml.safe_load((files("deployments") / "prefect.yaml").read_text("utf-8")))
    ours = read_catalogue()
    assert [each.name for each in said.deployments] == [each.name for each in ours.deployments]
    assert said.pull == ours.pull == [{"deployments.home.enter_home": {}}]


@pytest.mark.parametrize("declared", read_catalogue().deployments, ids=lambda each: each.name)
def test_the_form_has_words_for_every_knob(declared):
    """Each parameter and each setting has a title and a text; what is bounded says so; the page says what it does."""
    flow = load_flow_from_entrypoint(declared.entrypoint)
    assert flow.description.endswith(".")
    assert "Args:" not in flow.description
    schema = flow.parameters.model_dump()
    knobs = dict(schema["properties"])
    for group in schema["definitions"].values():
        knobs |= {f"{group['title']}.{name}": each for name, each in group.get("properties", {}).items()}
    assert "settings" in knobs
    for name, each in knobs.items():
        reference = each.get("$ref", "").rpartition("/")[2]
        described = each.get("description") or schema["definitions"].get(reference, {}).get("description")
        assert each.get("title") or reference, name
        assert described, name
        if {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} & each.keys():
            assert any(word in described for word in ("least", "ore than", "most", "ess than")), name


def test_what_people_changed_in_the_dashboard_stays(prefect_server):
    """Served or registered again, a deployment keeps its parameters and its schedule's switch; its pool may change."""
    with get_client(sync_client=True) as client:

        def found():
            return client.read_deployment_by_name("download-covers/download-covers")

        def apply(deployments):
            [wanted] = [each for each in deployments if each.name == "download-covers"]
            assert list(wanted._parameter_openapi_schema.properties) == ["settings", "chunks"]
            assert wanted._parameter_openapi_schema.properties["settings"]["position"] == 2
            wanted.apply()

        apply(served_deployments())
        first = found()
        assert (first.work_pool_name, first.parameters, first.schedules[0].active) == (None, {"chunks": "next"}, False)
        assert first.enforce_parameter_schema
        client.update_deployment(first.id, DeploymentUpdate(parameters={"chunks": "all", "settings": {"name": "mine"}}))
        switch = f"/deployments/{first.id}/schedules/{first.schedules[0].id}"
        client._client.patch(switch, json={"active": True})
        apply(served_deployments())
        again = found()
        assert again.id == first.id
        assert again.parameters == {"chunks": "all", "settings": {"name": "mine"}}
        assert [(each.slug, each.active) for each in again.schedules] == [("nightly", True)]
        client.update_deployment(
            first.id, DeploymentUpdate(enforce_parameter_schema=False, parameters={"settings": {"colour": "blue"}})
        )
        apply(served_deployments())
        assert found().parameters == {"chunks": "next"}, "what does not fit any more is not kept"
