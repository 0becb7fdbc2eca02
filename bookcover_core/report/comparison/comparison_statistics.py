"""Systems of two studies against each other: the same system in both, then the best of both.

    evaluation/<model>/predictions.csv and metrics.json of both, Sharing  ->  Rivals

Where the test books of the two are the same, or enough of them, the books on which the systems differ decide, and
nothing else is compared than the books that both judged. Otherwise each keeps its own test books.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import difference
from bookcover_core.evaluation.metrics import Integers
from bookcover_core.evaluation.paired_differences import macro_f1_difference, paired_share_difference
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.evaluation.scores import Estimate, GenreScore, Scores, score, share
from bookcover_core.evaluation.significance import Standing, holm, mcnemar, paired_bootstrap, standing_of
from bookcover_core.genres import Genre
from bookcover_core.report.comparison.shared_books import Sharing
from bookcover_core.report.findings import Findings, Network

# With a smaller share of the smaller test set in common, two sets of books tell more than the books in common do: the
# answers of two networks to one book go together, but not so closely that half the books would be worth all.
_ENOUGH_SHARED = 0.5

# The numbers that are compared, and their names for people. Genres must be more than three for a top 3.
MEASURES = {"accuracy": "Accuracy", "top3": "Top 3", "macro_f1": "Macro F1"}


class Contrast(BaseModel):
    """One number of two systems, and how far apart they are."""

    model_config = ConfigDict(frozen=True)

    first: Estimate
    second: Estimate
    difference: Estimate = Field(description="The first less the second.")
    standing: Standing
    p: float | None = Field(default=None, description="Of McNemar's exact test; accuracies on the same books only.")
    p_holm: float | None = Field(default=None, description="The same, corrected for all pairs of the two studies.")


class GenreContrast(BaseModel):
    """The recall of one genre in two studies. A genre that one of them does not have, or test, has no difference."""

    model_config = ConfigDict(frozen=True)

    name: str
    first_books: int | None = Field(description="Test books; None: the study does not have the genre.")
    second_books: int | None
    first: Estimate | None
    second: Estimate | None
    difference: Estimate | None = Field(description="The first less the second.")
    standing: Standing | None


class Rivals(BaseModel):
    """A system of one study and one of another."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    paired: bool = Field(description="Whether both judged the same books; else each its own.")
    shared_books: int = Field(description="Test books that both judged, of one genre in both studies.")
    first_books: int = Field(description="Books that the numbers of the first rest on.")
    second_books: int
    measures: dict[str, Contrast] = Field(description="By the names of `MEASURES`.")
    genres: list[GenreContrast] = Field(description="Greatest difference in favour of the first first.")

    @property
    def accuracy(self) -> Contrast:
        """How far apart their accuracies are."""
        return self.measures["accuracy"]


@dataclass(frozen=True)
class _Judged:
    """What a system made of test books."""

    predictions: Predictions
    scores: Scores

    def numbered(self, names: dict[str, int]) -> Integers:
        """The genre that it names for each book, as `names` numbers genres."""
        numbers = np.array([names[genre.name] for genre in self.scores.genres], dtype=np.int64)
        return numbers[metrics.predicted_labels(self.predictions.probabilities)]

    @property
    def ranks(self) -> Integers:
        return metrics.true_ranks(self.predictions.labels, self.predictions.probabilities)


def rivals(first: Findings, second: Findings, sharing: Sharing) -> list[Rivals]:
    """Every pair of systems with one name, and the best against the best where those have two; the latter are last.

    Args:
        first: A study with at least one evaluated system.
        second: Another. Intervals have the confidence, resamples and seed of the first.
        sharing: The books that both have.

    Raises:
        WorkspaceError: The predictions of a system are missing or altered.
    """
    others = {network.backbone: network for network in second.networks}
    pairs = [(network, others[network.backbone]) for network in first.networks if network.backbone in others]
    best = best_pair(first, second)
    if best[0].backbone != best[1].backbone:
        pairs.append(best)
    return _corrected([_compare(first, second, sharing, *pair) for pair in pairs], best[0].scores.confidence)


def best_pair(first: Findings, second: Findings) -> tuple[Network, Network]:
    """The best system of either study, by its own test books."""
    assert first.best is not None
    assert second.best is not None
    return first.best, second.best


