"""Verdicts on published numbers: every number has one, and it says what the interval of the difference says."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bookcover_core.evaluation.intervals import Estimate, share
from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    PRINTED_BEST_TOP3,
    published_precision,
    published_recall,
)
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.report.findings import gather
from bookcover_core.report.number_verdicts import (
    NumberVerdict,
    Reproduction,
    best_genres,
    judge_number,
    named_books,
    number_verdicts,
    outcome_of,
    verdict_counts,
    verdict_tables,
)


@pytest.fixture(scope="module")
def verdicts(analysed):
    return number_verdicts(gather(analysed))


def test_every_published_number_has_a_verdict(verdicts):
    """3 x 2 numbers of Table 1, 5 x 32 x 2 of Table 2, and 3 x 31 less the two dashes of Table 3."""
    assert Counter(each.source for each in verdicts) == {"Table 1": 6, "Table 2": 320, "Table 3": 91}
    assert len({(each.source, each.network, each.measure, each.item) for each in verdicts}) == len(verdicts)
    tables = published_recall()
    for each in verdicts:
        if each.measure == "Top-3 recall":
            assert each.published == tables[each.network].recall[3][each.item]


def test_the_interval_of_the_difference_decides(verdicts):
    """Above 0: better; below: worse; around it: consistent with it; and a number that is not comparable says why."""
    for each in verdicts:
        if each.outcome is Reproduction.NOT_COMPARABLE:
            assert each.why
            assert each.apart is None
            continue
        assert not each.why
        assert each.apart is not None
        assert isinstance(each.ours, Estimate)
        assert each.apart.low < each.ours.value - each.published < each.apart.high
        assert each.outcome is outcome_of(each.apart)
    assert {each.outcome for each in verdicts} >= {
        Reproduction.CONSISTENT,
        Reproduction.BETTER,
        Reproduction.NOT_COMPARABLE,
    }


def test_a_wide_interval_around_nothing_reproduces_nothing():
    """Within two points of 0: reproduced; seven points to either side: only consistent with the number."""
    ends = {(-0.015, 0.012): "reproduced", (-0.07, 0.07): "consistent with", (0.01, 0.02): "better"}
    ends |= {(-0.02, -0.01): "worse"}
    for (low, high), word in ends.items():
        assert outcome_of(Estimate(value=(low + high) / 2, low=low, high=high)).value == word


def test_ours_against_ours_is_reproduced_and_far_off_is_not(analysed):
    """24.7 against 24.7 % of 5,700 books is the same, 25.5 may be; 30 is better, 20 worse."""
    findings = gather(analysed)

    def outcome(value: float) -> Reproduction:
        ours = share(round(5_700 * value), 5_700, 0.95)
        number = NumberVerdict("Table 2", "MobileNetV2", "Top-1 accuracy", "Total", 0.247, ours)
        return judge_number(findings, number, 5_700, "").outcome

    assert [outcome(value) for value in (0.247, 0.255, 0.30, 0.20)] == [
        Reproduction.REPRODUCED,
        Reproduction.CONSISTENT,
        Reproduction.BETTER,
        Reproduction.WORSE,
    ]


def test_what_the_study_has_not_is_not_compared(verdicts, bookcover30, own_genres):
    """Networks that were not trained, other test books, other genres: a reason, or no verdict at all."""
    assert {each.why for each in verdicts if each.network == "LeNet"} == {"the study has not evaluated LeNet"}
    for each in number_verdicts(gather(bookcover30)):
        assert each.outcome is Reproduction.NOT_COMPARABLE
    assert any(
        "of the 5,700 official test books 120 are left" in each.why for each in number_verdicts(gather(bookcover30))
    )
    assert number_verdicts(gather(own_genres)) == []
    assert verdict_tables([]) == []


def test_the_books_behind_a_precision_follow_from_tables_2_and_3():
    """They add up to the 5,700 test books, to rounding and but for genres that were named and never rightly."""
    sums = {
        network: sum(named_books(network, genre) or 0 for genre in BOOKCOVER30) for network in published_precision()
    }
    assert sums == pytest.approx({"MobileNetV2": 5_686, "InceptionResNetV2": 5_700, "ResNeXt50": 5_675}, abs=3)
    assert named_books("MobileNetV2", "Humor & Entertainment") is None
    assert named_books("ResNeXt50", "Religion & Spirituality") is None
    assert named_books("MobileNetV2", "Arts & Photography") == 118


def test_ties_for_the_best_count_for_all(analysed):
    """Every genre has at least one best network, and the counts are those of the recalls."""
    findings = gather(analysed)
    for k in (1, 3):
        wins = best_genres(findings, k)
        assert list(wins) == list(published_recall())
        assert sum(wins.values()) >= 30
    published = replace(findings, systems=[])
    assert published.best is None
    assert best_genres(published) == PRINTED_BEST_TOP1 | {"AlexNet": 12, "MobileNetV2": 2}, "three ties"
    assert best_genres(published, 3) == PRINTED_BEST_TOP3, "no ties"


def test_counts_and_tables_agree(verdicts, tmp_path: Path):
    """The counts add up to all verdicts; the CSV has every number, counts as whole numbers."""
    counts = verdict_counts(verdicts)
    assert sum(counts["All"].values()) == len(verdicts)
    _, totals, table = verdict_tables(verdicts)
    rows = pd.read_csv(table.write(tmp_path), keep_default_na=False)
    assert len(rows) == len(verdicts)
    assert Counter(rows["Verdict"]) == Counter(each.outcome.value for each in verdicts)
    assert set(rows[rows["Measure"] == "Best epoch"]["Published"]) == {8, 6, 5}
    assert all(row[5].value is not None for row in totals.rows)
