"""What a system takes of a cover from outside the study, and what it gives: shared by all families."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.settings import Preparation

Floats = npt.NDArray[np.float32]

Square = tuple[Preparation, int]
"""How a cover is made square, and the side in pixels."""


@dataclass(frozen=True)
class PredictorInput:
    """One cover from outside, as predictors take it."""

    pictures: dict[Square, Floats]  # pictures (size, size, 3) in 0..255, by preparation and size
    measurements: Measurements
    text: BookText = UNKNOWN_TEXT
    read: str = ""  # the words on it that count, in one line


class Predictor(Protocol):
    """A system of a folder, loaded to predict the genres of covers from outside the study."""

    @property
    def squares(self) -> Collection[Square]:
        """What it takes of each cover."""

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, Floats | None]:
        """Probabilities (n, genres), and pooled features (n, channels) where its backbone is as it came."""
