"""Measuring: a study of each fold, and what its systems say of the fold's books."""

import csv
import logging
import multiprocessing
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import numpy.typing as npt
from remembered_vectors import Remembering
from systems import ENCODER, MIXTURES, NETWORK, VARIANTS, Mixture, Variant

from bookcover_core.families import text
from bookcover_core.families.family import System
from bookcover_core.families.systems import find_system, study_parts
from bookcover_core.pipeline.stage_process import run_part, shared_process
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.stored_probabilities import read_probabilities

logger = logging.getLogger("real_covers")

FOLDS = 5


@dataclass(frozen=True)
class Judged:
    """What a system says of one fold's books, and what it cost."""

    keys: npt.NDArray[np.str_]
    """Of the test books."""
    labels: npt.NDArray[np.int32]
    test: npt.NDArray[np.float32]
    """(test books, genres)."""
    validation_labels: npt.NDArray[np.int32]
    validation: npt.NDArray[np.float32]
    best_epoch: float
    seconds: float
    """Training, and that of its members."""
    megabytes: float
    """Memory of the largest process that made its study, features and all."""

    def save(self, file: Path) -> None:
        """Keep it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **asdict(self))

    @classmethod
    def load(cls, file: Path) -> "Judged":
        """What was kept."""
        with np.load(file) as kept:
            return cls(**{name: kept[name] if kept[name].ndim else kept[name].item() for name in kept.files})


def base_settings(data: Path, work: Path, encoder: Path | None) -> dict[str, Any]:
    """The study of all covers: books that belong to one record of BookCover30 are a group.

    Titles of other books are learnt from too. Those of records that have a cover here are left out, all of them, so
    that no other spelling of a tested book's title is learnt.
    """
    with (data / "listings" / "real-covers-manifest.csv").open(encoding="utf-8", newline="") as lines:
        records = [(row["path"].removeprefix("covers/"), row["bc30_filename"]) for row in csv.DictReader(lines)]
    groups = work / "groups.csv"
    with groups.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(record for record in records if record[1])
    listing, titles = data / "listings" / "book30-listing-train-partial.csv", work / "titles.csv"
    covered = {record for _, record in records}
    with (
        listing.open(encoding="utf-8", errors="surrogateescape", newline="") as lines,
        titles.open("w", encoding="utf-8", errors="surrogateescape", newline="") as kept,
    ):
        csv.writer(kept, quoting=csv.QUOTE_ALL).writerows(row for row in csv.reader(lines) if row[1] not in covered)
    [weights] = (data / "weights").glob("mobilenet_v2_*_no_top.h5")
    own = work / "MobileNetV2.keras"
    encoders = [
        {"name": f"scaled_{scaling}", "file": str(own), "size": 224, "scaling": scaling}
        for scaling in ("none", "unit", "torch")
    ]
    if encoder:
        encoders.append({"name": ENCODER, "file": str(encoder), "size": 260, "scaling": "tf"})
    if not own.exists():
        process = multiprocessing.get_context("spawn").Process(target=_save_network, args=(weights, own))
        process.start()
        process.join()
    return {
        "workspace": str(work),
        "books": {
            "source": "listing",
            "listing": str(data / "listings" / "real-covers-listing.csv"),
            "groups": str(groups),
        },
        "covers": {"source": "folder", "location": str(data / "covers")},
        "curation": {"undecided": "keep"},
        "splits": {"folds": FOLDS},
        "models": {"weight_files": {NETWORK: str(weights)}, "encoders": encoders},
        "training": {"backbones": [NETWORK], "preparation": "padded"},
        "text": {"listings": [str(titles)]},
        "baselines": {"names": []},
    }


def _save_network(weights: Path, file: Path) -> None:
    """MobileNetV2 as a file that `models.encoders` takes, so that its pixels can be scaled wrongly."""
    from bookcover_core.models.tensorflow_setup import keras

    keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3), weights=str(weights)).save(file)


def measure(base: dict[str, Any], work: Path, only: list[str], sentences: dict[str, Path]) -> Path:
    """Where what every system says of every fold lies; what is there already is kept.

    `sentences` are folders of sentence encoders by their names; what wants another one is left out.
    """
    folder = work / "judged"
    had = {each["name"] for each in base["models"]["encoders"]} | {NETWORK, "LeNet", "AlexNet"}
    studies: defaultdict[str, list[Variant]] = defaultdict(list)
    for variant in VARIANTS:
        is_wanted = (not only or variant.name in only) and variant.overrides.get("text.encoder", "") in {"", *sentences}
        if is_wanted and had.issuperset(variant.overrides.get("training.backbones", ())):
            studies[repr(variant.overrides)].append(variant)
    for variants in studies.values():
        for fold in range(1, FOLDS + 1):
            missing = {each: file for each in variants if not (file := folder / each.name / f"{fold}.npz").exists()}
            if not missing:
                continue
            overrides = {"name": f"fold-{fold}", "splits.fold": fold} | variants[0].overrides
            if "text.encoder" in overrides:
                overrides["text.encoder"] = str(sentences[overrides["text.encoder"]])
            settings = with_overrides(base, overrides)
            # A process for each, so that the memory of one is not that of another.
            process = multiprocessing.get_context("fork").Process(target=_make, args=(settings, missing))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{variants[0].name}, fold {fold}: failed")
    for mixture in MIXTURES:
        for fold in range(1, FOLDS + 1):
            parts = [folder / name / f"{fold}.npz" for name in mixture.members]
            if all(part.exists() for part in parts):
                mix(mixture, [Judged.load(part) for part in parts]).save(folder / mixture.name / f"{fold}.npz")
    return folder


def with_overrides(base: dict[str, Any], overrides: dict[str, Any]) -> StudySettings:
    """The settings `base` with single ones changed, by dotted name."""
    values = parse_settings(base).model_dump(mode="json")
    for name, value in overrides.items():
        *groups, last = name.split(".")
        group = values
        for step in groups:
            group = group[step]
        group[last] = value
    return StudySettings.model_validate(values)


def _make(settings: StudySettings, wanted: dict[Variant, Path]) -> None:
    """Make a study as far as its systems, and keep what those that are wanted say."""
    study = Study(settings)
    if settings.text.encoder:
        file = Path(settings.workspace) / f"{Path(settings.text.encoder).name}.npz"
        text.SentenceEncoder = lambda folder: Remembering(folder, file)
    with study.alone(), shared_process():
        study.begin()
        for part in study_parts(study):
            if part.stage.name == "evaluate":
                break
            if settings.text.encoder and part.stage.name in {"text", "cover-text"}:
                part.stage(study, *part.words)  # in this process, where the vectors of titles are remembered
            else:
                run_part(study, part)
    megabytes = max(getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) / 1024
    for variant, file in wanted.items():
        judged = _judged(study, find_system(settings, variant.system), megabytes)
        judged.save(file)
        right = judged.test.argmax(axis=1) == judged.labels
        logger.info("%s, %s: test accuracy %.4f, %.0f s", variant.name, settings.name, right.mean(), judged.seconds)


def _judged(study: Study, system: System, megabytes: float) -> Judged:
    labels = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"]
    own = study.workspace.models / system.model(study)
    (keys, test), (held, validation) = (read_probabilities(own, split) for split in ("test", "validation"))
    made = [study.manifest(each.label(study)) for each in with_members(system)]
    return Judged(
        np.array(keys),
        labels.loc[keys].to_numpy(np.int32),
        test,
        labels.loc[held].to_numpy(np.int32),
        validation,
        float(made[0].counts.get("best_epoch", 0)),
        sum(manifest.seconds for manifest in made),
        megabytes,
    )


def with_members(system: System) -> Iterator[System]:
    """A system, and whom it joins."""
    yield system
    for member in system.members:
        yield from with_members(member)


def mix(mixture: Mixture, parts: list[Judged]) -> Judged:
    """What systems that are measured already say together of one fold's books."""
    from bookcover_core.families.joining import fit_product, fit_weights, join

    first = parts[0]
    if any((part.keys != first.keys).any() for part in parts):
        raise ValueError(f"the members of {mixture.name} were tested on different books")
    validation, test = (np.stack([getattr(part, split) for part in parts]) for split in ("validation", "test"))
    weights = np.full(len(parts), 1 / len(parts))
    if mixture.how == "weighted":
        weights = fit_weights(validation[:, np.arange(len(first.validation_labels)), first.validation_labels])
    elif mixture.how == "product":
        weights = fit_product(validation, first.validation_labels)
    return Judged(
        first.keys,
        first.labels,
        join(mixture.how, weights, test),
        first.validation_labels,
        join(mixture.how, weights, validation),
        0.0,
        sum(part.seconds for part in parts),
        max(part.megabytes for part in parts),
    )
