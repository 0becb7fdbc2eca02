"""Tests of `deployments.home`: relative paths mean the same folder in every run of one installation."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.python_process import own_environment
from deployments.home import enter_home, home, stand_in_for_home_folder


def test_the_named_folder_goes_before_the_present_one(tmp_path, monkeypatch):
    """BOOKCOVER_HOME says where; without it, it is where the command was started."""
    named, here = tmp_path / "named", tmp_path / "here"
    named.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("BOOKCOVER_HOME", raising=False)
    assert home() == here
    monkeypatch.setenv("BOOKCOVER_HOME", str(named))
    assert home() == named


@pytest.mark.parametrize(
    ("workspace", "named", "of"),
    [
        ("", "", "project"),
        ("", "home", "home"),
        ('workspace = "kept"\n', "", "elsewhere"),
        ('workspace = "../other/data/studies"\n', "", "other"),
    ],
)
def test_a_study_meets_the_server_of_its_home_wherever_a_command_is_typed(tmp_path, workspace, named, of):
    """The home that the study lies in has the database; a home that is named goes before it."""
    for folder in ("project", "home", "elsewhere", "other"):
        (tmp_path / folder).mkdir()
    (tmp_path / "project" / "mine.toml").write_text(f'name = "mine"\n{workspace}')
    lines = (
        "import os, pathlib",
        "from bookcover_core.settings.toml_file import load_settings",
        "from deployments.home import live_with",
        "from deployments.server import prepare_environment",
        "live_with(load_settings(pathlib.Path('../project/mine.toml')))",
        "prepare_environment()",
        "print(os.environ['PREFECT_HOME'])",
    )
    own = {"BOOKCOVER_HOME": str(tmp_path / named) if named else "", "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=tmp_path / "elsewhere",
        env={name: value for name, value in os.environ.items() if name != "PREFECT_HOME"} | own,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == str(tmp_path / of / "data" / "prefect")


def test_a_run_of_a_worker_works_where_the_worker_was_started(tmp_path, monkeypatch):
    """Not in the folder that the worker makes for it and removes again."""
    monkeypatch.delenv("BOOKCOVER_HOME", raising=False)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("BOOKCOVER_RUN_HOME", "")
    assert enter_home() is None, "Prefect would look for packages in the folder that it is told"
    printed = subprocess.run(
        [sys.executable, "-c", "import os, flows; print(os.getcwd())"],
        cwd="/",
        env=os.environ | own_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == str(tmp_path)
    monkeypatch.delenv("PWD")
    with pytest.raises(WorkspaceError, match="BOOKCOVER_HOME"):
        enter_home()


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    """A slip in the variable starts no second set of studies elsewhere."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path / "nowhere"))
    for look in (home, enter_home):
        with pytest.raises(WorkspaceError, match="nowhere"):
            look()


def test_the_home_stands_in_for_the_home_folder_of_a_user_who_has_none(tmp_path, monkeypatch):
    """Prefect looks for one when it is imported, and would end with a traceback."""

    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path))
    before = os.environ["HOME"]
    stand_in_for_home_folder()
    assert os.environ["HOME"] == before
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    stand_in_for_home_folder()
    assert Path.home() == tmp_path
