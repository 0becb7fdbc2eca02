"""What stands for the code that a stage depends on."""

import itertools
import sys

import pytest

from bookcover_core.pipeline import code
from bookcover_core.pipeline.code import NOT_MEANING, code_of
from bookcover_core.pipeline.graph import declarations

NUMBERS = itertools.count()

BODY = "from .parts import add\n\ndef body(study):\n    return add(1, 2)\n"
PARTS = "LIMIT = 3\n\ndef add(a, b):\n    return min(a + b, LIMIT)\n\ndef other(a):\n    return a\n"


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """The digests of the function `body` of an invented package of the core, which is not imported for it."""
    monkeypatch.syspath_prepend(tmp_path)

    def digest(files: dict[str, str]) -> dict[str, str]:
        name = f"invented_core_{next(NUMBERS)}"
        monkeypatch.setattr(code, "_CORE", name)
        for file, text in ({"__init__.py": ""} | files).items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("CORE", name))
        found = code_of(f"{name}.stages:body")
        assert name not in {module.split(".")[0] for module in sys.modules if module.endswith(("stages", "parts"))}
        return {module.removeprefix(f"{name}."): value for module, value in found.items()}

    return digest


@pytest.mark.parametrize(
    "parts",
    [
        '"""A module."""\n\n# A comment\n' + PARTS,
        PARTS.replace("def add(a, b):\n", 'def add(a, b):\n    """The sum."""\n'),
        PARTS.replace("def add(a, b):", "def add(\n    a: int,\n    b: int,\n) -> int:"),
        PARTS.replace("return a\n", "return -a\n"),
        PARTS + "\ndef third():\n    return 3\n",
        "import logging\n\nlogger = logging.getLogger(__name__)\n" + PARTS,
        PARTS.replace("    return min", '    logger.info("adding %s", a)\n    return min'),
        PARTS.replace("    return min", '    warn_once(logger, "adding %s", a)\n    return min'),
        "from CORE.errors import InputError\n" + PARTS,
    ],
)
def test_what_changes_no_outcome_does_not_count(digests, parts):
    """Comments, docstrings, layout, annotations, log lines, and what the stage cannot reach, change no digest."""
    errors = {"errors.py": "class InputError(Exception): ...\n"}
    plain = digests({"stages.py": BODY, "parts.py": PARTS, **errors})
    assert digests({"stages.py": BODY, "parts.py": parts, **errors}) == plain


@pytest.mark.parametrize(
    "parts",
    [
        PARTS.replace("+", "-"),
        PARTS.replace("a, b)", "a, b=0)", 1),
        PARTS.replace("LIMIT = 3", "LIMIT = 4"),
        PARTS + "\nprint('at import')\n",
        PARTS.replace("def add", "@cache\ndef add"),
    ],
)
def test_code_that_is_reached_counts(digests, parts):
    """Another operator, default, constant, decorator, or what runs at import, is another digest of that module."""
    before = digests({"stages.py": BODY, "parts.py": PARTS})
    after = digests({"stages.py": BODY, "parts.py": parts})
    assert after["parts"] != before["parts"]
    assert after["stages"] == before["stages"]


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("def body(study):\n    from CORE.parts import add\n    return add(1, 2)\n", PARTS),
        ("from CORE import parts\n\ndef body(study):\n    return parts.add(1, 2)\n", PARTS),
        ("import CORE.parts\n\ndef body(study):\n    return CORE.parts.add(1, 2)\n", PARTS),
        ("from . import parts as p\n\ndef body(study):\n    return p.add(1, 2)\n", PARTS),
        (
            "from .parts import add as plus\nWAYS = {1: plus}\n\ndef body(study):\n    return WAYS[1](1, 2)\n",
            PARTS,
        ),
        ("from .again import add\n\ndef body(study):\n    return add(1, 2)\n", PARTS),
        ("from . import parts\n\ndef body(study):\n    return run(parts)\n", PARTS),
        (
            "from .parts import Adder\n\ndef body(study):\n    return Adder().go()\n",
            PARTS + "\nclass Adder:\n    def go(self):\n        return add(1, 2)\n",
        ),
    ],
)
def test_code_is_found_however_it_is_named(digests, body, parts):
    """Imports in functions, modules, aliases, re-exports, tables of functions, and methods of classes are followed."""
    again = {"again.py": "from .parts import add\n"}
    before = digests({"stages.py": body, "parts.py": parts, **again})
    after = digests({"stages.py": body, "parts.py": parts.replace("+", "-"), **again})
    assert before["parts"] != after["parts"]


