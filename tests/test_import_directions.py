"""Imports point one way.

    deployments -> flows -> tasks -> bookcover_core

and inside the core every room may import the ground floor and the rooms to its left.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

PACKAGES = ("bookcover_core", "tasks", "flows", "deployments")
GROUND_FLOOR = ("settings", "errors", "genres", "pipeline", "version")
ROOMS = (
    "listings",
    "covers",
    "curation",
    "preparation",
    "reading",
    "models",
    "training",
    "families",
    "evaluation",
    "visualisation",
    "inference",
    "report",
    "preflight",
    "export",
    "tracking",
    "python_interface",
)
FRONT_DOOR = {"__init__", "python_interface"}
ASIDE = "demo_data"
SLOW = ("tensorflow", "keras", "tf_keras_vis")


def sources() -> dict[str, str]:
    """The source of every module of the project, by its dotted name."""
    modules = {}
    for package in PACKAGES:
        for file in sorted((PROJECT / package).rglob("*.py")):
            parts = file.relative_to(PROJECT).with_suffix("").parts
            modules[".".join(parts)] = file.read_text(encoding="utf-8")
    return modules


def imported(module: str, source: str, *, top_level: bool = False) -> Iterator[str]:
    """Dotted names that a module imports; `from a import b` gives a and a.b, for b may be a module.

    Args:
        module: Dotted name of the module; that of a package ends with __init__.
        source: Its source.
        top_level: Leave out what is imported inside functions, or for the type checker alone.
    """
    tree = ast.parse(source)
    package = module.rpartition(".")[0]
    for node in _at_import(tree) if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _at_import(child)


def fault(module: str, name: str) -> str:
    """Why `module` must not import `name`; empty where it may."""
    package, _, rest = module.partition(".")
    target, _, inside = name.partition(".")
    if package == "bookcover_core" and target == "prefect":
        return "the core knows nothing of Prefect"
    if target not in PACKAGES:
        return ""
    if PACKAGES.index(target) > PACKAGES.index(package):
        return f"{package} stands below {target}"
    if package == target == "bookcover_core":
        return _fault_inside(rest.split(".")[0], inside.split(".")[0])
    return ""


def _fault_inside(room: str, other: str) -> str:
    """Why one part of the core must not import another."""
    if room == other or other in GROUND_FLOOR or other not in (*ROOMS, ASIDE) or {room, other} == FRONT_DOOR:
        return ""
    if room in GROUND_FLOOR or room == "__init__":
        return f"the ground floor imports no room, and {other} is one"
    if room == ASIDE:
        return f"{ASIDE} imports the ground floor alone"
    if other == ASIDE:
        return f"{ASIDE} stands aside"
    if ROOMS.index(other) > ROOMS.index(room):
        return f"{other} stands to the right of {room}"
    return ""


def faults(modules: dict[str, str]) -> list[str]:
    """Every import among `modules` that points the wrong way."""
    return sorted(
        {
            f"{module} imports {name}: {reason}"
            for module, source in modules.items()
            for name in imported(module, source)
            if (reason := fault(module, name))
        }
    )


def circles(modules: dict[str, str]) -> list[str]:
    """Modules that lead back to themselves by imports, those inside functions and for the type checker included."""
    names = {module.removesuffix(".__init__"): module for module in modules}
    needed = {
        # A package is imported with each of its modules, which says nothing about what either needs.
        module: {
            names[each] for each in imported(module, source) if each in names and not module.startswith(f"{each}.")
        }
        for module, source in modules.items()
    }
    found = []
    for module in modules:
        seen: set[str] = set()
        waiting = [*needed[module]]
        while waiting:
            if (each := waiting.pop()) not in seen:
                seen.add(each)
                waiting += needed[each]
        if module in seen:
            found.append(module)
    return sorted(found)


def reachable(modules: dict[str, str], start: str) -> set[str]:
    """Modules that are imported when `start` is, following imports at the top level only."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        module = name if name in modules else f"{name}.__init__"
        if module in found or module not in modules:
            continue
        found.add(module)
        waiting += imported(module, modules[module], top_level=True)
        waiting += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    return found


def slow_imports(modules: dict[str, str], start: str) -> list[str]:
    """Imports of TensorFlow or Keras that importing `start` runs."""
    return sorted(
        {
            f"{module} imports {name}"
            for module in reachable(modules, start)
            for name in imported(module, modules[module], top_level=True)
            if name.partition(".")[0] in SLOW
        }
    )


