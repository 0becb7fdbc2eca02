"""Groups: books that must never stand on two sides of a split, because a network would know one by the other.

A group comes with the listing (`books.csv`: a file of the person's, or the main title); here the groups of books with
the same picture (`bookcover_core.curation.near_duplicates`) are united.
"""

from collections.abc import Iterable


def unite_groups(books: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """The group of each book, by key, once groups that share a picture are one.

    Args:
        books: Key, group, and picture (`Cover.picture`) of each book.

    Returns:
        A united group has the first name, in the order of the alphabet, of those that it was made from.
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


def count_twins(pictures: Iterable[str]) -> int:
    """How many books have a picture that an earlier one has too."""
    every = list(pictures)
    return len(every) - len(set(every))
