"""The preset `dissertation`, and what differs from it."""

from bookcover_core.settings import StudySettings
from bookcover_core.settings.dissertation import PRESETS, differing_settings, is_of_training
from bookcover_core.settings.toml_file import parse_settings, to_toml


def test_the_defaults_are_told_to_differ_and_the_preset_does_not():
    """A default that the dissertation did not have is listed like any other setting; the preset lists nothing."""
    assert list(differing_settings(parse_settings({}, PRESETS["dissertation"]))) == []
    differing = {name: (value, other) for name, value, other in differing_settings(StudySettings())}
    assert differing["curation.twins"] == ("near", "none")
    assert differing["splits.grouped"] == (True, False)
    assert differing["training.preparation"] == ("best", "padded")
    assert set(differing) == {override.partition("=")[0] for override in PRESETS["dissertation"]}


def test_what_is_changed_is_listed_with_the_dissertations_value():
    """By its dotted name; where the study lies is not."""
    changed = parse_settings({"workspace": "x", "head": {"hidden_units": [8]}}, PRESETS["dissertation"])
    assert list(differing_settings(changed)) == [("head.hidden_units", [8], [])]
    assert 'twins = "none"' in to_toml(changed)


def test_settings_that_make_a_network_another_are_known():
    """Heads, searches and training do; which networks there are, and on what, does not."""
    assert all(map(is_of_training, ("head.dropout", "training.optimizer", "search.trials")))
    assert not any(map(is_of_training, ("training.backbones", "training.preparation", "curation.twins")))
