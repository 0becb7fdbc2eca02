"""Replacement of excluded books by books of the same genre from the pool.

Section 3.1 removed 94 box sets and replaced each by a record of its class from Book32; other exclusions follow the same
rule here.

The assignment is random but stable (consistent hashing): the seeded draws of a genre's pool books are points on a ring;
an excluded book has a point there too, and takes the next free book. A further exclusion in a later review changes its
own replacement and at most those of close neighbours on the ring, so that reviewed covers stay in the study.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from bookcover_core.curation.exclusions import SHRUNK, CoverRecord
from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.listings.books import EligibleBook


class Replacement(NamedTuple):
    """One row of `curation/replacements.csv`: a book that left the study, and the one that replaces it."""

    key: str
    genre: str
    split: str
    reason: str
    replaced_by: str = ""  # key of its replacement, if there is one
    twin_of: str = ""  # key of the test book that it duplicates, if that is the reason


def replace_excluded(
    excluded: Mapping[str, str],
    books: Iterable[EligibleBook],
    pool: Iterable[EligibleBook],
    covers: Mapping[str, CoverRecord],
    taken: Iterable[str],
    twin_of: Mapping[str, str],
    seed: int,
) -> list[Replacement]:
    """The replacement of each excluded book, in the order of keys, from the usable books of the pool.

    `excluded` are reasons by key, `covers` those of the pool. No book comes in with an image (`CoverRecord.picture`)
    that is `taken` already.
    """
    pictures, rings = set(taken), defaultdict[int, list[tuple[float, str]]](list)
    for book in pool:
        rings[book.label].append((seeded_draw(seed, "pool", book.key), book.key))
    for ring in rings.values():
        ring.sort()
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
        reason, twin = excluded[book.key], twin_of.get(book.key, "")
        replacements.append(Replacement(book.key, book.genre, book.role, reason, chosen, twin))
    return replacements


def shrink_genres(books: Collection[EligibleBook], sides: Mapping[str, str], seed: int) -> list[Replacement]:
    """The books that must leave so that, in each split, every genre has as many books as the smallest.

    Those with the highest draws leave; `sides` is the split of each book, by key.
    """
    drawn: defaultdict[tuple[str, int], list[tuple[float, str, EligibleBook]]] = defaultdict(list)
    for book in books:
        drawn[sides[book.key], book.label].append((seeded_draw(seed, "shrink", book.key), book.key, book))
    labels = sorted({book.label for book in books})
    leaving = []
    for side in sorted(set(sides.values())):
        smallest = min(len(drawn[side, label]) for label in labels)
        for label in labels:
            ordered = sorted(drawn[side, label], key=lambda draw: draw[:2])
            leaving += [Replacement(key, book.genre, side, SHRUNK) for _, key, book in ordered[smallest:]]
    return leaving
