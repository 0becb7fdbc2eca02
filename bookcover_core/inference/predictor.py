"""Covers from outside, as the predictors of a study's systems take them. Importing this module imports TensorFlow."""

from collections.abc import Iterable
from dataclasses import dataclass

from bookcover_core.families.prediction import Floats, Square
from bookcover_core.inference.preprocess import ReadCover
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.models.input_pipeline import decode_picture
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.reading.cover_words import joined


@dataclass(frozen=True)
class NetworkInput:
    """A cover as a network takes it: pictures (size, size, 3) in 0..255 by preparation and size."""

    cover: ReadCover
    pictures: dict[Square, Floats]
    text: BookText = UNKNOWN_TEXT
    read: str = ""
    """The words on it that count, in one line."""

    @property
    def measurements(self) -> Measurements:
        """What was measured of it."""
        return self.cover.measurements


def as_pictures(cover: ReadCover, squares: Iterable[Square], text: BookText = UNKNOWN_TEXT) -> NetworkInput:
    """The cover as predictors with these squares take it."""
    pictures = {(how, size): decode_picture(cover.squares[how], size).numpy() for how, size in squares}
    return NetworkInput(cover, pictures, text, joined(cover.words))
