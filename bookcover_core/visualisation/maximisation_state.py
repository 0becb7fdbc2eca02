"""The state of an activation maximisation, so that it can be kept and resumed: `activation_ascent` advances it.

visualisation/<model>/climb-<genre>.npz  <->  MaximisationState
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.pipeline.workspace import atomic

Pictures = npt.NDArray[np.float32]
"""Pictures (n, size, size, 3) in 0..255."""

# Purpose of the generator that draws the first picture.
_FIRST = 601

# A picture begins in this grey, with noise of this deviation.
GREY, _NOISE = 127.5, 1.0


@dataclass
class MaximisationState:
    """The state of an ascent: everything that its next step depends on, and its course so far."""

    step: int
    """Steps done."""
    pictures: Pictures
    moved: tuple[int, int]
    """How far the pictures stand from their places: rows down, columns right."""
    moments: list[npt.NDArray[Any]]
    """State of the optimiser; empty before the first step."""
    scores: npt.NDArray[np.float32]
    """(steps, n) the score of each picture before each step."""
    penalties: npt.NDArray[np.float32]
    """(steps, n, 2) its weighted total variation and distance from grey."""

    @classmethod
    def start(cls, size: int, labels: Sequence[int], seed: int) -> Self:
        """A grey picture with a little noise for each genre, the same for a seed on any machine."""
        noise = [np.random.default_rng([seed, _FIRST, label]).normal(GREY, _NOISE, (size, size, 3)) for label in labels]
        return cls(
            step=0,
            pictures=np.stack(noise).astype(np.float32),
            moved=(0, 0),
            moments=[],
            scores=np.empty((0, len(labels)), np.float32),
            penalties=np.empty((0, len(labels), 2), np.float32),
        )

    @property
    def in_place(self) -> npt.NDArray[np.uint8]:
        """The pictures (n, size, size, 3), moved back, as they are printed."""
        back = np.roll(self.pictures, (-self.moved[0], -self.moved[1]), axis=(1, 2))
        return np.round(back).clip(0, 255).astype(np.uint8)

    def write(self, file: Path, key: str) -> None:
        """Write it to `file`, whole or not at all; `key` is a digest of everything that it depends on.

        Raises:
            DiskFullError, WorkspaceError: The disk is full, or the folder cannot be written.
        """
        arrays: dict[str, Any] = {
            "key": np.array(key),
            "step": np.array(self.step),
            "pictures": self.pictures,
            "moved": np.array(self.moved),
            "scores": self.scores,
            "penalties": self.penalties,
            **{f"moment_{number}": moment for number, moment in enumerate(self.moments)},
        }
        with atomic(file) as temporary, temporary.open("wb") as content:
            np.savez(content, **arrays)

    @classmethod
    def read(cls, file: Path, key: str) -> Self | None:
        """The state in `file`; None where there is none with this key, or none that can be read."""
        try:
            with np.load(file, allow_pickle=False) as content:
                if str(content["key"]) != key:
                    return None
                moments = [content[name] for name in content.files if name.startswith("moment_")]
                return cls(
                    step=int(content["step"]),
                    pictures=content["pictures"],
                    moved=(int(content["moved"][0]), int(content["moved"][1])),
                    moments=moments,
                    scores=content["scores"],
                    penalties=content["penalties"],
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
