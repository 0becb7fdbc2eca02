"""Every setting of a study, with the dissertation's value as default, but for what `dissertation.PRESETS` lists.

One frozen object, `StudySettings`, is stored with each study. `toml_file` reads and writes it as TOML, and applies
single settings ("training.epochs=50") on top of it.
"""

import json
import operator
import os
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bookcover_core.settings.data_settings import (
    BookSettings,
    BookSource,
    CoverSettings,
    CoverSource,
    CurationSettings,
    Interpolation,
    PoolCovers,
    Preparation,
    PreparationSettings,
    SplitSettings,
    SpreadingSettings,
    Undecided,
)
from bookcover_core.settings.settings_section import OptionalText, PathText, SettingsSection, is_remote
from bookcover_core.settings.training_settings import (
    BaselineSettings,
    ComparisonSettings,
    EncoderSettings,
    EngineName,
    EnsembleSettings,
    EvaluationSettings,
    ExtraInput,
    FineTuningSettings,
    HeadSettings,
    ModelSettings,
    Monitor,
    Precision,
    ReadingSettings,
    RepeatSettings,
    ScratchSettings,
    SearchSettings,
    TextSettings,
    TrackingSettings,
    TrainingSettings,
    VisualisationSettings,
)

HOME = "BOOKCOVER_HOME"
"""Variable that names the home: the folder in which studies are kept, and in which server and runs work. Without it,
that is the current folder."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What a study may be called."""

SETTINGS_FILE = "settings.json"
"""The file in a study's folder that holds its settings, and marks the folder as a study's."""


def is_study_folder(folder: Path) -> bool:
    """Whether `folder` carries a study's mark: stored settings."""
    try:
        stored = json.loads((folder / SETTINGS_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(stored, dict) and {"name", "workspace", "books"} <= stored.keys()


class StudySettings(SettingsSection):
    """A whole study. Defaults are the dissertation's values, but for those that --preset dissertation takes back."""

    name: Annotated[str, Field(pattern=NAME)] = "bookcover30"
    """Name of the study, and of its folder: letters, digits, dots, dashes and underscores."""
    workspace: PathText = "data/studies"
    """Folder that holds the studies, each in a folder of its own. Where none is named, it lies in the folder that
    BOOKCOVER_HOME names or, without it, beside the settings file."""
    store: bool = True
    """Keep results in the store beside the studies, where every study finds what was made from the same by the same
    settings and code: `bookcover store` shows it."""
    shared_store: OptionalText = None
    """Address of a store that several homes share, such as "s3://bucket/covers" (which wants bookcover[s3]) or whatever
    else fsspec opens: results are put there, and what another home made of the same by the same settings and code comes
    from there. Who may open it, the environment says (AWS_ACCESS_KEY_ID, say)."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 2020
    """Seed of all random draws."""
    books: BookSettings = BookSettings()
    covers: CoverSettings = CoverSettings()
    curation: CurationSettings = CurationSettings()
    splits: SplitSettings = SplitSettings()
    preparation: PreparationSettings = PreparationSettings()
    spreading: SpreadingSettings = SpreadingSettings()
    models: ModelSettings = ModelSettings()
    comparison: ComparisonSettings = ComparisonSettings()
    head: HeadSettings = HeadSettings()
    training: TrainingSettings = TrainingSettings()
    search: SearchSettings = SearchSettings()
    repeats: RepeatSettings = RepeatSettings()
    fine_tuning: FineTuningSettings = FineTuningSettings()
    scratch: ScratchSettings = ScratchSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    text: TextSettings = TextSettings()
    reading: ReadingSettings = ReadingSettings()
    baselines: BaselineSettings = BaselineSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    visualisation: VisualisationSettings = VisualisationSettings()
    tracking: TrackingSettings = TrackingSettings()

    @field_validator("shared_store")
    @classmethod
    def _names_no_password(cls, address: str | None) -> str | None:
        if address and ("://" not in address or urlsplit(address).password is not None):
            raise ValueError('it begins like "s3://", and names no password: that stands in the environment')
        return address

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        for group, section in self:
            for setting, value in section if isinstance(section, SettingsSection) else ():
                listed = value if isinstance(value, tuple) else ()
                names = [each.name if isinstance(each, EncoderSettings) else each for each in listed]
                if twice := next((name for name in names if isinstance(name, str) and names.count(name) > 1), ""):
                    raise ValueError(f"{group}.{setting} names {twice} twice")
        wanted, readers = self.training.preparation, set(self.text.systems)
        if wanted != "best" and wanted not in self.preparation.methods:
            raise ValueError(f"training.preparation is {wanted!r}, which preparation.methods does not make")
        if self.ensemble.fusions and "CoverText" not in readers:
            raise ValueError("ensemble.fusions join networks with CoverText, which text.systems does not name")
        if "CoverAndTitle" in self.ensemble.fusions and not readers & {"Title", "TitleAuthor"}:
            raise ValueError("CoverAndTitle wants Title or TitleAuthor, and text.systems names neither")
        if self.draws_from_pool and (self.curation.train_on_pool or self.books.chunks):
            other = "curation.train_on_pool wants" if self.curation.train_on_pool else "books.chunks names"
            raise ValueError(f'covers.pool = "as-needed" fetches replacements alone, and {other} more of the pool')
        return self

    @property
    def draws_from_pool(self) -> bool:
        """Whether covers of a pool are fetched when they are drawn as replacements."""
        has_pool = self.books.source is BookSource.BOOKCOVER30 and self.books.pool_listing is not None
        return has_pool and self.covers.pool == "as-needed"

    @property
    def has_official_test(self) -> bool:
        """Whether the test books are those of the official test listing, as far as they could be had."""
        return self.books.source is BookSource.BOOKCOVER30 and not self.splits.fold

    @property
    def compares_for_all(self) -> bool:
        """Whether one network, `comparison.backbone`, compares the preparations for all others."""
        return self.training.preparation == "best" and not self.comparison.per_backbone

    @property
    def reads_covers(self) -> bool:
        """Whether something asks for the words on the covers."""
        return "CoverText" in self.text.systems

    @property
    def root(self) -> Path:
        """The study's folder."""
        home = Path(os.environ.get(HOME) or "").expanduser()
        return (home / Path(self.workspace).expanduser()).resolve() / self.name

    def part(self, path: str) -> Any:
        """The JSON value of the setting or group of settings at a dotted path, such as "covers.min_side"."""
        return reduce(operator.getitem, path.split("."), self.model_dump(mode="json"))
