"""The covers' measurements on their way into heads that have extra inputs: `prepared/measurements/`, shard by shard."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.engine import Inputs
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepare import shards
from bookcover_core.training.preparation_choice import model_name


def load_measurements(study: Study, keys: Sequence[str]) -> npt.NDArray[np.float64]:
    """Measurements (books, 5) of the covers of `keys`, in their order: the columns of `Measurements`.

    `StageOrderError` where one has not been measured.
    """
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    columns = dict.fromkeys(Measurements._fields, "float64")
    tables = [read_table(file, **columns).set_index("key") for file in _files(study)]
    measured = pd.concat(tables).reindex(list(keys))
    if (missing := measured.isna().any(axis=1)).any():
        raise StageOrderError(
            f"{missing.sum()} covers have not been measured, that of {missing.idxmax()!r} among them",
            where=study.workspace.prepared / "measurements",
            advice="Run the stage `prepare` again.",
        )
    return measured[list(Measurements._fields)].to_numpy(np.float64)


def head_inputs(
    study: Study, backbone: str, preparation: str, part: str = "", after: Sequence[str] = (), features: str = ""
) -> Inputs:
    """What a head on the features of `backbone` on `preparation` is made from.

    Measurements are among it where the head has extra inputs. Part and features are the model, where no others are
    named.
    """
    model, given = model_name(backbone, preparation), {"backbone": backbone, "preparation": preparation}
    if study.settings.head.extra_inputs:
        given["measurements"] = digest_of([file_digest(file) for file in _files(study)])
    return Inputs(part or model, after=["listings", "split", f"features/{features or model}", *after], given=given)


def _files(study: Study) -> list[Path]:
    """The tables of measurements of the shards that the selection has now."""
    folder = study.workspace.prepared / "measurements"
    files = [folder / f"shard-{number:04d}.csv" for number in shards(study)]
    if absent := [file for file in files if not file.is_file()]:
        raise StageOrderError(
            "the covers of this shard have not been measured", where=absent[0], advice="Run the stage `prepare` again."
        )
    return files
