"""Correlations over the genres beside what shuffled data give: a permutation test.

`colour_analysis` uses it: is recall higher where the colour distance is smaller (Figure 5.4), and more so than it would
be if colour told nothing?
"""

from typing import Self

import numpy as np
from pydantic import BaseModel, Field
from scipy import stats

from bookcover_core.evaluation.metrics import Floats

# Fewer points have no correlation worth the name.
_FEWEST = 4

# Values that differ by less than this share of the greatest are the same, up to the rounding of their sums.
_ROUNDING = 1e-9


class Correlation(BaseModel, frozen=True):
    """A correlation coefficient, and the same after shuffles that leave no relation."""

    value: float
    expected: float = Field(description="Mean over the shuffles: what comes by itself.")
    low: float = Field(description="The shuffles give from here ...")
    high: float = Field(description="... to here, in as many of them as the confidence says.")
    p: float = Field(description="Two-sided: how often a shuffle is as far out on either side, or further.")
    points: int

    @property
    def beyond(self) -> float:
        """What is left when what comes by itself is taken off."""
        return self.value - self.expected

    @classmethod
    def of(cls, first: Floats, second: Floats, confidence: float, *, ranks: bool = False) -> Self | None:
        """Pearson's correlation with its permutation test (Phipson and Smyth 2010); None where it is not defined.

        Args:
            first: (1 + shuffles, points), the row of the data first.
            second: (points,).
            confidence: Of the interval over the shuffles.
            ranks: Whether ranks are correlated (Spearman) in place of values.
        """
        if len(second) < _FEWEST or any(np.ptp(each) <= _ROUNDING * np.abs(each).max() for each in (first[0], second)):
            return None
        one, other = (stats.rankdata(each, axis=-1) if ranks else each for each in (first, second))
        one, other = (each - each.mean(axis=-1, keepdims=True) for each in (one, other))
        spread = np.sqrt((one**2).sum(axis=-1) * (other**2).sum())
        value, *shuffled = np.divide(one @ other, spread, out=np.zeros(len(one)), where=spread > 0)
        low, high = np.quantile(shuffled, [(1 - confidence) / 2, (1 + confidence) / 2])
        tails = [1 + int((np.sign(side) * (np.array(shuffled) - value) >= 0).sum()) for side in (-1, 1)]
        return cls(
            value=float(value),
            expected=float(np.mean(shuffled)),
            low=float(low),
            high=float(high),
            p=min(1.0, 2 * min(tails) / (1 + len(shuffled))),
            points=len(second),
        )
