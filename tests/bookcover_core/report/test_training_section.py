"""How the systems came about: what chapter 4 of the report says of each kind, and who is in an ensemble."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.repeats import CurvePoint, LearningCurve, RepeatedAccuracy, Repeats, SystemRepeats
from bookcover_core.families.systems import systems
from bookcover_core.report.findings import gather
from bookcover_core.report.training_section import (
    curve_figures,
    curve_words,
    ensemble_table,
    repeat_table,
    training_table,
    training_words,
)
from bookcover_core.settings import StudySettings
from bookcover_core.visualisation.figure_style import NARROW, WIDTH
from tests.bookcover_core.report.specimen import Specimen, make_study


def test_training_table_bears_with_a_missing_card(bookcover30):
    """A network whose card and history are gone still has its row."""
    findings = gather(bookcover30)
    folder = bookcover30.workspace.models / "MobileNetV2-padded"
    kept = {file: file.read_bytes() for file in (folder / "card.json", folder / "history.csv")}
    try:
        for file in kept:
            file.unlink()
        table = training_table(gather(bookcover30))
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert table is not None
    assert [cell.value for cell in table.rows[0]] == ["MobileNetV2", *[None] * 7]
    assert training_table(findings).rows[1][0].value == "InceptionResNetV2"


def test_words_tell_of_the_kinds_that_were_trained_and_of_their_settings(bookcover30, tmp_path: Path):
    """The dissertation's way is told as it is; every setting that changes a training is named, and no other kind's."""
    (frozen,) = training_words(gather(bookcover30))
    assert (
        "one dense softmax layer of 30 genres, trained with Adam (learning rate 0.001, batches of 32) for 200" in frozen
    )

    study = make_study(
        tmp_path,
        Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2", "LeNet"), compared=False),
        head={"hidden_units": [512, 256], "dropout": 0.5, "extra_inputs": ["aspect_ratio", "mean_colour"]},
        fine_tuning={"blocks": 1, "epochs": 1},
        ensemble={"methods": ["mean", "weighted"]},
    )
    frozen, scratch, tuned, mean, weighted = training_words(gather(study))
    assert "a hidden layer of 512 units, a hidden layer of 256 units and a dense softmax layer of 3 genres" in frozen
    assert "dropout 0.5" in frozen
    assert frozen.endswith("given each cover's aspect ratio and mean colour.")
    assert "the top block of its backbone is trained too" in tuned
    assert "for 1 epoch at most, stopping after 5 without a lower validation loss, each cover" in tuned
    assert scratch.startswith("LeNet is trained from scratch")
    assert "at most 30,000 steps" in scratch
    assert scratch.endswith("without a better validation accuracy.")
    assert mean == "Ensemble, mean judges by the mean of its members' probabilities."
    assert "fitted on the validation books" in weighted


def test_encoders_are_told_of_with_their_files_and_their_heads_once():
    """Beside other frozen networks their heads are described once: they are trained alike."""
    encoders = [{"name": "Mine", "file": "/somewhere/mine.onnx", "size": 224}]
    settings = StudySettings.model_validate(
        {"models": {"encoders": encoders}, "training": {"backbones": ["MobileNetV2", "Mine"]}}
    )
    made = [SimpleNamespace(system=each) for each in systems(settings) if each.competes]
    study = SimpleNamespace(settings=settings)
    findings = SimpleNamespace(study=study, systems=made, baselines=[], genres=("A", "B", "C"))
    files, heads = training_words(findings)
    assert files.startswith("From files of the study's own come Mine (mine.onnx): what they see")
    assert heads.startswith("A frozen network is a backbone as it came")


def test_it_is_told_what_chose_the_epochs(tmp_path: Path):
    """Accuracy or loss, as the settings of each kind have it, in words and under the table."""

    def told(name: str, networks: tuple[str, ...], monitor: str, **others) -> tuple[str, list[str]]:
        study = make_study(
            tmp_path / name,
            Specimen(genres=("A", "B", "C"), backbones=networks, compared=False),
            training={"backbones": networks, "preparation": "padded", "monitor": monitor},
            **others,
        )
        table = training_table(gather(study))
        assert table is not None
        return table.notes[0], training_words(gather(study))

    note, [frozen] = told("one", ("MobileNetV2",), "loss")
    assert note == "Best: by validation loss."
    assert frozen.endswith("for 200 epochs at most, stopping after 20 without a lower validation loss.")

    note, [frozen, *_] = told("three", ("MobileNetV2", "LeNet"), "accuracy", fine_tuning={"blocks": 1})
    assert note == (
        "Best: frozen networks by validation accuracy, networks trained from scratch by validation accuracy"
        " and fine-tuned networks by validation loss."
    )
    assert frozen.endswith("stopping after 20 without a better validation accuracy.")

    note, _ = told("same", ("MobileNetV2", "LeNet"), "accuracy", fine_tuning={"blocks": 1, "monitor": "accuracy"})
    assert note == "Best: by validation accuracy."


def test_an_ensemble_s_table_names_its_members_with_their_weights(bookcover30, tmp_path: Path):
    """A row for each member, weights as they were kept; without an ensemble there is no table."""
    assert ensemble_table(gather(bookcover30)) is None
    wanted = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2", "LeNet"), compared=False)
    study = make_study(tmp_path, wanted, ensemble={"methods": ["weighted"]})
    findings = gather(study)
    table = ensemble_table(findings)
    assert table is not None
    assert [[cell.value for cell in row[:3]] for row in table.rows] == [
        ["Ensemble, weighted", "MobileNetV2", 0.5],
        ["Ensemble, weighted", "LeNet, from scratch", 0.5],
    ]
    file = study.workspace.models / "Ensemble-weighted-padded" / "card.json"
    file.write_text("{}")
    with pytest.raises(WeightsError, match="card is damaged"):
        ensemble_table(findings)


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.02, high=value + 0.03)


REPEATS = Repeats(
    confidence=0.95,
    systems={
        "MobileNetV2": SystemRepeats(
            seeds=RepeatedAccuracy(runs=[0.21, 0.23], spread=0.014, estimate=estimate(0.22)),
            folds=RepeatedAccuracy(runs=[0.2, 0.25, 0.24], spread=0.02, estimate=estimate(0.23)),
            curve=LearningCurve(
                points=[CurvePoint(books=500, accuracies=[0.17, 0.19]), CurvePoint(books=1_000, accuracies=[0.22])],
                fitted=[estimate(0.18), estimate(0.22), estimate(0.26)],
                gain=estimate(0.04),
            ),
        )
    },
)


def told(repeats):
    return SimpleNamespace(repeats=repeats)


def test_the_table_has_a_row_for_seeds_and_one_for_folds():
    """Mean with its interval, standard deviation, least and greatest of each."""
    table = repeat_table(told(REPEATS))
    seeds, folds = table.body
    assert [cell.value for cell in seeds] == ["MobileNetV2", "seeds, one split", 2, 0.22, 0.014, 0.21, 0.23]
    assert (seeds[3].low, seeds[3].high) == (0.2, 0.25)
    assert [cell.value for cell in folds][1:4] == ["folds of all books", 3, 0.23]


def test_two_sentences_say_what_twice_the_books_would_bring():
    """The gain of a doubling, and where it would lead, both with their intervals."""
    [words] = curve_words(told(REPEATS))
    assert "With each doubling of its training books MobileNetV2 is right on 4.0" in words
    assert "2,000 books, twice as many as here, would bring it to 26.0" in words
    assert "(24.0 to 29.0)" in words


@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_the_curve_is_drawn(width):
    """Books on a scale of doublings up to twice the study's, a dot for each training."""
    [spec] = curve_figures(told(REPEATS))
    axes = spec.draw(width=width).axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["500", "1,000", "2,000"]
    assert "18.0 % with 500, 22.0 % with 1,000" in spec.alt


def test_a_study_without_repeats_says_nothing():
    """No table, no figure, no words."""
    for repeats in (None, Repeats(confidence=0.95, systems={"MobileNetV2": SystemRepeats()})):
        assert repeat_table(told(repeats)) is None
        assert not [*curve_figures(told(repeats)), *curve_words(told(repeats))]
