"""Training: the study of all covers, a study of each fold, and what a system trained on it says of the fold's books."""

import csv
import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from folds import Fold, Probabilities
from systems import ABLATIONS, BACKBONE, MIXTURES, VARIANTS, Ablation, Mixture, Variant

from bookcover_core.covers.chunks import chunks
from bookcover_core.covers.download import download_chunk
from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.fingerprints import hash_chunk
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.families.fine_tuned import fine_tune
from bookcover_core.families.from_scratch import train_scratch
from bookcover_core.families.frozen import train_backbone
from bookcover_core.families.systems import find_system
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.preparation.prepare import prepare_shard, shards
from bookcover_core.settings import Preparation, StudySettings
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.features import compute_features
from bookcover_core.training.hyperparameter_search import search_head
from bookcover_core.training.stored_probabilities import predict_split

logger = logging.getLogger("real_covers")

# What a fold's study shares with the study of all covers.
_SHARED = ("listings", "covers", "ledger", "curation", "prepared", "features")


@dataclass(frozen=True)
class Judged:
    """What a system says of one fold's books."""

    validation: Probabilities
    test: Probabilities
    best_epoch: int
    seconds: float

    def save(self, file: Path) -> None:
        """Keep it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, validation=self.validation, test=self.test, told=[self.best_epoch, self.seconds])

    @classmethod
    def load(cls, file: Path) -> "Judged":
        """What was kept."""
        with np.load(file) as kept:
            return cls(kept["validation"], kept["test"], int(kept["told"][0]), float(kept["told"][1]))


def base_settings(data: Path, work: Path) -> StudySettings:
    """The study of all covers: books that belong to one record of BookCover30 are a group."""
    with (data / "listings" / "real-covers-manifest.csv").open(encoding="utf-8", newline="") as lines:
        records = [(row["path"].removeprefix("covers/"), row["bc30_filename"]) for row in csv.DictReader(lines)]
    groups = work / "groups.csv"
    with groups.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(record for record in records if record[1])
    [weights] = (data / "weights").glob("mobilenet_v2_*_no_top.h5")
    return parse_settings(
        {
            "name": "all",
            "workspace": str(work),
            "books": {
                "source": "listing",
                "listing": str(data / "listings" / "real-covers-listing.csv"),
                "groups": str(groups),
            },
            "covers": {"source": "folder", "location": str(data / "covers")},
            "curation": {"undecided": "keep"},
            "models": {"weight_files": {BACKBONE: str(weights)}},
            "training": {"backbones": [BACKBONE], "preparation": "padded"},
        }
    )


def prepare_all(settings: StudySettings) -> Study:
    """The study of all covers, prepared, with features of every preparation."""
    study = Study(settings)
    study.begin()
    read_listings(study)
    for chunk in chunks(study):
        download_chunk(study, chunk)
        hash_chunk(study, chunk)
    find_candidates(study)
    find_twins(study)
    curate(study)
    for shard in shards(study):
        prepare_shard(study, shard)
    for preparation in Preparation:
        compute_features(study, BACKBONE, preparation)
    return study


def fold_study(whole: Study, fold: Fold) -> Study:
    """A study of one fold's split, which shares covers, prepared pictures and features with `whole`."""
    study = Study(whole.settings.model_copy(update={"name": f"fold-{fold.number}"}))
    root = study.workspace.root
    root.mkdir(exist_ok=True)
    for name in _SHARED:
        if not (root / name).exists():
            (root / name).symlink_to(whole.workspace.root / name)
    shutil.copytree(whole.workspace.manifests, root / "manifests", dirs_exist_ok=True)
    books = read_table(study.workspace.selection)
    books["split"] = ""
    for split in ("train", "validation", "test"):
        books.loc[getattr(fold, split), "split"] = split
    write_table(study.workspace.splits, books)
    record(study, "split", after=["curate"], outputs=[study.workspace.splits])
    return study


