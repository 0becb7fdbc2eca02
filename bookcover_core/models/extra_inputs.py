"""Extra inputs joined to the pooled features: shape and mean colour of the original cover (section 5.4).

A network sees covers made square: how wide or tall one was is lost. Both were measured when it was prepared.
"""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.settings import ExtraInput

# The columns that each extra input stands for, in the order in which heads take them.
_COLUMNS: dict[ExtraInput, tuple[str, ...]] = {
    "aspect_ratio": ("aspect_ratio",),
    "width": ("width",),
    "height": ("height",),
    "mean_colour": ("red", "green", "blue"),
}


def extra_columns(wanted: Collection[ExtraInput]) -> list[str]:
    """Names of the columns of `extra_values`: the same for the same inputs, in whatever order they are wanted."""
    return [column for name, columns in _COLUMNS.items() if name in wanted for column in columns]


def extra_values(covers: npt.ArrayLike, wanted: Collection[ExtraInput]) -> npt.NDArray[np.float32]:
    """The extra inputs (n, k) of `covers`, as they were measured; a head standardises them itself."""
    return select_columns(covers, extra_columns(wanted)).astype(np.float32)


def select_columns(covers: npt.ArrayLike, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """(n, columns) of `Measurements` of n covers, or of an array (n, 5) of the same; and width by height."""
    measured = np.asarray(covers, np.float64).reshape(-1, len(Measurements._fields))
    named = dict(zip(Measurements._fields, measured.T, strict=True))
    if "aspect_ratio" in columns:
        named["aspect_ratio"] = named["width"] / named["height"]
    return np.stack([named[name] for name in columns], axis=1) if columns else np.empty((len(measured), 0))