def test_imports_point_one_way():
    """No module imports what stands above it, to its right, or aside."""
    assert faults(sources()) == []


def test_every_part_of_the_core_has_its_place():
    """Each module or package directly in the core is a room, `demo_data`, or of the ground floor."""
    parts = {name.split(".")[1] for name in sources() if name.startswith("bookcover_core.")} - {"__init__"}
    assert parts - {*GROUND_FLOOR, *ROOMS, ASIDE} == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bookcover_core.curation.curate", "import prefect"),
        ("bookcover_core.curation.curate", "def f():\n    from prefect import flow"),
        ("bookcover_core.curation.curate", "from tasks import curation"),
        ("bookcover_core.curation.curate", "from bookcover_core.training import features"),
        ("bookcover_core.curation.curate", "from bookcover_core import report"),
        ("bookcover_core.curation.curate", "from ..preparation import stage"),
        ("bookcover_core.curation.__init__", "from ..preparation import stage"),
        ("bookcover_core.curation.curate", "import bookcover_core.demo_data.image_host"),
        ("bookcover_core.demo_data.image_host", "from bookcover_core.covers import pictures"),
        ("bookcover_core.pipeline.study", "from bookcover_core.listings.read_listings import read_listings"),
        ("bookcover_core.__init__", "import bookcover_core.listings"),
        ("tasks.curation", "import flows.curation"),
        ("flows.study", "from deployments import server"),
    ],
)
def test_the_rule_fires_on_a_bad_import(module, source):
    """An import that points the wrong way is found, wherever in the module and however it is written."""
    assert len(faults({module: source})) >= 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bookcover_core.curation.curate", "from bookcover_core.covers import pictures\nimport pandas"),
        ("bookcover_core.report.write_report", "from bookcover_core.curation import curate\nfrom . import gallery"),
        (
            "bookcover_core.demo_data.image_host",
            "from bookcover_core import genres\nfrom . import canvas",
        ),
        ("tasks.curation", "from prefect import task\nfrom bookcover_core.curation import curate"),
        ("deployments.run_command", "from flows import study\nfrom bookcover_core.settings import StudySettings"),
        ("bookcover_core.report.write_report", "from bookcover_core import __version__"),
    ],
)
def test_the_rule_lets_good_imports_pass(module, source):
    """An import that points the right way is no fault."""
    assert faults({module: source}) == []


def test_no_modules_of_the_core_import_each_other_in_a_circle():
    """What two modules share has a place of its own, rather than an import that is hidden in a function."""
    core = {module: source for module, source in sources().items() if module.startswith("bookcover_core.")}
    assert circles(core) == []


def test_the_rule_on_circles_fires():
    """A circle is found although one of its imports runs later, and another for the type checker alone."""
    modules = {
        "bookcover_core.evaluation.a": "def f():\n    from bookcover_core.evaluation import b\n",
        "bookcover_core.evaluation.b": "if TYPE_CHECKING:\n    from bookcover_core.evaluation.a import f\n",
        "bookcover_core.evaluation.c": "from bookcover_core.evaluation import a\n",
    }
    assert circles(modules) == ["bookcover_core.evaluation.a", "bookcover_core.evaluation.b"]
    modules["bookcover_core.evaluation.b"] = ""
    assert circles(modules) == []


def test_the_command_line_starts_without_tensorflow():
    """Nothing that is imported when the command line starts imports TensorFlow or Keras."""
    modules = sources()
    assert "bookcover_core.settings.__init__" in reachable(modules, "deployments.command_line")
    assert slow_imports(modules, "deployments.command_line") == []


def test_the_rule_on_slow_imports_fires():
    """A slow import is found through other modules and packages; inside functions it is allowed."""
    modules = {
        "deployments.command_line": "from bookcover_core.models import backbones\n",
        "bookcover_core.models.__init__": "",
        "bookcover_core.models.backbones": "if True:\n    import keras\n",
    }
    assert slow_imports(modules, "deployments.command_line") == ["bookcover_core.models.backbones imports keras"]
    modules["bookcover_core.models.backbones"] = "def build():\n    import keras\n"
    assert slow_imports(modules, "deployments.command_line") == []
    modules["bookcover_core.models.__init__"] = "from tensorflow import nn\n"
    assert len(slow_imports(modules, "deployments.command_line")) == 2


def test_the_command_line_loads_no_slow_module():
    """The same, seen from outside: a fresh interpreter that imports the command line has not loaded TensorFlow."""
    script = f"import sys, deployments.command_line; print([name for name in {SLOW} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
