"""How probabilities of several systems, or of several parts of one, become one.

Weights are those with which the joined probabilities fit the validation books best: the least mean cross entropy, no
weight below 0. Those of a weighted mean sum to 1. A product (logarithmic pool, Genest and Zidek 1986) multiplies the
members' probabilities, each raised to its weight: members that see different things, a picture and a title, say, add
what each of them knows.
"""

import numpy as np
import numpy.typing as npt

from bookcover_core.training.stored_probabilities import LEAST

# A member's weight in a product, at most: validation books that are all right would raise it without end.
_GREATEST_WEIGHT = 10.0

# Expectation maximisation ends when a step wins less than this of the mean cross entropy, or after so many steps.
_LEAST_GAIN, _MOST_STEPS = 1e-10, 10_000

Floats = npt.NDArray[np.floating]


def join(how: str, weights: npt.ArrayLike, probabilities: Floats) -> npt.NDArray[np.float64]:
    """The joined probabilities (books, genres) of the members' (members, books, genres).

    They are joined with `weights` (members,); `how` is mean, weighted or product.
    """
    shares = np.asarray(weights, np.float64)
    if how == "product":
        return _product(shares, _logarithms(probabilities))
    return np.asarray(np.tensordot(shares, probabilities, axes=1))


def fit_product(probabilities: Floats, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Weights (members,) of the product with the least cross entropy: none below 0, none above 10.

    `probabilities` are (members, books, genres), `labels` (books,).
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    logs, books = _logarithms(probabilities), np.arange(len(labels))
    of_true_genre = logs[:, books, labels]

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        given = _product(weights, logs)
        slope = ((given * logs).sum(axis=2) - of_true_genre).mean(axis=1)
        return float(-np.log(np.maximum(given[books, labels], LEAST)).mean()), slope

    start = np.full(len(logs), 1 / len(logs))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, _GREATEST_WEIGHT)] * len(logs))
    return np.asarray(found.x)


def _product(weights: npt.NDArray[np.float64], logs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.special import softmax  # noqa: PLC0415 - slow to import

    return np.asarray(softmax(np.tensordot(weights, logs, axes=1), axis=-1))


def _logarithms(probabilities: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST)))


def fit_weights(of_true_genre: Floats) -> npt.NDArray[np.float64]:
    """Weights (members,) of the weighted mean with the least cross entropy: none below 0, 1 in all.

    `of_true_genre` (members, books) is what each member gives the true genre of each book. Expectation maximisation for
    a mixture of fixed components climbs to the one optimum of this convex problem.
    """
    given = np.maximum(np.asarray(of_true_genre, np.float64), LEAST)
    weights = np.full(len(given), 1 / len(given))
    loss = np.inf
    for _ in range(_MOST_STEPS):
        shares = weights[:, None] * given
        mixed = shares.sum(axis=0)
        before, loss = loss, float(-np.log(mixed).mean())
        if before - loss < _LEAST_GAIN:
            break
        weights = (shares / mixed).mean(axis=1)
    return weights
