"""The stage `features`: what a frozen backbone makes of each prepared cover, computed once, shard by shard.

A frozen backbone without augmentation gives a cover the same pooled features in every epoch, so a head trained on
stored features is the head that training from pixels would give, in minutes rather than days.
"""

import logging
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.errors import StageOrderError
from bookcover_core.models.backbones import pretrained
from bookcover_core.models.encoders import find_network
from bookcover_core.models.extra_inputs import load_extra_values
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
from bookcover_core.training.preparation_choice import (
    chosen_preparation,
    compared_name,
    comparing_backbones,
    model_name,
)

if TYPE_CHECKING:
    from bookcover_core.training.feature_extraction import Extractor

logger = logging.getLogger(__name__)


def _inputs(study: Study, backbone: str, preparation: str, shard: int | None = None) -> Inputs:
    numbers = [*shard_keys(study)] if shard is None else [shard]
    network, engine = find_network(study.settings.models, backbone), choose_engine(study.settings.models)
    model = model_name(backbone, preparation)
    given = {"backbone": backbone, "preparation": preparation, "preprocessing": network.preprocessing}
    weights = weights_source(study.settings, network).digest
    given |= {"weights": weights, "engine": engine.name, "precision": engine.precision}
    after = [f"prepare/shard-{number:04d}" for number in numbers]
    if engine.precision == "int8":
        after.append(f"quantise/{model}")
    return Inputs(model if shard is None else f"{model}/shard-{shard:04d}", after=after, given=given)


def _compared_inputs(study: Study, backbone: str, preparation: str) -> Inputs:
    study.manifest("split")
    inputs, books = _inputs(study, backbone, preparation), [*chain.from_iterable(_compared_keys(study).values())]
    return replace(
        inputs,
        part=compared_name(backbone, preparation),
        given={**inputs.given, "books": digest_of(books)},
        reads=["split"],
        sizes={"books": len(books)},
    )


def _compared_keys(study: Study) -> dict[int, list[str]]:
    """Keys of the books that preparations are compared on, by shard: a share of the training books, and all others."""
    drawn = shuffled_training_books(study, "comparison")
    left_out = set(drawn[math.ceil(study.settings.comparison.share * len(drawn)) :])
    found = {number: [key for key in keys if key not in left_out] for number, keys in shard_keys(study).items()}
    return {number: keys for number, keys in found.items() if keys}


def shuffled_training_books(study: Study, purpose: str) -> list[str]:
    """Keys of the training books in an order drawn for a purpose; a book more or less leaves it to the others."""
    books = read_table(study.workspace.splits, ("key", "split"))
    keys = books["key"][books["split"] == "train"]
    return sorted(keys, key=lambda key: seeded_draw(study.settings.seed, purpose, key))


def compared_features(study: Study) -> list[tuple[str, str]]:
    """Backbone and preparation of the features that preparations are compared by."""
    if study.settings.training.preparation != "best":
        return []
    methods = [str(method) for method in study.settings.preparation.methods]
    return [(backbone, method) for backbone in comparing_backbones(study.settings) for method in methods]


def wanted_features(study: Study) -> Iterator[tuple[str, str]]:
    """Backbone and preparation of the features of all books, as far as its preparations are chosen."""
    wanted = compared_features(study) if study.settings.comparison.share == 1 else []
    yield from wanted
    for network in pretrained(study.settings):
        chosen = (network, str(chosen_preparation(study, network)))
        if chosen not in wanted:
            yield chosen


def _shard_parts(study: Study) -> Iterator[tuple[str, str, int]]:
    if study.settings.spreading.how:
        for backbone, preparation in wanted_features(study):
            yield from ((backbone, preparation, shard) for shard in shard_keys(study))