@pytest.mark.parametrize(
    "registration",
    [
        "@register\ndef check():\n    return 1\n",
        "@register('a')\ndef check():\n    return 1\n",
        "def check():\n    return 1\n\nfor each in (check,):\n    register(each)\n",
        "def check():\n    return 1\n\nregister(check)\n",
        "def check():\n    return 1\n\nCHECKS['a'] = check\n",
        "if True:\n    def check():\n        return 1\n",
    ],
)
def test_what_a_module_does_at_import_counts(digests, registration):
    """A function that reaches a table through a decorator, a loop or a call counts for all who use that module."""
    table = "CHECKS = {}\n\ndef register(name):\n    return name\n\ndef add(a, b):\n    return CHECKS\n\n"
    before = digests({"stages.py": BODY, "parts.py": table + registration})
    after = digests({"stages.py": BODY, "parts.py": table + registration.replace("return 1", "return 2")})
    assert before["parts"] != after["parts"]


def test_the_words_of_errors_do_not_count(digests):
    """What an error of the project's says changes no outcome; which error is raised, and what another carries, does."""
    body = (
        "from .errors import InputError, OutputError\nclass Retry(Exception): ...\n\ndef body(study):\n    raise {}\n"
    )
    errors = {"errors.py": "class InputError(Exception): ...\nclass OutputError(Exception): ...\n"}

    def of(raised: str) -> dict[str, str]:
        return digests({"stages.py": body.format(raised), **errors})

    assert of('InputError("a", where=1)') == of('InputError("b")')
    assert of('InputError("a")') != of('OutputError("a")')
    assert of("Retry(1)") != of("Retry(2)")


def test_the_description_of_a_field_does_not_count(digests):
    """It is for people, as a docstring is; a field's default and bounds are not."""

    def of(field: str) -> dict[str, str]:
        model = f"from pydantic import BaseModel, Field\n\nclass Row(BaseModel):\n    n: int = Field({field})\n\n"
        return digests({"stages.py": model + "def body(study):\n    return Row()\n"})

    assert of('default=1, description="a"') == of('default=1, description="b"') == of("default=1")
    assert of("default=1") != of("default=2")


def test_what_only_the_type_checker_sees_does_not_count(digests):
    """An import under TYPE_CHECKING is not followed."""
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .parts import add\n\n"
    assert set(digests({"stages.py": guarded + "def body(study):\n    return 1\n", "parts.py": PARTS})) == {"stages"}


def test_a_name_that_is_not_there_is_an_error():
    """A module or function that does not exist is a fault of the project, and is not passed over."""
    with pytest.raises(ModuleNotFoundError):
        code_of("bookcover_core.nowhere:body")
    with pytest.raises(KeyError):
        code_of("bookcover_core.curation.splits:nothing")


@pytest.mark.parametrize("stage", declarations(), ids=lambda stage: stage.name)
def test_every_module_that_a_stage_depends_on_changes_its_key(stage, monkeypatch):
    """For every stage and module that it reaches: a change of meaning there changes that module's digest, no other."""
    symbol = stage.function.__module__, stage.function.__name__
    before = code_of(":".join(symbol))
    assert stage.function.__module__ in before
    reached = sorted(code._reachable(symbol))
    for module in before:
        read = code._read(module)
        name = next(name for reached_module, name in reached if reached_module == module)
        with monkeypatch.context() as patch:
            patch.setitem(read.code, name, [*read.code[name], "changed()"])
            after = code_of(":".join(symbol))
        assert {each for each in before if before[each] != after[each]} == {module}


