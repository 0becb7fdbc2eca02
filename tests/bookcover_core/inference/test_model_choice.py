"""Which model judges."""

import shutil

import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.inference.model_choice import candidates, choose, describe
from bookcover_core.models.model_cards import CARD, read_card
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.inference.trained import settings_in


@pytest.fixture
def study(trained, tmp_path):
    """A copy of the trained study's models, to be damaged."""
    shutil.copytree(trained.workspace.models, tmp_path / "tiny" / "models")
    return Study(settings_in(tmp_path))


def test_the_best_by_validation_accuracy_judges(study):
    """Without a name; the test books decide nothing."""
    for name, accuracy in (("Tiny", 0.9), ("Small", 0.8)):
        file = study.workspace.models / f"{name}-padded" / CARD
        card = read_card(file.parent)
        changed = card.model_copy(update={"metrics": {"validation_accuracy": accuracy, "test_accuracy": 1 - accuracy}})
        file.write_text(changed.model_dump_json())
    shutil.rmtree(study.workspace.models / "Ensemble-mean-padded")
    assert [each.name for each in candidates(study)] == ["Tiny-padded", "Small-padded"]
    assert choose(study).name == "Tiny-padded"


@pytest.mark.parametrize("name", ["Small", "small", "Small-padded", "Ensemble-mean"])
def test_a_model_is_found_by_its_name_with_or_without_the_preparation(study, name):
    """In any case."""
    assert choose(study, name).name.lower().startswith(name.lower())


def test_a_name_that_nothing_has_is_told_with_those_there_are(study):
    """The message helps to choose."""
    with pytest.raises(WeightsError, match=r"'VGG16'.*Small-padded"):
        choose(study, "VGG16")


def test_without_a_trained_network_it_says_what_to_run(tmp_path):
    """There is nothing to judge with before the training."""
    with pytest.raises(WeightsError, match="bookcover run"):
        choose(Study(settings_in(tmp_path)))


def test_a_damaged_card_is_passed_over_and_so_is_an_ensemble_without_its_member(study, caplog):
    """What is left can judge; the log says what is wrong."""
    (study.workspace.models / "Small-padded" / CARD).write_text("{}")
    assert [each.name for each in candidates(study)] == ["Tiny-padded"]
    assert "the card is damaged" in caplog.text
    assert "Ensemble-mean-padded" in caplog.text


def test_what_is_known_of_a_model_is_told_with_its_interval(trained):
    """Nobody is to believe a network more than the test books say."""
    about = describe(trained, choose(trained, "Ensemble-mean"))
    assert about.title == "Ensemble, mean"
    assert about.networks == ["Tiny-padded", "Small-padded"]
    assert about.accuracy.low <= about.accuracy.value <= about.accuracy.high
    assert f"of {about.test_books} test books (95\N{NO-BREAK SPACE}% interval" in about.measured
    assert len(about.warnings) == 2
    assert set(about.precision) <= {"law", "maps-and-atlases", "travel"}
