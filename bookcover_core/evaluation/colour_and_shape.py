"""Colour and shape of each genre (Figures 5.2 and 5.3), and colour distance against recall (Figure 5.4).

Distances are Euclidean: equation 5.1 prints its last term squared twice. A genre that is predicted rightly matches its
colour by that alone, and one that is seldom named has a mean colour of few books. So the correlation is set beside that
of colours shuffled over the test books, and distances are also given for the books that were put into a genre wrongly.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Self

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate
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
_STEPS = 36  # steps in which the shape of a distribution is held
_FEWEST = 4  # fewer points have no correlation worth the name

# Values that differ by less than this share of the greatest are the same, up to the rounding of their sums.
_ROUNDING = 1e-9

_SHUFFLES = 55  # what sets these random numbers apart from those of other purposes
_LUMA = (0.2126, 0.7152, 0.0722)  # how bright the eye finds red, green and blue: luma of ITU-R BT.709


class Spread(BaseModel, frozen=True):
    """The distribution of one measure over the books of a genre."""

    label: int
    books: int
    mean: float
    quantiles: list[float] = Field(description="5, 25, 50, 75 and 95 %.")
    density: list[float] = Field(description="Share of the books in each step from `low` to `high` of the measure.")
    apart: float = Field(description="Kolmogorov and Smirnov's distance from all other books, 0 to 1.")


class Measure(BaseModel, frozen=True):
    """One measure of covers, genre by genre."""

    name: str
    low: float = Field(description="Where the shapes begin; a two-hundredth of all books lies below.")
    high: float
    genres: list[Spread] = Field(description="Genres without books are left out.")


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
        """Pearson's (or Spearman's) correlation and permutation test (Phipson and Smyth 2010); None if undefined.

        `first` is (1 + shuffles, points), the row of the data first, and `second` (points,).
        """
        if len(second) < _FEWEST or any(np.ptp(each) <= _ROUNDING * np.abs(each).max() for each in (first[0], second)):
            return None
        from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

        one, other = (rankdata(each, axis=-1) if ranks else each for each in (first, second))
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


class GenreColour(BaseModel, frozen=True):
    """The mean colour of a genre's covers; every cover counts the same, whatever its size."""

    label: int
    books: int
    red: float = Field(description="0 to 255.")
    green: float
    blue: float
    brightness: Estimate = Field(description="Mean luma of the covers, 0 to 255.")

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Red, green and blue from 0 to 1."""
        return self.red / 255, self.green / 255, self.blue / 255


class ColourPoint(BaseModel, frozen=True):
    """A genre in Figure 5.4."""

    label: int
    recall: float
    predicted: int = Field(description="Test books that the network puts into the genre.")
    distance: float | None = Field(description="Between the mean colours of its test books and of those put into it.")
    distance_of_mistakes: float | None = Field(description="The same for those put into it wrongly.")


class ColourStudy(BaseModel, frozen=True):
    """Colour distance against recall, for one network."""

    points: list[ColourPoint] = Field(description="Genres that have test books.")
    pearson: Correlation | None
    spearman: Correlation | None
    pearson_of_mistakes: Correlation | None


def distributions(labels: Integers, measured: Mapping[str, Floats], genres: int) -> list[Measure]:
    """The distribution of every one of `MEASURES` in every genre, of (n,) labels and values; n is at least 1."""
    from scipy.stats import ks_2samp  # noqa: PLC0415 - slow to import

    found = []
    for name in MEASURES:
        values, spreads = measured[name], []
        low, high = np.quantile(values, [_BEYOND, 1 - _BEYOND]).tolist()
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, _STEPS + 1)
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
        found.append(Measure(name=name, low=low, high=high, genres=spreads))
    return found


def genre_colours(labels: Integers, colours: Floats, genres: int, confidence: float) -> list[GenreColour]:
    """The mean colour of each genre that has books, of (n,) labels and (n, 3) red, green and blue, 0 to 255."""
    found = []
    for label in range(genres):
        own = colours[labels == label]
        if len(own):
            red, green, blue = own.mean(axis=0).tolist()
            brightness = Estimate.of_mean(own @ np.array(_LUMA), confidence, (0, 255))
            colour = GenreColour(label=label, books=len(own), red=red, green=green, blue=blue, brightness=brightness)
            found.append(colour)
    return found


def study_colour(
    labels: Integers,
    predicted: Integers,
    colours: Floats,
    genres: int,
    confidence: float,
    shuffles: tuple[int, int],
) -> ColourStudy:
    """Figure 5.4 for one network, with `shuffles`: how many, and the seed that they are drawn from.

    Labels and the genres that are named are (n,), the mean red, green and blue of the test books (n, 3).
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 - slow to import

    own = _means(labels, labels >= 0, genres)
    apart = np.concatenate([_means(predicted, among, genres) - own for among in (predicted >= 0, predicted != labels)])
    known, means = ~np.isnan(apart[:, 0]), csr_array(np.nan_to_num(apart))
    generator = np.random.default_rng([shuffles[1], _SHUFFLES])
    orders = chain([np.arange(len(labels))], (generator.permutation(len(labels)) for _ in range(shuffles[0])))
    distances = np.array([np.sqrt(((means @ colours[order]) ** 2).sum(axis=1)) for order in orders])
    distances[:, ~known] = np.nan
    met, missed = distances[:, :genres], distances[:, genres:]  # (1 + shuffles, genres) each
    books = np.bincount(labels, minlength=genres)
    recall = metrics.recall(labels, predicted, genres)

    def correlate(distances: Floats, *, ranks: bool = False) -> Correlation | None:
        known = ~np.isnan(distances[0])
        return Correlation.of(distances[:, known], recall[known], confidence, ranks=ranks)

    return ColourStudy(
        points=[
            ColourPoint(
                label=int(label),
                recall=float(recall[label]),
                predicted=int((predicted == label).sum()),
                distance=None if np.isnan(met[0, label]) else float(met[0, label]),
                distance_of_mistakes=None if np.isnan(missed[0, label]) else float(missed[0, label]),
            )
            for label in np.flatnonzero(books)
        ],
        pearson=correlate(met),
        spearman=correlate(met, ranks=True),
        pearson_of_mistakes=correlate(missed),
    )


def _means(labels: Integers, among: np.ndarray, genres: int) -> Floats:
    """What takes the mean over the books of each genre: (genres, n); NaN for a genre without books."""
    member = (labels == np.arange(genres)[:, None]) & among
    with np.errstate(invalid="ignore"):
        return np.asarray(member / member.sum(axis=1, keepdims=True))
