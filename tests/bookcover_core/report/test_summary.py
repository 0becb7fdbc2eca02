"""The study in a sentence and in rows: honest about chance, luck, untrained networks and what is missing."""

from dataclasses import replace

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.families.family import System
from bookcover_core.families.from_scratch import FromScratch
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.report.findings import Findings, gather
from bookcover_core.report.summary import about, headline, result_markdown, result_rows, result_table
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.stored_probabilities import ValidationFigures
from tests.bookcover_core.report.specimen import Specimen, make_study


def _with_accuracy(findings: Findings, value: float, half: float) -> Findings:
    """The findings as they would be with this accuracy of the only network."""
    network = findings.systems[0]
    estimate = Estimate(value=value, low=value - half, high=value + half)
    scores = network.scores.model_copy(update={"totals": network.scores.totals | {"accuracy": estimate}})
    return replace(findings, systems=[replace(network, scores=scores)])


@pytest.mark.parametrize(
    ("accuracy", "half", "answer", "standing"),
    [
        (0.034, 0.005, "No.", ""),
        (0.066, 0.006, "About one in 15.", "below"),
        (0.250, 0.011, "About one in four.", "not told apart from"),
        (0.340, 0.012, "About one in three.", "above"),
        (0.670, 0.013, "About two in three.", "above"),
        (0.500, 0.200, "5,700 test books are too few to say.", ""),
    ],
)
def test_the_verdict_follows_the_interval(official, accuracy: float, half: float, answer: str, standing: str):
    """Chance and the published 24.7 % are beaten only where the intervals say so."""
    told = headline(_with_accuracy(gather(official), accuracy, half))
    assert told.answer == answer
    assert standing in told.standing
    assert bool(told.standing) == bool(standing)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "none"),
        (0.034, "one in 30"),
        (0.214, "one in five"),
        (0.25, "one in four"),
        (0.65, "two in three"),
        (1, "all"),
    ],
)
def test_shares_are_said_in_whole_numbers(share: float, words: str):
    """The nearest of the shares that people say."""
    assert about(share) == f"About {words}"


def test_few_books_carry_no_verdict(own_genres):
    """Four of six right: no word on how often, whatever chance is, only that six are too few."""
    findings = gather(own_genres)
    network = replace(findings.systems[0], untrained=False)
    totals = network.scores.totals | {"accuracy": Estimate.of_share(4, 6, 0.95)}
    scores = network.scores.model_copy(update={"totals": totals, "books": 6})
    told = headline(replace(findings, systems=[replace(network, scores=scores)]))
    assert told.answer == "6 test books are too few to say."
    assert "22.3 to 95.7" in told.sentence
    assert not told.standing


def test_validation_chooses_the_headline_and_a_tie_is_told(official):
    """The better on the test books is not the headline where the other validates better; a tie goes by the loss."""
    findings = gather(official)
    mobile, inception = findings.systems
    assert inception.scores.accuracy.value > mobile.scores.accuracy.value
    losing = replace(findings, systems=[replace(mobile, validation=ValidationFigures(0.4, 2.0)), inception])
    assert losing.best.name == "MobileNetV2"
    assert result_rows(losing)[0]["backbone"] == "MobileNetV2"
    assert "ties" not in headline(losing).sentence
    tied = replace(
        findings,
        systems=[
            replace(each, validation=ValidationFigures(0.4, loss)) for each, loss in ((mobile, 2.5), (inception, 2.0))
        ],
    )
    assert tied.best.name == "InceptionResNetV2"
    assert "InceptionResNetV2 ties with MobileNetV2, and has the lower validation loss" in headline(tied).sentence


