"""The scores of one system on the test books, each with an interval, as `metrics.json` holds them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate, effective_books, share_right
from bookcover_core.evaluation.metrics import Floats
from bookcover_core.evaluation.predictions import Predictions
from bookcover_core.families.family import title_of
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import read_result


class GenreScore(BaseModel, frozen=True):
    """The scores of one genre."""

    label: int
    name: str
    slug: str
    books: int = Field(description="Test books of the genre.")
    predicted: int = Field(description="Test books that the network put into the genre.")
    recall: dict[int, Estimate] = Field(description="Top-k recall by k; empty for a genre without test books.")
    precision: Estimate | None = Field(description="None for a genre that is never predicted.")
    f1: float | None = Field(description="None for a genre without test books or predictions.")


class Scores(BaseModel, frozen=True):
    """The scores of one system on the test books."""

    model: str = Field(description="<system>-<preparation>.")
    backbone: str = Field(description='Name of the system: "MobileNetV2", "MobileNetV2-finetuned".')
    preparation: str
    books: int = Field(description="Test books.")
    independent_books: float = Field(description="Of books of one group, which may be right together, one counts.")
    chances: dict[int, float] = Field(description="Top-k accuracy of always naming the k commonest genres, by k.")
    confidence: float
    totals: dict[str, Estimate] = Field(
        description="accuracy (in Table 3: total precision), top3, top5, macro_precision, macro_recall, macro_f1."
    )
    genres: list[GenreScore]
    confusion: list[list[int]] = Field(description="Books by true genre (rows) and predicted genre (columns).")

    @property
    def title(self) -> str:
        """Name of the system for people."""
        return title_of(self.backbone)

    @property
    def chance(self) -> float:
        """Accuracy of always naming the commonest genre."""
        return self.chances[1]

    @property
    def accuracy(self) -> Estimate:
        """Share of the test books that the network predicts rightly."""
        return self.totals["accuracy"]

    def top(self, k: int) -> Estimate:
        """Share of the test books whose genre is among the network's first k."""
        return self.totals[total_name(k)]

    def of_genre(self, name: str) -> GenreScore | None:
        """The scores of the genre of this name; None where the study does not have it."""
        return next((genre for genre in self.genres if genre.name == name), None)


def score(
    predictions: Predictions, genres: Sequence[Genre], backbone: str, preparation: str, confidence: float
) -> Scores:
    """The scores of a system, on a preparation, on the books of `predictions`: one at least; `genres` are by label."""
    labels, groups = predictions.labels, np.unique(predictions.groups, return_inverse=True)[1]
    ranks = metrics.true_ranks(labels, predictions.probabilities)
    predicted = metrics.predicted_labels(predictions.probabilities)
    confusion = metrics.confusion_matrix(labels, predicted, len(genres))
    books, named = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = metrics.f1(confusion)
    tested = (books > 0) / (books > 0).sum()

    def found(among: np.ndarray, k: int = 1) -> Estimate | None:
        """The share of some books whose genre is among the first k."""
        return share_right(ranks[among] <= k, groups[among], confidence) if among.any() else None

    def mean(of_true: Floats, of_named: Floats) -> Estimate:
        """The mean over genres, by what a book counts for its own and the named one; an empty one is a wrong book."""
        empty = tested[(of_true + of_named == 0) & (tested > 0)]
        return share_right(
            np.append(ranks == 1, np.zeros(len(empty), dtype=np.bool_)),
            np.append(groups, -1 - np.arange(len(empty))),
            confidence,
            np.append(of_true[labels] + of_named[predicted], empty),
            effective_books(groups),  # a genre that is never named is no further book
        )

    nothing = np.zeros(len(genres))
    by_recall = np.divide(tested, books, out=nothing.copy(), where=books > 0)
    by_precision = np.divide(tested, named, out=nothing.copy(), where=named > 0)
    by_f1 = np.divide(tested, books + named, out=nothing.copy(), where=books > 0)
    totals = {
        **{total_name(k): share_right(ranks <= k, groups, confidence) for k in metrics.TOP},
        "macro_precision": mean(nothing, by_precision),
        "macro_recall": mean(by_recall, nothing),
        "macro_f1": mean(by_f1, by_f1),
    }
    return Scores(
        model=f"{backbone}-{preparation}",
        backbone=backbone,
        preparation=preparation,
        books=len(labels),
        independent_books=effective_books(groups),
        chances={k: metrics.chance(books, k) for k in metrics.TOP},
        confidence=confidence,
        totals=totals,
        genres=[
            GenreScore(
                label=genre.label,
                name=genre.name,
                slug=genre.slug,
                books=int(books[genre.label]),
                predicted=int(named[genre.label]),
                recall={k: each for k in metrics.TOP if (each := found(labels == genre.label, k))},
                precision=found(predicted == genre.label),
                f1=None if np.isnan(f1[genre.label]) else float(f1[genre.label]),
            )
            for genre in genres
        ],
        confusion=confusion.tolist(),
    )


def score_again(scores: Scores, predictions: Predictions, confidence: float | None = None) -> Scores:
    """The scores of the same system on the books of `predictions`, with intervals of another `confidence` if given."""
    genres = [Genre(label=genre.label, name=genre.name, slug=genre.slug) for genre in scores.genres]
    return score(predictions, genres, scores.backbone, scores.preparation, confidence or scores.confidence)


def restricted(scores: Scores, predictions: Predictions, wanted: AbstractSet[str]) -> Scores:
    """The scores of the same system on those books alone whose keys are wanted; `predictions` are of all its books."""
    places = np.array([place for place, key in enumerate(predictions.keys) if key in wanted], dtype=np.int64)
    return score_again(scores, predictions.at(places))


def total_name(k: int) -> str:
    """What the total of top-k recall is called: "accuracy" for 1, "top3", "top5"."""
    return "accuracy" if k == 1 else f"top{k}"


def read_scores(file: Path) -> Scores:
    """The scores that a `metrics.json` holds."""
    return read_result(file, Scores, "the scores")
