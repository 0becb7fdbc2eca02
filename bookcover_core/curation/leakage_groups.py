"""Leakage groups: books that must stay on one side of a split, because one would reveal the genre of another.

The listing brings groups (`books.csv`: from `books.groups`, or by main title); here the groups of books with the same
image (`bookcover_core.curation.near_duplicates`) are united.
"""

from collections.abc import Iterable


def unite_groups(books: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """The group of each book, by key, after groups that share an image are united.

    Args:
        books: Key, group, and image (`CoverRecord.picture`) of each book.

    Returns:
        A united group has the alphabetically first of its names.
    """
    rows = sorted(books)
    parents = {group: group for _, group, _ in rows}

    def find(group: str) -> str:
        while parents[group] != group:
            parents[group] = parents[parents[group]]
            group = parents[group]
        return group

    first_with: dict[str, str] = {}
    for _, group, picture in rows:
        one, other = sorted((find(group), find(first_with.setdefault(picture, group))))
        parents[other] = one
    return {key: find(group) for key, group, _ in rows}


def count_duplicates(pictures: Iterable[str]) -> int:
    """Number of books whose image an earlier one has too."""
    every = list(pictures)
    return len(every) - len(set(every))
