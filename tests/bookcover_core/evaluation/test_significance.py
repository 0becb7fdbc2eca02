"""Pairs of systems: published examples of the tests, scikit-learn's kappa, and ties that are called so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from bookcover_core.evaluation.intervals import Resampling
from bookcover_core.evaluation.scores import score
from bookcover_core.evaluation.significance import (
    Standing,
    accuracy_difference,
    cohen_kappa,
    compare_pairs,
    holm,
    joint_accuracy,
    macro_f1_difference,
    mcnemar,
    paired_share_difference,
)
from bookcover_core.genres import number_genres

GENRES = 4


def _networks(books: int = 600, shares: tuple[float, ...] = (0.5, 0.5, 0.2)):
    """Labels, and networks that are right for about these shares of the books."""
    generator = np.random.default_rng(11)
    labels = np.arange(books) % GENRES
    named = {
        f"network {place}": np.where(
            generator.random(books) < share, labels, (labels + generator.integers(1, 4, books)) % 4
        )
        for place, share in enumerate(shares)
    }
    return labels, named


def test_mcnemar_is_exact():
    """10 against 2: the two-sided binomial p of 2 or fewer of 12 is 158 / 4096; never differing gives 1."""
    assert mcnemar(2, 10) == pytest.approx(158 / 4096)
    assert mcnemar(10, 2) == mcnemar(2, 10)
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 5) == 1


def test_holm_gives_the_values_of_the_method():
    """0.01, 0.04, 0.03, 0.005: times 4, 3, 2, 1 in their order, and never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_value_and_keeps_their_order(values: list[float]):
    """Corrected p-values are at least as large, at most 1, and in the order of the others."""
    corrected = holm(values)
    assert all(one <= other <= 1 for one, other in zip(values, corrected, strict=True))
    by_value = [corrected[place] for place in np.argsort(values, kind="stable")]
    assert by_value == sorted(by_value)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_kappa_is_scikit_learns(seed: int):
    """Whatever two networks name, kappa agrees with scikit-learn, within its interval."""
    first, second = np.random.default_rng(seed).integers(0, GENRES, size=(2, 80))
    second = np.where(np.arange(80) % 3 == 0, first, second)
    found = cohen_kappa(first, second, GENRES, 0.95)
    assert found is not None
    assert found.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.low <= found.value <= found.high


def test_networks_that_name_one_genre_only_have_no_kappa():
    """Always the same genre from both: agreement is certain by habit alone."""
    always = np.zeros(9, dtype=np.int64)
    assert cohen_kappa(always, always, GENRES, 0.95) is None


def test_the_paired_interval_is_as_wide_as_theory_says():
    """On balanced genres it is the paired difference's normal interval, to a tenth, and needs only the seed."""
    labels, named = _networks(2_400)
    first, second = (named[name] == labels for name in ("network 0", "network 2"))
    how = Resampling(0.95, 4_000, 5)
    interval = accuracy_difference(labels, first, second, how)
    assert interval == accuracy_difference(labels, first, second, how)
    apart = first.astype(float) - second
    within = np.mean([apart[labels == genre].var() for genre in range(GENRES)])
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.sqrt(within / 2_400), rel=0.1)
    assert interval.low < apart.mean() < interval.high


def test_ties_are_called_ties_and_counts_add_up():
    """Two networks of one skill tie, a third is behind both; the four counts are all books."""
    labels, named = _networks()
    pairs = compare_pairs(labels, named, GENRES, Resampling(0.95, 500, 1))
    assert [(pair.first[-1], pair.second[-1], pair.standing) for pair in pairs] == [
        ("0", "1", Standing.TIE),
        ("0", "2", Standing.AHEAD),
        ("1", "2", Standing.AHEAD),
    ]
    for pair in pairs:
        assert pair.both + pair.only_first + pair.only_second + pair.neither == 600
        accuracies = [(named[name] == labels).mean() for name in (pair.first, pair.second)]
        assert pair.difference.value == pytest.approx(accuracies[0] - accuracies[1])
        assert pair.p <= pair.p_holm
        assert pair.same.value == pytest.approx((named[pair.first] == named[pair.second]).mean())


