"""The stage `features`: what a frozen backbone makes of each prepared cover, computed once.

A frozen backbone without augmentation gives a cover the same pooled features in every epoch, so a head trained on
stored features is the head that training from pixels would give, in minutes rather than days.

They are computed shard by shard (`training.feature_store`), each picture once, and read by split.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.models.backbones import pretrained
from bookcover_core.models.encoders import find_network
from bookcover_core.models.extra_inputs import extra_values
from bookcover_core.models.inference_engine import choose_engine
from bookcover_core.models.machine_info import computes_int8
from bookcover_core.models.weights import weights_source
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Output, digest_of, digest_outputs, file_digest
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.settings import ExtraInput
from bookcover_core.training.feature_store import (
    LabelledFeatures,
    MappedRows,
    earlier_rows,
    map_shard,
    quantised_files,
    shard_file,
    shard_stands,
    write_shard,
)
from bookcover_core.training.measurement_inputs import load_measurements
from bookcover_core.training.preparation_choice import chosen_preparation, comparing_backbones, model_name

if TYPE_CHECKING:
    from bookcover_core.training.feature_extraction import Extractor

logger = logging.getLogger(__name__)


def _inputs(study: Study, backbone: str, preparation: str, shard: int | None = None) -> Inputs:
    numbers = [*shard_keys(study)] if shard is None else [shard]
    weights = weights_source(study.settings, find_network(study.settings.models, backbone)).digest
    engine, model = choose_engine(study.settings.models), model_name(backbone, preparation)
    after = [f"prepare/shard-{number:04d}" for number in numbers]
    if engine.precision == "int8":
        after.append(f"quantise/{model}")
    return Inputs(
        model + ("" if shard is None else f"/shard-{shard:04d}"),
        after=after,
        given={
            "backbone": backbone,
            "preparation": preparation,
            "weights": weights,
            "engine": engine.name,
            "precision": engine.precision,
        },
    )


def wanted_features(study: Study) -> Iterator[tuple[str, str]]:
    """Backbone and preparation of all features of a study, as far as its preparations are chosen."""
    settings = study.settings
    compared = settings.training.preparation == "best"
    wanted = [
        (backbone, str(method))
        for backbone in (comparing_backbones(settings) if compared else ())
        for method in settings.preparation.methods
    ]
    yield from wanted
    for network in pretrained(settings):
        chosen = (network, str(chosen_preparation(study, network)))
        if chosen not in wanted:
            yield chosen


def _shard_parts(study: Study) -> Iterator[tuple[str, str, int]]:
    if study.settings.spreading.how:
        for backbone, preparation in wanted_features(study):
            yield from ((backbone, preparation, shard) for shard in shard_keys(study))


@stage(
    "feature-shard",
    "Compute a shard of pooled features",
    step="train",
    label="features",
    run_title="features of {backbone} on {preparation}, shard {shard}",
    settings=("models.input_size",),
    inputs=_inputs,
    parts=_shard_parts,
    kept=True,
    apart=True,
    spreads=True,
)
def compute_feature_shard(study: Study, _: StageRun, backbone: str, preparation: str, shard: int) -> Result:
    """One shard (from 1) of what `compute_features` computes, so that many machines can each compute some.

    It depends on its own pictures, the weights, the engine and the code alone. `compute_features` takes the shards that
    it finds, checks them, and computes the others.
    """
    shards = _Shards(study, backbone, preparation, digest_of(compute_features.code))
    covers = len(shards.keys[shard])
    shards.compute(shard, lambda done: study.progress(done, covers))
    study.progress(covers, covers)
    file = shard_file(study, model_name(backbone, preparation), shard)
    return Result(outputs=[file, file.with_suffix(".json")], digest=file_digest(file), counts={"covers": covers})


@stage(
    "features",
    "Compute pooled features",
    step="train",
    run_title="features of {backbone} on {preparation}",
    settings=("models.input_size",),
    inputs=_inputs,  # the digest of the weights stands for the settings that choose them
    parts=wanted_features,
    kept=True,
    apart=True,
)
def compute_features(study: Study, run: StageRun, backbone: str, preparation: str) -> Result:
    """The features that `backbone` gives of the covers prepared as `preparation`."""
    model = model_name(backbone, preparation)
    shards = _Shards(study, backbone, preparation, run.code)
    done = computed = 0
    for number, keys in shards.keys.items():
        computed += shards.compute(number, partial(_tell, study, shards.books, done))
        done += len(keys)
        study.progress(done, shards.books)
    files = [shard_file(study, model, number) for number in shards.keys]
    return Result(
        outputs=[*files, *(file.with_suffix(".json") for file in files)],
        digest=digest_outputs([Output.of(file, study.workspace.root) for file in files]),
        counts={
            "covers": shards.books,
            "computed": computed,
            "channels": map_shard(files[0], shards.keys[1]).shape[1],
            "shards": len(shards.keys),
            "engine": shards.engine.title,
        },
    )


def _tell(study: Study, total: int, before: int, done: int) -> None:
    study.progress(before + done, total)


def load_features(study: Study, backbone: str, preparation: str) -> MappedRows:
    """Features (books, channels) of all books, mapped, in the order of the selection."""
    model = model_name(backbone, preparation)
    study.manifest(f"features/{model}")
    by_shard = shard_keys(study)
    shards = [map_shard(shard_file(study, model, number), keys) for number, keys in by_shard.items()]
    place = {key: row for row, key in enumerate(chain.from_iterable(by_shard.values()))}
    return MappedRows(shards, np.array([place[key] for key in _selected(study)], np.int64))


def _selected(study: Study) -> list[str]:
    """Keys of all books, in the order of the selection."""
    return read_table(study.workspace.selection, ("key",))["key"].tolist()


def load_split(
    study: Study, backbone: str, preparation: str, split: str, extra_inputs: Collection[ExtraInput] = ()
) -> LabelledFeatures:
    """Keys, labels, features and extra inputs of the books of one split; of all, where its name is empty.

    Features are mapped, not read.

    Raises:
        StageOrderError: The features have not been computed, or not of all books of the split; or the covers have not
            been measured.
    """
    features = load_features(study, backbone, preparation)
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    books = books[books["split"] == split] if split else books
    keys = books["key"].tolist()
    place = {key: row for row, key in enumerate(_selected(study))}
    if missing := sum(key not in place for key in keys):
        raise StageOrderError(
            f"{missing} books of the split {split!r} have no features",
            where=study.workspace.splits,
            advice="Run the stage `features` again.",
        )
    rows = np.array([place[key] for key in keys], np.int64)
    labels = books["label"].to_numpy()
    if not extra_inputs:
        return LabelledFeatures(keys, labels, features.of(rows))
    measurements = load_measurements(study, keys)
    return LabelledFeatures(keys, labels, features.of(rows), extra_values(measurements, extra_inputs))


class _Shards:
    """The shards of one network's features of one preparation, and what they are made with."""

    def __init__(self, study: Study, backbone: str, preparation: str, code: str) -> None:
        self.network = find_network(study.settings.models, backbone)
        self.engine = choose_engine(study.settings.models)
        self.keys = shard_keys(study)
        self.books = sum(len(keys) for keys in self.keys.values())
        self._study = study
        self._preparation = preparation
        weights = weights_source(study.settings, self.network).digest
        way: list[Any] = [self.network.size, self.engine.name, self.engine.precision]
        self._quantised: Path | None = None
        if self.engine.precision == "int8":
            model = model_name(backbone, preparation)
            self._quantised = quantised_files(study, model)[0]
            way.append(study.manifest(f"quantise/{model}").digest)
        self._made_with = digest_of([backbone, weights, *way, code])

    @cached_property
    def _extractor(self) -> "Extractor":
        from bookcover_core.training.feature_extraction import Extractor  # noqa: PLC0415 - imports TensorFlow

        prepared, wanted = self._study.settings.preparation.size, self.network.size
        if prepared < wanted:
            logger.info("%s: pictures of %d pixels are enlarged to %d", self._label, prepared, wanted)
        logger.info("%s: computed by %s", self._label, self.engine.title)
        if self._quantised and not computes_int8():
            logger.warning("%s: this processor has no VNNI, without which int8 is slower and may saturate", self._label)
        return Extractor(self._study.settings, self.network, quantised=self._quantised)

    @cached_property
    def _earlier(self) -> dict[str, npt.NDArray[np.float32]]:
        return earlier_rows(self._study, self.network.name, self._made_with)

    @property
    def _label(self) -> str:
        return f"features/{model_name(self.network.name, self._preparation)}"

    def compute(self, number: int, progress: Callable[[int], None]) -> int:
        """Number of covers of a shard whose features were computed; none where it stands.

        `progress` is called with the number of pictures done, once a second at most.
        """
        study, backbone, preparation = self._study, self.network.name, self._preparation
        started = told = time.perf_counter()
        keys = self.keys[number]
        pictures = prepared_pictures(study, [number], keys, preparation)
        digests = [sha for _, sha in pictures]
        file = shard_file(study, model_name(backbone, preparation), number)
        if shard_stands(study, file, self._made_with, keys, digests):
            return 0
        rows = {sha: self._earlier[sha] for sha in digests if sha in self._earlier}
        files = {sha: study.workspace.root / path for path, sha in pictures if sha not in rows}

        def tell(done: int) -> None:
            nonlocal told
            if time.perf_counter() - told >= 1:
                told = time.perf_counter()
                progress(done)

        if files:
            computed = self._extractor.extract([*files.values()], tell)
            rows |= zip(files, computed, strict=True)
        features = np.stack([rows[sha] for sha in digests])
        write_shard(study, file, self._made_with, keys, digests, features)
        seconds = time.perf_counter() - started
        logger.info(
            "%s: shard %d of %d, %d covers, %d of them computed, in %.1f s (%.0f a second)",
            self._label,
            number,
            len(self.keys),
            len(keys),
            len(files),
            seconds,
            len(files) / seconds,
        )
        return len(files)


def prepared_pictures(
    study: Study, numbers: Iterable[int], keys: Sequence[str], preparation: str
) -> list[tuple[str, str]]:
    """Path and digest of the prepared picture of every book of `keys`, in their order, from these shards.

    Raises:
        StageOrderError: A book has not been prepared in this way.
    """
    folder = study.workspace.prepared / "index"
    pictures: dict[str, tuple[str, str]] = {}
    for number in numbers:
        table = read_table(folder / f"shard-{number:04d}.csv", ("key", "method", "path", "sha256"))
        table = table[table["method"] == preparation]
        pictures |= zip(table["key"], zip(table["path"], table["sha256"], strict=True), strict=True)
    missing = [key for key in keys if key not in pictures]
    if missing:
        raise StageOrderError(
            f"{len(missing)} books have no {preparation} picture, {missing[0]!r} among them",
            where=folder,
            advice="Add the preparation to preparation.methods, and run the stage `prepare` again.",
        )
    return [pictures[key] for key in keys]
