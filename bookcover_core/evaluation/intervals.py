"""Confidence intervals: Clopper and Pearson's for every share; and two systems compared on the same test books.

They allow for the luck of which test books were drawn, and for nothing else: not for the luck of a training run.
`benchmarks/interval_coverage.py` measures how often they hold the truth: those of 95 % in 93 % of draws at least.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from bookcover_core.evaluation.metrics import Floats, Integers

Right = NDArray[np.bool_]
"""(n,) whether each book is predicted rightly."""


class Estimate(BaseModel, frozen=True):
    """A number with its confidence interval, ends included; mostly a share."""

    value: float
    low: float
    high: float

    @classmethod
    def of_share(cls, successes: float, trials: float, confidence: float) -> Self:
        """A share of at least one trial with its exact interval: Clopper and Pearson (1934), Biometrika 26, 404-413.

        Wilson's is narrower, but at 95 % holds an accuracy of 0.94 in three books only 83 % of the time. Counts may be
        fractions: of effective sample sizes, as in Korn and Graubard (1998), Survey Methodology 24, 193-201.
        """
        from scipy.special import betaincinv  # noqa: PLC0415 - slow to import

        tail = (1 - confidence) / 2
        failures = trials - successes
        low = float(betaincinv(successes, failures + 1, tail)) if successes > 0 else 0.0
        high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures > 0 else 1.0
        return cls(value=successes / trials, low=low, high=high)

    @classmethod
    def of_mean(cls, values: Floats, confidence: float, bounds: tuple[float, float]) -> Self:
        """The mean of (n,) values within `bounds` with Student's interval; of a single value: `bounds`."""
        mean, books = float(values.mean()), len(values)
        if books < 2:
            return cls(value=mean, low=bounds[0], high=bounds[1])
        half = student_quantile(confidence, books - 1) * float(values.std(ddof=1)) / books**0.5
        return cls(value=mean, low=max(bounds[0], mean - half), high=min(bounds[1], mean + half))

    @property
    def holds_zero(self) -> bool:
        """Whether the interval holds 0: of a difference, whether it is a tie."""
        return self.low <= 0 <= self.high

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval."""
        return self.low, self.high

    @property
    def reversed(self) -> "Estimate":
        """Of a difference, the same the other way round."""
        return Estimate(value=-self.value, low=-self.high, high=-self.low)

    @property
    def width(self) -> float:
        """From the low end of the interval to the high one."""
        return self.high - self.low


def share(successes: float, trials: float, confidence: float) -> Estimate | None:
    """A share with its interval; None where nothing was tried."""
    return Estimate.of_share(successes, trials, confidence) if trials else None


def share_right(
    right: Right, groups: NDArray[Any], confidence: float, weights: Floats | None = None, most: float = float("inf")
) -> Estimate:
    """The share of (n,) books that are predicted rightly, n at least 1, or a weighted mean of that, with its interval.

    Books of one group, such as editions of one title, may be right together, and books of a large weight count for
    more: the interval is that of as many independent books as would tell as much at worst (`effective_books`), `most`
    at most.
    """
    books = min(effective_books(groups, weights), most)
    return Estimate.of_share(float(np.average(right, weights=weights)) * books, books, confidence)


def effective_books(groups: NDArray[Any], weights: Floats | None = None) -> float:
    """How many independent books of one weight tell as much as (n,) books in groups: Kish (1965), Survey Sampling."""
    _, places = np.unique(groups, return_inverse=True)
    sums = np.bincount(places, weights)
    return float(sums.sum() ** 2 / (sums**2).sum())


def student_quantile(confidence: float, freedom: Any) -> Any:
    """Deviations to either side of the mean within which Student's variable falls, of so many degrees of freedom."""
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    return stdtrit(freedom, (1 + confidence) / 2)


