"""A tiny study whose networks are trained: three genres, forty covers, pictures of 32 pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bookcover_core.models.backbones import BACKBONES, Backbone, PublishedWeights
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings

GENRES = {"Law": (190, 60, 50), "Maps & Atlases": (60, 160, 80), "Travel": (50, 80, 190)}
BOOKS = 14
NETWORKS = {"Tiny": 8, "Small": 12}


def draw(colour: tuple[int, int, int], number: int, size: tuple[int, int] = (90, 120)) -> Image.Image:
    """A cover in a genre's colour, unlike all others."""
    chance = np.random.default_rng([*colour, number])
    coarse = (np.array(colour) + chance.integers(-70, 70, (6, 4, 3))).clip(0, 255).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def add_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the two tiny networks known."""
    for name, channels in NETWORKS.items():
        monkeypatch.setitem(BACKBONES, name, _backbone(name, channels))


def _backbone(name: str, channels: int) -> Backbone:
    def build(size=32):
        from bookcover_core.models.tensorflow_setup import keras

        x = pictures = keras.Input((size, size, 3))
        for number in (1, 2):
            x = keras.layers.Conv2D(channels, 3, strides=2, activation="relu", name=f"conv{number}")(x)
        return keras.Model(pictures, x, name=name)

    return Backbone(name, 32, channels, "tf", PublishedWeights(f"{name}.h5", "", None), build)


def train(folder: Path) -> Study:
    """A study in `folder` whose networks, and an ensemble of both, are trained and evaluated."""
    from bookcover_core.covers.download import download_chunk
    from bookcover_core.curation.box_set_candidates import find_candidates
    from bookcover_core.curation.curate import curate
    from bookcover_core.curation.fingerprints import hash_chunk
    from bookcover_core.curation.near_duplicates import find_twins
    from bookcover_core.curation.splits import split
    from bookcover_core.evaluation.scores import evaluate
    from bookcover_core.families.ensemble import combine
    from bookcover_core.families.frozen import train_backbone
    from bookcover_core.listings.read_listings import read_listings
    from bookcover_core.preparation.prepare import prepare_shard, shards
    from bookcover_core.training.features import compute_features

    for genre, colour in GENRES.items():
        (folder / "pictures" / genre).mkdir(parents=True)
        for number in range(BOOKS):
            size = (90 + 3 * number, 120) if number % 2 else (90, 110 + 2 * number)
            draw(colour, number, size).save(folder / "pictures" / genre / f"{genre[0]}{number:02}.png")
    study = Study(settings_in(folder))
    read_listings(study)
    download_chunk(study, 1)
    find_candidates(study)
    hash_chunk(study, 1)
    find_twins(study)
    curate(study)
    split(study)
    for number in shards(study):
        prepare_shard(study, number)
    for name in NETWORKS:
        compute_features(study, name, "padded")
        train_backbone(study, name)
        evaluate(study, name)
    combine(study, "Ensemble-mean")
    evaluate(study, "Ensemble-mean")
    return study


def settings_in(folder: Path):
    """Settings of the study in `folder`."""
    return parse_settings(
        {
            "name": "tiny",
            "workspace": str(folder),
            "books": {"source": "folder", "folder": str(folder / "pictures")},
            "covers": {"allowed_private_hosts": ["localhost"], "backoff": 0.01, "max_bytes": 200_000},
            "curation": {"undecided": "keep", "twins": "exact"},
            "splits": {"test_share": 0.3, "validation_share": 0.3},
            "preparation": {"methods": ["padded", "cropped"], "size": 48, "shard_records": 16},
            "models": {"weights": "random"},
            "head": {"extra_inputs": ["aspect_ratio", "mean_colour"]},
            "training": {"backbones": list(NETWORKS), "preparation": "padded", "epochs": 4},
            "ensemble": {"methods": ["mean"]},
            "evaluation": {"resamples": 100},
        }
    )
