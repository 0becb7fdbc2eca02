"""Two systems on the same test books: McNemar's test, Newcombe's interval, Holm's correction, and agreement."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate, Right, effective_books, paired_difference, share_right
from bookcover_core.evaluation.metrics import Floats, Integers


class Standing(StrEnum):
    """How the first of two systems compares with the second. The value is for people."""

    TIE = "tie"
    """The interval of the difference holds 0."""
    AHEAD = "ahead"
    """The first is better, and stays so when the p-values of all pairs are corrected."""
    BEHIND = "behind"
    """The first is worse, and stays so when the p-values of all pairs are corrected."""
    OPEN = "open"
    """The interval does not hold 0, but the corrected p-value allows for luck."""

    @property
    def reversed(self) -> "Standing":
        """How the second compares with the first."""
        return {Standing.AHEAD: Standing.BEHIND, Standing.BEHIND: Standing.AHEAD}.get(self, self)

    def words(self, first: str, second: str) -> str:
        """It in words, given the names of both: "MobileNetV2 ahead", "tie"."""
        return {Standing.AHEAD: f"{first} ahead", Standing.BEHIND: f"{second} ahead"}.get(self, self.value)


class PairComparison(BaseModel, frozen=True):
    """Two systems on the same test books."""

    first: str
    second: str
    both: int = Field(description="Books on which both are right.")
    only_first: int
    only_second: int
    neither: int
    difference: Estimate = Field(description="Accuracy of the first less that of the second.")
    p: float = Field(description="Of McNemar's exact test, two-sided.")
    p_holm: float = Field(description="The same, corrected for all pairs of the study.")
    standing: Standing
    same: Estimate = Field(description="Share of the books for which both name the same genre, right or wrong.")
    kappa: Estimate | None = Field(description="Cohen's kappa; None where each names one genre only, the same.")


class JointAccuracy(BaseModel, frozen=True):
    """How many of several systems are right on each test book."""

    systems: list[str]
    right_by: list[int] = Field(description="Books by the number of systems that are right on them, from 0.")
    any_right: Estimate = Field(description="Share on which at least one is right: an oracle's choice among them.")
    all_right: Estimate


def compare_pairs(
    labels: Integers, predicted: Mapping[str, Integers], groups: Sequence[str], confidence: float
) -> list[PairComparison]:
    """Every pair of systems, in their order, by the genres (n,) that each names for books with labels and groups."""
    of_books = np.array(groups)
    pairs = list(combinations(predicted, 2))
    right = {name: named == labels for name, named in predicted.items()}
    p_values = [mcnemar(right[a], right[b], of_books) for a, b in pairs]
    found = []
    for (a, b), p, p_holm in zip(pairs, p_values, holm(p_values), strict=True):
        difference = paired_difference(right[a], right[b], of_books, confidence)
        same = share_right(predicted[a] == predicted[b], of_books, confidence)
        neither, only_second, only_first, both = np.bincount(2 * right[a] + right[b], minlength=4).tolist()
        pair = PairComparison(
            first=a,
            second=b,
            both=both,
            only_first=only_first,
            only_second=only_second,
            neither=neither,
            difference=difference,
            p=p,
            p_holm=p_holm,
            standing=standing_of(difference, p_holm, confidence),
            same=same,
            kappa=cohen_kappa(predicted[a], predicted[b], same),
        )
        found.append(pair)
    return found


def joint_accuracy(
    labels: Integers, predicted: Mapping[str, Integers], groups: Sequence[str], confidence: float
) -> JointAccuracy:
    """How many of at least one system are right on each test book; arguments as for `compare_pairs`."""
    right: Floats = np.array([named == labels for named in predicted.values()]).sum(axis=0)
    return JointAccuracy(
        systems=list(predicted),
        right_by=np.bincount(right, minlength=len(predicted) + 1).tolist(),
        any_right=share_right(right > 0, np.array(groups), confidence),
        all_right=share_right(right == len(predicted), np.array(groups), confidence),
    )


def standing_of(difference: Estimate, p: float | None = None, confidence: float = 0.0) -> Standing:
    """How the first of two compares, by the `difference` of the first less the second, and `p` corrected by Holm."""
    if difference.holds_zero:
        return Standing.TIE
    if p is not None and p >= 1 - confidence:
        return Standing.OPEN
    return Standing.AHEAD if difference.low > 0 else Standing.BEHIND


def mcnemar(first: Right, second: Right, groups: NDArray[Any]) -> float:
    """The two-sided p-value of McNemar's exact test (1947, Psychometrika 12, 153-157): 1 where the two never differ.

    Counts of books are scaled to those of independent ones (`effective_books`); the binomial distribution is continued
    between whole numbers by the incomplete beta function.
    """
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    scale = effective_books(groups) / len(groups)
    only = sorted(scale * float(each.sum()) for each in (first & ~second, second & ~first))
    return min(1.0, 2 * float(betainc(only[1], only[0] + 1, 0.5))) if only[1] else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number: Holm (1979), Scandinavian Journal of Statistics 6, 65-70."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.arange(len(order), 0, -1) * np.array(p_values)[order]
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, scaled))
    return corrected.tolist()


def cohen_kappa(first: Integers, second: Integers, same: Estimate) -> Estimate | None:
    """Agreement of two systems beyond what their genre frequencies alone explain; None where that is not defined.

    Cohen (1960), Educational and Psychological Measurement 20, 37-46: linear in the share of agreement, `same`.
    """
    genres = int(max(first.max(), second.max())) + 1
    frequencies = np.bincount(first, minlength=genres) * np.bincount(second, minlength=genres)
    by_chance = float(frequencies.sum()) / len(first) ** 2
    if by_chance >= 1:
        return None
    value, low, high = ((each - by_chance) / (1 - by_chance) for each in (same.value, same.low, same.high))
    return Estimate(value=value, low=max(-1.0, low), high=high)