def difference(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """`first - second`, by default of independent samples, with the interval that follows from the intervals of both.

    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10, for shares; for any two numbers: Zou and Donner
    (2008), Statistics in Medicine 27, 1693-1702. Where both rest on the same books it is too wide, not too narrow.
    """

    def apart(one: float, other: float) -> float:
        return float(max(0.0, one * one - 2 * correlation * one * other + other * other) ** 0.5)

    value = first.value - second.value
    below = apart(first.value - first.low, second.high - second.value)
    above = apart(first.high - first.value, second.value - second.low)
    return Estimate(value=value, low=value - below, high=value + above)


def paired_difference(first: Right, second: Right, groups: NDArray[Any], confidence: float) -> Estimate:
    """The difference of the shares of the same (n,) books, n at least 1, that two predict rightly; books have groups.

    Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10: the intervals of both shares, joined with their
    correlation. Where two never differ it still has a width, for ten books say little about that.
    """
    books = effective_books(groups)
    one, other = (Estimate.of_share(float(each.mean()) * books, books, confidence) for each in (first, second))
    both, a, b = float((first & second).mean()) * books, one.value * books, other.value * books
    # Newcombe's estimate of the correlation, with his continuity correction.
    margins, correlation = a * (books - a) * b * (books - b), 0.0
    if margins > 0:
        product = both * (books - a - b + both) - (a - both) * (b - both)
        corrected = max(product - books / 2, 0.0) if product > 0 else product
        correlation = float(corrected / margins**0.5)
    return difference(one, other, correlation)


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
    labels: Integers, predicted: Mapping[str, Integers], groups: Sequence[str], confidence: float
) -> list[PairComparison]:
    """Every pair of systems, in their order, by the genres (n,) that each names for books with labels and groups."""
    of_books = np.array(groups)
    pairs = list(combinations(predicted, 2))
    right = {name: named == labels for name, named in predicted.items()}
    p_values = [mcnemar(right[a], right[b], of_books) for a, b in pairs]
    found = []
    for (a, b), p, p_holm in zip(pairs, p_values, holm(p_values), strict=True):
        difference = paired_difference(right[a], right[b], of_books, confidence)
        same = share_right(predicted[a] == predicted[b], of_books, confidence)
        neither, only_second, only_first, both = np.bincount(2 * right[a] + right[b], minlength=4).tolist()
        pair = PairComparison(
            first=a,
            second=b,
            both=both,
            only_first=only_first,
            only_second=only_second,
            neither=neither,
            difference=difference,
            p=p,
            p_holm=p_holm,
            standing=standing_of(difference, p_holm, confidence),
            same=same,
            kappa=cohen_kappa(predicted[a], predicted[b], same),
        )
        found.append(pair)
    return found


def joint_accuracy(
    labels: Integers, predicted: Mapping[str, Integers], groups: Sequence[str], confidence: float
) -> JointAccuracy:
    """How many of at least one system are right on each test book; arguments as for `compare_pairs`."""
    right: Floats = np.array([named == labels for named in predicted.values()]).sum(axis=0)
    return JointAccuracy(
        systems=list(predicted),
        right_by=np.bincount(right, minlength=len(predicted) + 1).tolist(),
        any_right=share_right(right > 0, np.array(groups), confidence),
        all_right=share_right(right == len(predicted), np.array(groups), confidence),
    )


def standing_of(difference: Estimate, p: float | None = None, confidence: float = 0.0) -> Standing:
    """How the first of two compares, by the `difference` of the first less the second, and `p` corrected by Holm."""
    if difference.holds_zero:
        return Standing.TIE
    if p is not None and p >= 1 - confidence:
        return Standing.OPEN
    return Standing.AHEAD if difference.low > 0 else Standing.BEHIND


def mcnemar(first: Right, second: Right, groups: NDArray[Any]) -> float:
    """The two-sided p-value of McNemar's exact test (1947, Psychometrika 12, 153-157): 1 where the two never differ.

    Counts of books are scaled to those of independent ones (`effective_books`); the binomial distribution is continued
    between whole numbers by the incomplete beta function.
    """
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    scale = effective_books(groups) / len(groups)
    only = sorted(scale * float(each.sum()) for each in (first & ~second, second & ~first))
    return min(1.0, 2 * float(betainc(only[1], only[0] + 1, 0.5))) if only[1] else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number: Holm (1979), Scandinavian Journal of Statistics 6, 65-70."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.arange(len(order), 0, -1) * np.array(p_values)[order]
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, scaled))
    return corrected.tolist()


def cohen_kappa(first: Integers, second: Integers, same: Estimate) -> Estimate | None:
    """Agreement of two systems beyond what their genre frequencies alone explain; None where that is not defined.

    Cohen (1960), Educational and Psychological Measurement 20, 37-46: linear in the share of agreement, `same`.
    """
    genres = int(max(first.max(), second.max())) + 1
    frequencies = np.bincount(first, minlength=genres) * np.bincount(second, minlength=genres)
    by_chance = float(frequencies.sum()) / len(first) ** 2
    if by_chance >= 1:
        return None
    value, low, high = ((each - by_chance) / (1 - by_chance) for each in (same.value, same.low, same.high))
    return Estimate(value=value, low=max(-1.0, low), high=high)
