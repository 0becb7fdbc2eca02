"""Tests of `bookcover_core.settings.settings_section`: what the form of a run says of each setting."""

from bookcover_core.settings import StudySettings

SCHEMA = StudySettings.model_json_schema()


def knob(group: str, name: str) -> dict:
    return SCHEMA["$defs"][group]["properties"][name]


def test_bounds_are_said_in_words():
    """The form refuses what is out of bounds without showing them, so the text has them."""
    assert knob("CoverSettings", "concurrency")["description"] == (
        "Requests in flight to one host. At least 1 and at most 256."
    )
    assert knob("CoverSettings", "read_timeout")["description"].endswith("More than 0 and at most 600.")
    assert knob("HeadSettings", "dropout")["description"].endswith("At least 0 and less than 1.")
    assert knob("SearchSettings", "learning_rate")["description"].endswith("Two numbers, more than 0 and at most 10.")
    assert knob("SearchSettings", "batch_size")["description"].endswith("At least one. Each at least 1.")


def test_what_has_no_bounds_is_left_as_it_is():
    """The text is the setting's own, on one line."""
    assert knob("TrainingSettings", "optimizer")["description"].startswith("Optimiser of the head. adam: as in section")
    assert "\n" not in knob("TrainingSettings", "optimizer")["description"]


def test_titles_are_words():
    """A person reads words, spelt as they are."""
    assert knob("CoverSettings", "requests_per_second")["title"] == "Requests per second"
    assert knob("PreparationSettings", "jpeg_quality")["title"] == "JPEG quality"
    assert knob("ScratchSettings", "lenet_steps")["title"] == "LeNet steps"


def test_a_text_that_may_be_absent_is_a_choice_between_two_words():
    """Absent is not the same as an empty field."""
    assert [each["title"] for each in knob("BookSettings", "folder")["anyOf"]] == ["named", "none"]