def _compare(first: Findings, second: Findings, sharing: Sharing, one: Network, other: Network) -> Rivals:
    judged = (_judged(first, first, one), _judged(first, second, other))
    shared = _shared_books(judged, sharing)
    whole = (judged[0].scores, judged[1].scores)
    paired = len(shared[0]) >= max(1.0, _ENOUGH_SHARED * min(each.scores.books for each in judged))
    if paired:
        judged = (_on(judged[0], shared[0], first), _on(judged[1], shared[1], first))
    contrasts = _paired_contrasts(first, *judged) if paired else _apart(*judged)
    return Rivals(
        first=one.backbone,
        second=other.backbone,
        paired=paired,
        shared_books=len(shared[0]),
        first_books=judged[0].scores.books,
        second_books=judged[1].scores.books,
        measures=contrasts,
        genres=_genres(*judged, whole, paired=paired),
    )


def _judged(measure: Findings, findings: Findings, network: Network) -> _Judged:
    """What a system made of all its test books; scored anew where `measure`, whose intervals are wanted, has others."""
    scores = network.scores
    predictions = read_predictions(findings.study.workspace.evaluation / scores.model / "predictions.csv")
    judged = _Judged(predictions, scores)
    wanted = measure.study.settings.evaluation
    if (scores.confidence, scores.resamples) == (wanted.confidence, wanted.resamples):
        return judged
    return _on(judged, np.arange(scores.books), measure, anew=True)


def _on(judged: _Judged, books: Integers, measure: Findings, *, anew: bool = False) -> _Judged:
    """The same of the books at some positions."""
    whole, scores = judged.predictions, judged.scores
    part = Predictions([whole.keys[place] for place in books], whole.labels[books], whole.probabilities[books])
    if len(books) == scores.books and not anew:
        return _Judged(part, scores)
    settings = measure.study.settings
    genres = [Genre(label=genre.label, name=genre.name, slug=genre.slug) for genre in scores.genres]
    rescored = score(
        part.labels,
        part.probabilities,
        genres,
        backbone=scores.backbone,
        preparation=scores.preparation,
        confidence=settings.evaluation.confidence,
        resamples=settings.evaluation.resamples,
        seed=settings.seed,
    )
    return _Judged(part, rescored)


