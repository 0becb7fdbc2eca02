"""The stage `evaluate`: a trained system, judged on the test books (section 5.1).

models/<model>/, splits/books.csv  ->  evaluation/<model>/predictions.csv   what it predicts
                                                         metrics.json      scores.Scores
                                                         genres.csv        a row for each genre
                                                         confusion.csv     true genre by predicted genre
"""

import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate, effective_books, share_right
from bookcover_core.evaluation.metrics import TOP, Floats, Predictions, write_predictions
from bookcover_core.families.family import title_of
from bookcover_core.families.systems import find_system, systems
from bookcover_core.genres import Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_result, read_table, write_json, write_table
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import predict_split

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

Predict = Callable[[Study, str, str], tuple[Sequence[str], NDArray[np.integer], NDArray[np.floating]]]
"""(study, model, split) -> keys, labels (n,), probabilities (n, genres)."""


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
    totals: dict[str, Estimate] = Field(description="accuracy (total precision in Table 3), top3, top5, macro_...")
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
    predictions: Predictions, genres: Sequence[Genre | GenreScore], backbone: str, preparation: str, confidence: float
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
        **{total_name(k): share_right(ranks <= k, groups, confidence) for k in TOP},
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
        chances={k: metrics.chance(books, k) for k in TOP},
        confidence=confidence,
        totals=totals,
        genres=[
            GenreScore(
                label=genre.label,
                name=genre.name,
                slug=genre.slug,
                books=int(books[genre.label]),
                predicted=int(named[genre.label]),
                recall={k: each for k in TOP if (each := found(labels == genre.label, k))},
                precision=found(predicted == genre.label),
                f1=None if np.isnan(f1[genre.label]) else float(f1[genre.label]),
            )
            for genre in genres
        ],
        confusion=confusion.tolist(),
    )


def score_again(scores: Scores, predictions: Predictions, confidence: float | None = None) -> Scores:
    """The scores of the same system on the books of `predictions`, with intervals of another `confidence` if given."""
    return score(predictions, scores.genres, scores.backbone, scores.preparation, confidence or scores.confidence)


def restricted(scores: Scores, predictions: Predictions, wanted: AbstractSet[str]) -> Scores:
    """The scores of the same system on those books alone whose keys are wanted; `predictions` are of all its books."""
    return score_again(scores, predictions.at(np.flatnonzero([key in wanted for key in predictions.keys])))


def total_name(k: int) -> str:
    """What the total of top-k recall is called: "accuracy" for 1, "top3", "top5"."""
    return "accuracy" if k == 1 else f"top{k}"


def read_scores(file: Path) -> Scores:
    """The scores that a `metrics.json` holds."""
    return read_result(file, Scores, "the scores")


def _inputs(study: Study, system: str, **_: object) -> Inputs:
    found = find_system(study.settings, system)
    return Inputs(found.model(study), after=[found.label(study), "split"])


@stage(
    "evaluate",
    "Evaluate on the test books",
    run_title="evaluate {system}",
    settings=("evaluation.confidence",),
    inputs=_inputs,
    parts=lambda study: [(system.name,) for system in systems(study.settings)],
    kept=True,
)
def evaluate(study: Study, run: StageRun, system: str, *, predict: Predict | None = None) -> Result:
    """Predict the test books with a trained system ("Ensemble-mean"), or with `predict` if given, and score it."""
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    model = run.part
    genres = read_genres(study.workspace)
    keys, labels, probabilities = (predict or predict_split)(study, model, "test")
    groups = read_table(study.workspace.splits, ("key", "group")).set_index("key")["group"]
    exact = np.asarray(probabilities, np.float32).astype(np.float64)
    predictions = Predictions(list(keys), labels.astype(np.int64), exact, groups.loc[list(keys)].tolist())
    predictions.check(len(genres), run.label)
    confidence = study.settings.evaluation.confidence
    scores = score(predictions, genres, system, split_model_name(model)[1], confidence)
    value, low, high = (100 * each for each in (scores.accuracy.value, *scores.accuracy.ends))
    logger.info("%s: accuracy %.1f %% (%.1f to %.1f) on %d test books", model, value, low, high, scores.books)
    folder, slugs = study.workspace.evaluation / model, [genre.slug for genre in genres]
    write_predictions(folder / "predictions.csv", predictions, genres)
    write_json(folder / "metrics.json", scores.model_dump(mode="json"))
    recalls = " ".join(f"top{k}_recall=recall.{k}*" for k in TOP)
    columns = f"label genre=name slug test_books=books {recalls} precision* f1 predicted"
    table = tabulated([genre.model_dump() for genre in scores.genres], columns)
    write_table(folder / "genres.csv", table.round({column: 6 for column in table if column != "f1"}))
    confusion = pd.DataFrame(scores.confusion, columns=slugs)
    confusion.insert(0, "true genre", slugs)
    write_table(folder / "confusion.csv", confusion)
    return Result(
        outputs=[folder / name for name in ("predictions.csv", "metrics.json", "genres.csv", "confusion.csv")],
        counts={"test_books": scores.books, **{name: round(each.value, 6) for name, each in scores.totals.items()}},
    )


def sound_models(study: Study) -> dict[str, str]:
    """The models whose evaluation is of the study as it is now, by the name of their system, in the study's order."""
    made = [each for each in systems(study.settings) if Part(evaluate, (each.name,)).is_sound(study)]
    return {system.name: system.model(study) for system in made}


def tabulated(rows: list[dict[str, Any]], columns: str, slugs: Sequence[str] = ()) -> "pd.DataFrame":
    """A table of nested rows. `columns` are names, and after "=" where a row has it, if not under that name.

    A star stands for three columns, a number and both ends of its interval; "#" marks labels of genres, which become
    `slugs`. A column that no row has stays empty.
    """
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    table = pd.json_normalize(rows)
    wanted: dict[str, str] = {}
    for each in columns.split():
        name, _, path = each.strip("#*").partition("=")
        parts = {"": ".value", "_low": ".low", "_high": ".high"} if each.endswith("*") else {"": ""}
        wanted |= {f"{path or name}{part}": f"{name}{end}" for end, part in parts.items()}
        if each.startswith("#") and len(table):
            table[path or name] = [slugs[label] for label in table[path or name]]
    return table.reindex(columns=list(wanted)).set_axis(list(wanted.values()), axis=1)
