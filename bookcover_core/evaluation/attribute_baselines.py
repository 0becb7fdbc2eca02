"""Baselines of colour and shape: fitted on six measurements of the training covers, without a picture.

Section 5.2 says that guessing by closeness to the average colour makes small improvements, and that width and aspect
ratio separate some genres; these baselines measure how much. A network that sees more should do better than all.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_COLOUR = ("red", "green", "blue")
_SHAPE = ("width", "height", "aspect_ratio")

# Steps of the fit, at most: some 40 are enough for six numbers.
_STEPS = 1_000


def nearest_mean(inputs: Floats, labels: Integers, wanted: Floats, genres: int) -> Floats:
    """How near each book is to the mean of each genre's training books: (m, genres), 0 at the mean, less further away.

    Args:
        inputs: (n, d) of the training books.
        labels: (n,) the genre of each.
        wanted: (m, d) of the books to judge.
        genres: Number of genres; one without training books is infinitely far.
    """
    nearness = np.full((len(wanted), genres), -np.inf)
    for label in range(genres):
        own = inputs[labels == label]
        if len(own):
            nearness[:, label] = -np.sqrt(((wanted - own.mean(axis=0)) ** 2).sum(axis=1))
    return nearness


def logistic(inputs: Floats, labels: Integers, wanted: Floats, genres: int) -> Floats:
    """The probabilities of a multinomial logistic regression on standardised inputs: (m, genres).

    Args:
        inputs: (n, d) of the training books.
        labels: (n,) the genre of each; one genre alone is certain.
        wanted: (m, d) of the books to judge.
        genres: Number of genres; one without training books has no probability.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - as above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - as above

    probabilities = np.zeros((len(wanted), genres))
    seen = np.unique(labels)
    if len(seen) == 1:
        probabilities[:, seen[0]] = 1
        return probabilities
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_STEPS))
    probabilities[:, seen] = model.fit(inputs, labels).predict_proba(wanted)
    return probabilities


Fit = Callable[[Floats, Integers, Floats, int], Floats]
"""(inputs of training books, their genres, inputs of the books to judge, number of genres) -> scores (m, genres)."""

# Name, the measures that it is given, and how it is fitted; the one that sees least first.
BASELINES: tuple[tuple[str, tuple[str, ...], Fit], ...] = (
    ("nearest mean colour", _COLOUR, nearest_mean),
    ("logistic regression on colour", _COLOUR, logistic),
    ("logistic regression on shape", _SHAPE, logistic),
    ("logistic regression on colour and shape", (*_COLOUR, *_SHAPE), logistic),
)