def test_a_network_against_itself_ties_and_agrees():
    """No book differs: no difference, p of 1, and full agreement."""
    labels, named = _networks(60)
    twins = {"one": named["network 0"], "other": named["network 0"]}
    [pair] = compare_pairs(labels, twins, GENRES, Resampling(0.95, 100, 1))
    assert pair.standing is Standing.TIE
    assert (pair.difference.low, pair.difference.high, pair.p) == (0, 0, 1)
    assert pair.same.value == 1
    assert pair.kappa is not None
    assert pair.kappa.value == 1


def test_a_lead_that_many_comparisons_could_explain_is_open():
    """With an interval above 0 but a corrected p-value above 0.05, nothing is claimed."""
    labels = np.zeros(100, dtype=np.int64)
    right = np.zeros(100, dtype=np.int64)
    wrong_first, wrong_second = right.copy(), right.copy()
    wrong_first[:2] = 1
    wrong_second[2:12] = 1
    named = {"a": wrong_first, "b": wrong_second, "c": wrong_second.copy(), "d": wrong_first.copy()}
    pairs = compare_pairs(labels, named, 2, Resampling(0.95, 2_000, 1))
    [pair] = [pair for pair in pairs if (pair.first, pair.second) == ("a", "b")]
    assert pair.p < 0.05 < pair.p_holm
    assert pair.difference.low > 0
    assert pair.standing is Standing.OPEN


def test_the_oracle_is_right_where_any_network_is():
    """Right by none, one, two or three: the counts are all books, and the oracle misses only those of none."""
    labels, named = _networks()
    together = joint_accuracy(labels, named, 0.95)
    right = np.sum([each == labels for each in named.values()], axis=0)
    assert together.right_by == [int((right == number).sum()) for number in range(4)]
    assert together.any_right.value == pytest.approx((right > 0).mean())
    assert together.all_right.value == pytest.approx((right == 3).mean())
    assert together.any_right.value >= max((each == labels).mean() for each in named.values())


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """On which books either is right."""
    counts = [both, only_first, only_second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((18, 12, 2, 18), 0.0562, 0.3290), ((14, 5, 0, 22), 0.0115, 0.2265)],
)
def test_paired_shares_agree_with_newcombe(counts: tuple[int, int, int, int], low: float, high: float):
    """Intervals are those of the examples in Newcombe (1998) and in Altman et al. (2000), table 6.2."""
    found = paired_share_difference(*answers(*counts), 0.95)
    assert found.value == pytest.approx((counts[1] - counts[2]) / sum(counts))
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_two_that_never_differ_are_not_known_to_be_equal():
    """A few books on which both agree leave room for a difference, to either side alike."""
    found = paired_share_difference(*answers(4, 0, 0, 0), 0.95)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert found.high > 0.1


def test_macro_f1_differs_as_the_scores_of_both_do():
    """The value is that of the two scores; the interval holds it, turns with the two, and is nothing for one system."""
    generator = np.random.default_rng(4)
    labels = np.repeat(np.arange(3), (12, 9, 15)).astype(np.int64)
    first, second = (np.where(generator.random(36) < skill, labels, 2) for skill in (0.8, 0.3))

    def difference(one: np.ndarray, other: np.ndarray):
        return macro_f1_difference(labels, one, other, 4, Resampling(0.95, 400, 1))

    def f1(named: np.ndarray) -> float:
        how = Resampling(0.95, 100, 1)
        scores = score(labels, np.eye(3)[named], number_genres("ABC"), backbone="x", preparation="y", how=how)
        return scores.totals["macro_f1"].value

    found = difference(first, second)
    assert found.value == pytest.approx(f1(first) - f1(second))
    assert 0 < found.low < found.value < found.high
    turned = difference(second, first)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=0.05)
    same = difference(first, first)
    assert (same.low, same.value, same.high) == (0, 0, 0)
