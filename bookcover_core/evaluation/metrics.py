"""Recall, precision and confusion of predictions. What is undefined is NaN: the recall of a genre without test books.

Of genres with the same probability the lower label goes first, as in `numpy.argmax`: top-1 recall agrees with the
confusion matrix, and a network that gives every genre the same probability scores chance.
"""

import numpy as np
from numpy.typing import NDArray

TOP = (1, 3, 5)  # the k of top-k recall: Table 2 gives 1 and 3, Figure 5.1 gives 5 too

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def true_ranks(labels: Integers, probabilities: Floats) -> Integers:
    """The rank (n,) of each book's own genre, from 1, of (n,) labels and (n, genres) probabilities."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    before = np.arange(probabilities.shape[1])[None, :] < labels[:, None]
    ahead = (probabilities > own) | ((probabilities == own) & before)
    return np.asarray(1 + ahead.sum(axis=1), dtype=np.int64)


def predicted_labels(probabilities: Floats) -> Integers:
    """The genre with the highest probability for each row of (n, genres); the lower label where two are equal."""
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def confusion_matrix(labels: Integers, predicted: Integers, genres: int) -> Integers:
    """Books by true genre (rows) and predicted genre (columns): (genres, genres)."""
    cells = np.bincount(labels * genres + predicted, minlength=genres * genres)
    return cells.reshape(genres, genres).astype(np.int64)


def recall(labels: Integers, predicted: Integers, genres: int) -> Floats:
    """Books of each genre that are predicted rightly, over all its books: (genres,); NaN for a genre without books."""
    return _ratio(np.bincount(labels[labels == predicted], minlength=genres), np.bincount(labels, minlength=genres))


def f1(confusion: Integers) -> Floats:
    """Harmonic mean of precision and recall: (genres,); NaN for a genre without books and predictions."""
    return _ratio(2 * confusion.diagonal(), confusion.sum(axis=1) + confusion.sum(axis=0))


def chance(books: Integers, k: int = 1) -> float:
    """Top-k accuracy of the best constant answer, the k commonest genres in every case: k / 30 on BookCover30."""
    return float(np.sort(books)[-k:].sum() / books.sum())


def _ratio(part: Integers, whole: Integers) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))
