"""Statements of the dissertation: each is checked, and the verdict follows from what was found."""

from dataclasses import replace
from operator import attrgetter
from types import SimpleNamespace

import numpy as np
import pytest

from bookcover_core.evaluation.analyse import read_analysis
from bookcover_core.evaluation.colour_and_shape import Correlation
from bookcover_core.evaluation.genre_pairs import study_overlap
from bookcover_core.evaluation.intervals import Estimate, Standing
from bookcover_core.evaluation.published_results import published_statements
from bookcover_core.report import statements
from bookcover_core.report.findings import gather
from bookcover_core.report.number_verdicts import Reproduction
from bookcover_core.report.statements import CHECKS, statement_verdicts
from bookcover_core.report.table import Table
from bookcover_core.training.history import TrainingCurve

NETWORKS = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")


@pytest.fixture(scope="module")
def found(analysed):
    return gather(analysed), read_analysis(analysed.workspace)


def _with(analysis, of_each):
    """The analysis with parts of each network's replaced, by network."""
    return analysis.model_copy(
        update={
            "systems": {name: each.model_copy(update=of_each(name, each)) for name, each in analysis.systems.items()}
        }
    )


def test_every_statement_is_checked_and_says_what_was_found(found):
    """With three networks and the official test books nearly all have a verdict."""
    verdicts = statement_verdicts(*found)
    assert len(verdicts) == 23
    assert {name for _, name, _ in published_statements()} == CHECKS.keys()
    open_ones = [each for each in verdicts if each.outcome is Reproduction.NOT_COMPARABLE]
    assert [each.statement for each in open_ones] == [
        "Guessing by closeness to the average colour beats chance.",
        "The scores of its ideal pictures remain negative.",
        "An ensemble may be more accurate than any one network.",
    ]
    assert all(each.ours for each in verdicts if each not in open_ones)
    by_statement = {each.statement: each.outcome for each in verdicts}
    assert by_statement["InceptionResNetV2 is the best of the three networks."] is Reproduction.REPRODUCED
    assert by_statement["All three networks stop early, by epoch 104 at most."] is Reproduction.REPRODUCED
    assert by_statement["MobileNetV2 peaks first, InceptionResNetV2 later, ResNeXt50 last."] is Reproduction.REPRODUCED
    table = Table.of("statements", verdicts, verdicts=verdicts)
    assert table is not None
    assert len(table.rows) == 23


def test_without_the_networks_or_with_other_books_nothing_is_decided(bookcover30, own_genres, found):
    """No analysis, other test books, other genres: not comparable, with what was found where there is something."""
    assert statement_verdicts(gather(own_genres), None) == []
    assert all(each.outcome is Reproduction.NOT_COMPARABLE for each in statement_verdicts(gather(bookcover30), None))
    findings, analysis = found
    smaller = replace(findings)
    smaller.__dict__["obstacles"] = ["there are 120 test books, not 5,700"]
    verdicts = statement_verdicts(smaller, analysis)
    assert {each.outcome for each in verdicts} == {Reproduction.NOT_COMPARABLE}
    assert sum(bool(each.ours) for each in verdicts) == 20


def test_overlap_is_in_order_or_not(found):
    """None, a few, many: it holds; as many for all: it does not."""
    findings, analysis = found
    falling = 0.4 ** np.arange(30)
    few, many = falling.copy(), np.full(30, 1 / 30)
    few[4] = few[3]
    studies = {
        name: study_overlap(given[None], 0.5, 0.95) for name, given in zip(NETWORKS, (few, falling, many), strict=True)
    }
    in_order = _with(analysis, lambda name, _: {"overlap": studies[name]})
    one_for_all = _with(analysis, lambda *_: {"overlap": studies["ResNeXt50"]})
    assert CHECKS["overlaps"](findings, in_order).holds
    assert CHECKS["overlaps"](findings, one_for_all).holds is False
    assert statements._named_pairs_overlap(findings, one_for_all).holds
    assert statements._named_pairs_overlap(findings, in_order).holds is False


@pytest.mark.parametrize(
    ("values", "holds"),
    [((-0.8, -0.4, -0.3), True), ((-0.5, -0.4, -0.3), None), ((-0.8, -0.9, -0.3), None), ((-0.8, 0.4, -0.3), False)],
)
def test_colour_counts_only_beyond_what_shuffled_colours_give(found, values, holds):
    """It holds where MobileNetV2's lies beyond its shuffles, and furthest; one on the other side contradicts it."""
    findings, analysis = found
    correlations = {
        name: Correlation(value=value, expected=-0.3, low=-0.6, high=0.1, p=0.1, points=30)
        for name, value in zip(NETWORKS, values, strict=True)
    }
    changed = _with(
        analysis, lambda name, each: {"colour": each.colour.model_copy(update={"pearson": correlations[name]})}
    )
    assert CHECKS["colour-distance"](findings, changed).holds is holds


