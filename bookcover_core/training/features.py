"""The stage `features`: what a frozen backbone makes of each prepared cover, computed once.

A frozen backbone without augmentation gives a cover the same pooled features in every epoch, so a head trained on
stored features is the head that training from pixels would give, in minutes rather than days.

Features lie in shards of the selection's order: `features/<backbone>-<preparation>/shard-0001.npy`, float32 (books,
channels). Beside each shard stands a JSON that names what it was made from, so that a run that was cut off goes on with
the shard that it was at, and a shard whose covers changed is the only one that is made again.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookcover_core.errors import StageOrderError
from bookcover_core.manifests import Manifest, Output, digest_of
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.weights import weights_digest
from bookcover_core.study import Study
from bookcover_core.workspace import atomic, read_table, write_json

logger = logging.getLogger(__name__)


class ShardRecord(BaseModel):
    """What a shard of features was made from, and the file as it was left."""

    model_config = ConfigDict(frozen=True)

    inputs: str = Field(description="SHA-256 over the pictures, the weights and the code.")
    keys: str = Field(description="SHA-256 over the keys of its books, in their order.")
    output: Output


@dataclass(frozen=True)
class LabelledFeatures:
    """The books of one split as a head sees them, in the order of their keys."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32]


def model_name(backbone: str, preparation: str) -> str:
    """What a backbone on a preparation is called in folders and labels: "MobileNetV2-padded"."""
    return f"{backbone}-{preparation}"


def split_model_name(name: str) -> tuple[str, str]:
    """Backbone and preparation of a model's name."""
    backbone, _, preparation = name.rpartition("-")
    return backbone, preparation


def compute_features(study: Study, backbone: str, preparation: str) -> Manifest:
    """The manifest of the features that `backbone` gives of the covers prepared as `preparation`.

    Raises:
        SettingsError: There is no such backbone.
        StageOrderError: The covers have not been prepared, or prepared pictures are missing or damaged.
        WeightsError: The backbone's weights cannot be had.
    """
    network = find_backbone(backbone)
    weights = weights_digest(study.settings, network)
    shards = _shard_keys(study)
    run = study.stage(
        "features",
        model_name(backbone, preparation),
        after=[f"prepare/shard-{number:04d}" for number, _ in shards],
        given={"backbone": backbone, "preparation": preparation, "weights": weights},
    )
    if run.done:
        return run.done
    total = sum(len(keys) for _, keys in shards)
    done = computed = 0
    extractor = None
    for number, keys in shards:
        started = time.perf_counter()
        pictures = _prepared_pictures(study, number, keys, preparation)
        inputs = digest_of([backbone, preparation, weights, run.code, *[(key, sha) for key, (_, sha) in pictures]])
        if not _shard_stands(study, backbone, preparation, number, inputs):
            if extractor is None:
                from bookcover_core.training.extraction import Extractor  # noqa: PLC0415 - imports TensorFlow

                prepared = study.settings.preparation.size
                if prepared < network.size:
                    logger.info(
                        "features/%s: pictures of %d pixels are enlarged to %d", run.part, prepared, network.size
                    )
                extractor = Extractor(study.settings, network)
            files = [study.workspace.root / path for _, (path, _) in pictures]
            features = extractor.extract(files, _Progress(study, done, total))
            _write_shard(study, backbone, preparation, number, keys, inputs, features)
            computed += len(files)
            seconds = time.perf_counter() - started
            logger.info(
                "features/%s: shard %d of %d, %d covers in %.1f s (%.0f a second)",
                run.part,
                number,
                len(shards),
                len(files),
                seconds,
                len(files) / seconds,
            )
        done += len(keys)
        study.progress(done, total)
    return run.finish(
        outputs=[shard_file(study, backbone, preparation, number) for number, _ in shards],
        counts={"covers": total, "computed": computed, "channels": network.channels, "shards": len(shards)},
    )


def load_features(study: Study, backbone: str, preparation: str) -> npt.NDArray[np.float32]:
    """Features (books, channels) of all books, in the order of the selection.

    Raises:
        StageOrderError: The features have not been computed.
    """
    return np.concatenate([shard for _, shard in _shards(study, backbone, preparation)])


