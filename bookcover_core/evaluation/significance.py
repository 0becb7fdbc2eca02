"""Two systems on the same test books: whether one is better, by how much, and how far they agree.

The books on which two systems differ decide: McNemar's test for whether there is a difference, a bootstrap of pairs for
how large it is. With many pairs some would differ by luck alone, so p-values are corrected by Holm's method.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

import numpy as np
from pydantic import BaseModel, Field
from scipy import stats

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate, Resampling, normal_quantile, percentiles
from bookcover_core.evaluation.metrics import Floats, Integers

# Separate the random numbers of these bootstraps from those of other purposes.
_PAIRED_BOOTSTRAP, _PAIRED_F1 = 52, 54

# Resamples of macro F1 drawn at once: bounds the memory to some 10 MB with 60 genres.
_BATCH = 2_000


class Standing(StrEnum):
    """How the first of two systems compares with the second. The value is for people."""

    TIE = "tie"
    """The interval of the difference holds 0."""
    AHEAD = "ahead"
    """The first is better, and stays so when the p-values of all pairs are corrected."""
    BEHIND = "behind"
    """The first is worse, and stays so when the p-values of all pairs are corrected."""
    OPEN = "open"
    """The interval does not hold 0, but the corrected p-value allows for luck."""

    @property
    def reversed(self) -> "Standing":
        """How the second compares with the first."""
        return {Standing.AHEAD: Standing.BEHIND, Standing.BEHIND: Standing.AHEAD}.get(self, self)

    def words(self, first: str, second: str) -> str:
        """It in words, given the names of both: "MobileNetV2 ahead", "tie"."""
        return {Standing.AHEAD: f"{first} ahead", Standing.BEHIND: f"{second} ahead"}.get(self, self.value)


class PairComparison(BaseModel, frozen=True):
    """Two systems on the same test books."""

    first: str
    second: str
    both: int = Field(description="Books on which both are right.")
    only_first: int
    only_second: int
    neither: int
    difference: Estimate = Field(description="Accuracy of the first less that of the second.")
    p: float = Field(description="Of McNemar's exact test, two-sided.")
    p_holm: float = Field(description="The same, corrected for all pairs of the study.")
    standing: Standing
    same: Estimate = Field(description="Share of the books for which both name the same genre, right or wrong.")
    kappa: Estimate | None = Field(description="Cohen's kappa; None where each names one genre only, the same.")


class JointAccuracy(BaseModel, frozen=True):
    """How many of several systems are right on each test book."""

    systems: list[str]
    right_by: list[int] = Field(description="Books by the number of systems that are right on them, from 0.")
    any_right: Estimate = Field(description="Share on which at least one is right: an oracle's choice among them.")
    all_right: Estimate


def compare_pairs(
    labels: Integers, predicted: Mapping[str, Integers], genres: int, how: Resampling
) -> list[PairComparison]:
    """Every pair of systems, in their order.

    Args:
        labels: (n,) the genre of each test book.
        predicted: (n,) the genre that each system names, by the system's name.
        genres: Number of genres.
        how: How the intervals are made.
    """
    pairs = list(combinations(predicted, 2))
    right = {name: named == labels for name, named in predicted.items()}
    differing = [(int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())) for a, b in pairs]
    p_values = [mcnemar(*counts) for counts in differing]
    found = []
    for (a, b), (only_a, only_b), p, p_holm in zip(pairs, differing, p_values, holm(p_values), strict=True):
        both = int((right[a] & right[b]).sum())
        difference = accuracy_difference(labels, right[a], right[b], how)
        found.append(
            PairComparison(
                first=a,
                second=b,
                both=both,
                only_first=only_a,
                only_second=only_b,
                neither=len(labels) - both - only_a - only_b,
                difference=difference,
                p=p,
                p_holm=p_holm,
                standing=standing_of(difference, p_holm, how.confidence),
                same=Estimate.of_share(int((predicted[a] == predicted[b]).sum()), len(labels), how.confidence),
                kappa=cohen_kappa(predicted[a], predicted[b], genres, how.confidence),
            )
        )
    return found


def joint_accuracy(labels: Integers, predicted: Mapping[str, Integers], confidence: float) -> JointAccuracy:
    """How many of at least one system are right on each test book; arguments as for `compare_pairs`."""
    right: Floats = np.array([named == labels for named in predicted.values()]).sum(axis=0)
    right_by = np.bincount(right, minlength=len(predicted) + 1).tolist()
    any_right, all_right = (
        Estimate.of_share(books, len(labels), confidence) for books in (len(labels) - right_by[0], right_by[-1])
    )
    return JointAccuracy(systems=list(predicted), right_by=right_by, any_right=any_right, all_right=all_right)


def standing_of(difference: Estimate, p: float | None = None, confidence: float = 0.0) -> Standing:
    """How the first of two compares with the second.

    Args:
        difference: The first less the second.
        p: Of the difference, corrected for all pairs; none: the interval alone decides.
        confidence: Of the interval.
    """
    if difference.holds_zero:
        return Standing.TIE
    if p is not None and p >= 1 - confidence:
        return Standing.OPEN
    return Standing.AHEAD if difference.low > 0 else Standing.BEHIND


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test: 1 where the two never differ.

    McNemar (1947), Psychometrika 12, 153-157, in its exact form: of the books that only one predicts rightly, half
    should be either's.
    """
    differing = only_first + only_second
    return 1.0 if differing == 0 else float(stats.binomtest(only_first, differing).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number: Holm (1979), Scandinavian Journal of Statistics 6, 65-70."""
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def cohen_kappa(first: Integers, second: Integers, genres: int, confidence: float) -> Estimate | None:
    """Agreement of two systems beyond what their genre frequencies alone explain; None where that is not defined.

    Cohen (1960), Educational and Psychological Measurement 20, 37-46, with the large-sample interval given there.
    """
    books = len(first)
    agreed = float((first == second).mean())
    frequencies = np.bincount(first, minlength=genres) * np.bincount(second, minlength=genres)
    by_chance = float(frequencies.sum()) / books**2
    if by_chance >= 1:
        return None
    value = (agreed - by_chance) / (1 - by_chance)
    half = normal_quantile(confidence) * (agreed * (1 - agreed) / books) ** 0.5 / (1 - by_chance)
    return Estimate(value=value, low=max(-1.0, value - half), high=min(1.0, value + half))


def accuracy_difference(
    labels: Integers, first_right: np.ndarray, second_right: np.ndarray, how: Resampling
) -> Estimate:
    """The difference of two accuracies on the same books, with the percentile interval of a paired bootstrap.

    Books are drawn anew with replacement within each genre, each with what both systems made of it. Books of a genre
    that only the first, only the second, or either both or none predict rightly are alike, so a resample is one
    multinomial draw for each genre.

    Args:
        labels: (n,) the genre of each book; n is at least 1.
        first_right: (n,) whether the first system is right on it.
        second_right: (n,) whether the second is.
        how: How the interval is made.
    """
    generator = np.random.default_rng([how.seed, _PAIRED_BOOTSTRAP])
    only = first_right & ~second_right, second_right & ~first_right
    difference = np.zeros(how.resamples)
    for genre in np.unique(labels):
        of_genre = labels == genre
        count = int(of_genre.sum())
        only_first, only_second = (int(each[of_genre].sum()) for each in only)
        shares = np.array([only_first, only_second, count - only_first - only_second]) / count
        drawn = generator.multinomial(count, shares, size=how.resamples)
        difference += drawn[:, 0] - drawn[:, 1]
    value = (int(only[0].sum()) - int(only[1].sum())) / len(labels)
    return Estimate.of(value, percentiles(difference / len(labels), how.confidence))


def paired_share_difference(first_right: np.ndarray, second_right: np.ndarray, confidence: float) -> Estimate:
    """The difference of two shares of the same books, with an interval that holds for few books too.

    Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10: Wilson's intervals of both shares, joined with
    their correlation. Where a bootstrap would find no difference at all, among ten books say, it still has a width.

    Args:
        first_right: (n,) whether the first is right on each book; n is at least 1.
        second_right: (n,) whether the second is.
        confidence: Of the interval.
    """
    books = len(first_right)
    hits = int(first_right.sum()), int(second_right.sum())
    first, second = (Estimate.of_share(count, books, confidence) for count in hits)
    phi = _correlation(int((first_right & second_right).sum()), *hits, books)
    difference = (hits[0] - hits[1]) / books
    below = _joined(first.value - first.low, second.high - second.value, phi)
    above = _joined(first.high - first.value, second.value - second.low, phi)
    return Estimate(value=difference, low=difference - below, high=difference + above)


def _joined(one: float, other: float, phi: float) -> float:
    return float(max(0.0, one * one - 2 * phi * one * other + other * other) ** 0.5)


def _correlation(both: int, first: int, second: int, books: int) -> float:
    """Newcombe's estimate of the correlation, with his continuity correction."""
    margins = first * (books - first) * second * (books - second)
    if margins == 0:
        return 0.0
    product = both * (books - first - second + both) - (first - both) * (second - both)
    corrected = max(product - books / 2, 0.0) if product > 0 else product
    return float(corrected / margins**0.5)


def macro_f1_difference(labels: Integers, first: Integers, second: Integers, genres: int, how: Resampling) -> Estimate:
    """The difference of two macro F1 scores on the same books, with the percentile interval of a paired bootstrap.

    Args:
        labels: (n,) the genre of each book; n is at least 1.
        first: (n,) the genre that the first system names.
        second: (n,) the genre that the second names.
        genres: Number of genres, of both systems together: they need not know the same.
        how: How the interval is made.
    """
    generator = np.random.default_rng([how.seed, _PAIRED_F1])
    differences = []
    for start in range(0, how.resamples, _BATCH):
        one, other = _resample(labels, (first, second), genres, generator, min(_BATCH, how.resamples - start))
        differences.append(one - other)
    confusions = [metrics.confusion_matrix(labels, named, genres) for named in (first, second)]
    values = [float(metrics.macro(metrics.f1(confusion), confusion.sum(axis=1))) for confusion in confusions]
    return Estimate.of(values[0] - values[1], percentiles(np.concatenate(differences), how.confidence))


def _resample(
    labels: Integers, named: tuple[Integers, Integers], genres: int, generator: np.random.Generator, size: int
) -> list[Floats]:
    """The macro F1 of both systems in each of `size` resamples: two of (size,)."""
    books = np.bincount(labels, minlength=genres)
    right = np.zeros((2, size, genres))
    predicted = np.zeros((2, size, genres))
    for genre in np.flatnonzero(books):
        of_genre = labels == genre
        kinds, counts = np.unique(named[0][of_genre] * genres + named[1][of_genre], return_counts=True)
        # As floats, whose products are computed fast; counts of books are exact in them.
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=size).astype(np.float64)
        for system, names in enumerate(np.divmod(kinds, genres)):
            right[system, :, genre] = drawn[:, names == genre].sum(axis=1)
            predicted[system] += drawn @ np.eye(genres)[names]
    # A genre with books has a score: its denominator is not 0.
    tested = books > 0
    scores = 2 * right[:, :, tested] / (books[tested] + predicted[:, :, tested])
    return [scores[system].mean(axis=1) for system in (0, 1)]