def test_training_that_goes_on_alone_is_overfitting(found):
    """Both curves rising: no; training alone rising: yes."""
    rising, flat = [0.1 + 0.01 * epoch for epoch in range(40)], [0.2] * 40
    epochs, loss = list(range(1, 41)), [1.0] * 40

    def holds(validation: list[float]) -> bool | None:
        curve = TrainingCurve(epochs, loss, rising, loss, validation)
        return statements._overfit(curve, curve, curve).holds

    assert holds(flat)
    assert not holds(rising)


@pytest.mark.parametrize(("scores", "holds"), [((-2.0, -0.1), True), ((-2.0, 0.4), False)])
def test_scores_of_ideal_pictures_are_negative_or_not(found, scores, holds):
    """One above 0 contradicts it; ideal pictures of another network say nothing."""
    findings, analysis = replace(found[0]), found[1]
    law = SimpleNamespace(name="Law")
    ideals = [SimpleNamespace(score=score, genre=law, steps=1_000) for score in scores]
    findings.__dict__["insight"] = SimpleNamespace(network="InceptionResNetV2", ideals=ideals)
    assert CHECKS["negative-scores"](findings, analysis).holds is holds
    findings.__dict__["insight"].network = "MobileNetV2"
    assert CHECKS["negative-scores"](findings, analysis) is None


def test_high_recall_with_low_precision_is_told_from_luck(found):
    """Lower in most genres and beyond luck in one: it holds; lower within luck: open; not lower: it does not hold."""

    def scores(precision: float, books: int):
        share_of = Estimate.of_share(precision * books, books, 0.95)
        genres = [
            genre.model_copy(update={"precision": share_of, "recall": {1: Estimate.of_share(9, 10, 0.95)}})
            for genre in found[0].systems[0].scores.genres
        ]
        return found[0].systems[0].scores.model_copy(update={"genres": genres})

    assert statements._low_precision(scores(0.1, 500), scores(0.6, 500)).holds
    assert statements._low_precision(scores(0.4, 10), scores(0.5, 10)).holds is None
    assert statements._low_precision(scores(0.6, 500), scores(0.1, 500)).holds is False


def test_shapes_are_told_by_genre(found):
    """Heights of 1 % apart are the same, widths of 40 % are not; a genre's place is that of its measure."""
    _, analysis = found
    shapes = next(each for each in analysis.measures if each.name == "aspect_ratio")

    def measure(medians: list[float]):
        spreads = [
            shapes.genres[label].model_copy(update={"quantiles": (0, 0, value, value, value), "apart": value})
            for label, value in enumerate(medians)
        ]
        return shapes.model_copy(update={"genres": spreads})

    assert statements._same_in_all(measure([500.0, 505.0, 502.0]), NETWORKS).holds
    assert not statements._same_in_all(measure([300.0, 420.0, 350.0]), NETWORKS).holds
    names = ["Law", "Calendars", "Children's Books"]
    calendars = statements._place("Calendars", 1, "distance", attrgetter("apart"))
    children = statements._place("Children's Books", 3, "quantile", lambda each: each.quantiles[4])
    assert calendars(measure([0.1, 0.7, 0.2]), names).holds
    assert not calendars(measure([0.8, 0.7, 0.2]), names).holds
    assert children(measure([0.8, 0.7, 0.2]), names).holds


@pytest.mark.parametrize(
    ("standings", "holds"),
    [
        ((Standing.BEHIND, Standing.AHEAD), True),
        ((Standing.TIE, Standing.AHEAD), None),
        ((Standing.AHEAD, Standing.AHEAD), False),
    ],
)
def test_the_best_network_is_told_by_paired_tests(found, standings, holds):
    """InceptionResNetV2 behind in a pair contradicts, a tie leaves open; pairs count whichever way round they stand."""
    findings, analysis = found
    wanted = dict(
        zip((("MobileNetV2", "InceptionResNetV2"), ("InceptionResNetV2", "ResNeXt50")), standings, strict=True)
    )
    pairs = [
        pair.model_copy(update={"standing": wanted.get((pair.first, pair.second), pair.standing)})
        for pair in analysis.pairs
    ]
    assert statements._inception_is_best(findings, analysis.model_copy(update={"pairs": pairs})).holds is holds
