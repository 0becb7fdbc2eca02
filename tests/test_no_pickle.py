"""Nothing that is read can run code: JSON is the serializer, and no file is unpickled.

A pickle is a program. Whoever can put one where it is read runs what he likes there.
"""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prefect import Flow, Task

PROJECT = Path(__file__).parents[1]
PACKAGES = ("bookcover_core", "tasks", "flows", "deployments")

# Modules whose files are programs, and functions that read such files or run what they are given.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle"}
CALLS = {
    "eval",
    "exec",
    "joblib.load",
    "joblib.dump",
    "os.system",
    "pd.read_pickle",
    "torch.load",
    "yaml.full_load",
    "yaml.load",
    "yaml.unsafe_load",
    "keras.models.load_model",
    "tf.keras.models.load_model",
    "tf.saved_model.load",
}


def test_no_module_reads_what_could_run():
    """No pickle in any of its forms, no whole Keras model with code in it, and arrays only as plain numbers."""
    files = [file for package in PACKAGES for file in sorted((PROJECT / package).rglob("*.py"))]
    assert len(files) > 200
    found = {str(file.relative_to(PROJECT)): list(faults(ast.parse(file.read_bytes()))) for file in files}
    assert not {file: wrong for file, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from cloudpickle import loads",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "numpy.save(file, array)",
        "keras.models.load_model(file)",
        "keras.saving.load_model(file, safe_mode=False)",
        "pd.read_pickle(file)",
        "subprocess.run(text, shell=True)",
        "yaml.load(text, yaml.Loader)",
    ],
)
def test_the_check_finds_what_it_looks_for(text):
    """Each form of the fault is seen: a check that finds nothing proves nothing."""
    assert list(faults(ast.parse(text)))


def faults(tree: ast.Module) -> Iterator[str]:
    """What in a module reads or runs what it should not."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in MODULES:
                yield module
            case ast.Call(func=function, keywords=keywords):
                name = ast.unparse(function)
                given = {each.arg: ast.unparse(each.value) for each in keywords}
                if name in CALLS or given.get("shell") == "True":
                    yield name
                if name in {"np.load", "numpy.load", "np.save", "numpy.save"} and given.get("allow_pickle") != "False":
                    yield f"{name} with pickles"
                if name == "keras.saving.load_model" and given.get("safe_mode") != "True":
                    yield f"{name} with code"


def test_results_of_flows_and_tasks_are_json_and_not_kept():
    """Prefect's own default is to pickle; here every flow and task says JSON, and none keeps its result."""
    found = [
        each
        for package in ("tasks", "flows")
        for module in pkgutil.iter_modules([str(PROJECT / package)])
        for each in vars(importlib.import_module(f"{package}.{module.name}")).values()
        if isinstance(each, Flow | Task)
    ]
    assert len(found) > 20
    assert {each.result_serializer for each in found} == {"json"}
    assert {each.persist_result for each in found} == {False}


def test_wherever_runs_are_started_prefect_is_told_to_write_json():
    """In this folder by pyproject.toml, under our commands by their environment, in containers by compose."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["tool"]["prefect"]["results"]["default_serializer"] == "json"
    composed = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name in ("setup", "conductor", "worker", "server", "services"):
        assert composed[name]["environment"]["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
    program = (
        "from deployments.server import prepare_environment; prepare_environment();"
        "from prefect.settings import get_current_settings; print(get_current_settings().results.default_serializer)"
    )
    others = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_RESULTS")}
    said = subprocess.run(
        [sys.executable, "-c", program], cwd="/", env=others, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "json"
