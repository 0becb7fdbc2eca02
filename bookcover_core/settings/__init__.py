"""Every setting of a study, with the dissertation's value as default, but for what `dissertation.PRESETS` lists.

One frozen object, `StudySettings`, is stored with each study, and can be written as a TOML file:

    name = "my-covers"

    [books]
    source = "folder"
    folder = "~/covers"

    [training]
    backbones = ["MobileNetV2"]

`bookcover_core.settings.toml_file` reads such a file, and applies single settings ("training.epochs=50") on top of it.
"""

from bookcover_core.settings.data_settings import (
    BookSettings,
    BookSource,
    CoverSettings,
    CoverSource,
    CurationSettings,
    Interpolation,
    Preparation,
    PreparationSettings,
    SplitSettings,
    SpreadingSettings,
    Undecided,
)
from bookcover_core.settings.settings_section import is_remote
from bookcover_core.settings.study_settings import HOME, NAME, SETTINGS_FILE, StudySettings, is_study_folder
from bookcover_core.settings.text_settings import ReadingSettings, TextSettings
from bookcover_core.settings.training_settings import (
    BaselineSettings,
    ComparisonSettings,
    EnsembleSettings,
    EvaluationSettings,
    ExtraInput,
    FineTuningSettings,
    HeadSettings,
    ModelSettings,
    Monitor,
    RepeatSettings,
    ScratchSettings,
    SearchSettings,
    TrainingSettings,
    VisualisationSettings,
)

__all__ = [
    "HOME",
    "NAME",
    "SETTINGS_FILE",
    "BaselineSettings",
    "BookSettings",
    "BookSource",
    "ComparisonSettings",
    "CoverSettings",
    "CoverSource",
    "CurationSettings",
    "EnsembleSettings",
    "EvaluationSettings",
    "ExtraInput",
    "FineTuningSettings",
    "HeadSettings",
    "Interpolation",
    "ModelSettings",
    "Monitor",
    "Preparation",
    "PreparationSettings",
    "ReadingSettings",
    "RepeatSettings",
    "ScratchSettings",
    "SearchSettings",
    "SplitSettings",
    "SpreadingSettings",
    "StudySettings",
    "TextSettings",
    "TrainingSettings",
    "Undecided",
    "VisualisationSettings",
    "is_remote",
    "is_study_folder",
]
