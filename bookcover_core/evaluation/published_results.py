"""The published numbers that a study is compared with: shares from 0 to 1, by the genre names of `BOOKCOVER30`.

They come from `data/reference/*.csv`: Tables 1, 2 and 3 of the dissertation (Hill 2020; the LeNet and AlexNet columns
of Table 2 are those of Iwana et al. 2016, arXiv 1610.09204), and further results on BookCover30. A wheel carries the
same files in `bookcover_core/evaluation/reference`.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bookcover_core.errors import FolderError
from bookcover_core.genres import BOOKCOVER30, BOOKCOVER30_TEST_PER_GENRE

_TOTAL = "TOTAL"  # the row that the tables of the dissertation end with

# Books in the official test listing: every published number on the official split rests on as many.
PUBLISHED_TEST_BOOKS = len(BOOKCOVER30) * BOOKCOVER30_TEST_PER_GENRE

# "Number of best genres" as Table 2 prints it: a genre that two networks share counts for one of them only.
PRINTED_BEST_TOP1 = {"LeNet": 1, "AlexNet": 10, "MobileNetV2": 1, "InceptionResNetV2": 16, "ResNeXt50": 2}
PRINTED_BEST_TOP3 = {"LeNet": 0, "AlexNet": 8, "MobileNetV2": 2, "InceptionResNetV2": 17, "ResNeXt50": 3}


class PublishedPreparation(NamedTuple):
    """A row of Table 1."""

    best_epoch: int
    test_accuracy: float


class PublishedRecall(NamedTuple):
    """The two columns of one network in Table 2."""

    recall: dict[int, dict[str, float]]  # top-1 and top-3 recall by genre, by k
    total: dict[int, float]  # the same of all genres together


class PublishedPrecision(NamedTuple):
    """The column of one network in Table 3."""

    precision: dict[str, float | None]
    """Top-1 precision by genre; None where the network never named the genre."""
    total: float
    """What the dissertation calls total precision: the share of books predicted rightly, which is the accuracy."""

    @property
    def macro(self) -> float:
        """The mean over all genres; a precision of a genre that is never named counts as 0."""
        return sum(value or 0.0 for value in self.precision.values()) / len(self.precision)


@dataclass(frozen=True)
class PublishedResult:
    """One network of one study."""

    study: str
    year: int
    input: str  # what the network sees: image, title, cover text, or several of them
    model: str
    top1: float
    top3: float | None
    chance: float | None
    """Of naming the commonest genre of its test books; None where their genres are not known."""
    protocol: str  # how training and test books were chosen
    source: str

    @property
    def official_split(self) -> bool:
        """Whether it was measured on the official test listing (after swaps of box sets, in the dissertation)."""
        return self.protocol.startswith("official split")


@cache
def published_preparations() -> dict[str, PublishedPreparation]:
    """Table 1 by preparation: "noprep", "padded", "cropped"."""
    return {
        row["preparation"]: PublishedPreparation(int(row["best_epoch"]), row["test_accuracy"])
        for row in _rows("hill_2020_table1_preparation.csv")
    }


@cache
def published_recall() -> dict[str, PublishedRecall]:
    """Table 2 by network, in the order of its columns: LeNet, AlexNet, MobileNetV2, InceptionResNetV2, ResNeXt50."""
    first, third = (_columns("hill_2020_table2_recall.csv", f"top{k}_recall") for k in (1, 3))
    return {
        model: PublishedRecall(total={1: one.pop(_TOTAL), 3: three.pop(_TOTAL)}, recall={1: one, 3: three})
        for (model, one), three in zip(first.items(), third.values(), strict=True)
    }


@cache
def published_precision() -> dict[str, PublishedPrecision]:
    """Table 3 by network."""
    columns = _columns("hill_2020_table3_precision.csv", "precision")
    return {model: PublishedPrecision(total=own.pop(_TOTAL), precision=own) for model, own in columns.items()}


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Results on BookCover30 of all studies, the dissertation's among them."""
    return tuple(PublishedResult(**row | {"year": int(row["year"])}) for row in _rows("published_bookcover30.csv"))


@cache
def published_statements() -> tuple[tuple[str, str, str], ...]:
    """What the dissertation says in words: section, name of the check (`report.statements`), and the statement."""
    return tuple((row["section"], row["check"], row["statement"]) for row in _rows("hill_2020_statements.csv"))


def is_bookcover30(names: Iterable[str]) -> bool:
    """Whether genres of these names, in this order, are those of BookCover30."""
    return tuple(names) == BOOKCOVER30


def _columns(file: str, column: str) -> dict[str, dict[str, Any]]:
    """A column of shares by network, and by genre within it: None where a cell is empty."""
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(file):
        found.setdefault(row["model"], {})[row["genre"]] = row[column]
    return found


def _rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file: a percentage "x_pct" as the share "x", None where it is empty.

    Files lie beside this module in a wheel, in `data/reference` in a checkout.
    """
    here = Path(__file__).parent
    folders = [each for each in (here / "reference", here.parents[1] / "data" / "reference") if each.is_dir()]
    if not folders:
        advice = "Install the package anew."
        raise FolderError("the published numbers are missing", where=here / "reference", advice=advice)
    with (folders[0] / name).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {
                name.removesuffix("_pct"): _share(cell) if name.endswith("_pct") else cell for name, cell in row.items()
            }


def _share(percent: str) -> float | None:
    """A percentage as a share, without the last bits that a division by 100 leaves; None for an empty text."""
    return round(float(percent) / 100, 6) if percent else None
