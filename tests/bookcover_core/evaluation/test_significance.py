"""Pairs of systems: published examples of the tests, scikit-learn's kappa, and ties that are called so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from bookcover_core.evaluation.intervals import (
    Standing,
    cohen_kappa,
    compare_pairs,
    holm,
    joint_accuracy,
    mcnemar,
    paired_difference,
    share_right,
)
from tests.bookcover_core.evaluation.test_intervals import answers

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

    def p(only_first: int, only_second: int, size: int = 1) -> float:
        first, second = (np.repeat(each, size) for each in answers(3, only_first, only_second, 4))
        return mcnemar(first, second, np.repeat(np.arange(len(first) // size), size))

    assert p(2, 10) == pytest.approx(158 / 4096)
    assert p(10, 2) == p(2, 10)
    assert p(0, 0) == 1
    assert p(5, 5) == 1
    assert p(2, 10, size=4) == pytest.approx(p(2, 10)), "four editions of each book say no more than one"


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
    found = cohen_kappa(first, second, share_right(first == second, np.arange(80), 0.95))
    assert found is not None
    assert found.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.low <= found.value <= found.high


def test_networks_that_name_one_genre_only_have_no_kappa():
    """Always the same genre from both: agreement is certain by habit alone."""
    always = np.zeros(9, dtype=np.int64)
    assert cohen_kappa(always, always, share_right(always == 0, np.arange(9), 0.95)) is None


def test_the_paired_interval_is_as_wide_as_theory_says():
    """With many books it is the paired difference's normal interval, to a tenth."""
    labels, named = _networks(2_400)
    first, second = (named[name] == labels for name in ("network 0", "network 2"))
    interval = paired_difference(first, second, np.arange(2_400), 0.95)
    apart = first.astype(float) - second
    assert interval.width == pytest.approx(2 * 1.96 * np.sqrt(apart.var() / 2_400), rel=0.1)
    assert interval.low < apart.mean() < interval.high


def test_ties_are_called_ties_and_counts_add_up():
    """Two networks of one skill tie, a third is behind both; the four counts are all books."""
    labels, named = _networks()
    pairs = compare_pairs(labels, named, [str(place) for place in range(len(labels))], 0.95)
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
    """No book differs: a tie, p of 1, and full agreement, as far as 60 books can tell."""
    labels, named = _networks(60)
    twins = {"one": named["network 0"], "other": named["network 0"]}
    [pair] = compare_pairs(labels, twins, [str(place) for place in range(len(labels))], 0.95)
    assert pair.standing is Standing.TIE
    assert (pair.difference.value, pair.p) == (0, 1)
    assert pair.difference.low < 0 < pair.difference.high
    assert pair.same.value == 1
    assert pair.kappa is not None
    assert pair.kappa.value == 1
    assert pair.kappa.low < 1


def test_a_lead_that_many_comparisons_could_explain_is_open():
    """With an interval above 0 but a corrected p-value above 0.05, nothing is claimed."""
    labels = np.zeros(100, dtype=np.int64)
    right = np.zeros(100, dtype=np.int64)
    wrong_first, wrong_second = right.copy(), right.copy()
    wrong_first[:2] = 1
    wrong_second[2:12] = 1
    named = {"a": wrong_first, "b": wrong_second, "c": wrong_second.copy(), "d": wrong_first.copy()}
    pairs = compare_pairs(labels, named, [str(place) for place in range(len(labels))], 0.95)
    [pair] = [pair for pair in pairs if (pair.first, pair.second) == ("a", "b")]
    assert pair.p < 0.05 < pair.p_holm
    assert pair.difference.low > 0
    assert pair.standing is Standing.OPEN


def test_the_oracle_is_right_where_any_network_is():
    """Right by none, one, two or three: the counts are all books, and the oracle misses only those of none."""
    labels, named = _networks()
    together = joint_accuracy(labels, named, [str(place) for place in range(len(labels))], 0.95)
    right = np.sum([each == labels for each in named.values()], axis=0)
    assert together.right_by == [int((right == number).sum()) for number in range(4)]
    assert together.any_right.value == pytest.approx((right > 0).mean())
    assert together.all_right.value == pytest.approx((right == 3).mean())
    assert together.any_right.value >= max((each == labels).mean() for each in named.values())
