"""A small study that is prepared and split, so that features and heads can be made of it."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.genres import number_genres
from bookcover_core.listings.books import write_genres
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.manifests import INDEX_COLUMNS, Output
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.settings import Preparation, StudySettings

GENRES = ("Travel", "Law", "Romance")
SHARD = 16
BOOKS = 36


def draw_picture(label: int, generator: np.random.Generator) -> bytes:
    """A square with some detail, whose colour tells its genre, as JPEG."""
    pixels = generator.integers(0, 90, (13, 13, 3))
    pixels[..., label] += 140
    content = io.BytesIO()
    picture = Image.fromarray(pixels.astype(np.uint8)).resize((299, 299), Image.Resampling.BICUBIC)
    picture.save(content, "JPEG", quality=95, subsampling=0)
    return content.getvalue()


@cache
def draw_pictures() -> list[bytes]:
    """The pictures of all books, in their order."""
    generator = np.random.default_rng(7)
    return [draw_picture(row % len(GENRES), generator) for row in range(BOOKS)]


def write_index(study: Study, number: int) -> None:
    """Prepare one shard anew: its pictures as they lie, their index and its manifest."""
    root = study.workspace.root
    rows = []
    for key in shard_keys(study)[number]:
        for method in study.settings.preparation.methods:
            picture = Output.of(study.workspace.prepared / method / f"{key}.jpg", root)
            rows.append({"key": key, "method": str(method), **picture.model_dump()})
    index = study.workspace.prepared / "index" / f"shard-{number:04d}.csv"
    write_table(index, pd.DataFrame(rows)[["key", "method", *INDEX_COLUMNS]])
    record(study, f"prepare/shard-{number:04d}", indexes=[index])


def write_books(study: Study) -> None:
    """Listings, selection and splits of 36 books in 3 genres: 18 train, 9 validation, 9 test."""
    workspace = study.workspace
    labels = [row % len(GENRES) for row in range(BOOKS)]
    splits = [("train", "train", "validation", "test")[row // len(GENRES) % 4] for row in range(BOOKS)]
    books = pd.DataFrame({"key": [f"{row:010d}" for row in range(BOOKS)], "label": labels})
    write_genres(workspace.genres, number_genres(GENRES), "123", [12] * 3)
    named = books.assign(title="Title " + books["key"], author="Ann Author", path="covers/" + books["key"] + ".jpg")
    write_table(workspace.selection, named)
    write_table(workspace.splits, books.assign(split=splits, group=books["key"]))
    record(study, "listings", outputs=[workspace.genres])
    record(study, "curate", outputs=[workspace.selection])
    record(study, "split", outputs=[workspace.splits])


def make_study(root: Path, **training: object) -> Study:
    settings = StudySettings.model_validate(
        {
            "name": "small",
            "workspace": str(root),
            "preparation": {"shard_records": SHARD},
            "models": {"weights": "random"},
            "training": {"backbones": ["MobileNetV2"], "epochs": 6, **training},
            "comparison": {"epochs": 3},
        }
    )
    study = Study(settings)
    for method in Preparation:
        folder = study.workspace.prepared / method
        folder.mkdir(parents=True)
        for row, picture in enumerate(draw_pictures()):
            (folder / f"{row:010d}.jpg").write_bytes(picture)
    write_books(study)
    for number in shard_keys(study):
        write_index(study, number)
    return study


@pytest.fixture
def small_study(tmp_path: Path) -> Study:
    """A study of 36 prepared books in four shards, with random weights."""
    return make_study(tmp_path)


@pytest.fixture
def invented_features(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Features that cost nothing: the mean colour of a picture, at the front. Gives the number of pictures read."""
    from bookcover_core.training import feature_extraction, features

    monkeypatch.setattr(features, "_last_extractor", {})
    read = 0

    class MeanColour:
        def __init__(self, _settings, backbone, **_):
            self.channels = backbone.channels

        def extract(self, files, progress):
            nonlocal read
            features = np.zeros((len(files), self.channels), np.float32)
            for row, file in enumerate(files):
                with Image.open(file) as picture:
                    features[row, :3] = np.asarray(picture.resize((1, 1)), np.float32)[0, 0] / 255
                read += 1
                progress(row + 1)
            return features

    monkeypatch.setattr(feature_extraction, "Extractor", MeanColour)
    return lambda: read
