"""Extra inputs joined to the pooled features: shape and mean colour of the original cover (section 5.4).

A network sees covers made square: how wide or tall one was is lost. Both were measured when it was prepared, and stand
in `prepared/measurements/`, shard by shard.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepare import shards
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


def load_extra_values(study: Study, keys: Sequence[str], wanted: Collection[ExtraInput]) -> npt.NDArray[np.float32]:
    """The extra inputs (books, k) of the covers of `keys`, in their order; raises as `load_measurements` does."""
    return extra_values(load_measurements(study, keys), wanted) if wanted else np.empty((len(keys), 0), np.float32)


def load_measurements(study: Study, keys: Sequence[str]) -> npt.NDArray[np.float64]:
    """Measurements (books, 5) of the covers of `keys`, in their order: the columns of `Measurements`.

    `StageOrderError` where one has not been measured.
    """
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    columns = dict.fromkeys(Measurements._fields, "float64")
    tables = [read_table(file, **columns).set_index("key") for file in _files(study)]
    measured = pd.concat(tables).reindex(list(keys))
    if (missing := measured.isna().any(axis=1)).any():
        what = f"{missing.sum()} covers have not been measured, that of {missing.idxmax()!r} among them"
        advice = "Run the stage `prepare` again."
        raise StageOrderError(what, where=study.workspace.prepared / "measurements", advice=advice)
    return measured[list(Measurements._fields)].to_numpy(np.float64)


def measurements_digest(study: Study) -> str:
    """SHA-256 over the measurements of all covers; `StageOrderError` where those of a shard are missing."""
    return digest_of([file_digest(file) for file in _files(study)])


def _files(study: Study) -> list[Path]:
    """The tables of measurements of the shards that the selection has now."""
    folder = study.workspace.prepared / "measurements"
    files = [folder / f"shard-{number:04d}.csv" for number in shards(study)]
    if absent := [file for file in files if not file.is_file()]:
        raise StageOrderError(
            "the covers of this shard have not been measured", where=absent[0], advice="Run the stage `prepare` again."
        )
    return files