def test_accuracy_is_told_without_books_that_training_knows(tmp_path):
    """A test book of which training has another edition is left out of a second number, not of the first."""
    study = make_study(
        tmp_path, Specimen(genres=("A", "B"), backbones=("MobileNetV2",), test_per_genre=40, twins=False)
    )
    books = read_table(study.workspace.splits)
    shared = (books["split"] == "test") & (books["key"].str[-1] == "3")
    write_table(study.workspace.splits, books.assign(shared_with_training=np.where(shared, "yes", "")))
    findings = gather(study)
    assert findings.unshared.books == 80 - shared.sum() == 72
    assert f"Without the {shared.sum()} of which training has another edition" in headline(findings).sentence
    assert gather(study).best.scores.books == 80


def test_rows_hold_shares_with_intervals_best_first(official):
    """A row for each network, the best first, each total within its interval, with the published accuracy beside."""
    rows = result_rows(gather(official))
    assert [row["backbone"] for row in rows] == ["InceptionResNetV2", "MobileNetV2"]
    for row in rows:
        for name in ("top1", "top3", "top5", "macro_precision"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
        assert row["preparation"] == "padded"
        assert isinstance(row["best_epoch"], int)
    assert [row["published_top1"] for row in rows] == [0.247, 0.146]
    assert not rows[0]["random_weights"]


def test_the_table_is_for_people(official, own_genres):
    """Per cent with intervals behind; a published column, or a k as large as the study, only where it says anything."""
    row = result_table(official)[0]
    numbers = result_rows(gather(official))[0]
    assert list(row) == [
        "model",
        "preparation",
        "top 1, %",
        "top 3, %",
        "top 5, %",
        "macro precision, %",
        "best epoch",
        "published top 1, %",
    ]
    low, high = f"{100 * numbers['top1_low']:.1f}", f"{100 * numbers['top1_high']:.1f}"
    assert row["top 1, %"] == f"{100 * numbers['top1']:.1f} ({low}\N{EN DASH}{high})"
    assert row["published top 1, %"] == "24.7"
    assert list(result_table(own_genres)[0])[2:] == ["top 1, %", "macro precision, %", "best epoch"]


def test_published_numbers_stand_only_beside_comparable_ones(bookcover30):
    """Another number of test books: no published accuracy in the rows, no standing in the sentence."""
    assert all(row["published_top1"] is None for row in result_rows(gather(bookcover30)))
    assert "published" not in result_markdown(bookcover30)


def test_markdown_names_what_is_missing(bookcover30):
    """The Markdown table has a row for each network, and a line for each that is missing."""
    text = result_markdown(bookcover30)
    assert text.count("\n| ") == 4
    assert "**ResNeXt50 is missing.**" in text


def test_an_untrained_network_says_so(own_genres):
    """Random weights: the headline is no answer, and every row says it."""
    assert headline(gather(own_genres)).answer == "Untrained networks."
    assert all(row["random_weights"] for row in result_rows(gather(own_genres)))
    assert [row["model"] for row in result_table(own_genres)] == ["MobileNetV2, untrained"]


def test_a_trained_network_among_untrained_ones_has_an_answer(own_genres):
    """Each row tells of its own network; the headline is that of the best, which has learnt."""
    findings = _with_accuracy(gather(own_genres), 0.60, 0.05)
    (untrained,) = findings.systems
    accuracy = Estimate(value=0.70, low=0.62, high=0.78)
    scores = untrained.scores.model_copy(update={"totals": untrained.scores.totals | {"accuracy": accuracy}})
    lenet = System("LeNet", FromScratch(), "LeNet")
    validation = ValidationFigures(0.65, 1.0)
    trained = replace(untrained, scores=scores, system=lenet, validation=validation, untrained=False)
    both = replace(findings, systems=[untrained, trained])
    assert [row["random_weights"] for row in result_rows(both)] == [False, True]
    assert headline(both).answer == "About two in three."
    assert not headline(both).standing


def test_a_study_without_listings_has_no_result(tmp_path):
    """Before its first stage a study has nothing to tell, which is an error of order."""
    with pytest.raises(StageOrderError):
        result_table(Study(parse_settings({"name": "empty", "workspace": str(tmp_path)})))
