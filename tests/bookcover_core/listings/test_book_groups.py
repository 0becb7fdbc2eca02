"""Names by which titles tell that books belong together."""

import unicodedata

import pytest

from bookcover_core.errors import ListingError
from bookcover_core.listings.book_groups import read_groups, title_group, title_names

WORKS = [
    ("Naruto, Vol. 12", "Naruto, Vol. 3: Dreams", "Naruto"),
    ("Y The Last Man Book One", "Y: The Last Man, Vol. 1: Unmanned"),
    ("To the Nines (Stephanie Plum, No. 9) (Stephanie Plum Novels)", "High Five (Stephanie Plum, No. 5)"),
    ("Grace in Thine Eyes (Lowlands of Scotland Series #4)", "Whence Came a Prince (Lowlands of Scotland Series #3)"),
    ("Wiley GAAP 2015: Interpretation", "Wiley GAAP 2013", "wiley  gaap"),
    ("Private Secondary Schools 2009-2010", "Private Secondary Schools 2003-04"),
    ("Skip Beat! (3-in-1 Edition), Vol. 10", "Skip Beat!, Vol. 2"),
]


@pytest.mark.parametrize("titles", WORKS)
def test_volumes_and_years_of_one_work_share_a_name(titles):
    """Numbered volumes, series in parentheses, and issues of several years."""
    assert set.intersection(*map(title_names, titles))


def test_works_apart_share_none():
    """Neither a number of its own, nor a word for volumes, nor a year alone is a series."""
    titles = [titles[0] for titles in WORKS]
    titles += ["1984", "2001", "Catch 22", "Area 7", "Vol. 2", "Book 3", "The Commodore (Vol. Book 17)", "Part II"]
    titles += ["No. 1 Ladies Detective Agency", "No One Left", "The Complete Book of Cats", "", "(2)"]
    names = [name for title in titles for name in title_names(title)]
    assert len(names) == len(set(names))


BOOKS = [(f"000{number}", f"000{number}.jpg", "Law") for number in range(1, 5)] + [("=x", "=x.jpg", "Law")]


def groups(tmp_path, text, **wanted):
    (tmp_path / "groups.csv").write_bytes(text.encode())
    return read_groups(tmp_path / "groups.csv", BOOKS, name="groups.csv", **wanted)


@pytest.mark.parametrize(
    "text",
    [
        "0001.jpg,g 1 \n 0002.jpg ,g  1\n",
        "sep=;\nFILENAME;group\n0001.jpg;g 1\n0002.jpg;g 1\n",
        "0001.jpg,g 1\r0002.jpg,g 1\r",
        "\n\n0001.jpg,g 1\n,\n0002.jpg,g 1\n",
    ],
)
def test_a_group_is_one_however_its_rows_are_written(tmp_path, text):
    """Blanks around names, what a spreadsheet adds, and other ends of lines make no other group."""
    assert groups(tmp_path, text) == {"0001": "g 1", "0002": "g 1"}


def test_a_name_that_a_spreadsheet_escaped_is_found(tmp_path):
    """Behind its apostrophe."""
    assert groups(tmp_path, "'=x.jpg,'=1+1\n") == {"=x": "=1+1"}


@pytest.mark.parametrize("text", ["", "filename,group\n", "\n"])
def test_a_file_without_groups_is_not_passed_over(tmp_path, text):
    """Somebody meant to name some."""
    with pytest.raises(ListingError, match="names no group"):
        groups(tmp_path, text)


def test_composition_of_a_title_makes_no_other_group():
    """A Mac writes an accent as a character of its own."""
    composed = "Po\u00e9sie: a life"
    decomposed = unicodedata.normalize("NFD", composed)
    assert title_group(decomposed, "1") == title_group(composed, "2")
    assert title_names(decomposed) == title_names(composed)
