"""Class overlap (equation 5.2, Figure 5.5): how similar a network finds two genres.

For one book it is the smaller of two genres' probabilities over the greater, and of two genres the mean over all test
books. Where both probabilities are 0 the ratio is undefined, and the book is left out of the mean of that pair.
"""

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate, student_quantile
from bookcover_core.evaluation.metrics import Floats

# Ratios held at once: bounds the memory to some 100 MB.
_BATCH_RATIOS = 4_000_000


class OverlappingPair(BaseModel, frozen=True):
    """Two genres whose overlap is above the threshold."""

    first: int = Field(description="Label; the lower of the two.")
    second: int
    overlap: Estimate


class OverlapStudy(BaseModel, frozen=True):
    """The class overlap of all pairs of genres, for one network."""

    matrix: list[list[float | None]] = Field(description="(genres, genres), symmetric; the diagonal is 1.")
    threshold: float
    pairs: list[OverlappingPair] = Field(description="Pairs above the threshold, the greatest overlap first.")
    highest: OverlappingPair | None = Field(description="The pair with the greatest overlap, above it or not.")
    all_pairs: int
    undefined: int = Field(description="Ratios of nothing to nothing that were left out.")


def class_overlap(probabilities: Floats) -> tuple[Floats, Floats, Floats]:
    """The mean overlap of each pair of genres, its standard error, and the books behind it: (genres, genres) each.

    Probabilities are (n, genres). A mean of no book is NaN, and so is a standard error of fewer than two.
    """
    books, genres = probabilities.shape
    total = np.zeros((genres, genres))
    squares = np.zeros((genres, genres))
    defined = np.zeros((genres, genres))
    step = max(1, _BATCH_RATIOS // (genres * genres))
    for start in range(0, books, step):
        part = probabilities[start : start + step]
        greater = np.maximum(part[:, :, None], part[:, None, :])
        ratio = np.minimum(part[:, :, None], part[:, None, :])
        is_defined = greater > 0
        np.divide(ratio, greater, out=ratio, where=is_defined)
        total += ratio.sum(axis=0)
        squares += (ratio**2).sum(axis=0)
        defined += is_defined.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / defined
        variance = np.maximum(0, squares / defined - mean**2) * defined / (defined - 1)
        return mean, np.sqrt(variance / defined), defined


def study_overlap(probabilities: Floats, threshold: float, confidence: float) -> OverlapStudy:
    """Figure 5.5 for one network's (n, genres) probabilities; intervals are Student's, of one book 0 to 1."""
    mean, error, defined = class_overlap(probabilities)
    half = np.nan_to_num(student_quantile(confidence, np.maximum(defined - 1, 1)) * error, nan=1.0)
    low, high = np.maximum(0, mean - half), np.minimum(1, mean + half)
    genres = len(mean)
    pairs = [
        OverlappingPair(
            first=int(one),
            second=int(other),
            overlap=Estimate(value=float(mean[one, other]), low=float(low[one, other]), high=float(high[one, other])),
        )
        for one, other in np.argwhere(np.triu(~np.isnan(mean), 1))
    ]
    pairs.sort(key=lambda pair: -pair.overlap.value)
    upper = np.triu_indices(genres, 1)
    return OverlapStudy(
        matrix=[[None if np.isnan(value) else float(value) for value in row] for row in mean],
        threshold=threshold,
        pairs=[pair for pair in pairs if pair.overlap.value > threshold],
        highest=pairs[0] if pairs else None,
        all_pairs=genres * (genres - 1) // 2,
        undefined=int(len(probabilities) * len(upper[0]) - defined[upper].sum()),
    )