def _files_to_read(study: Study, backbone: str, preparation: str, shard: int) -> list[Path]:
    earlier = shard_file(study, model_name(backbone, preparation), shard)
    pictures = prepared_pictures(study, [shard], shard_keys(study)[shard], preparation)
    tables = [study.workspace.selection, earlier, earlier.with_suffix(".json")]
    return tables + [study.workspace.root / path for path, _ in pictures]


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
    spreads=_files_to_read,
)
def compute_feature_shard(study: Study, _: StageRun, backbone: str, preparation: str, shard: int) -> Result:
    """One shard (from 1) of what `compute_features` computes: it takes what shards it finds and computes the others."""
    keys = shard_keys(study)
    covers = len(keys[shard])
    _Shards(study, backbone, preparation, keys).compute(shard, 0, covers)
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
def compute_features(study: Study, _: StageRun, backbone: str, preparation: str) -> Result:
    """The features that `backbone` gives of the covers prepared as `preparation`."""
    return _Shards(study, backbone, preparation, shard_keys(study)).result()


@stage(
    "compared-features",
    "Compute pooled features to compare preparations by",
    step="train",
    label="features",
    run_title="features of {backbone} on {preparation}, to compare",
    settings=("models.input_size",),
    inputs=_compared_inputs,
    parts=lambda study: compared_features(study) if study.settings.comparison.share < 1 else (),
    kept=True,
    apart=True,
)
def compute_compared_features(study: Study, run: StageRun, backbone: str, preparation: str) -> Result:
    """The same of the books that preparations are compared on, where those are not all."""
    return _Shards(study, backbone, preparation, _compared_keys(study), run.part).result()


def load_features(study: Study, backbone: str, preparation: str) -> MappedRows:
    """Features (books, channels) of all books, mapped, in the order of the selection."""
    keys = read_table(study.workspace.selection, ("key",))["key"].tolist()
    return _map(study, model_name(backbone, preparation), shard_keys(study), keys)


def load_split(
    study: Study,
    backbone: str,
    preparation: str,
    split: str,
    extra_inputs: Collection[ExtraInput] = (),
    *,
    compared: bool = False,
) -> LabelledFeatures:
    """The books of one split, of all where its name is empty; or those of it that preparations are `compared` on.

    Features are mapped, not read. `StageOrderError` where they have not been computed, or covers not been measured.
    """
    by_shard, model = shard_keys(study), model_name(backbone, preparation)
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    books = books[books["split"] == split] if split else books
    if compared:
        by_shard, model = _compared_keys(study), compared_name(backbone, preparation)
        books = books[books["key"].isin([*chain.from_iterable(by_shard.values())])]
    keys = books["key"].tolist()
    features, labels = _map(study, model, by_shard, keys), books["label"].to_numpy()
    return LabelledFeatures(keys, labels, features, load_extra_values(study, keys, extra_inputs))


def _map(study: Study, model: str, by_shard: Mapping[int, Sequence[str]], keys: Sequence[str]) -> MappedRows:
    """Features of the books of `keys`, in their order, from the shards of a model."""
    study.manifest(f"features/{model}")
    shards = [map_shard(shard_file(study, model, number), books) for number, books in by_shard.items()]
    place = {key: row for row, key in enumerate(chain.from_iterable(by_shard.values()))}
    if missing := sum(key not in place for key in keys):
        what = f"{missing} books have no features of {model}"
        advice = "Run the stage `features` again."
        raise StageOrderError(what, where=study.workspace.splits, advice=advice)
    return MappedRows(shards, np.array([place[key] for key in keys], np.int64))


