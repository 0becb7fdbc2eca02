"""What flatters a system that reads."""

import numpy as np
import pytest

from bookcover_core.evaluation.giveaways import known_authors, names_genre, unaided
from bookcover_core.listings.books import BookText


@pytest.mark.parametrize(
    ("title", "genre", "named"),
    [
        ("Cats 2016 Wall CALENDAR", "Calendars", True),
        ("The SAT Prep Guide", "Test Preparation", True),
        ("Saturday", "Test Preparation", False),
        ("A Book of the Sea", "Christian Books & Bibles", False),
        ("Law for Dogs", "Law", True),
        ("In-laws", "Law", False),
        ("\u041a\u043d\u0438\u0433\u0430", "Law", False),
        ("", "Law", False),
    ],
)
def test_a_title_names_its_genre_by_whole_words(title: str, genre: str, named: bool):
    """A word of the genre's name, or one that means it; words that every name has do not count."""
    assert names_genre(title, genre) is named


def test_books_that_are_no_gift_are_told():
    """An author is known however the name is written; one whom the listing leaves out is not."""
    authors = known_authors([BookText("Soup", "Ada Byron"), BookText("Nobody's", "")])
    texts = [BookText("Law", "ADA  BYRON"), BookText("Soup", ""), BookText("Soup", "B. Ada")]
    masks = unaided(texts, ["Law", "Law", "Law"], authors)
    np.testing.assert_array_equal(masks["new authors"], [False, True, True])
    np.testing.assert_array_equal(masks["genre unnamed"], [False, True, True])
    assert not authors & {"", "author_"}
