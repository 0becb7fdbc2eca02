"""Preprocessing of a cover that is to be judged: from bytes to prepared squares, as a study's covers are prepared.

Bytes are checked as a download is, and squares are encoded as those on disk are, so that a network gets the very pixels
that it would get if the cover were one of the study's.
"""

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image
from pydantic import ValidationError

from bookcover_core.covers.image_checks import ImageCheck, check_image, is_placeholder_address
from bookcover_core.covers.image_io import read_rgb
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address
from bookcover_core.families.prediction import PredictorInput, Square
from bookcover_core.inference.answers import Unreadable
from bookcover_core.inference.cover_sources import CoverFetcher, CoverInput
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.cover_measurements import measure
from bookcover_core.preparation.prepared_images import encode_square
from bookcover_core.preparation.squares import make_squares
from bookcover_core.reading.cover_words import Word, joined
from bookcover_core.reading.text_reader import text_reader
from bookcover_core.settings import CoverSettings, PreparationSettings, ReadingSettings

# Width and height, at most, of the picture that is kept for people: sharp at half that on dense screens.
_SHOWN = (720, 960)


@dataclass(frozen=True, kw_only=True)
class ReadCover(PredictorInput):
    """A cover, ready to be judged."""

    name: str
    sha256: str
    """Of its file."""
    format: str
    shown: Image.Image
    """The cover for people: RGB, upright, not larger than they need it."""
    words: tuple[Word, ...] = ()
    """What was read on it, in reading order."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def prepared_as(study: Study) -> PreparationSettings:
    """How the study's covers were prepared when its networks were trained, whatever the settings say by now."""
    with suppress(IndexError, ValidationError):
        return PreparationSettings.model_validate(study.manifests("prepare")[0].settings.get("preparation"))
    return study.settings.preparation


def read_as(study: Study) -> ReadingSettings:
    """How words were read off the study's covers when its systems were trained, whatever the settings say by now."""
    with suppress(IndexError, ValidationError):
        then = {path.partition(".")[2]: value for path, value in study.manifests("read")[0].settings.items()}
        return ReadingSettings.model_validate(study.settings.reading.model_dump() | then)
    return study.settings.reading


class Reader:
    """Reads covers as a study does, as squares for its predictors; any number of threads may use it.

    Words are read where `reading` says how; `SettingsError` where the extra `text` is not installed for that.
    """

    def __init__(
        self,
        covers: CoverSettings,
        preparation: PreparationSettings,
        squares: Collection[Square],
        reading: ReadingSettings | None = None,
    ) -> None:
        self._covers = covers
        self._preparation = preparation
        self._squares = squares
        self._reading = reading
        self._text_reader = text_reader(reading) if reading else None
        self._fetcher = CoverFetcher(covers)

    def close(self) -> None:
        """Stop asking hosts."""
        self._fetcher.close()

    def read(self, cover: CoverInput) -> ReadCover | Unreadable:
        """The cover, or why it cannot be judged. A placeholder is judged, with a warning: a person wants it so."""
        from bookcover_core.models.input_pipeline import decode_picture  # noqa: PLC0415 - imports TensorFlow

        started = time.perf_counter()
        body, found = self._take(cover)
        if found.outcome not in {CoverOutcome.OK, CoverOutcome.PLACEHOLDER}:
            return Unreadable(source=cover.name, outcome=found.outcome, reason=found.detail)
        try:
            picture = read_rgb(body, max_pixels=self._covers.max_pixels)
        except (OSError, ValueError) as error:
            return Unreadable(source=cover.name, outcome=CoverOutcome.NOT_AN_IMAGE, reason=str(error))
        settings, methods = self._preparation, {method for method, _ in self._squares}
        made = make_squares(picture, methods, settings.size, settings.interpolation)
        encoded = {method: encode_square(square, settings) for method, square in made.items()}
        measurements = measure(picture)
        words, warnings = self._words(picture)
        if found.outcome is CoverOutcome.PLACEHOLDER:
            warnings.insert(0, f"This may be no cover: {found.detail}.")
        elif isinstance(cover.at, Address) and is_placeholder_address(str(cover.at)):
            warnings.insert(0, "This may be no cover: it is at the address of Amazon's picture for books without one.")
        picture.thumbnail(_SHOWN)
        return ReadCover(
            pictures={(how, size): decode_picture(encoded[how], size).numpy() for how, size in self._squares},
            measurements=measurements,
            text=cover.text,
            read=joined(words),
            name=cover.name,
            sha256=found.sha256,
            format=found.format,
            shown=picture,
            words=words,
            warnings=warnings,
            seconds=time.perf_counter() - started,
        )

    def _words(self, picture: Image.Image) -> tuple[tuple[Word, ...], list[str]]:
        """The words on the cover that the reader is sure of; and what is to be known where there are none."""
        if self._text_reader is None or self._reading is None:
            return (), []
        try:
            [found] = self._text_reader.read([picture])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - networks, OpenCV and geometry each have errors of their own
            return (), [f"The words on this cover could not be read ({error or type(error).__name__})."]
        words = tuple(word for word in found if word.confidence >= self._reading.min_confidence)
        return words, [] if words else ["No words were read on this cover."]

    def _take(self, cover: CoverInput) -> tuple[bytes, ImageCheck]:
        """The cover's bytes, and what they are."""
        if isinstance(cover.at, Address):
            return self._fetcher.fetch(cover.at)
        if isinstance(cover.at, bytes):
            return cover.at, check_image(cover.at, self._covers)
        try:
            with cover.at.open("rb") as file:
                body = file.read(self._covers.max_bytes + 1)
        except OSError as error:
            return b"", ImageCheck(CoverOutcome.FAILED, f"the file cannot be read ({error.strerror})")
        if len(body) > self._covers.max_bytes:
            return b"", ImageCheck(CoverOutcome.TOO_LARGE, f"more than {self._covers.max_bytes:,} bytes")
        return body, check_image(body, self._covers)