@pytest.mark.parametrize(
    ("symbol", "stages"),
    [
        ("bookcover_core.training.loop:Epoch", {"short-training", "search", "train", "finetune", "scratch"}),
        ("bookcover_core.training.stored_probabilities:read_probabilities", {"ensemble", "evaluate", "analyse"}),
        (
            "bookcover_core.training.stored_probabilities:write_probabilities",
            {"train", "finetune", "scratch", "ensemble"},
        ),
        ("bookcover_core.curation.grouped_split:draw_groups", {"split"}),
        ("bookcover_core.evaluation.intervals:Estimate", {"evaluate", "analyse", "report"}),
    ],
)
def test_a_function_counts_for_the_stages_that_use_it(symbol, stages):
    """Functions that choose epochs, or read and write results, are among what the stages that call them depend on."""
    wanted = tuple(symbol.split(":"))
    found = {
        stage.name
        for stage in declarations()
        if wanted in code._reachable((stage.function.__module__, stage.function.__name__))
    }
    assert found >= stages


def test_exclusions_are_there_and_say_why():
    """Every module or package that is left out exists, and has its reason."""
    for name, reason in NOT_MEANING.items():
        assert code._file(name.removesuffix(".__init__")) is not None, name
        assert reason


@pytest.mark.parametrize("name", ["ensemble", "evaluate", "analyse"])
def test_what_reads_stored_probabilities_depends_on_no_training(name):
    """How systems are trained reaches these stages through probabilities alone, never through their code."""
    (stage,) = [each for each in declarations() if each.name == name]
    reached = {module.removeprefix("bookcover_core.") for module in stage.code}
    trains = {"training.loop", "training.head_trainer", "training.image_trainer", "training.training_run"}
    assert not reached & {*trains, "models.networks", "families.frozen", "families.fine_tuned", "families.from_scratch"}


def test_what_was_read_of_a_module_is_kept_until_it_changes(tmp_path, monkeypatch):
    """Whether it was read or kept, the code is the same; a change of the module counts, and so does damage."""
    module = tmp_path / "library.py"
    module.write_text("from os import path\n\n\ndef work():\n    return path.join('a')\n")
    monkeypatch.setattr(code, "_file", lambda _: module)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    read = code._read.__wrapped__
    first = read("library")
    (kept,) = (tmp_path / "__pycache__").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(code, "_parse", lambda *_: pytest.fail("it was kept"))
        assert read("library") == first
    module.write_text(module.read_text().replace("'a'", "'b'"))
    assert read("library") != first
    assert read("library").imports == first.imports
    kept.write_text('{"key":')
    assert read("library").code["work"] != first.code["work"]


def test_where_nothing_can_be_kept_modules_are_read(tmp_path, monkeypatch):
    """In an installation that belongs to somebody else, or where Python is told to write no bytecode."""
    module = tmp_path / "library.py"
    module.write_text("one = 1\n")
    monkeypatch.setattr(code, "_file", lambda _: module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert code._read.__wrapped__("library").code == {"one": ["one = 1"]}
    assert not (tmp_path / "__pycache__").exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").write_text("")  # no folder
    assert code._read.__wrapped__("library").code == {"one": ["one = 1"]}


def test_it_is_kept_where_python_is_told_to_keep_bytecode(tmp_path, monkeypatch):
    """As in the image, in which nothing beside the modules can be written."""
    module = tmp_path / "library.py"
    module.write_text("one = 1\n")
    monkeypatch.setattr(code, "_file", lambda _: module)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "elsewhere"))
    code._read.__wrapped__("library")
    assert [file.name for file in (tmp_path / "elsewhere").rglob("*.json")]
    assert not (tmp_path / "__pycache__").exists()
