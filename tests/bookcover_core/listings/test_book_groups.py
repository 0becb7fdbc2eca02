"""Names by which titles tell that books belong together."""

import pytest

from bookcover_core.listings.book_groups import title_names

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
