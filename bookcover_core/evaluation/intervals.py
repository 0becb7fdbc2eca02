"""Confidence intervals: Clopper and Pearson's for every share, and what follows from them for differences.

They allow for the luck of which test books were drawn, and for nothing else: not for the luck of a training run.
`benchmarks/interval_coverage.py` measures how often they hold the truth: those of 95 % in 93 % of draws at least.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from bookcover_core.evaluation.metrics import Floats

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
