"""What people install, and what those who carry on start with: the wheel, the version, the make targets."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from bookcover_core.version import __version__
from tests.conftest import LONGEST

PROJECT = Path(__file__).parents[1]
WHEEL = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
ROOMS = [file.parent.name for file in (PROJECT / "bookcover_core").glob("*/__init__.py")] + WHEEL["packages"][1:]


def test_the_wheel_is_typed_and_complete(programs):
    """Type checkers read the annotations of every package; data files that are read at run time are there."""
    [site] = (programs.parent / "lib").glob("python3.*/site-packages")
    for package in WHEEL["packages"]:
        assert (site / package / "py.typed").is_file()
    assert list((site / "bookcover_core" / "evaluation" / "reference").glob("*.csv"))
    assert not (site / "tests").exists()


def test_the_program_says_its_version(programs, tmp_path):
    """`bookcover --version` is the version of the code that runs, and of the distribution."""
    said = subprocess.run(
        [programs / "bookcover", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"bookcover {__version__}\n"
    assert list((programs.parent / "lib").glob(f"python3.*/site-packages/bookcover-{__version__}.dist-info"))


def test_one_version_everywhere():
    """Whoever changes the version changes the citation and the image, and says in the change log what changed."""
    assert yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))["version"] == __version__
    assert f"\n## [{__version__}] - " in (PROJECT / "CHANGELOG.md").read_text("utf-8")
    for name in ("docker-compose.yml", "docs/many-machines.md"):
        assert set(re.findall(r"\bbookcover:(\d[\w.]*)", (PROJECT / name).read_text("utf-8"))) == {__version__}, name


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_can_be_checked_alone(room):
    """`make check ROOM=...` looks at the room's code and at its tests."""
    said = make("-n", "check", f"ROOM={room}", "INSTALLED=")
    assert said.returncode == 0, said.stderr
    [tested] = [line for line in said.stdout.splitlines() if " -m pytest " in line]
    [tests] = [word for word in tested.split() if word.startswith("tests/")]
    assert list((PROJECT / tests).glob("test_*.py"))
    assert f"ruff check {tests.removeprefix('tests/')} {tests}" in said.stdout
    assert f"mypy -p {tests.removeprefix('tests/').replace('/', '.')}\n" in said.stdout


def test_a_room_that_is_none_is_told_with_those_that_are():
    """A wrong name installs nothing, checks nothing, and lists the right ones."""
    for wrong in ("ROOM=dance", "ROOM="):
        said = make("check", wrong)
        assert said.returncode == 2
        assert set(ROOMS) <= set(said.stderr.split()), said.stderr


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", ["architecture.md", "CONTRIBUTING.md"])
def test_the_modules_that_a_page_names_are_there(page):
    """Who carries on is led to files that exist: a rename changes the pages that name them."""
    named = set(re.findall(r"`([\w./-]+\.py)`", (PROJECT / page).read_text("utf-8"))) - {"utils.py"}
    there = [file.as_posix() for package in [*WHEEL["packages"], "tests"] for file in (PROJECT / package).rglob("*.py")]
    assert named
    assert [name for name in sorted(named) if not any(file.endswith(f"/{name}") for file in there)] == []


def test_the_longest_files_of_tests_are_there():
    """A file that is begun first has not been renamed since."""
    assert [name for name in LONGEST if not (PROJECT / "tests" / name).is_file()] == []
