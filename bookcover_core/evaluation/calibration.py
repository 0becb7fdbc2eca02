"""Calibration: whether a network that is 80 % sure is right four times in five. The dissertation has nothing on it."""

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import Floats, Integers, predicted_labels

_LUCK = 53  # what sets these random numbers apart from those of other purposes
_MOST_BINS = 12  # of a reliability diagram
_FEWEST_IN_BIN = 20  # books: below 20 an interval says nothing
_DRAWS = 400  # draws behind the error that luck alone would make

# A probability of 0 would cost infinitely much; this is the smallest that float32 holds at full precision.
_SMALLEST = float(np.finfo(np.float32).tiny)

_LOSSES = (0.0, float(-np.log(_SMALLEST)))  # so a loss lies between these
_MOST_HEAT = float(np.log(20))  # temperatures from 1 / 20 to 20 are tried: the logarithm of the greatest


class Bin(BaseModel, frozen=True):
    """Books with similar confidence."""

    books: int
    low: float = Field(description="Least probability of the named genre in the bin.")
    high: float
    confidence: float = Field(description="Mean probability of the named genre.")
    accuracy: Estimate = Field(description="Share predicted rightly.")


class Tempered(BaseModel, frozen=True):
    """The same network after temperature scaling, fitted on the validation books."""

    temperature: float = Field(description="Above 1: the network was too sure.")
    ece: float
    log_loss: Estimate


class Calibration(BaseModel, frozen=True):
    """Calibration of one network on the test books."""

    bins: list[Bin] = Field(description="Of as many books each; from the least to the most sure.")
    ece: float = Field(description="Expected calibration error: mean gap between probability and accuracy, by book.")
    ece_by_luck: float = Field(description="What it would be on average, were every probability exactly right.")
    confidence: float = Field(description="Mean probability of the named genre.")
    accuracy: float
    brier: Estimate = Field(description="Mean squared error over all genres, 0 to 2; Brier (1950).")
    brier_of_chance: float = Field(description="Of the same probability for every genre.")
    log_loss: Estimate = Field(description="Mean negative log likelihood of the true genre, in nats.")
    log_loss_of_chance: float
    tempered: Tempered | None = Field(description="None where the validation books have not been judged.")


def calibrate(
    labels: Integers,
    probabilities: Floats,
    confidence: float,
    seed: int,
    validation: tuple[Integers, Floats] | None = None,
) -> Calibration:
    """Calibration of a network on the test books: labels (n,) and probabilities (n, genres), n at least 1.

    The expected calibration error is that of Naeini, Cooper and Hauskrecht (2015), AAAI, of the named genre, with bins
    of as many books each (Nguyen and O'Connor 2015, EMNLP), beside what luck alone would make it: Vaicenavicius et al.
    (2019), AISTATS, consistency resampling. A temperature is fitted on `validation`, where it is given.
    """
    books, genres = probabilities.shape
    bins, parts = _bins(labels, probabilities, confidence)
    by_luck, generator = np.zeros(_DRAWS), np.random.default_rng([seed, _LUCK])
    for sure in parts:  # draws in which every book is right with exactly the probability given for it
        right = (generator.random((_DRAWS, len(sure))) < sure).mean(axis=1)
        by_luck += len(sure) * np.abs(right - sure.mean())
    truth = np.zeros_like(probabilities)
    truth[np.arange(books), labels] = 1
    tempered = None
    if validation is not None:
        temperature = fit_temperature(*validation)
        changed = at_temperature(probabilities, temperature)
        loss = Estimate.of_mean(_losses(labels, changed), confidence, _LOSSES)
        error = _error(_bins(labels, changed, confidence)[0])
        tempered = Tempered(temperature=temperature, ece=error, log_loss=loss)
    return Calibration(
        bins=bins,
        ece=_error(bins),
        ece_by_luck=float(by_luck.mean() / books),
        confidence=float(probabilities.max(axis=1).mean()),
        accuracy=float((predicted_labels(probabilities) == labels).mean()),
        brier=Estimate.of_mean(((probabilities - truth) ** 2).sum(axis=1), confidence, (0, 2)),
        brier_of_chance=1 - 1 / genres,
        log_loss=Estimate.of_mean(_losses(labels, probabilities), confidence, _LOSSES),
        log_loss_of_chance=float(np.log(genres)),
        tempered=tempered,
    )


def fit_temperature(labels: Integers, probabilities: Floats) -> float:
    """The divisor of logits that fits (n, genres) probabilities to (n,) labels best: Guo et al. (2017), ICML."""
    from scipy import optimize  # noqa: PLC0415 - slow to import

    found = optimize.minimize_scalar(
        lambda exponent: float(_losses(labels, at_temperature(probabilities, np.exp(exponent))).mean()),
        bounds=(-_MOST_HEAT, _MOST_HEAT),
        method="bounded",
    )
    return float(np.exp(found.x))


def at_temperature(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities (n, genres) with their logits divided by `temperature`."""
    from scipy.special import softmax  # noqa: PLC0415 - slow to import

    return np.asarray(softmax(np.log(np.maximum(probabilities, _SMALLEST)) / temperature, axis=1))


def _losses(labels: Integers, probabilities: Floats) -> Floats:
    """The negative log likelihood (n,) of each book's true genre."""
    return np.asarray(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], _SMALLEST)))


def _bins(labels: Integers, probabilities: Floats, confidence: float) -> tuple[list[Bin], list[Floats]]:
    """The bins, from the least to the most sure, and the probabilities of the named genre in each, rising."""
    sure, right = probabilities.max(axis=1), predicted_labels(probabilities) == labels
    order, bins, parts = np.argsort(sure, kind="stable"), [], []
    for places in np.array_split(order, max(1, min(_MOST_BINS, len(sure) // _FEWEST_IN_BIN))):
        part, hits = sure[places], int(right[places].sum())
        accuracy, mean = Estimate.of_share(hits, len(part), confidence), float(part.mean())
        bins.append(Bin(books=len(part), low=float(part[0]), high=float(part[-1]), confidence=mean, accuracy=accuracy))
        parts.append(part)
    return bins, parts


def _error(bins: list[Bin]) -> float:
    """The expected calibration error."""
    gaps = sum(each.books * abs(each.accuracy.value - each.confidence) for each in bins)
    return gaps / sum(each.books for each in bins)
