"""The short form that begins a study, and the name that a study gets."""

import os
from pathlib import Path

import pytest

from bookcover_core.errors import FolderError, SettingsError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.short_form import settings_of_folder, study_name


@pytest.fixture
def begun(tmp_path: Path, monkeypatch):
    """Begins the study of a folder, and gives its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path / "home"))

    def begin(folder: str, **wanted: str) -> str:
        Path(folder).mkdir(parents=True, exist_ok=True)
        settings = settings_of_folder(folder, **wanted)
        Study(settings).begin()
        assert settings.books.folder == str(Path(folder).resolve())
        return settings.name

    return begin


def test_a_second_folder_of_one_name_has_a_study_of_its_own(begun):
    """It never takes over that of the first; each finds its own again, though the first is deleted."""
    first, second = begun("one/covers"), begun("two/covers")
    assert first == "covers"
    assert second.startswith("covers-")
    assert [begun("one/covers"), begun("two/covers")] == [first, second]
    Path("home/data/studies/covers/settings.json").unlink()
    assert begun("two/covers") == second
    assert begun("three/covers") == "covers"


@pytest.mark.parametrize("name", ["книги", "書籍", "книги 2", "!!!"])
def test_names_that_are_not_latin_are_told_apart(begun, name: str):
    """By a digest of the folder's place: two such folders are no one study."""
    assert begun(f"one/{name}") != begun(f"two/{name}") == begun(f"two/{name}")


def test_marks_and_spaces_are_left_out_of_a_name(begun):
    """Übung is Ubung; a folder of that very name has another."""
    assert begun("Übung 1") == "Ubung-1"
    assert begun("Ubung 1").startswith("Ubung-1-")
    assert study_name("", "https://a.example/book%20list.csv?x=1") == "book-list"


def test_the_current_folder_is_called_by_its_name(begun, tmp_path: Path, monkeypatch):
    """Not study, whichever it is."""
    (tmp_path / "covers").mkdir()
    monkeypatch.chdir(tmp_path / "covers")
    assert begun(".") == "covers"


def test_a_name_that_a_person_gives_is_not_that_of_other_books(begun):
    """The message names the books that the other study is of."""
    begun("one/covers", name="mine")
    with pytest.raises(SettingsError, match=r"of other books \(.*one/covers\).*Name this one otherwise"):
        begun("two/covers", name="mine")
    assert begun("one/covers", name="mine") == "mine"


def test_what_is_no_folder_is_said_to_be_none(begun, tmp_path: Path):
    """An empty name is none either."""
    (tmp_path / "file.jpg").write_bytes(b"")
    said = {
        "file.jpg": "a file, not a folder",
        "none": "no such folder",
        " ": "no folder",
        "~nobody/x": "no such folder",
    }
    for name, message in said.items():
        with pytest.raises(FolderError, match=message):
            settings_of_folder(name)
    assert os.listdir(tmp_path) == ["file.jpg"]  # noqa: PTH208 - the names alone


def test_changes_are_taken_with_the_books_that_the_form_names(begun, tmp_path: Path):
    """They need not be possible without; the folder of studies is the one that they name."""
    folder = tmp_path / "covers"
    folder.mkdir()
    changes = ["books.source=folder", f"workspace={tmp_path / 'elsewhere'}"]
    Study(settings_of_folder(str(folder), changes)).begin()
    (tmp_path / "two" / "covers").mkdir(parents=True)
    assert settings_of_folder(str(tmp_path / "two" / "covers"), changes).name.startswith("covers-")
    assert settings_of_folder(str(tmp_path / "two" / "covers")).name == "covers"
