"""Distributions of colour and shape within each genre (Figure 5.2), from measurements of the original covers."""

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.metrics import Floats, Integers

# The six measures of Figure 5.2, with their titles.
MEASURES = {
    "red": "Mean red",
    "green": "Mean green",
    "blue": "Mean blue",
    "width": "Width, pixels",
    "height": "Height, pixels",
    "aspect_ratio": "Aspect ratio, width / height",
}

# What a row of a figure shows of a genre's books: the middle half, and all but a twentieth at either end.
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

# A few covers of an odd size would squeeze all others together: as many are left out of the shapes at either end.
_BEYOND = 0.005

# Steps in which the shape of a distribution is held.
_STEPS = 36


class Spread(BaseModel, frozen=True):
    """The distribution of one measure over the books of a genre."""

    label: int
    books: int
    mean: float
    quantiles: list[float] = Field(description="5, 25, 50, 75 and 95 %.")
    density: list[float] = Field(description="Share of the books in each step from `low` to `high` of the measure.")
    apart: float = Field(
        description="Kolmogorov and Smirnov's distance from all other books, 0 to 1; 0 without others."
    )


class Measure(BaseModel, frozen=True):
    """One measure of covers, genre by genre."""

    name: str
    low: float = Field(description="Where the shapes begin; a two-hundredth of all books lies below.")
    high: float
    genres: list[Spread] = Field(description="Genres without books are left out.")


def distributions(labels: Integers, measured: Mapping[str, Floats], genres: int) -> list[Measure]:
    """The distribution of every one of `MEASURES` in every genre, of (n,) labels and values; n is at least 1."""
    return [_measure(name, labels, measured[name], genres) for name in MEASURES]


def _measure(name: str, labels: Integers, values: Floats, genres: int) -> Measure:
    from scipy.stats import ks_2samp  # noqa: PLC0415 - slow to import

    low, high = (float(end) for end in np.quantile(values, [_BEYOND, 1 - _BEYOND]))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _STEPS + 1)
    spreads = []
    for label in range(genres):
        own, others = values[labels == label], values[labels != label]
        if len(own):
            spread = Spread(
                label=label,
                books=len(own),
                mean=float(own.mean()),
                quantiles=np.quantile(own, _QUANTILES).tolist(),
                density=(np.histogram(own, edges)[0] / len(own)).tolist(),
                apart=float(ks_2samp(own, others, method="asymp").statistic) if len(others) else 0.0,
            )
            spreads.append(spread)
    return Measure(name=name, low=low, high=high, genres=spreads)
