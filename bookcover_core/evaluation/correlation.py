"""Pearson's and Spearman's correlation over the genres, with intervals.

`colour_analysis` uses it: is recall higher where the colour distance is smaller (Figure 5.4)?
"""

from math import atanh, sqrt, tanh

import numpy as np
from pydantic import BaseModel, Field
from scipy import stats

from bookcover_core.evaluation.intervals import normal_quantile
from bookcover_core.evaluation.metrics import Floats

# Fisher's transformation divides by the root of n - 3.
_FEWEST = 4

# A correlation of exactly 1 has no finite transformation.
_STRONGEST = 1 - 1e-12


class Correlation(BaseModel, frozen=True):
    """A correlation coefficient with its interval."""

    value: float
    low: float
    high: float
    p: float = Field(description="Two-sided, of no correlation at all.")
    points: int


def pearson(first: Floats, second: Floats, confidence: float) -> Correlation | None:
    """Pearson's linear correlation; None for fewer than four points, or where one never varies.

    The interval is Fisher's (1921), Metron 1, 3-32: the transformed coefficient has a variance of 1 / (n - 3).
    """
    if not _is_defined(first, second):
        return None
    result = stats.pearsonr(first, second)
    return _around(float(result.statistic), float(result.pvalue), len(first), 1.0, confidence)


def spearman(first: Floats, second: Floats, confidence: float) -> Correlation | None:
    """Spearman's rank correlation; None as for `pearson`.

    The interval takes the variance (1 + r^2 / 2) / (n - 3) of Bonett and Wright (2000), Psychometrika 65, 23-28.
    """
    if not _is_defined(first, second):
        return None
    result = stats.spearmanr(first, second)
    value = float(result.statistic)
    return _around(value, float(result.pvalue), len(first), 1 + value * value / 2, confidence)


def _is_defined(first: Floats, second: Floats) -> bool:
    return len(first) >= _FEWEST and bool(np.ptp(first) > 0) and bool(np.ptp(second) > 0)


def _around(value: float, p: float, points: int, spread: float, confidence: float) -> Correlation:
    half = normal_quantile(confidence) * sqrt(spread / (points - 3))
    centre = atanh(max(-_STRONGEST, min(_STRONGEST, value)))
    return Correlation(value=value, low=tanh(centre - half), high=tanh(centre + half), p=p, points=points)