def _shared_books(judged: tuple[_Judged, _Judged], sharing: Sharing) -> tuple[Integers, Integers]:
    """Positions, in either's predictions, of the books that both judged and put under one genre; alike in order."""
    one, other = judged
    places = {key: place for place, key in enumerate(other.predictions.keys) if key in sharing.keys}
    shared = [
        (place, places[key])
        for place, (key, label) in enumerate(zip(one.predictions.keys, one.predictions.labels, strict=True))
        if key in places
        and one.scores.genres[label].name == other.scores.genres[other.predictions.labels[places[key]]].name
    ]
    table = np.array(shared, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _paired_contrasts(measure: Findings, one: _Judged, other: _Judged) -> dict[str, Contrast]:
    """The contrasts on the same books, in the same order."""
    settings = measure.study.settings
    confidence, resamples = settings.evaluation.confidence, settings.evaluation.resamples
    names = {name: number for number, name in enumerate(dict.fromkeys(_names(one) + _names(other)))}
    labels = np.array([names[name] for name in _names(one)], dtype=np.int64)[one.predictions.labels]
    found = {}
    for name, k in _ranked_measures(one, other).items():
        right = [each.ranks <= k for each in (one, other)]
        interval = paired_bootstrap(
            labels, right[0], right[1], len(names), confidence=confidence, resamples=resamples, seed=settings.seed
        )
        only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
        apart = Estimate.of((only[0] - only[1]) / len(labels), interval)
        found[name] = _contrast(one, other, name, apart, p=mcnemar(*only) if k == 1 else None)
    f1 = macro_f1_difference(
        labels,
        one.numbered(names),
        other.numbered(names),
        len(names),
        confidence=confidence,
        resamples=resamples,
        seed=settings.seed,
    )
    return found | {"macro_f1": _contrast(one, other, "macro_f1", f1)}


def _apart(one: _Judged, other: _Judged) -> dict[str, Contrast]:
    """The contrasts on different books: Newcombe's interval, of Wilson's for shares and of the bootstrap's for F1.

    That the same way of joining intervals serves any two numbers: Zou and Donner (2008), Statistics in Medicine 27,
    1693-1702.
    """
    found = {}
    for name, k in _ranked_measures(one, other).items():
        shares = [
            share(int((each.ranks <= k).sum()), each.scores.books, each.scores.confidence) for each in (one, other)
        ]
        assert shares[0] is not None
        assert shares[1] is not None
        found[name] = _contrast(one, other, name, _less(shares[0], shares[1]))
    f1 = _less(one.scores.totals["macro_f1"], other.scores.totals["macro_f1"])
    return found | {"macro_f1": _contrast(one, other, "macro_f1", f1)}


def _ranked_measures(one: _Judged, other: _Judged) -> dict[str, int]:
    """The measures that ask whether a book's genre is among the first k, with that k."""
    return {"accuracy": 1, "top3": 3} if min(len(_names(one)), len(_names(other))) > 3 else {"accuracy": 1}


def _contrast(one: _Judged, other: _Judged, name: str, apart: Estimate, p: float | None = None) -> Contrast:
    return Contrast(
        first=one.scores.totals[name],
        second=other.scores.totals[name],
        difference=apart,
        standing=_standing(apart),
        p=p,
    )


def _genres(one: _Judged, other: _Judged, whole: tuple[Scores, Scores], *, paired: bool) -> list[GenreContrast]:
    """The recall of every genre of either, the greatest difference first; those not compared last, on all their books.

    Args:
        one: What is compared of the first.
        other: What is compared of the second.
        whole: Scores of both on all their test books.
        paired: Whether both judged the same books, in one order.
    """
    mine = {genre.name: genre for genre in one.scores.genres}
    theirs = {genre.name: genre for genre in other.scores.genres}
    right = [each.ranks == 1 for each in (one, other)]
    found = []
    for name in dict.fromkeys([*mine, *theirs]):
        first, second = mine.get(name), theirs.get(name)
        recalls = [genre.recall.get(1) if genre else None for genre in (first, second)]
        apart = None
        if first and second and recalls[0] and recalls[1]:
            if paired:
                of_genre = one.predictions.labels == first.label
                apart = paired_share_difference(right[0][of_genre], right[1][of_genre], one.scores.confidence)
            else:
                apart = _less(recalls[0], recalls[1])
        if apart is None:
            first, second = (_of_name(scores, name) for scores in whole)
            recalls = [genre.recall.get(1) if genre else None for genre in (first, second)]
        found.append(
            GenreContrast(
                name=name,
                first_books=first.books if first else None,
                second_books=second.books if second else None,
                first=recalls[0],
                second=recalls[1],
                difference=apart,
                standing=_standing(apart) if apart else None,
            )
        )
    return sorted(found, key=lambda each: -np.inf if each.difference is None else each.difference.value, reverse=True)


def _of_name(scores: Scores, name: str) -> GenreScore | None:
    return next((genre for genre in scores.genres if genre.name == name), None)


def _names(judged: _Judged) -> list[str]:
    return [genre.name for genre in judged.scores.genres]


def _less(one: Estimate, other: Estimate) -> Estimate:
    """One number less another, of other books."""
    return Estimate.of(one.value - other.value, difference(one.value, one.interval, other.value, other.interval))


def _standing(apart: Estimate) -> Standing:
    """How two stand by the interval of their difference alone."""
    if apart.low <= 0 <= apart.high:
        return Standing.TIE
    return Standing.AHEAD if apart.low > 0 else Standing.BEHIND


def _corrected(pairs: list[Rivals], confidence: float) -> list[Rivals]:
    """`pairs` with the p-values of their accuracies corrected for their number, and their standing after that."""
    tested = [place for place, pair in enumerate(pairs) if pair.accuracy.p is not None]
    corrected = list(pairs)
    for place, p in zip(tested, holm([pairs[place].accuracy.p or 0.0 for place in tested]), strict=True):
        accuracy = pairs[place].accuracy
        settled = accuracy.model_copy(
            update={"p_holm": p, "standing": standing_of(accuracy.difference.interval, p, confidence)}
        )
        corrected[place] = pairs[place].model_copy(update={"measures": pairs[place].measures | {"accuracy": settled}})
    return corrected
