"""The commands `bookcover store`, `verify`, `shrink` and `delete`, on studies that something was made in."""

import os
import shutil

import pytest
from typer.testing import CliRunner

from bookcover_core.errors import SettingsError, WorkspaceError
from bookcover_core.pipeline.store import store_folder
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings import StudySettings
from deployments.command_line import app
from tests.bookcover_core.pipeline.test_store import square, squared, study_in


def bookcover(*arguments, answer=None):
    """Runs a command; errors of ours are raised. What it printed, and its exit code."""
    ended = CliRunner().invoke(app, arguments, input=answer, env={"COLUMNS": "200"})
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.output, ended.exit_code


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """The folder of the studies of a home: `one` has had two seeds, `two` has its last."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path))
    folder = StudySettings().root.parent
    squared(study_in(folder, "one", seed=5))
    squared(study_in(folder, "one", seed=6))
    squared(study_in(folder, "two", seed=6))
    return folder


def kept(workspace):
    return sorted(file.read_text() for file in store_folder(workspace).glob("objects/*/*"))


def test_the_store_tells_what_it_keeps_and_frees_what_no_study_holds(workspace):
    """Stage, results, size, studies; pruning by age and size leaves what is not due."""
    told, _ = bookcover("store")
    assert "squared" in told
    assert "one, two" in told
    with pytest.raises(SettingsError, match="Add `--prune`"):
        bookcover("store", "--days", "3")
    for unless in (("--days", "30"), ("--most", "1")):
        assert bookcover("store", "--prune", *unless)[0].startswith("0 bytes freed")
    assert bookcover("store", "--prune")[0].startswith("5 bytes freed")
    assert kept(workspace) == ["1\n", "36\n", "6\n"]
    shutil.rmtree(store_folder(workspace))
    assert "Nothing is kept" in bookcover("store")[0]


def test_the_store_tells_what_a_copied_study_has_for_itself(workspace):
    """Its files are its own: once the studies that share files with the store are gone, nothing is shared."""

    def shared():
        [row] = [line.split() for line in bookcover("store")[0].splitlines() if line.startswith("squared")]
        return row[4]

    assert int(shared()) > 0
    shutil.copytree(workspace / "two", workspace / "copy")
    for name in ("one", "two"):
        shutil.rmtree(workspace / name)
    assert shared() == "0"
    assert "copy" in bookcover("store")[0]


def test_a_bit_that_flipped_is_found_and_mended(workspace):
    """Size and time are as they were; the run after `verify` has the right file again, in both studies."""
    assert "is as it was left" in bookcover("verify", "one")[0]
    study = study_in(workspace, "one", seed=6)
    file = study.workspace.root / "squared" / "square.txt"
    before = file.stat()
    with file.open("r+") as content:
        content.write("37")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert squared(study).reused, "nobody has looked"
    assert square(study) == "37\n"
    told, status = bookcover("verify", "one")
    assert "squared/square.txt is altered (squared/one)" in told
    assert status == 1
    squared(study)
    assert square(study) == "36\n"
    (study.workspace.root / "squared" / "seed.txt").unlink()
    assert "squared/seed.txt is missing" in bookcover("verify", str(study.workspace.root))[0]


def test_what_can_be_made_again_is_freed_when_a_person_agrees(workspace):
    """How much, and how long it took; what another study holds stays in the store."""
    study = study_in(workspace, "one", seed=6)
    assert "nothing to free" in bookcover("shrink", "one")[0]
    for name, text in (("prepared/a.jpg", "a picture"), ("models/x/checkpoint.npz", "a state"), ("covers/a.jpg", "x")):
        write_text(study.workspace.root / name, text)
    told, status = bookcover("shrink", "one", answer="n\n")
    assert status == 1
    assert "2 files, 16 bytes" in told
    assert (study.workspace.root / "prepared" / "a.jpg").exists()
    told, _ = bookcover("shrink", "one", "--yes")
    assert "free on the disk" in told
    assert not list((study.workspace.root / "prepared").rglob("*.jpg"))
    assert (study.workspace.root / "covers" / "a.jpg").exists()
    assert square(study) == "36\n"


def test_a_study_is_deleted_when_a_person_agrees(workspace):
    """With what it alone held in the store; not while it is run, and no other study is touched."""
    one, two = study_in(workspace, "one", seed=6), study_in(workspace, "two", seed=6)
    squared(study_in(workspace, "one", seed=7))
    assert bookcover("delete", "one", answer="n\n")[1] == 1
    with one.alone(), pytest.raises(WorkspaceError, match="another run of this study"):
        bookcover("delete", "one", "--yes")
    assert "49\n" in kept(workspace)
    bookcover("delete", "one", "--yes")
    assert not one.workspace.root.exists()
    assert "49\n" not in kept(workspace)
    assert square(two) == "36\n"
    assert "36\n" in kept(workspace)
    with pytest.raises(SettingsError):
        bookcover("delete", "one", "--yes")
