"""The rows of pooled features that a head learns from and is judged on: in memory, or mapped from a study's shards.

Mapped rows are read from disk when they are asked for, so that memory does not grow with the number of covers; what
the system keeps of the files in its cache it gives up when memory is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.integer] | slice


class Rows(Protocol):
    """Float32 rows (n, channels) that are taken by their places: an array, or `MappedRows`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and channels."""

    def __getitem__(self, places: Places, /) -> npt.NDArray[np.float32]:
        """The rows at `places`, in their order, in memory."""


class MappedRows:
    """Some of the rows of shards that lie behind one another.

    Args:
        shards: Arrays (books, channels) of float32, mapped from their files.
        rows: Rows that it has, counted through all shards, in its own order.
    """

    def __init__(self, shards: Sequence[npt.NDArray[np.float32]], rows: npt.NDArray[np.integer]) -> None:
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)])
        self._rows = rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and channels."""
        return len(self._rows), self._shards[0].shape[1]

    def of(self, places: Places) -> "MappedRows":
        """The rows at `places`, in their order, still mapped."""
        return MappedRows(self._shards, self._rows[places])

    def __getitem__(self, places: Places, /) -> npt.NDArray[np.float32]:
        """The rows at `places`, in their order, in memory. Each shard is read front to back."""
        rows = self._rows[places]
        found = np.empty((len(rows), self.shape[1]), np.float32)
        order = np.argsort(rows)
        borders = np.searchsorted(rows[order], self._starts)
        for number, shard in enumerate(self._shards):
            here = order[borders[number] : borders[number + 1]]
            if len(here):
                found[here] = shard[rows[here] - self._starts[number]]
        return found


def _no_measurements() -> npt.NDArray[np.float32]:
    return np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class LabelledFeatures:
    """The books of one split as a head sees them, in the order of their keys."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    features: Rows
    measurements: npt.NDArray[np.float32] = field(default_factory=_no_measurements)
    """Extra inputs (books, k) from `models.extra_inputs`; none where the head has none."""
