"""Recall, precision and confusion of predictions: plain counting, on numpy arrays.

Ties: where two genres have the same probability, the one with the lower label goes first, as in `numpy.argmax`. So
every book has exactly one predicted genre and one rank, top-1 recall agrees with the confusion matrix, and a network
that gives every genre the same probability scores chance, not everything.

Undefined values are NaN: the recall of a genre without test books, the precision of one that is never predicted. In
macro averages a genre without test books is left out, and a precision of a genre that is never predicted counts as 0
(scikit-learn's `zero_division=0`), so that a network gains nothing by never naming a difficult genre.

What the dissertation calls total precision (Table 3) is the share of books predicted rightly: the accuracy.
"""

import numpy as np
from numpy.typing import NDArray

# The k of top-k recall: Table 2 gives 1 and 3, Figure 5.1 gives 5 too.
TOP = (1, 3, 5)

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def true_ranks(labels: Integers, probabilities: Floats) -> Integers:
    """The rank of each book's own genre among all genres, from 1.

    Args:
        labels: (n,) the genre of each book.
        probabilities: (n, genres) what the network gives each genre.
    """
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


def top_hits(labels: Integers, ranks: Integers, genres: int, k: int) -> Integers:
    """Books of each genre whose own genre is among the first k: (genres,)."""
    return np.bincount(labels[ranks <= k], minlength=genres).astype(np.int64)


def recall(hits: Floats | Integers, books: Floats | Integers) -> Floats:
    """Hits over books of each genre; NaN for a genre without books. Works over leading axes too."""
    return _ratio(hits, books)


def precision(confusion: Floats | Integers) -> Floats:
    """Right predictions over all predictions of each genre, from (…, genres, genres); NaN where there are none."""
    return _ratio(_diagonal(confusion), confusion.sum(axis=-2))


def f1(confusion: Floats | Integers) -> Floats:
    """Harmonic mean of precision and recall, from (…, genres, genres); NaN for a genre without books or predictions."""
    return _ratio(2 * _diagonal(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def macro(values: Floats, books: Integers) -> Floats:
    """Mean of (…, genres) over the genres that have test books; an undefined value counts as 0."""
    return np.asarray(np.nan_to_num(values[..., books > 0]).mean(axis=-1), dtype=np.float64)


def chance(books: Integers, k: int = 1) -> float:
    """Top-k accuracy of the best constant answer, the k commonest genres in every case: k / 30 on BookCover30.

    It is what everything that is called chance here means, and what the baseline `commonest` scores where training and
    test books have the same commonest genres.
    """
    return float(np.sort(books)[-k:].sum() / books.sum())


def _diagonal(confusion: Floats | Integers) -> Floats:
    return np.asarray(np.diagonal(confusion, axis1=-2, axis2=-1), dtype=np.float64)


def _ratio(part: Floats | Integers, whole: Floats | Integers) -> Floats:
    divided = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), np.nan)
    return np.asarray(np.divide(part, whole, out=divided, where=np.asarray(whole) > 0), dtype=np.float64)
