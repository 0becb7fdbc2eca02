"""What flatters a system that reads: an author whom it knows from training, and a title that names its genre."""

import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from bookcover_core.evaluation.intervals import Right
from bookcover_core.listings.books import BookText

# What names genres of BookCover30 in titles, beside the words of their own names.
_NAMING = {
    "Calendars": {"calendar", "calendars", "planner"},
    "Cookbooks, Food & Wine": {"cookbook", "cookbooks", "recipes", "cooking", "wine"},
    "Test Preparation": {"test", "exam", "gre", "sat", "gmat", "lsat", "mcat", "praxis", "study"},
}

_COMMON = {"and", "the", "of", "in", "for", "books", "book", "s"}  # words of the names that name no genre


def names_genre(title: str, genre: str) -> bool:
    """Whether a title has a word that names its genre: "calendar", "cookbook", "exam"."""
    return bool(_words(title) & ((_words(genre) - _COMMON) | _NAMING.get(genre, set())))


def known_authors(texts: Iterable[BookText]) -> frozenset[str]:
    """The authors of what was learnt from, as `author_as_word` spells them."""
    return frozenset(text.author_as_word for text in texts) - {""}


def unaided(texts: Sequence[BookText], genres: Sequence[str], authors: Collection[str]) -> dict[str, Right]:
    """Masks (books,) of the books that are no gift: "new authors", and "genre unnamed".

    An author counts as new who is not among `authors`, or whom the listing leaves out.
    """
    unnamed = [not names_genre(text.title, genre) for text, genre in zip(texts, genres, strict=True)]
    new = [text.author_as_word not in authors for text in texts]
    return {"new authors": np.array(new, bool), "genre unnamed": np.array(unnamed, bool)}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))
