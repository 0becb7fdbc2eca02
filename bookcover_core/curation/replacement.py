"""Replacement of excluded books by books of the same genre from the pool.

Section 3.1 removed 94 box sets and replaced each by a record of its class from Book32; other exclusions follow the same
rule here.

The assignment is random but stable (consistent hashing): the seeded draws of a genre's pool books are points on a ring;
an excluded book has a point there too, and takes the next free book. A further exclusion in a later review changes its
own replacement and at most those of close neighbours on the ring, so that reviewed covers stay in the study.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.curation.exclusions import SHRUNK, CoverRecord
from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.listings.books import EligibleBook


@dataclass(frozen=True, slots=True)
class Replacement:
    """A book that left the study, and the one that replaces it."""

    key: str
    genre: str
    split: str
    reason: str
    replaced_by: str
    """Key of its replacement; empty if there is none."""
    twin_of: str = ""
    """Key of the test book that it duplicates, if that is the reason."""


def replace_excluded(
    excluded: Mapping[str, str],
    books: Iterable[EligibleBook],
    pool: Iterable[EligibleBook],
    covers: Mapping[str, CoverRecord],
    taken: Iterable[str],
    twin_of: Mapping[str, str],
    seed: int,
) -> list[Replacement]:
    """The replacement of each excluded book, in the order of keys.

    Args:
        excluded: The reason of each exclusion, by key.
        books: The excluded books.
        pool: Usable books that may come in.
        covers: The covers of the pool, by key.
        taken: Images that are in the study already (`CoverRecord.picture`); no book with one of them comes in.
        twin_of: The test book that an excluded book duplicates, by key, where that is the reason.
        seed: Seed of the study.
    """
    pictures = set(taken)
    rings = _make_rings(pool, seed)
    replacements = []
    for book in sorted(books, key=lambda book: book.key):
        ring = rings[book.label]
        start = bisect_left(ring, (seeded_draw(seed, "replace", book.key), ""))
        chosen = ""
        while ring and not chosen:
            start %= len(ring)
            _, key = ring.pop(start)
            if covers[key].picture not in pictures:
                chosen = key
                pictures.add(covers[key].picture)
        replacements.append(
            Replacement(book.key, book.genre, book.role, excluded[book.key], chosen, twin_of.get(book.key, ""))
        )
    return replacements


def _make_rings(pool: Iterable[EligibleBook], seed: int) -> defaultdict[int, list[tuple[float, str]]]:
    """Draws and keys of the pool's books, by label, in the order of draws."""
    rings: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
    for book in pool:
        rings[book.label].append((seeded_draw(seed, "pool", book.key), book.key))
    for ring in rings.values():
        ring.sort()
    return rings


def shrink_genres(books: Iterable[EligibleBook], sides: Mapping[str, str], seed: int) -> list[Replacement]:
    """The books that must leave so that, in each split, every genre has as many books as the smallest.

    Args:
        books: The chosen books.
        sides: The split of each, by key.
        seed: Seed of the study; the books with the highest draws leave.
    """
    drawn: defaultdict[tuple[str, int], list[tuple[float, EligibleBook]]] = defaultdict(list)
    every = list(books)
    for book in every:
        drawn[sides[book.key], book.label].append((seeded_draw(seed, "shrink", book.key), book))
    labels = {book.label for book in every}
    leaving = []
    for side in sorted(set(sides.values())):
        smallest = min(len(drawn[side, label]) for label in labels)
        for label in sorted(labels):
            ordered = sorted(drawn[side, label], key=lambda draw: (draw[0], draw[1].key))
            leaving += [Replacement(book.key, book.genre, side, SHRUNK, "") for _, book in ordered[smallest:]]
    return leaving
