"""Shards of features on disk: `features/<backbone>-<preparation>/shard-0001.npy`, float32 (books, channels).

Their rows are those of the selection, in its order. Beside each shard stands a JSON that names what it was made from:
a run that was cut off goes on with the shard that it was at, and a shard whose covers changed is the only one that is
made again.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.manifests import Output, digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, read_table, write_json


class ShardRecord(BaseModel):
    """What a shard of features was made from, and the file as it was left."""

    model_config = ConfigDict(frozen=True)

    inputs: str = Field(description="SHA-256 over the pictures, the weights and the code.")
    keys: str = Field(description="SHA-256 over the keys of its books, in their order.")
    output: Output


def shard_file(study: Study, model: str, number: int) -> Path:
    """Where a shard of the features of `model`, such as "MobileNetV2-padded", lies."""
    return study.workspace.features / model / f"shard-{number:04d}.npy"


def shard_keys(study: Study) -> dict[int, list[str]]:
    """Keys of the books of every shard of the selection, by its number."""
    if not study.workspace.selection.is_file():
        study.manifest("curate")
    keys = read_table(study.workspace.selection, ("key",))["key"].tolist()
    size = study.settings.preparation.shard_records
    return {start // size + 1: keys[start : start + size] for start in range(0, len(keys), size)}


def _read_record(shard: Path) -> ShardRecord | None:
    """What the shard was made from; none where that cannot be read."""
    try:
        return ShardRecord.model_validate_json(shard.with_suffix(".json").read_bytes())
    except (OSError, ValidationError):
        return None


def shard_stands(study: Study, shard: Path, inputs: str) -> bool:
    """Whether the shard is there, unaltered, and made from `inputs`."""
    record = _read_record(shard)
    return record is not None and record.inputs == inputs and record.output.stands(study.workspace.root)


def write_shard(study: Study, shard: Path, keys: Sequence[str], inputs: str, features: npt.NDArray[np.float32]) -> None:
    """Write the features of the books of `keys`, made from `inputs`, and their record."""
    with atomic(shard) as temporary, temporary.open("wb") as stream:
        np.save(stream, features, allow_pickle=False)
    record = ShardRecord(inputs=inputs, keys=digest_of(keys), output=Output.of(shard, study.workspace.root))
    write_json(shard.with_suffix(".json"), record.model_dump(mode="json"))


def map_shard(shard: Path, keys: Sequence[str]) -> npt.NDArray[np.float32]:
    """The features of a shard, mapped.

    Raises:
        StageOrderError: They are missing, damaged or of other books than `keys`.
    """
    record = _read_record(shard)
    try:
        features: npt.NDArray[np.float32] = np.load(shard, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        record = None
    if record is None or record.keys != digest_of(keys) or len(features) != len(keys):
        raise StageOrderError(
            "the features are missing, damaged or of another selection of books",
            where=shard,
            advice="Run the stage `features` again.",
        )
    return features
