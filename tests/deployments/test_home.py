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