def load_split(study: Study, backbone: str, preparation: str, split: str) -> LabelledFeatures:
    """Keys, labels and features of the books of one split: train, validation or test.

    Shards are mapped, not read: in memory there is no more than the split's own features.

    Raises:
        StageOrderError: The features have not been computed, or not of all books of the split.
    """
    books = read_table(study.workspace.splits, label="int32")
    books = books[books["split"] == split]
    keys = books["key"].tolist()
    place = {key: row for row, key in enumerate(keys)}
    features = np.empty((len(keys), find_backbone(backbone).channels), np.float32)
    found = 0
    for shard_keys, shard in _shards(study, backbone, preparation):
        rows = [row for row, key in enumerate(shard_keys) if key in place]
        features[[place[shard_keys[row]] for row in rows]] = shard[rows]
        found += len(rows)
    if found != len(keys):
        raise StageOrderError(
            f"{len(keys) - found} books of the split {split!r} have no features",
            where=study.workspace.splits,
            advice="Run the stage `features` again.",
        )
    return LabelledFeatures(keys=keys, labels=books["label"].to_numpy(), features=features)


def shard_file(study: Study, backbone: str, preparation: str, number: int) -> Path:
    """Where a shard of features lies."""
    return study.workspace.features / model_name(backbone, preparation) / f"shard-{number:04d}.npy"


class _Progress:
    """Tells the study how far a shard is, about once a second."""

    def __init__(self, study: Study, before: int, total: int) -> None:
        self._study, self._before, self._total = study, before, total
        self._told = time.perf_counter()

    def __call__(self, done: int) -> None:
        now = time.perf_counter()
        if now - self._told >= 1:
            self._told = now
            self._study.progress(self._before + done, self._total)


def _shard_keys(study: Study) -> list[tuple[int, list[str]]]:
    """Number and keys of every shard of the selection."""
    if not study.workspace.selection.is_file():
        study.manifest("curate")
    keys = read_table(study.workspace.selection)["key"].tolist()
    size = study.settings.preparation.shard_records
    return [(start // size + 1, keys[start : start + size]) for start in range(0, len(keys), size)]


def _prepared_pictures(
    study: Study, number: int, keys: list[str], preparation: str
) -> list[tuple[str, tuple[str, str]]]:
    """Key, path and digest of the prepared picture of every book of a shard, in the order of `keys`."""
    index = study.workspace.prepared / "index" / f"shard-{number:04d}.csv"
    table = read_table(index)
    table = table[table["method"] == preparation]
    pictures = dict(zip(table["key"], zip(table["path"], table["sha256"], strict=True), strict=True))
    missing = [key for key in keys if key not in pictures]
    if missing:
        raise StageOrderError(
            f"{len(missing)} books have no {preparation} picture, {missing[0]!r} among them",
            where=index,
            advice="Add the preparation to preparation.methods, and run the stage `prepare` again.",
        )
    return [(key, pictures[key]) for key in keys]


def _record_file(shard: Path) -> Path:
    return shard.with_suffix(".json")


def _read_record(study: Study, backbone: str, preparation: str, number: int) -> ShardRecord | None:
    """What the shard was made from; none where that cannot be read."""
    file = _record_file(shard_file(study, backbone, preparation, number))
    try:
        return ShardRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _shard_stands(study: Study, backbone: str, preparation: str, number: int, inputs: str) -> bool:
    """Whether the shard is there, unaltered, and made from `inputs`."""
    record = _read_record(study, backbone, preparation, number)
    return record is not None and record.inputs == inputs and record.output.stands(study.workspace.root)


def _write_shard(
    study: Study,
    backbone: str,
    preparation: str,
    number: int,
    keys: list[str],
    inputs: str,
    features: npt.NDArray[np.float32],
) -> None:
    file = shard_file(study, backbone, preparation, number)
    with atomic(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, features, allow_pickle=False)
    record = ShardRecord(inputs=inputs, keys=digest_of(keys), output=Output.of(file, study.workspace.root))
    write_json(_record_file(file), record.model_dump(mode="json"))


def _shards(study: Study, backbone: str, preparation: str) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    """Keys and mapped features of every shard."""
    study.manifest(f"features/{model_name(backbone, preparation)}")
    for number, keys in _shard_keys(study):
        file = shard_file(study, backbone, preparation, number)
        record = _read_record(study, backbone, preparation, number)
        if record is None or record.keys != digest_of(keys) or not file.is_file():
            raise StageOrderError(
                "the features are missing or of another selection of books",
                where=file,
                advice="Run the stage `features` again.",
            )
        yield keys, np.load(file, mmap_mode="r", allow_pickle=False)
