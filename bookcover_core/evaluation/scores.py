"""The scores of one system on the test books, each with an interval.

`score` computes them from predictions, `metrics.json` holds them, figures and tables read them back.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from bookcover_core.errors import WorkspaceError
from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate, Resampling, bootstrap, share, total_name
from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.families.family import title_of
from bookcover_core.genres import Genre
from bookcover_core.pipeline.study import Study


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
    chance: float = Field(description="Accuracy of always naming the commonest genre.")
    confidence: float
    resamples: int
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
    labels: Integers,
    probabilities: Floats,
    genres: Sequence[Genre],
    *,
    backbone: str,
    preparation: str,
    how: Resampling,
) -> Scores:
    """The scores of a network.

    Args:
        labels: (n,) the genre of each test book; n is at least 1.
        probabilities: (n, genres) what the network gives each genre.
        genres: The genres of the study, by label.
        backbone: The network.
        preparation: What it saw of the covers.
        how: How the intervals are made.
    """
    ranks = metrics.true_ranks(labels, probabilities)
    predicted = metrics.predicted_labels(probabilities)
    confusion = metrics.confusion_matrix(labels, predicted, len(genres))
    books = confusion.sum(axis=1)
    intervals = bootstrap(labels, predicted, ranks, len(genres), how)
    values = {
        **{total_name(k): float((ranks <= k).mean()) for k in metrics.TOP},
        "macro_precision": float(metrics.macro(metrics.precision(confusion), books)),
        "macro_recall": float(metrics.macro(metrics.recall(np.diagonal(confusion), books), books)),
        "macro_f1": float(metrics.macro(metrics.f1(confusion), books)),
    }
    hits = {k: metrics.top_hits(labels, ranks, len(genres), k) for k in metrics.TOP}
    f1 = metrics.f1(confusion)
    return Scores(
        model=f"{backbone}-{preparation}",
        backbone=backbone,
        preparation=preparation,
        books=len(labels),
        chance=metrics.chance(books),
        confidence=how.confidence,
        resamples=how.resamples,
        totals={name: Estimate.of(value, intervals[name]) for name, value in values.items()},
        genres=[
            GenreScore(
                label=genre.label,
                name=genre.name,
                slug=genre.slug,
                books=int(books[genre.label]),
                predicted=int(confusion[:, genre.label].sum()),
                recall={
                    k: estimate
                    for k in metrics.TOP
                    if (estimate := share(int(hits[k][genre.label]), int(books[genre.label]), how.confidence))
                },
                precision=share(
                    int(confusion[genre.label, genre.label]), int(confusion[:, genre.label].sum()), how.confidence
                ),
                f1=None if np.isnan(f1[genre.label]) else float(f1[genre.label]),
            )
            for genre in genres
        ],
        confusion=confusion.tolist(),
    )


def top_share(scores: Scores, k: int) -> Estimate:
    """The share of the test books whose genre is among the first k, with the interval of that share alone."""
    return Estimate.of_share(round(scores.top(k).value * scores.books), scores.books, scores.confidence)


def resampling(study: Study) -> Resampling:
    """How the intervals of a study are made."""
    settings = study.settings.evaluation
    return Resampling(settings.confidence, settings.resamples, study.settings.seed)


def read_scores(file: Path) -> Scores:
    """The scores that a `metrics.json` holds.

    Raises:
        WorkspaceError: It is missing or altered.
    """
    try:
        return Scores.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise WorkspaceError(
            "the scores cannot be read", where=file, advice="Evaluate the network again: delete the file and rerun."
        ) from error
