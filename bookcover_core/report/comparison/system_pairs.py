"""A system of one study against a system of another: accuracy, top 3, macro F1, and recall by genre.

Where enough test books are shared, systems are compared on these alone, and the books on which they differ decide.
Otherwise each system keeps the test books of its own study.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate, difference, paired_difference
from bookcover_core.evaluation.metrics import Integers
from bookcover_core.evaluation.predictions import Predictions
from bookcover_core.evaluation.scores import Scores, score_again
from bookcover_core.evaluation.significance import Standing, holm, mcnemar, standing_of

# With a smaller share of the smaller test set in common, two sets of books tell more than the books in common do: the
# answers of two networks to one book go together, but not so closely that half the books would be worth all.
_ENOUGH_SHARED = 0.5


class MeasureDifference(BaseModel, frozen=True):
    """One number of two systems, and how far apart they are."""

    first: Estimate
    second: Estimate
    difference: Estimate = Field(description="The first less the second.")
    standing: Standing
    p: float | None = Field(default=None, description="Of McNemar's exact test; accuracies on the same books only.")
    p_holm: float | None = Field(default=None, description="The same, corrected for all pairs of the two studies.")


class GenreDifference(BaseModel, frozen=True):
    """The recall of one genre in two studies. A genre that one of them does not have, or test, has no difference."""

    name: str
    first_books: int | None = Field(description="Test books; None: the study does not have the genre.")
    second_books: int | None
    first: Estimate | None
    second: Estimate | None
    difference: Estimate | None = Field(description="The first less the second.")
    standing: Standing | None


class SystemPair(BaseModel, frozen=True):
    """A system of one study and one of another."""

    first: str
    second: str
    paired: bool = Field(description="Whether both judged the same books; else each its own.")
    shared_books: int = Field(description="Test books that both judged, of one genre in both studies.")
    first_books: int = Field(description="Books that the numbers of the first rest on.")
    second_books: int
    measures: dict[str, MeasureDifference] = Field(description="accuracy, top3 (of more than three genres), macro_f1.")
    genres: list[GenreDifference] = Field(description="Greatest difference in favour of the first first.")

    @property
    def accuracy(self) -> MeasureDifference:
        """How far apart their accuracies are."""
        return self.measures["accuracy"]


@dataclass(frozen=True)
class _JudgedBooks:
    """What a system made of test books."""

    predictions: Predictions
    scores: Scores

    @property
    def ranks(self) -> Integers:
        return metrics.true_ranks(self.predictions.labels, self.predictions.probabilities)

    @property
    def genres(self) -> list[str]:
        return [genre.name for genre in self.scores.genres]


def compare_systems(
    one: tuple[Scores, Predictions], other: tuple[Scores, Predictions], shared: AbstractSet[str], confidence: float
) -> SystemPair:
    """How far two systems are apart, by their scores and predictions on all test books of their studies.

    `shared` are the keys of the books that both studies have; scores of another `confidence` are made anew.
    """
    whole = judged = (_judged(*one, confidence), _judged(*other, confidence))
    places = _shared_places(*judged, shared)
    paired = len(places[0]) >= max(1.0, _ENOUGH_SHARED * min(each.scores.books for each in judged))
    if paired:
        judged = (_only(judged[0], places[0]), _only(judged[1], places[1]))
    return SystemPair(
        first=one[0].backbone,
        second=other[0].backbone,
        paired=paired,
        shared_books=len(places[0]),
        first_books=judged[0].scores.books,
        second_books=judged[1].scores.books,
        measures=_measures(*judged, paired=paired),
        genres=_genres(*judged, whole, paired=paired),
    )


def corrected(pairs: list[SystemPair], confidence: float) -> list[SystemPair]:
    """`pairs` with the p-values of their accuracies corrected for their number, and their standing after that."""
    tested = {place: pair.accuracy for place, pair in enumerate(pairs) if pair.accuracy.p is not None}
    found = list(pairs)
    for (place, accuracy), p in zip(tested.items(), holm([each.p or 0.0 for each in tested.values()]), strict=True):
        standing = standing_of(accuracy.difference, p, confidence)
        measures = pairs[place].measures | {"accuracy": accuracy.model_copy(update={"p_holm": p, "standing": standing})}
        found[place] = pairs[place].model_copy(update={"measures": measures})
    return found


def _judged(scores: Scores, predictions: Predictions, confidence: float) -> _JudgedBooks:
    if scores.confidence == confidence and scores.books == len(predictions.keys):
        return _JudgedBooks(predictions, scores)
    return _JudgedBooks(predictions, score_again(scores, predictions, confidence))


def _only(judged: _JudgedBooks, places: Integers) -> _JudgedBooks:
    """What it made of the books at some places."""
    return _judged(judged.scores, judged.predictions.at(places), judged.scores.confidence)


def _shared_places(one: _JudgedBooks, other: _JudgedBooks, shared: AbstractSet[str]) -> tuple[Integers, Integers]:
    """Places, in either's predictions, of the books that both judged and put under one genre; in one order."""
    places = {key: place for place, key in enumerate(other.predictions.keys) if key in shared}
    found = [
        (place, places[key])
        for place, (key, label) in enumerate(zip(one.predictions.keys, one.predictions.labels, strict=True))
        if key in places and one.genres[label] == other.genres[other.predictions.labels[places[key]]]
    ]
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _measures(one: _JudgedBooks, other: _JudgedBooks, *, paired: bool) -> dict[str, MeasureDifference]:
    """How far the totals of two systems are apart."""
    groups, confidence = np.array(one.predictions.groups), one.scores.confidence
    found = {}
    for name, k in {"accuracy": 1, "top3": 3}.items():
        if k >= min(len(one.genres), len(other.genres)) and k > 1:
            continue
        right = one.ranks <= k, other.ranks <= k
        if paired:
            apart = paired_difference(right[0], right[1], groups, confidence)
            found[name] = _measure(one, other, name, apart, p=mcnemar(right[0], right[1], groups) if k == 1 else None)
        else:
            found[name] = _measure(one, other, name, difference(one.scores.top(k), other.scores.top(k)))
    # Of the same books this is wider than need be, and right.
    apart = difference(one.scores.totals["macro_f1"], other.scores.totals["macro_f1"])
    return found | {"macro_f1": _measure(one, other, "macro_f1", apart)}


