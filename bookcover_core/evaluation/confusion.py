"""Confusions: the pairs of genres that are confused most, and an order of genres that keeps such pairs together."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import Floats, Integers, confusion_matrix, predicted_labels
from bookcover_core.evaluation.predictions import Predictions

# Books that are named with each pair.
_EXAMPLES = 3

# Fewer genres have no order worth the name.
_FEWEST = 3


class ConfusedPair(BaseModel, frozen=True):
    """Books of one genre that a network puts into another."""

    true: int = Field(description="Label.")
    named: int = Field(description="Label.")
    books: int
    share: Estimate = Field(description="Of the test books of the true genre.")
    back: int = Field(description="Books that go the other way.")
    examples: list[str] = Field(description="Keys of the books that it is surest of, the surest first.")


def confused_pairs(predictions: Predictions, confidence: float) -> list[ConfusedPair]:
    """Every pair of genres that one system confuses, the most frequent first, with intervals of this confidence."""
    genres = predictions.probabilities.shape[1]
    named = predicted_labels(predictions.probabilities)
    confusion = confusion_matrix(predictions.labels, named, genres)
    books = confusion.sum(axis=1)
    mistakes = predictions.most_confident(right=False)
    found = []
    for true, other in np.argwhere(confusion > 0):
        if true == other:
            continue
        of_pair = mistakes[(predictions.labels[mistakes] == true) & (named[mistakes] == other)]
        found.append(
            ConfusedPair(
                true=int(true),
                named=int(other),
                books=int(confusion[true, other]),
                share=Estimate.of_share(int(confusion[true, other]), int(books[true]), confidence),
                back=int(confusion[other, true]),
                examples=[predictions.keys[place] for place in of_pair[:_EXAMPLES]],
            )
        )
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

    closeness = np.mean([_shares(confusion) for confusion in confusions], axis=0)
    closeness = closeness + closeness.T
    np.fill_diagonal(closeness, 0)
    # Rounded, so that genres that are equally close are so on every machine.
    distance = np.round(closeness.max() - closeness, 12)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    order = [int(label) for label in leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))]
    return order if order[0] < order[-1] else order[::-1]


def _shares(confusion: Integers) -> Floats:
    """Rows as shares of the true genre's books; 0 for a genre without books."""
    books = confusion.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(confusion, books, out=np.zeros(confusion.shape), where=books > 0))