def train_variant(study: Study, variant: Variant) -> Judged:
    """What a variant, trained by the project's stages, says of one fold's books."""
    settings = with_overrides(study.settings, variant.overrides)
    study = Study(settings)
    started = time.perf_counter()
    if variant.system in settings.training.backbones and variant.system != BACKBONE:
        manifest = train_scratch(study, variant.system)
    else:
        if settings.search.trials:
            search_head(study, BACKBONE)
        manifest = train_backbone(study, BACKBONE)
        if settings.fine_tuning.blocks:
            manifest = fine_tune(study, BACKBONE)
    seconds = time.perf_counter() - started
    model = f"{find_system(settings, variant.system).name}-{settings.training.preparation}"
    validation, test = (predict_split(study, model, split)[2] for split in ("validation", "test"))
    return Judged(validation, test, int(manifest.counts["best_epoch"]), seconds)


def with_overrides(settings: StudySettings, overrides: dict[str, Any]) -> StudySettings:
    """`settings` with single settings changed, by dotted name."""
    values = settings.model_dump(mode="json")
    for name, value in overrides.items():
        *groups, last = name.split(".")
        group = values
        for step in groups:
            group = group[step]
        group[last] = value
    return StudySettings.model_validate(values)


def train_ablation(features: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], fold: Fold, seed: int) -> Judged:
    """What the dissertation's head on `features` says of one fold's books."""
    from bookcover_core.training.feature_store import LabelledFeatures
    from bookcover_core.training.head_trainer import fit_head
    from bookcover_core.training.loop import Schedule

    started = time.perf_counter()
    train, validation, test = (
        LabelledFeatures([], labels[rows], features[rows]) for rows in (fold.train, fold.validation, fold.test)
    )
    defaults = StudySettings().training
    schedule = Schedule(**defaults.model_dump(), seed=seed)
    fitted = fit_head(train, validation, int(labels.max()) + 1, schedule)
    seconds = time.perf_counter() - started
    return Judged(fitted.predict(validation), fitted.predict(test), fitted.best.epoch, seconds)


def mix(mixture: Mixture, folder: Path, fold: Fold, labels: npt.NDArray[np.int32]) -> Judged:
    """What systems that are measured already say together of one fold's books."""
    from bookcover_core.families.ensemble import fit_weights

    parts = [Judged.load(folder / name / f"{fold.number}.npz") for name in mixture.members]
    validation, test = (np.stack([getattr(part, split) for part in parts]) for split in ("validation", "test"))
    weights = np.full(len(parts), 1 / len(parts))
    if mixture.fitted:
        rows = np.arange(len(fold.validation))
        weights = fit_weights(validation[:, rows, labels[fold.validation]])
        logger.info(
            "%s, fold %d: %s", mixture.name, fold.number, dict(zip(mixture.members, weights.round(3), strict=True))
        )
    return Judged(
        np.tensordot(weights, validation, 1), np.tensordot(weights, test, 1), 0, sum(p.seconds for p in parts)
    )


def measure(whole: Study, folds: list[Fold], labels: npt.NDArray[np.int32], only: list[str]) -> Path:
    """Where what every system says of every fold lies; what is there already is kept."""
    folder = whole.workspace.root.parent / "judged"
    for system in (*VARIANTS, *ABLATIONS, *MIXTURES):
        if only and system.name not in only:
            continue
        features: npt.NDArray[np.float32] | None = None
        for fold in folds:
            file = folder / system.name / f"{fold.number}.npz"
            if file.exists() and not isinstance(system, Mixture):
                continue
            match system:
                case Variant():
                    judged = train_variant(fold_study(whole, fold), system)
                case Ablation():
                    features = system.features(whole) if features is None else features
                    judged = train_ablation(features, labels, fold, whole.settings.seed)
                case Mixture():
                    judged = mix(system, folder, fold, labels)
            judged.save(file)
            right = judged.test.argmax(axis=1) == labels[fold.test]
            logger.info(
                "%s, fold %d: test accuracy %.4f, %.0f s", system.name, fold.number, right.mean(), judged.seconds
            )
    return folder
