"""Leakage groups: books that must stay on one side of a split, because one would reveal the genre of another.

Groups of the listing (`books.csv`: from `books.groups`, or by main title), names of works and series in titles
(`listings.book_groups.title_names`), and images (`near_duplicates`) are united, whatever links two books.
"""

from collections.abc import Collection, Iterable

import numpy as np


def unite_groups(books: Iterable[tuple[str, str, Collection[str]]]) -> dict[str, str]:
    """The group of each book, by key: books are in one if they share a group or a link, or others join them.

    Of each book key, group, and links are given: names that it shares with others of its work, and its image. A united
    group has the alphabetically first of its names.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    rows = sorted(books, key=lambda row: row[:2])
    first_with: dict[tuple[str, str], int] = {}
    edges = [(row, first_with.setdefault(("group", group), row)) for row, (_, group, _) in enumerate(rows)]
    edges += [(row, first_with.setdefault(("", link), row)) for row, (*_, links) in enumerate(rows) for link in links]
    one, other = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    joined = coo_array((np.ones(len(edges)), (one, other)), shape=(len(rows), len(rows)))
    roots = connected_components(joined, directed=False)[1].tolist() if rows else []
    names: dict[int, str] = {}
    for root, (_, group, _) in zip(roots, rows, strict=True):
        names[root] = min(group, names.get(root, group))
    return {key: names[root] for root, (key, _, _) in zip(roots, rows, strict=True)}
