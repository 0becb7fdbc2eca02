"""Tests of `deployments.home`: relative paths mean the same folder in every run of one installation."""

import pytest

from bookcover_core.errors import WorkspaceError
from deployments.home import enter_home, home


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
    assert enter_home() == {"directory": str(tmp_path)}
    monkeypatch.delenv("PWD")
    with pytest.raises(WorkspaceError, match="BOOKCOVER_HOME"):
        enter_home()


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    """A slip in the variable starts no second set of studies elsewhere."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path / "nowhere"))
    for look in (home, enter_home):
        with pytest.raises(WorkspaceError, match="nowhere"):
            look()
