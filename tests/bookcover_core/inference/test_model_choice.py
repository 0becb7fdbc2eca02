"""Which model judges."""

import re
import shutil

import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.inference import model_choice
from bookcover_core.inference.model_choice import candidates, choose, describe
from bookcover_core.models.model_cards import CARD, read_card
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.inference.trained import settings_in


@pytest.fixture
def study(trained, tmp_path):
    """A copy of the trained study, to be damaged."""
    shutil.copytree(trained.workspace.root, tmp_path / "tiny")
    return Study(settings_in(tmp_path))


def test_the_best_by_validation_accuracy_judges(study, monkeypatch):
    """Without a name; the test books decide nothing."""
    monkeypatch.setattr(model_choice, "_reasons", lambda _: ({"Tiny-padded": "", "Small-padded": ""}, {}))
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


def test_a_model_of_another_seed_judges_only_when_it_is_named(study):
    """It says what changed, and its accuracy, which was measured on other test books, is not taken for today's."""
    later = Study(study.settings.model_copy(update={"seed": 7}))
    with pytest.raises(WeightsError, match=r"of the study as it is now .*seed changed from \d+ to 7"):
        choose(later)
    about = describe(later, choose(later, "Small"))
    assert re.match(r"It is not known to be of this study as it is now: .*seed changed from", about.warnings[0])
    assert about.accuracy is None


def test_an_ensemble_of_networks_of_other_settings_says_which(trained):
    """It is told as of any model; its files are whole, and nothing else is said of them."""
    training = trained.settings.training.model_copy(update={"epochs": trained.settings.training.epochs + 1})
    later = Study(trained.settings.model_copy(update={"training": training}))
    assert "training.epochs changed from" in choose(later, "Ensemble-mean").earlier


def test_a_network_that_was_taken_out_judges_only_when_it_is_named(trained):
    """The settings do not ask for it any more, so it is not among those that are chosen from."""
    training = trained.settings.training.model_copy(update={"backbones": ("Tiny",)})
    later = Study(trained.settings.model_copy(update={"training": training}))
    assert choose(later).name != "Small-padded"
    assert choose(later, "Small").earlier == "the settings do not ask for it now"


def test_a_study_that_is_half_deleted_says_so(study):
    """Without its splits or manifests no model is taken for the study's own; named, one judges all the same."""
    shutil.rmtree(study.workspace.manifests)
    with pytest.raises(WeightsError, match="missing or altered"):
        choose(study)
    assert choose(study, "Tiny").name == "Tiny-padded"


def test_a_study_without_its_comparison_says_what_makes_it(study):
    """Which preparation was chosen is not known: that is said, and not that the settings ask for no such model."""
    best = study.settings.training.model_copy(update={"preparation": "best"})
    later = Study(study.settings.model_copy(update={"training": best}))
    later.begin()
    record(later, "compare")
    with pytest.raises(WeightsError, match=r"chosen\.json is missing from this study.*`bookcover run .*` makes anew"):
        choose(later)


def test_an_ensemble_says_what_has_changed_of_its_members(trained):
    """It is combined of today's members alone; its files are whole, and nobody is told that they are not."""
    training = trained.settings.training.model_copy(update={"epochs": trained.settings.training.epochs + 1})
    later = Study(trained.settings.model_copy(update={"training": training}))
    assert "training.epochs changed from" in choose(later, "Ensemble-mean").earlier


def test_a_model_whose_books_have_changed_judges_only_when_it_is_named(study):
    """Nothing of the training's own settings changed: what it builds on did, and that is told."""
    record(study, "split", outputs=[study.workspace.splits], digest="other books")
    with pytest.raises(WeightsError, match="of the study as it is now"):
        choose(study)
    assert "input changed: split" in choose(study, "Tiny").earlier