class _Shards:
    """The shards of one network's features of one preparation, and what they are made with."""

    def __init__(
        self, study: Study, backbone: str, preparation: str, keys: Mapping[int, list[str]], name: str = ""
    ) -> None:
        """Shards of the books of `keys`, by their numbers; their folder is the model's, where no other is named."""
        self._study, self._preparation, self._keys = study, preparation, keys
        model = model_name(backbone, preparation)
        self._name = name or model
        self._network = find_network(study.settings.models, backbone)
        self._engine = choose_engine(study.settings.models)
        way: list[Any] = [self._network.size, self._network.preprocessing, self._engine.name, self._engine.precision]
        self._quantised: Path | None = None
        if self._engine.precision == "int8":
            self._quantised = quantised_files(study, model)[0]
            way.append(study.manifest(f"quantise/{model}").digest)
        weights, code = weights_source(study.settings, self._network).digest, digest_of(compute_features.code)
        self._made_with = digest_of([backbone, weights, *way, code])

    @cached_property
    def _extractor(self) -> "Extractor":
        from bookcover_core.training.feature_extraction import Extractor  # noqa: PLC0415 - imports TensorFlow

        label, prepared = f"features/{self._name}", self._study.settings.preparation.size
        if prepared < self._network.size:
            logger.info("%s: pictures of %d pixels are enlarged to %d", label, prepared, self._network.size)
        logger.info("%s: computed by %s", label, self._engine.title)
        if self._quantised and not computes_int8():
            logger.warning("%s: this processor has no VNNI, without which int8 is slower and may saturate", label)
        if self._made_with not in _last_extractor:
            _last_extractor.clear()
            _last_extractor[self._made_with] = Extractor(self._study.settings, self._network, quantised=self._quantised)
        return _last_extractor[self._made_with]

    @cached_property
    def _earlier(self) -> dict[str, npt.NDArray[np.float32]]:
        return earlier_rows(self._study, self._network.name, self._made_with)

    def result(self) -> Result:
        """All shards, computed where they do not stand."""
        study, total, done, computed = self._study, sum(map(len, self._keys.values())), 0, 0
        for number, keys in self._keys.items():
            computed += self.compute(number, done, total)
            done += len(keys)
            study.progress(done, total)
        files = [shard_file(study, self._name, number) for number in self._keys]
        return Result(
            outputs=[*files, *(file.with_suffix(".json") for file in files)],
            digest=digest_outputs([Output.of(file, study.workspace.root) for file in files]),
            counts={
                "covers": total,
                "computed": computed,
                "channels": map_shard(files[0], next(iter(self._keys.values()))).shape[1],
                "shards": len(files),
                "engine": self._engine.title,
            },
        )

    def compute(self, number: int, before: int, total: int) -> int:
        """Number of covers of a shard whose features were computed; none where it stands.

        Progress is told once a second at most, `before` covers of `total` being done.
        """
        study, keys = self._study, self._keys[number]
        started = told = time.perf_counter()
        pictures = prepared_pictures(study, [number], keys, self._preparation)
        digests = [sha for _, sha in pictures]
        file = shard_file(study, self._name, number)
        if shard_stands(study, file, self._made_with, keys, digests):
            return 0
        rows = {sha: self._earlier[sha] for sha in digests if sha in self._earlier}
        files = {sha: study.workspace.root / path for path, sha in pictures if sha not in rows}

        def tell(done: int) -> None:
            nonlocal told
            if time.perf_counter() - told >= 1:
                told = time.perf_counter()
                study.progress(before + done, total)

        if files:
            rows |= zip(files, self._extractor.extract([*files.values()], tell), strict=True)
        write_shard(study, file, self._made_with, keys, digests, np.stack([rows[sha] for sha in digests]))
        seconds = time.perf_counter() - started
        said = "features/%s: shard %d of %d, %d covers, %d of them computed, in %.1f s (%.0f a second)"
        speed = len(files) / seconds
        logger.info(said, self._name, number, len(self._keys), len(keys), len(files), seconds, speed)
        return len(files)


# The last extractor that was made, by what it is made with: shards and preparations of one network follow one another.
_last_extractor: dict[str, "Extractor"] = {}


def prepared_pictures(
    study: Study, numbers: Iterable[int], keys: Sequence[str], preparation: str
) -> list[tuple[str, str]]:
    """Path and digest of the prepared picture of every book of `keys`, in their order, from these shards.

    `StageOrderError` where a book has not been prepared in this way.
    """
    folder = study.workspace.prepared / "index"
    pictures: dict[str, tuple[str, str]] = {}
    for number in numbers:
        table = read_table(folder / f"shard-{number:04d}.csv", ("key", "method", "path", "sha256"))
        table = table[table["method"] == preparation]
        pictures |= zip(table["key"], zip(table["path"], table["sha256"], strict=True), strict=True)
    missing = [key for key in keys if key not in pictures]
    if missing:
        what = f"{len(missing)} books have no {preparation} picture, {missing[0]!r} among them"
        advice = "Add the preparation to preparation.methods, and run the stage `prepare` again."
        raise StageOrderError(what, where=folder, advice=advice)
    return [pictures[key] for key in keys]
