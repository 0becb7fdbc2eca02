"""The words on covers, as they lie in a study: `texts/shard-0001.jsonl`, a line for each cover of the shard."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.preparation.prepare import shard_keys

_LEAST_LETTERS = 3  # letters of a word that counts, at least


class Word(NamedTuple):
    """A word that was read."""

    text: str
    confidence: float  # mean probability of its characters, 0 to 1
    box: tuple[float, float, float, float]  # left, top, right and bottom, as shares of the cover's width and height


class CoverWords(BaseModel):
    """What was read on one cover."""

    model_config = ConfigDict(frozen=True)

    key: str
    sha256: str
    words: tuple[Word, ...] = ()
    error: str = ""  # why it could not be read; empty where it could


def joined(words: Iterable[Word], min_confidence: float = 0.0) -> str:
    """The words of at least this confidence, in one line."""
    return " ".join(word.text for word in words if word.confidence >= min_confidence)


def words_that_count(text: str) -> list[str]:
    """Its words of three or more letters or digits, case folded: those by which reading is measured."""
    return [word for word in re.findall(r"[^\W_]+", text.casefold()) if len(word) >= _LEAST_LETTERS]


def words_file(study: Study, part: str) -> Path:
    """Where the words lie that a part of the stage read: "shard-0001"."""
    return study.workspace.texts / f"{part}.jsonl"


def write_words(file: Path, covers: Iterable[CoverWords]) -> None:
    """Write what was read on covers, whole or not at all."""
    write_text(file, "".join(f"{cover.model_dump_json()}\n" for cover in covers))


def read_words(file: Path) -> list[CoverWords]:
    """What was read on the covers of a shard; `StageOrderError` where the file is missing or damaged."""
    try:
        return [CoverWords.model_validate_json(line) for line in file.read_bytes().splitlines()]
    except (OSError, ValidationError) as error:
        what = "the words read off the covers are missing or damaged"
        raise StageOrderError(what, where=file, advice="Run the stage `read` again.") from error


def texts_of_covers(study: Study, min_confidence: float) -> dict[str, str]:
    """What was read on the cover of each book of the study, which must be done, by key: see `joined`."""
    parts = [f"shard-{shard:04d}" for shard in shard_keys(study)]
    for part in parts:
        study.manifest(f"read/{part}")
    covers = (cover for part in parts for cover in read_words(words_file(study, part)))
    return {cover.key: joined(cover.words, min_confidence) for cover in covers}
