"""What a system takes of a cover from outside the study, and what it gives: shared by all families."""

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bookcover_core.listings.books import BookText
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.settings import Preparation

Floats = npt.NDArray[np.float32]

Square = tuple[Preparation, int]
"""How a cover is made square, and the side in pixels."""


class PredictorInput(Protocol):
    """One cover from outside, as predictors take it."""

    @property
    def pictures(self) -> dict[Square, Floats]:
        """Pictures (size, size, 3) in 0..255."""

    @property
    def measurements(self) -> Measurements:
        """What was measured of it."""

    @property
    def text(self) -> BookText:
        """What is known of it in words."""

    @property
    def read(self) -> str:
        """What was read on it, in one line."""


class Predictor(Protocol):
    """A system of a folder, loaded to predict the genres of covers from outside the study."""

    @property
    def squares(self) -> Collection[Square]:
        """What it takes of each cover."""

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, Floats | None]:
        """Probabilities (n, genres), and pooled features (n, channels) where its backbone is as it came."""