def _measure(
    one: _JudgedBooks, other: _JudgedBooks, name: str, apart: Estimate, p: float | None = None
) -> MeasureDifference:
    first, second = one.scores.totals[name], other.scores.totals[name]
    return MeasureDifference(first=first, second=second, difference=apart, standing=standing_of(apart), p=p)


def _genres(
    one: _JudgedBooks, other: _JudgedBooks, whole: tuple[_JudgedBooks, _JudgedBooks], *, paired: bool
) -> list[GenreDifference]:
    """The recall of every genre of either, the greatest difference first; those not compared last, on all their books.

    `one` and `other` are what is compared, the same books in one order where `paired`; `whole` is all that both judged.
    """
    right = [each.ranks == 1 for each in (one, other)]
    groups, confidence = np.array(one.predictions.groups), one.scores.confidence
    found = []
    for name in dict.fromkeys([*one.genres, *other.genres]):
        scores = [each.scores.of_genre(name) for each in (one, other)]
        is_tested = all(genre and genre.recall for genre in scores)
        if not is_tested:
            scores = [each.scores.of_genre(name) for each in whole]
        first, second = (genre.recall.get(1) if genre else None for genre in scores)
        apart = None
        if is_tested and scores[0] and first and second:
            own = one.predictions.labels == scores[0].label
            apart = difference(first, second)
            if paired:
                apart = paired_difference(right[0][own], right[1][own], groups[own], confidence)
        found.append(
            GenreDifference(
                name=name,
                first_books=scores[0].books if scores[0] else None,
                second_books=scores[1].books if scores[1] else None,
                first=first,
                second=second,
                difference=apart,
                standing=standing_of(apart) if apart else None,
            )
        )
    return sorted(found, key=lambda each: each.difference.value if each.difference else -np.inf, reverse=True)
