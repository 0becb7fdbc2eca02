"""Genres, their labels and slugs."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.genres import BOOK32, BOOKCOVER30, number_genres, slug


def test_bookcover30_is_book32_without_its_two_smallest():
    """32 categories, 30 of them in BookCover30, at the ids of the listings."""
    assert len(BOOK32) == len(set(BOOK32)) == 32
    assert BOOK32[:30] == BOOKCOVER30
    assert BOOK32[30:] == ("Gay & Lesbian", "Education & Teaching")
    assert (BOOKCOVER30[0], BOOKCOVER30[16], BOOKCOVER30[29]) == ("Arts & Photography", "Medical Books", "Travel")


def test_ids_are_those_of_the_official_listing(real_data):
    """Every category id of the official test listing stands for the name that it has there."""
    import csv

    listing = real_data / "listings" / "book30-listing-test.csv"
    with listing.open(encoding="utf-8", errors="replace", newline="") as lines:
        named = {(int(row[5]), row[6]) for row in csv.reader(lines)}
    assert named == set(enumerate(BOOKCOVER30))


def test_slugs_are_plain():
    """A slug is made of the name's letters and digits."""
    assert slug("Children's Books") == "childrens-books"
    assert slug("Arts & Photography") == "arts-and-photography"
    assert slug("Café Société") == "cafe-societe"
    assert slug("小説") == "genre"


def test_slugs_are_short_enough_for_a_folder():
    """A name of any length has a slug that a folder can be called by, and stays apart from another that begins so."""
    one, other = number_genres(["x" * 300, "x" * 301])
    assert len(one.slug) < len(other.slug) < 120


def test_a_slug_is_no_other_column_of_its_tables():
    """Predictions have a column for each genre beside those of book, group and label."""
    assert [each.slug for each in number_genres(["Key", "Label", "Group", "System", "日本"])] == [
        "key-2",
        "label-2",
        "group-2",
        "system-2",
        "genre",
    ]


@given(names=st.lists(st.text(min_size=1, max_size=12), max_size=20))
def test_genres_are_numbered_and_their_slugs_unique(names):
    """Labels count from 0 in the order given; slugs are [a-z0-9-], never empty, never twice."""
    genres = number_genres(names)
    assert [genre.label for genre in genres] == list(range(len(names)))
    assert [genre.name for genre in genres] == names
    assert all(re.fullmatch(r"[a-z0-9-]+", genre.slug) for genre in genres)
    assert len({genre.slug for genre in genres}) == len(names)
