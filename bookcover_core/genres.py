"""The genres: the 32 of the Book32 listing, the 30 of BookCover30, and those of any other collection.

A *label* is a genre's position among the genres of a study, from 0; networks are trained on labels.
In BookCover30 the labels are the listing's category ids.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import chain, count

from pydantic import BaseModel, ConfigDict, Field

# The 32 categories of uchidalab/book-dataset, in the order of their ids.
BOOK32 = tuple((files("bookcover_core") / "book32_genres.txt").read_text("utf-8").splitlines())

# BookCover30 (Iwana et al. 2016) leaves out the two smallest categories, which are the last two.
BOOKCOVER30 = BOOK32[:30]

BOOKCOVER30_TEST_PER_GENRE = 190  # BookCover30 holds as many test books of every genre: dissertation, section 3.1
_LONGEST_SLUG = 100  # a folder's name may have 255 bytes, and numbers are put behind slugs
_COLUMNS = {"key", "group", "label", "system"}  # of tables that have a column for each genre besides


class Genre(BaseModel):
    """One genre of a study."""

    model_config = ConfigDict(frozen=True)

    label: int = Field(ge=0, description="Position among the genres of the study, from 0.")
    name: str = Field(min_length=1, description="Name as the listing or folder gives it.")
    slug: str = Field(description="Name of the genre's folders and columns: [a-z0-9-], unique in the study.")


def slug(name: str) -> str:
    """`name` as a folder or column name: lower case, [a-z0-9-] only, never empty, cut after 100 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"'", "", plain.lower()).replace("&", " and ")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].rstrip("-") or "genre"


def plain_spelling(name: str) -> str:
    """`name` with composed Unicode, and without blanks at its ends or more than one between words."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def genre_form(name: str) -> str:
    """One form for all spellings of a genre: case, blanks, and composition of Unicode make no other genre."""
    return plain_spelling(name).casefold()


def join_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """The spelling that stands for each, where several mean one genre: that of most of its books, by `counts`."""
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(genre_form(name), []).append(name)
    return {
        name: max(names, key=lambda each: counts[each])
        for names in spellings.values()
        if len(names) > 1
        for name in names
    }


def number_genres(names: Iterable[str]) -> list[Genre]:
    """The genres of a study, labelled in the order of `names`; a slug that is taken gets a number behind it."""
    genres: dict[str, Genre] = {}
    for label, name in enumerate(names):
        candidates = chain([slug(name)], (f"{slug(name)}-{number}" for number in count(2)))
        free = next(each for each in candidates if each not in genres and each not in _COLUMNS)
        genres[free] = Genre(label=label, name=name, slug=free)
    return list(genres.values())
