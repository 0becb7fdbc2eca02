"""Shards of features on disk: `features/<backbone>-<preparation>/shard-0001.npy`, float32 (books, channels).

A JSON beside a shard names the picture of each row: a row that any study of the home has is not computed again. A
head's rows are mapped from the shards, so that memory does not grow with the number of covers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.manifests import Output, digest_of
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, write_text


class ShardRecord(BaseModel, frozen=True):
    """What a shard of features was made from, and the file as it was left."""

    made_with: str = Field(description="SHA-256 over the network, its side, weights, engine and code.")
    pictures: list[str] = Field(description="SHA-256 of the picture of each row.")
    keys: str = Field(description="SHA-256 over the keys of its books, in their order.")
    output: Output


def shard_file(study: Study, model: str, number: int) -> Path:
    """Where a shard of the features of `model`, such as "MobileNetV2-padded", lies."""
    return study.workspace.features / model / f"shard-{number:04d}.npy"


def quantised_files(study: Study, model: str) -> list[Path]:
    """The files of the network that computes the features of `model` in int8: OpenVINO's, the graph and its weights."""
    return [study.workspace.quantised / f"{model}{suffix}" for suffix in (".xml", ".bin")]


def _read_record(file: Path) -> ShardRecord | None:
    """What a shard was made from; none where that cannot be read."""
    try:
        return ShardRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def shard_stands(study: Study, shard: Path, made_with: str, keys: Sequence[str], pictures: Sequence[str]) -> bool:
    """Whether the shard is there, unaltered, made from these `pictures` of the books of `keys`, in this way."""
    record, wanted = _read_record(shard.with_suffix(".json")), (made_with, digest_of(keys), [*pictures])
    if record is None or (record.made_with, record.keys, record.pictures) != wanted:
        return False
    return record.output.stands(study.workspace.root)


def earlier_rows(study: Study, backbone: str, made_with: str) -> dict[str, npt.NDArray[np.float32]]:
    """Rows that were computed before in the same way, in whatever study of the home, by digests of their pictures."""
    rows: dict[str, npt.NDArray[np.float32]] = {}
    for file, find in _earlier_shards(study, backbone):
        record = _read_record(file)
        if record is None or record.made_with != made_with or rows.keys() >= set(record.pictures):
            continue
        if shard := find(record.output):
            rows.update(zip(record.pictures, np.load(shard, mmap_mode="r", allow_pickle=False), strict=True))
    return rows


def _earlier_shards(study: Study, backbone: str) -> Iterator[tuple[Path, Callable[[Output], Path | None]]]:
    """The records of shards in this study and in the store, and what finds the shard of one, if it is sound."""
    root, store = study.workspace.root, Store.beside(study)
    for file in sorted(study.workspace.features.glob(f"{backbone}-*/**/shard-*.json")):
        yield file, lambda output: root / output.path if output.stands(root) else None
    for manifest in store.results("features"):
        for output in manifest.outputs if manifest.inputs.get("backbone") == backbone else ():
            if output.path.endswith(".json") and (held := store.object(output)):
                yield held, store.object


def write_shard(
    study: Study,
    shard: Path,
    made_with: str,
    keys: Sequence[str],
    pictures: Sequence[str],
    features: npt.NDArray[np.float32],
) -> None:
    """Write the features of `pictures` of the books of `keys`, and their record."""
    with atomic(shard) as temporary, temporary.open("wb") as stream:
        np.save(stream, features, allow_pickle=False)
    output = Output.of(shard, study.workspace.root)
    record = ShardRecord(made_with=made_with, keys=digest_of(keys), pictures=[*pictures], output=output)
    write_text(shard.with_suffix(".json"), record.model_dump_json())


def map_shard(shard: Path, keys: Sequence[str]) -> npt.NDArray[np.float32]:
    """The features of a shard, mapped; `StageOrderError` where they are missing, damaged or of other books."""
    record = _read_record(shard.with_suffix(".json"))
    try:
        features: npt.NDArray[np.float32] = np.load(shard, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        record = None
    if record is None or record.keys != digest_of(keys) or len(features) != len(keys):
        what = "the features are missing, damaged or of another selection of books"
        advice = "Run the stage `features` again."
        raise StageOrderError(what, where=shard, advice=advice)
    return features


Places = npt.NDArray[np.integer] | slice


class MappedRows:
    """Some of the rows of shards (books, channels) that lie behind one another, counted through all of them."""

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


@dataclass(frozen=True)
class LabelledFeatures:
    """The books of one split as a head sees them, in the order of their keys."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32] | MappedRows
    measurements: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """Extra inputs (books, k) from `models.extra_inputs`; none where the head has none."""

    def of(self, rows: npt.NDArray[np.integer]) -> "LabelledFeatures":
        """The books at `rows`, their features mapped as before."""
        features = self.features.of(rows) if isinstance(self.features, MappedRows) else self.features[rows]
        measurements = self.measurements[rows] if self.measurements.size else self.measurements
        return LabelledFeatures([self.keys[row] for row in rows], self.labels[rows], features, measurements)
