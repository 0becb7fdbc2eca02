"""Names that people and programs wrote differently."""

import time
import unicodedata

import pytest

from bookcover_core.listings.name_index import BookNames, NameIndex


def found(names, wanted, folders=(), listed=()):
    return NameIndex(names, listed or [wanted]).find(wanted, folders)


def test_the_exact_path_comes_before_all_others():
    """A file of the same name in another folder is no rival of the path that is named."""
    names = ["Law/1.jpg", "Travel/1.jpg", "1.jpg"]
    for name in names[:2]:
        assert found(names, name, listed=names) == ((name,), True, False)


def test_a_path_is_found_below_other_folders_and_without_its_own():
    """Travel/1.jpg is covers/Travel/1.jpg, and covers/Travel/1.jpg is Travel/1.jpg."""
    assert found(["covers/Travel/1.jpg", "covers/Law/1.jpg"], "Travel/1.jpg").names == ("covers/Travel/1.jpg",)
    assert found(["Travel/1.jpg", "Law/1.jpg"], "covers/Travel/1.jpg").names == ("Travel/1.jpg",)


def test_a_name_in_several_folders_is_ambiguous():
    """Nothing is guessed, unless one of the folders is the book's genre."""
    names = ["Law/1.jpg", "Travel/1.jpg"]
    assert found(names, "1.jpg") == (("Law/1.jpg", "Travel/1.jpg"), True, True)
    assert found(names, "1.jpg", ["Travel"]) == (("Travel/1.jpg",), True, False)


def test_a_name_alone_is_taken_where_no_other_book_has_it():
    """Of a/1.jpg and b/1.jpg neither may have the only 1.jpg there is."""
    assert found(["x/1.jpg"], "a/1.jpg", listed=["a/1.jpg"]) == (("x/1.jpg",), True, False)
    assert found(["x/1.jpg"], "a/1.jpg", listed=["a/1.jpg", "b/1.jpg"]).is_ambiguous
    assert found(["x/1.jpg"], "b/1.jpg", listed=["a/1.jpg", "b/1.jpg"]).is_ambiguous


@pytest.mark.parametrize(
    "name",
    [
        "cafe\N{COMBINING ACUTE ACCENT} 1.JPG",
        "CAF\N{LATIN CAPITAL LETTER E WITH ACUTE} 1.jpg",
        " caf\N{LATIN SMALL LETTER E WITH ACUTE} 1.jpg ",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE} 1.jpeg",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE} 1",
        "deep\\caf\N{LATIN SMALL LETTER E WITH ACUTE} 1.jpg",
    ],
)
def test_equivalent_names_are_found_and_said_to_be_so(name):
    """Case, Unicode composition, spaces, backslashes and suffixes make no other name."""
    wanted = unicodedata.normalize("NFC", "café 1.jpg")
    assert found(["other.jpg", name], wanted) == ((name,), False, False)


def test_what_one_book_names_is_not_given_to_another():
    """1.JPG is the file of the book that is called so, not an equivalent for 1.jpg."""
    listed = ["1.JPG", "1.jpg", "1.png"]
    assert found(["1.JPG"], "1.JPG", listed=listed).names == ("1.JPG",)
    assert found(["1.JPG"], "1.jpg", listed=listed).names == ()
    assert found(["1.gif"], "1.png", listed=listed).is_ambiguous


def test_what_is_not_there_is_not_found():
    """No likeness is taken for a name."""
    assert found(["10.jpg", "11.jpg"], "1.jpg").names == ()


BOOKS = BookNames([("0006479227", "0006479227.jpg", "Law"), ("travel-1", "1.jpg", "Travel"), ("law-1", "1.jpg", "Law")])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("0006479227", "0006479227"),
        ("0006479227.jpg", "0006479227"),
        ("6479227", "0006479227"),
        ("6479227.JPG", "0006479227"),
        ("Law/0006479227", "0006479227"),
        ("Travel/1.jpg", "travel-1"),
        ("covers/Law/1.jpg", "law-1"),
        ("1.jpg", None),
        ("7", None),
    ],
)
def test_a_row_names_a_book_in_many_ways(name, key):
    """By key, FILENAME, or either below its genre, with the zeros that a spreadsheet dropped; never by a guess."""
    assert BOOKS.find(name) == key


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (["Art/1.jpg"], ["Art/1.jpg", "1.jpg"]),
        (["g/h/9.jpg"], ["g/h/9.jpg", "h/9.jpg", "9.jpg"]),
        (["h/9.jpg"], ["a/h/9.jpg", "b/h/9.jpg"]),
        (["x/A.jpg"], ["a.JPG", "x/a.JPG"]),
    ],
)
def test_one_file_is_of_one_book(names, listed):
    """The book that names its whole path, if one does; for all others, and where none does, it is ambiguous."""
    index = NameIndex(names, listed)
    taken = [name for name in listed if index.find(name).names and not index.find(name).is_ambiguous]
    assert taken == [name for name in listed if name in names]
    assert all(index.find(name).names == tuple(names) for name in listed)


def test_many_files_of_one_last_name_are_found_quickly():
    """By the ends of their paths: a folder of its own for each cover is a common layout."""
    wanted = [f"{number:06d}/cover.jpg" for number in range(20_000)]
    index = NameIndex([f"covers/{name}" for name in wanted], wanted)
    started = time.process_time()
    assert all(index.find(name) == ((f"covers/{name}",), True, False) for name in wanted)
    assert time.process_time() - started < 5
