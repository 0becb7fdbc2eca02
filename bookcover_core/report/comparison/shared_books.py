"""The books that two studies share: where each of them stands in either.

    splits/books.csv of both  ->  Sharing

Books are told by their keys. Those of a folder are the names of its pictures, which say little ("0001"): where one of
the studies is made of a folder, the pictures must be the same file too.
"""

from collections import Counter
from dataclasses import dataclass

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.settings import BookSource

SPLITS = ("train", "validation", "test")

# Stands for the split of a book that a study does not have.
ABSENT = ""


@dataclass(frozen=True)
class Sharing:
    """The books of two studies."""

    counts: dict[tuple[str, str], int]
    """Books by their split in the first study and in the second; `ABSENT`: it does not have them."""
    keys: frozenset[str]
    """Keys of the books that both have."""
    only_alike: int
    """Keys that both have, of different pictures: not counted as shared."""

    def books(self, study: int, split: str) -> int:
        """Books in a split of the first study (0) or the second (1)."""
        return sum(count for splits, count in self.counts.items() if splits[study] == split)

    @property
    def test(self) -> int:
        """Test books that the studies share."""
        return self.counts.get(("test", "test"), 0)

    def leaked(self, tested: int) -> int:
        """Test books of the first study (0) or the second (1) that the other trained on, or chose its epoch by."""
        return sum(
            count
            for splits, count in self.counts.items()
            if splits[tested] == "test" and splits[1 - tested] in {"train", "validation"}
        )


def share_books(first: Findings, second: Findings) -> Sharing:
    """The books that two studies share.

    Raises:
        WorkspaceError: The list of a study's books is gone.
    """
    one, other = _books(first), _books(second)
    alike = one.keys() & other.keys()
    shared = {key for key in alike if one[key][1] == other[key][1]} if _of_folder(first, second) else alike
    counts: Counter[tuple[str, str]] = Counter()
    for key, (split, _) in one.items():
        counts[split, other[key][0] if key in shared else ABSENT] += 1
    counts.update((ABSENT, split) for key, (split, _) in other.items() if key not in shared)
    return Sharing(dict(counts), frozenset(shared), len(alike) - len(shared))


def _of_folder(*findings: Findings) -> bool:
    return any(each.study.settings.books.source is BookSource.FOLDER for each in findings)


def _books(findings: Findings) -> dict[str, tuple[str, str]]:
    """Split and digest of the picture of every book, by key."""
    file = findings.study.workspace.splits
    if not file.exists():
        raise WorkspaceError(
            "the list of the study's books is missing",
            where=file,
            advice="Run the study again: what is done is kept.",
        )
    table = read_table(file, ("key", "split", "sha256"))
    return dict(zip(table["key"], zip(table["split"], table["sha256"], strict=True), strict=True))
