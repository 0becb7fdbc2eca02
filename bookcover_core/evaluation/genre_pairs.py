"""Pairs of genres: class overlap (equation 5.2, Figure 5.5), confusions, and an order that keeps such pairs together.

The class overlap says how similar a network finds two genres. For one book it is the smaller of two genres'
probabilities over the greater, and of two genres the mean over all test books. Where both probabilities are 0 the ratio
is undefined, and the book is left out of the mean of that pair.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate, student_quantile
from bookcover_core.evaluation.metrics import Floats, Integers, Predictions, confusion_matrix, predicted_labels

_BATCH_RATIOS = 4_000_000  # ratios held at once: bounds the memory to some 100 MB
_EXAMPLES = 3  # books that are named with each confused pair
_FEWEST = 3  # fewer genres have no order worth the name


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


class ConfusedPair(BaseModel, frozen=True):
    """Books of one genre that a network puts into another."""

    true: int = Field(description="Label.")
    named: int = Field(description="Label.")
    books: int
    share: Estimate = Field(description="Of the test books of the true genre.")
    back: int = Field(description="Books that go the other way.")
    examples: list[str] = Field(description="Keys of the books that it is surest of, the surest first.")


def class_overlap(probabilities: Floats) -> tuple[Floats, Floats, Floats]:
    """The mean overlap of each pair of genres, its standard error, and the books behind it: (genres, genres) each.

    Probabilities are (n, genres). A mean of no book is NaN, and so is a standard error of fewer than two.
    """
    books, genres = probabilities.shape
    total, squares, defined = np.zeros((3, genres, genres))
    step = max(1, _BATCH_RATIOS // (genres * genres))
    for start in range(0, books, step):
        part = probabilities[start : start + step]
        one, other = part[:, :, None], part[:, None, :]
        greater = np.maximum(one, other)
        ratio = np.minimum(one, other)
        np.divide(ratio, greater, out=ratio, where=greater > 0)
        total += ratio.sum(axis=0)
        squares += (ratio**2).sum(axis=0)
        defined += (greater > 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / defined
        variance = np.maximum(0, squares / defined - mean**2) * defined / (defined - 1)
        return mean, np.sqrt(variance / defined), defined


def study_overlap(probabilities: Floats, threshold: float, confidence: float) -> OverlapStudy:
    """Figure 5.5 for one network's (n, genres) probabilities; intervals are Student's, of one book 0 to 1."""
    mean, error, defined = class_overlap(probabilities)
    half = np.nan_to_num(student_quantile(confidence, np.maximum(defined - 1, 1)) * error, nan=1.0)
    ends = np.stack([mean, np.maximum(0, mean - half), np.minimum(1, mean + half)])
    pairs = []
    for one, other in np.argwhere(np.triu(~np.isnan(mean), 1)):
        value, low, high = ends[:, one, other].tolist()
        overlap = Estimate(value=value, low=low, high=high)
        pairs.append(OverlappingPair(first=int(one), second=int(other), overlap=overlap))
    pairs.sort(key=lambda pair: -pair.overlap.value)
    upper = np.triu_indices(len(mean), 1)
    return OverlapStudy(
        matrix=[[None if np.isnan(value) else value for value in row] for row in mean.tolist()],
        threshold=threshold,
        pairs=[pair for pair in pairs if pair.overlap.value > threshold],
        highest=pairs[0] if pairs else None,
        all_pairs=len(upper[0]),
        undefined=int(len(probabilities) * len(upper[0]) - defined[upper].sum()),
    )


def confused_pairs(predictions: Predictions, confidence: float) -> list[ConfusedPair]:
    """Every pair of genres that one system confuses, the most frequent first, with intervals of this confidence."""
    named = predicted_labels(predictions.probabilities)
    confusion = confusion_matrix(predictions.labels, named, predictions.probabilities.shape[1])
    books = confusion.sum(axis=1)
    examples: dict[tuple[int, int], list[str]] = {}
    for place in predictions.most_confident(right=False):
        pair = int(predictions.labels[place]), int(named[place])
        examples.setdefault(pair, []).append(predictions.keys[place])
    found = [
        ConfusedPair(
            true=true,
            named=other,
            books=len(keys),
            share=Estimate.of_share(len(keys), int(books[true]), confidence),
            back=int(confusion[other, true]),
            examples=keys[:_EXAMPLES],
        )
        for (true, other), keys in examples.items()
    ]
    return sorted(found, key=lambda pair: (-pair.books, -pair.share.value, pair.true, pair.named))


def genre_order(confusions: Sequence[Integers]) -> list[int]:
    """The labels in an order in which confused genres are neighbours, of (genres, genres) confusions: one at least.

    Shares of confusion, both ways and over all networks, are clustered by average linkage, and the leaves ordered:
    Bar-Joseph, Gifford and Jaakkola (2001), Bioinformatics 17, S22-S29. Of an order and its reverse, which are equally
    good, the one that begins with the lower label is given.
    """
    genres = len(confusions[0])
    if genres < _FEWEST:
        return list(range(genres))
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering  # noqa: PLC0415 - slow to import
    from scipy.spatial.distance import squareform  # noqa: PLC0415 - as above

    books = [np.maximum(confusion.sum(axis=1, keepdims=True), 1) for confusion in confusions]
    closeness = np.mean([confusion / of_genre for confusion, of_genre in zip(confusions, books, strict=True)], axis=0)
    closeness = closeness + closeness.T
    np.fill_diagonal(closeness, 0)
    # Rounded, so that genres that are equally close are so on every machine.
    distance = np.round(closeness.max() - closeness, 12)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    order: list[int] = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)).tolist()
    return order if order[0] < order[-1] else order[::-1]
