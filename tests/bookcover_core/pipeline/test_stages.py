"""The stages of a study, and what stands for their code."""

import ast
import itertools
import sys

import pytest

from bookcover_core.pipeline.stages import STAGES, _without_docstrings, code_digest, find_stage
from bookcover_core.settings import StudySettings

NUMBERS = itertools.count()


@pytest.fixture
def digest_of_code(tmp_path, monkeypatch):
    """The digest of a package with these files, which is not imported for it."""
    monkeypatch.syspath_prepend(tmp_path)

    def digest(files: dict[str, str]) -> str:
        name = f"invented_package_{next(NUMBERS)}"
        for file, text in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = code_digest((name,))
        assert name not in sys.modules
        return found

    return digest


PLAIN = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "source",
    [
        '"""A module."""\n\n# A comment\ndef add(a, b):\n    """The sum."""\n    return a + b  # both\n',
        "def add(\n    a,\n    b,\n):\n    return (a + b)\n",
        'def add(a, b):\n    """One line."""\n\n    """And another."""\n\n    return a + b\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(digest_of_code, source):
    """What does not change what the code does does not change its digest."""
    assert digest_of_code({"__init__.py": source}) == digest_of_code({"__init__.py": PLAIN})


@pytest.mark.parametrize(
    "source",
    [PLAIN.replace("+", "-"), PLAIN.replace("b)", "b=0)"), PLAIN + "LIMIT = 3\n", 'NAME = "text"\n' + PLAIN],
)
def test_code_counts(digest_of_code, source):
    """Another operator, default, constant or text is another digest."""
    assert digest_of_code({"__init__.py": source}) != digest_of_code({"__init__.py": PLAIN})


def test_every_module_of_a_package_counts(digest_of_code):
    """A package stands for all modules in it, deep ones too."""
    package = {"__init__.py": "", "one.py": PLAIN, "deep/__init__.py": "", "deep/two.py": PLAIN}
    digest = digest_of_code(package)
    assert digest_of_code(package) == digest
    assert digest_of_code(package | {"deep/two.py": PLAIN.replace("+", "-")}) != digest
    assert digest_of_code(package | {"three.py": PLAIN}) != digest


def test_a_docstring_alone_is_a_body():
    """A class or function that is only a docstring still has a body without it."""
    tree = _without_docstrings(ast.parse('class A:\n    """Nothing."""\n\nasync def f():\n    """Nothing."""\n'))
    compile(ast.unparse(tree), "module", "exec")


def test_a_module_that_is_not_there_is_an_error():
    """A stage that names a module which does not exist is a fault of this project, and is not passed over."""
    with pytest.raises(ModuleNotFoundError):
        code_digest(("bookcover_core.nowhere",))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_names_settings_that_exist(stage):
    """A setting that a stage hangs on is one of the study's."""
    for path in stage.settings:
        StudySettings().part(path)


def test_no_outcome_hangs_on_who_computes():
    """However preparation and features are spread, no stage is done anew for it."""
    assert not [path for stage in STAGES for path in stage.settings if path.startswith("spreading")]


def test_stages_are_found_by_name():
    """Each stage has a name of its own, by which it is found; another name is none."""
    assert [find_stage(stage.name) for stage in STAGES] == list(STAGES)
    with pytest.raises(KeyError):
        find_stage("bake")


def test_curation_splits_and_preparation_hang_on_all_their_modules():
    """Every module of these two rooms is named at a stage, so that a change of it is noticed."""
    from pathlib import Path

    import bookcover_core

    root = Path(bookcover_core.__file__).parent
    named = {module for stage in STAGES for module in stage.code}
    for file in (root / "curation").glob("*.py"):
        if file.stem != "__init__":
            assert f"bookcover_core.curation.{file.stem}" in named
    assert "bookcover_core.preparation" in named
