"""The state of an activation maximisation, so that it can be kept (climb-<genre>.npz) and resumed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.pipeline.workspace import atomic

Pictures = npt.NDArray[np.float32]
"""Pictures (n, size, size, 3) in 0..255."""

# Purpose of the generator that draws the first picture.
_FIRST = 601

# A picture begins in this grey, with noise of this deviation.
GREY, _NOISE = 127.5, 0.2

# A picture has converged where its objective rose by less than this share of its whole rise.
_LITTLE = 0.02


@dataclass
class MaximisationState:
    """The state of an ascent: everything that its next step depends on, and its course so far."""

    step: int
    """Steps done."""
    pictures: Pictures
    moved: tuple[int, int]
    """How far the pictures stand from their places: rows down, columns right."""
    velocity: npt.NDArray[np.float32]
    """(n, size, size, 3) momentum of the pictures, in their places."""
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
            velocity=np.zeros((len(labels), size, size, 3), np.float32),
            scores=np.empty((0, len(labels)), np.float32),
            penalties=np.empty((0, len(labels), 2), np.float32),
        )

    @property
    def in_place(self) -> npt.NDArray[np.uint8]:
        """The pictures (n, size, size, 3), moved back, as they are printed."""
        back = np.roll(self.pictures, (-self.moved[0], -self.moved[1]), axis=(1, 2))
        return np.round(back).clip(0, 255).astype(np.uint8)

    def converged(self, plateau: int) -> npt.NDArray[np.bool_]:
        """(n,) whether the mean of the last `plateau` steps (0: never) rose by less than 2 % of the whole rise."""
        objective = self.scores - self.penalties.sum(axis=2)
        if not plateau or len(objective) < 2 * plateau:
            return np.zeros(self.scores.shape[1], np.bool_)
        before, last = objective[-2 * plateau : -plateau].mean(axis=0), objective[-plateau:].mean(axis=0)
        reached: npt.NDArray[np.bool_] = last - before < _LITTLE * (last - objective[0])
        return reached

    def write(self, file: Path, key: str) -> None:
        """Write it to `file`, whole or not at all; `key` is a digest of everything that it depends on."""
        with atomic(file) as temporary, temporary.open("wb") as content:
            np.savez(content, key=np.array(key), **vars(self))

    @classmethod
    def read(cls, file: Path, key: str) -> Self | None:
        """The state in `file`; None where there is none with this key, or none that can be read."""
        try:
            with np.load(file, allow_pickle=False) as content:
                values = dict(content)
            down, right = values.pop("moved")
            step = int(values.pop("step"))
            return cls(step=step, moved=(int(down), int(right)), **values) if values.pop("key") == key else None
        except (OSError, TypeError, ValueError, KeyError, EOFError, BadZipFile):
            return None
