"""Replacements: a sound book of the same genre from the pool for each book that cannot be in the study.

Section 3.1 removed 94 box sets and swapped each for a record of its class from Book32; whatever else makes a book
unusable is replaced by the same rule here.

Which book replaces which is left to chance in a way that lasts. The lots of a genre's sound pool books are points on a
ring; a faulty book has a point there too, and takes the first book from there on that is still free. A further fault,
found in a later review, so changes its own replacement and at most those of close neighbours on the ring, and covers
that people have looked at stay in the study.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.curation.eligible_books import Book
from bookcover_core.curation.exclusions import SHRUNK, Cover
from bookcover_core.curation.seeded_draw import draw_lot


@dataclass(frozen=True, slots=True)
class Replacement:
    """A book that left the study, and the one that came in its place."""

    key: str
    genre: str
    split: str
    reason: str
    replaced_by: str
    """Key of the book in its place; empty where there is none."""
    twin_of: str = ""
    """Key of the test book that shows the same picture, where that is the reason."""


def replace_faulty(
    faulty: Mapping[str, str],
    books: Iterable[Book],
    pool: Iterable[Book],
    covers: Mapping[str, Cover],
    taken: Iterable[str],
    twin_of: Mapping[str, str],
    seed: int,
) -> list[Replacement]:
    """What becomes of each faulty book, in the order of keys.

    Args:
        faulty: The reason why a book must leave, by key.
        books: The faulty books.
        pool: Sound books that may come in.
        covers: The covers of the pool, by key.
        taken: The pictures that are in the study already (`Cover.picture`); no book with one of them comes in.
        twin_of: The test book that a faulty book shows the picture of, by key, where that is its fault.
        seed: Seed of the study.
    """
    pictures = set(taken)
    rings = _make_rings(pool, seed)
    replacements = []
    for book in sorted(books, key=lambda book: book.key):
        ring = rings[book.label]
        start = bisect_left(ring, (draw_lot(seed, "replace", book.key), ""))
        chosen = ""
        while ring and not chosen:
            _, key = ring.pop(start % len(ring))
            if covers[key].picture not in pictures:
                chosen = key
                pictures.add(covers[key].picture)
        replacements.append(
            Replacement(book.key, book.genre, book.role, faulty[book.key], chosen, twin_of.get(book.key, ""))
        )
    return replacements


def _make_rings(pool: Iterable[Book], seed: int) -> defaultdict[int, list[tuple[float, str]]]:
    """Lots and keys of the pool's books, by label, in the order of lots."""
    rings: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
    for book in pool:
        rings[book.label].append((draw_lot(seed, "pool", book.key), book.key))
    for ring in rings.values():
        ring.sort()
    return rings


def shrink_genres(books: Iterable[Book], sides: Mapping[str, str], seed: int) -> list[Replacement]:
    """The books that must leave so that, in each split, every genre has as many books as the smallest.

    Args:
        books: The chosen books.
        sides: The split of each, by key.
        seed: Seed of the study; the books with the highest lots leave.
    """
    drawn: defaultdict[tuple[str, int], list[tuple[float, Book]]] = defaultdict(list)
    every = list(books)
    for book in every:
        drawn[sides[book.key], book.label].append((draw_lot(seed, "shrink", book.key), book))
    labels = {book.label for book in every}
    leaving = []
    for side in sorted(set(sides.values())):
        smallest = min(len(drawn[side, label]) for label in labels)
        for label in sorted(labels):
            ordered = sorted(drawn[side, label], key=lambda lot: (lot[0], lot[1].key))
            leaving += [Replacement(book.key, book.genre, side, SHRUNK, "") for _, book in ordered[smallest:]]
    return leaving
