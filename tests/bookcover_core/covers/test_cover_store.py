"""Tests of where covers lie."""

import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.genres import number_genres
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import picture

KEEPER = CoverStore(Workspace(Path("/study")), number_genres(["Law", "Travel"]), CoverSettings())


def book(filename: str, category: str = "Law") -> Book:
    return Book("key", filename, "", "", "", "0", category, "", "", 1)


# Any text at all, single surrogates (bytes that are no UTF-8) included, and names with a meaning to some system.
TEXTS = st.text(st.characters(exclude_categories=()), min_size=1, max_size=15)
NAMES = TEXTS | st.sampled_from(
    [
        "..",
        ".",
        "/",
        "../../etc/passwd",
        "a\0b",
        "C:\\x",
        "C:x",
        "\\\\host\\share",
        "con",
        "nul.jpg",
        "a.",
        ". .",
        "~",
        "%2e%2e",
    ]
)
LONG = st.builds(lambda text, times: (text * times)[:5000], TEXTS, st.integers(20, 1000))

# Bytes of a file's name, at most, on the usual file systems.
LONGEST = 255


@given(name=NAMES | LONG, category=NAMES | LONG)
def test_no_file_name_leads_out_of_its_folder(name: str, category: str):
    """Whatever FILENAME and category hold, a cover lies in a folder right below covers/."""
    place = KEEPER.place(book(name, category))
    assert place.parent.parent == Path("/study/covers")
    assert Path("/study/covers") in Path(os.path.normpath(place)).parents
    for part in (place.name, place.parent.name):
        assert part not in {"", ".", ".."}
        assert not set("/\\\0:") & set(part)
        assert part.isascii()
        assert part.isprintable()
        assert len(part) <= LONGEST
        assert PureWindowsPath(part).parts == (part,)


@pytest.mark.parametrize(
    "name", ["..", "../../../escaped.jpg", "/etc/escaped.jpg", "a\0b", "\udc81.jpg", "é" * 500, "con", "~"]
)
@pytest.mark.parametrize("category", ["Law", "../..", "", "日本"])
def test_a_cover_of_any_name_is_written_below_covers_alone(tmp_path: Path, name: str, category: str):
    """On disk, too: one file, in a folder below covers/, and nothing beside the study."""
    store = CoverStore(Workspace(tmp_path / "study"), number_genres(["Law"]), CoverSettings())
    assert store.keep_if_cover([book(name, category)], picture()).outcome == "ok"
    [file] = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert file.parent.parent == tmp_path / "study" / "covers"
    assert file.read_bytes() == picture()


@given(names=st.lists(NAMES.filter(lambda name: name == name.strip(" ")), unique=True, min_size=2, max_size=2))
def test_different_names_lie_apart(names: list[str]):
    """No cover takes the place of another."""
    assert KEEPER.place(book(names[0])) != KEEPER.place(book(names[1]))


def test_books_of_no_genre_lie_under_their_category():
    """Books of the pool whose category is no genre of the study have a folder too."""
    assert KEEPER.place(book("1.jpg", "Gay & Lesbian")) == Path("/study/covers/gay-and-lesbian/1.jpg")


def test_a_cover_that_is_there_is_not_written_again(tmp_path: Path):
    """Raw covers are immutable: the same bytes leave the file as it is, time of change included."""
    store = CoverStore(Workspace(tmp_path), number_genres(["Law"]), CoverSettings())
    store.keep_if_cover([book("1.jpg")], picture())
    before = store.place(book("1.jpg")).stat()
    assert store.keep_if_cover([book("1.jpg")], picture()).outcome == "ok"
    after = store.place(book("1.jpg")).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("body", [b"", b"<html>", picture(size=(10, 10)), picture()[:-300]])
def test_what_is_no_cover_is_not_kept(tmp_path: Path, body: bytes):
    """Only covers lie under covers/."""
    store = CoverStore(Workspace(tmp_path), number_genres(["Law"]), CoverSettings())
    assert store.keep_if_cover([book("1.jpg")], body).outcome != "ok"
    assert not (tmp_path / "covers").exists()
