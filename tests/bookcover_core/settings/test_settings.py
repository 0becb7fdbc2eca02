"""Settings: the dissertation's values are the defaults."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bookcover_core.settings import StudySettings

# What sections 3.1, 3.2, 4.1 and 4.2 state.
DISSERTATION = {
    "books.source": "bookcover30",
    "books.chunk_records": 20_000,
    "curation.title_terms": ["boxed set", "boxset", "box set", "anthology", "bundle", "#-book", "# book"],
    "splits.validation_share": 0.1,
    "preparation.methods": ["noprep", "padded", "cropped"],
    "preparation.size": 299,
    "preparation.interpolation": "bicubic",
    "models.weights": "imagenet",
    "comparison.backbone": "MobileNetV2",
    "comparison.epochs": 30,
    "comparison.patience": 15,
    "training.backbones": ["MobileNetV2", "InceptionResNetV2", "ResNeXt50"],
    "training.preparation": "best",
    "training.optimizer": "adam",
    "training.learning_rate": 0.001,
    "training.epochs": 200,
    "training.patience": 20,
}


@pytest.mark.parametrize("path", DISSERTATION)
def test_defaults_are_the_dissertations(path):
    """Without any setting a study is the dissertation's."""
    assert StudySettings().part(path) == DISSERTATION[path]


def walk(schema: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a JSON schema, groups and their fields alike, by dotted path."""
    for name, field in schema.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        reference = field.get("$ref", "").rpartition("/")[2]
        yield place, definitions.get(reference, {}) | field
        yield from walk(definitions.get(reference, {}), definitions, place)


def test_every_setting_is_described():
    """Each setting and group says what it means: the form that starts a study is made from these words."""
    schema = StudySettings.model_json_schema()
    fields = dict(walk(schema, schema["$defs"]))
    assert set(DISSERTATION) < set(fields)
    assert len(fields) > 60
    assert [path for path, field in fields.items() if not str(field.get("description", "")).strip()] == []


def test_settings_cannot_be_changed():
    """Settings are frozen, groups too: what a stage was keyed with cannot change under it."""
    settings = StudySettings()
    with pytest.raises(ValidationError):
        settings.seed = 1
    with pytest.raises(ValidationError):
        settings.training.epochs = 1


def test_settings_survive_json():
    """What is stored with a study, or passed to a flow, comes back as it was."""
    settings = StudySettings.model_validate({"books": {"chunks": [2, 1]}, "preparation": {"methods": ["padded"]}})
    assert StudySettings.model_validate_json(settings.model_dump_json()) == settings
    assert StudySettings.model_validate(settings.model_dump(mode="json")) == settings


def test_a_study_has_a_folder_of_its_own(tmp_path):
    """The study's folder is the workspace's subfolder of its name, whole whatever the working directory."""
    settings = StudySettings(name="one", workspace=str(tmp_path / "a" / ".." / "b"))
    assert settings.root == tmp_path.resolve() / "b" / "one"
    assert StudySettings(workspace="~/studies").root == Path.home().resolve() / "studies" / "bookcover30"
    assert StudySettings().root.is_absolute()


@pytest.mark.parametrize(
    "values",
    [
        {"name": "../elsewhere"},
        {"name": ""},
        {"name": ".hidden"},
        {"seed": -1},
        {"books": {"source": "listing"}},
        {"books": {"source": "folder"}},
        {"books": {"chunks": [0]}},
        {"covers": {"source": "archive"}},
        {"covers": {"attempts": 0}},
        {"splits": {"validation_share": 1}},
        {"splits": {"test_share": 0}},
        {"preparation": {"methods": []}},
        {"preparation": {"interpolation": "cubic"}},
        {"preparation": {"methods": ["padded"]}, "training": {"preparation": "cropped"}},
        {"training": {"backbones": []}},
        {"training": {"epoch": 3}},
    ],
)
def test_impossible_settings_are_refused(values):
    """A value out of bounds, a name that does not exist, and settings that contradict each other are refused."""
    with pytest.raises(ValidationError):
        StudySettings.model_validate(values)
