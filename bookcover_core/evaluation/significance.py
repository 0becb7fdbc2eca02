"""Two networks on the same test books: whether one is better, and how far they agree; and all networks together.

The same books are judged by both, so the books on which they differ decide: McNemar's test for whether there is a
difference, a bootstrap of pairs for how large it is. With many pairs some would differ by luck alone, so the p-values
are corrected by Holm's method.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy import stats

from bookcover_core.evaluation.intervals import Interval, normal_quantile
from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.evaluation.scores import Estimate, share

# What sets the random numbers of this bootstrap apart from those of other purposes.
_PAIRED_BOOTSTRAP = 52


class Standing(StrEnum):
    """How two networks stand to each other. The value is for people."""

    TIE = "tie"
    """The interval of the difference holds 0."""
    AHEAD = "ahead"
    """The first is better, and stays so when the p-values of all pairs are corrected."""
    BEHIND = "behind"
    """The first is worse, and stays so when the p-values of all pairs are corrected."""
    OPEN = "open"
    """The interval does not hold 0, but the corrected p-value allows for luck."""


class PairComparison(BaseModel):
    """Two networks on the same test books."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    both: int = Field(description="Books that both predict rightly.")
    only_first: int
    only_second: int
    neither: int
    difference: Estimate = Field(description="Accuracy of the first less that of the second.")
    p: float = Field(description="Of McNemar's exact test, two-sided.")
    p_holm: float = Field(description="The same, corrected for all pairs of the study.")
    standing: Standing
    same: Estimate = Field(description="Share of the books for which both name the same genre, right or wrong.")
    kappa: Estimate | None = Field(description="Cohen's kappa; None where each names one genre only, the same.")


class Together(BaseModel):
    """What several networks know between them."""

    model_config = ConfigDict(frozen=True)

    systems: list[str]
    right_by: list[int] = Field(description="Books by the number of networks that predict them rightly, from 0.")
    any_right: Estimate = Field(description="Share that at least one predicts rightly: knowing whom to trust.")
    all_right: Estimate


def compare_pairs(
    labels: Integers,
    predicted: Mapping[str, Integers],
    genres: int,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[PairComparison]:
    """Every pair of networks, in their order.

    Args:
        labels: (n,) the genre of each test book.
        predicted: (n,) the genre that each network names, by its name.
        genres: Number of genres.
        confidence: Of every interval.
        resamples: Of the bootstrap behind the differences.
        seed: Of the study.
    """
    pairs = list(combinations(predicted, 2))
    right = {name: named == labels for name, named in predicted.items()}
    differing = [(int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())) for a, b in pairs]
    p_values = [mcnemar(*counts) for counts in differing]
    found = []
    for (a, b), (only_a, only_b), p, p_holm in zip(pairs, differing, p_values, holm(p_values), strict=True):
        both = int((right[a] & right[b]).sum())
        interval = paired_bootstrap(
            labels, right[a], right[b], genres, confidence=confidence, resamples=resamples, seed=seed
        )
        same = share(int((predicted[a] == predicted[b]).sum()), len(labels), confidence)
        assert same is not None
        found.append(
            PairComparison(
                first=a,
                second=b,
                both=both,
                only_first=only_a,
                only_second=only_b,
                neither=len(labels) - both - only_a - only_b,
                difference=Estimate.of((only_a - only_b) / len(labels), interval),
                p=p,
                p_holm=p_holm,
                standing=standing_of(interval, p_holm, confidence),
                same=same,
                kappa=cohen_kappa(predicted[a], predicted[b], genres, confidence),
            )
        )
    return found


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


def paired_bootstrap(
    labels: Integers,
    first_right: np.ndarray,
    second_right: np.ndarray,
    genres: int,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    """The percentile interval of the difference of two accuracies on the same books.

    Books are drawn anew with replacement within each genre, each with what both networks made of it. Books of a genre
    that only the first, only the second, or either both or none predict rightly are alike, so a resample is one
    multinomial draw for each genre.

    Args:
        labels: (n,) the genre of each book.
        first_right: (n,) whether the first network predicts it rightly.
        second_right: (n,) whether the second does.
        genres: Number of genres.
        confidence: Of the interval.
        resamples: Number of resamples.
        seed: Of the study; the same seed gives the same interval on any machine.
    """
    generator = np.random.default_rng([seed, _PAIRED_BOOTSTRAP])
    difference = np.zeros(resamples)
    for genre in range(genres):
        of_genre = labels == genre
        count = int(of_genre.sum())
        if not count:
            continue
        only_first = int((first_right & ~second_right)[of_genre].sum())
        only_second = int((second_right & ~first_right)[of_genre].sum())
        shares = np.array([only_first, only_second, count - only_first - only_second]) / count
        drawn = generator.multinomial(count, shares, size=resamples)
        difference += drawn[:, 0] - drawn[:, 1]
    low, high = np.quantile(difference / len(labels), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def cohen_kappa(first: Integers, second: Integers, genres: int, confidence: float) -> Estimate | None:
    """How much more two networks agree than their habits alone would make them; None where that is not defined.

    Cohen (1960), Educational and Psychological Measurement 20, 37-46, with the large-sample interval given there.
    """
    books = len(first)
    agreed = float((first == second).mean())
    habits = np.bincount(first, minlength=genres) * np.bincount(second, minlength=genres)
    by_chance = float(habits.sum()) / books**2
    if by_chance >= 1:
        return None
    value = (agreed - by_chance) / (1 - by_chance)
    half = normal_quantile(confidence) * (agreed * (1 - agreed) / books) ** 0.5 / (1 - by_chance)
    return Estimate(value=value, low=max(-1.0, value - half), high=min(1.0, value + half))


def judge_together(labels: Integers, predicted: Mapping[str, Integers], confidence: float) -> Together:
    """What several networks know between them.

    Args:
        labels: (n,) the genre of each test book.
        predicted: (n,) the genre that each network names, by its name; at least one.
        confidence: Of the intervals, Wilson's.
    """
    right: Floats = np.array([named == labels for named in predicted.values()]).sum(axis=0)
    right_by = np.bincount(right, minlength=len(predicted) + 1).tolist()
    books = len(labels)
    any_right, all_right = share(books - right_by[0], books, confidence), share(right_by[-1], books, confidence)
    assert any_right is not None
    assert all_right is not None
    return Together(systems=list(predicted), right_by=right_by, any_right=any_right, all_right=all_right)


def standing_of(interval: Interval, p: float, confidence: float) -> Standing:
    """How two stand to each other, from the interval of their difference and its p-value, corrected for all pairs."""
    if interval.low <= 0 <= interval.high:
        return Standing.TIE
    if p >= 1 - confidence:
        return Standing.OPEN
    return Standing.AHEAD if interval.low > 0 else Standing.BEHIND
