"""The command `bookcover demo`: what it says at its end. That its study runs is tested with the flows."""

import re
import sys
from pathlib import Path

import pytest

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings, named_study
from deployments import demo_command
from deployments.demo_command import run_demo


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a home's studies; a demo there draws a cover for each genre, and its study is begun alone."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [".venv/bin/bookcover", "demo"])
    monkeypatch.setenv("PATH", "")
    for name, books in (("TRAIN_PER_GENRE", 1), ("TEST_PER_GENRE", 0), ("POOL_PER_GENRE", 0)):
        monkeypatch.setattr(demo_command, name, books)
    monkeypatch.setattr(demo_command, "run_study", lambda settings, *, stay: Study(settings).begin())  # noqa: ARG005
    return StudySettings().root.parent


def test_a_demo_ends_with_what_to_do_next(home, tmp_path, capsys):
    """As the program was called, and with a name that the study is found by, wherever it lies."""
    for folder, is_shown in ((home, True), (tmp_path / "elsewhere", False)):
        run_demo(folder, seed=3)
        said = capsys.readouterr().out
        assert ("`.venv/bin/bookcover serve` opens a page" in said) == is_shown
        [named] = re.findall(r"`\.venv/bin/bookcover judge FILE --study (.+)`\.\n$", said)
        assert load_settings(named_study(Path(named))).root == folder / "demo"


def test_a_program_on_the_path_is_called_by_its_name(home, tmp_path, monkeypatch, capsys):
    """As everywhere else."""
    (tmp_path / "bookcover").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    run_demo(home, seed=3)
    assert capsys.readouterr().out.endswith("Ask it of a cover: `bookcover judge FILE --study demo`.\n")
