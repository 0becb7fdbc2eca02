"""A small invented study, as its stages would leave it in its folder: covers, tables, models and manifests."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from bookcover_core.curation.curate import REPLACEMENTS
from bookcover_core.curation.near_duplicates import Duplicate, count_clusters, duplicates_file
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.family import System
from bookcover_core.families.systems import systems
from bookcover_core.genres import BOOKCOVER30, Genre, number_genres
from bookcover_core.models.model_cards import Member, ModelCard, write_card
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_table
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.preparation_choice import split_model_name

# How well each network does: what the true genre's score is raised by, in standard deviations of the noise.
SKILL = {"MobileNetV2": 0.9, "InceptionResNetV2": 1.35, "ResNeXt50": 0.6}

# Titles may contain anything.
AWKWARD_TITLE = "<script>alert('title')</script> & \"Sons\" | $10^x$ 本の表紙"


@dataclass(frozen=True)
class Specimen:
    """What a specimen study is made of."""

    genres: Sequence[str] = BOOKCOVER30
    test_per_genre: int = 4
    train_per_genre: int = 6
    backbones: tuple[str, ...] = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")
    failed: tuple[str, ...] = ()
    """Names of systems."""
    weights: str = "imagenet"
    compared: bool = True
    covers_per_genre: int = 4
    twins: bool = True
    """Whether there are twins: a test book of the first two genres each, by one file, and two training books of the
    third, which look the same."""


def make_study(folder: Path, specimen: Specimen | None = None, **settings: object) -> Study:
    """A study in `folder` of which every stage but the report is done."""
    wanted = specimen or Specimen()
    values = {
        "name": "specimen",
        "workspace": str(folder),
        "store": False,  # what predicts is no part of a key
        "books": {"train_listing": "train.csv", "test_listing": "test.csv", "pool_listing": "pool.csv"},
        "models": {"weights": wanted.weights},
        "training": {"backbones": list(wanted.backbones), "preparation": "padded"},
        "evaluation": {"resamples": 200},
        "baselines": {"names": []},
    }
    study = Study(parse_settings(values | settings))
    genres = number_genres(wanted.genres)
    books = _books(wanted, genres)
    _listings(study, genres, books)
    _covers(study, genres, books, wanted.covers_per_genre)
    _curation(study, books, twins=wanted.twins)
    _preparation(study, genres, books)
    if wanted.compared:
        _comparison(study)
    for system in systems(study.settings):
        if system.name not in wanted.failed:
            _train(study, system, genres, wanted.weights)
            evaluate(study, system.name, predict=invented_predictions)
    return study


def invented_predictions(study: Study, model: str, split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Predictions that look like a weak network's: noise, and a bent for the true genre."""
    books = pd.read_csv(study.workspace.splits, dtype={"key": str})
    books = books[books["split"] == split]
    genres = len(pd.read_csv(study.workspace.genres))
    backbone, _ = split_model_name(model)
    generator = np.random.default_rng([7, len(backbone)])
    labels = books["label"].to_numpy()
    logits = generator.normal(size=(len(books), genres)) + generator.normal(0, 0.35, size=genres)
    ease = generator.normal(0, 0.5, size=genres)
    logits[np.arange(len(books)), labels] += SKILL.get(backbone, 1.0) + ease[labels]
    exponents = np.exp(1.6 * logits)
    return list(books["key"]), labels, (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


def _books(wanted: Specimen, genres: list[Genre]) -> pd.DataFrame:
    rows = []
    for genre in genres:
        for number in range(wanted.train_per_genre + wanted.test_per_genre):
            key = f"{genre.label:02d}{number:08d}"
            test = number < wanted.test_per_genre
            validation = not test and number % 5 == 0
            title = AWKWARD_TITLE if number == 0 else f"{genre.name}, volume {number} of a very long series of books"
            rows.append(
                {
                    "key": key,
                    "filename": f"{key}.jpg",
                    "path": f"covers/{genre.slug}/{key}.jpg",
                    "label": genre.label,
                    "genre": genre.name,
                    "split": "test" if test else "validation" if validation else "train",
                    "group": key,
                    "replaces": "",
                    "shared_with_training": "",
                    "title": title,
                    "author": "A. N. Author",
                    "url": f"http://covers.example/{key}.jpg",
                    "sha256": "0" * 64 if wanted.twins and number == 0 and genre.label < 2 else f"1{key:0>63}",
                }
            )
    return pd.DataFrame(rows).sort_values("key")


def _listings(study: Study, genres: list[Genre], books: pd.DataFrame) -> None:
    run = partial(record, study, "listings")
    write_table(
        study.workspace.genres,
        pd.DataFrame([{**genre.model_dump(), "category_id": genre.label, "records": len(books)} for genre in genres]),
    )
    table = pd.DataFrame(
        {
            "key": books["key"],
            "filename": books["filename"],
            "url": books["url"],
            "title": books["title"],
            "author": books["author"],
            "category_id": books["label"],
            "category": books["genre"],
            "role": np.where(books["split"] == "test", "test", "train"),
            "group": books["group"],
            "chunk": 1,
        }
    )
    write_table(study.workspace.books, table)
    run(outputs=[study.workspace.genres, study.workspace.books], counts={"records": len(books)})


def _covers(study: Study, genres: list[Genre], books: pd.DataFrame, per_genre: int) -> None:
    run = partial(record, study, "download/chunk-0001", after=["listings"])
    for genre in genres:
        of_genre = books[books["label"] == genre.label]
        for _, book in pd.concat([of_genre.head(per_genre), of_genre.tail(2)]).iterrows():
            file = study.workspace.root / book["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            draw_cover(genre.label, int(book["key"])).save(file, "JPEG", quality=80)
    ledger = study.workspace.ledger / "chunk-0001.csv"
    outcomes = np.where(np.arange(len(books)) % 97 == 96, "missing", "ok")
    write_table(ledger, pd.DataFrame({"key": books["key"], "outcome": outcomes}))
    run(outputs=[ledger], counts={"ok": int((outcomes == "ok").sum())})


def draw_cover(label: int, seed: int) -> Image.Image:
    """A plain cover of a genre's colour, with something on it."""
    generator = np.random.default_rng([label, seed])
    width, height = int(generator.integers(120, 150)), 200
    if generator.random() < 0.1:
        width, height = 190, 170
    hue = (label * 0.38 + generator.normal(0, 0.02)) % 1
    back, front = (
        tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue + shift, light, 0.45))
        for shift, light in ((0, generator.uniform(0.25, 0.8)), (0.45, generator.uniform(0.35, 0.9)))
    )
    cover = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(cover)
    for _ in range(3):
        left, top = generator.integers(0, width - 40), generator.integers(50, height - 60)
        size = int(generator.integers(25, 60))
        shape = draw.ellipse if label % 2 else draw.rectangle
        shape((int(left), int(top), int(left) + size, int(top) + size), fill=front)
    draw.rectangle((14, 16, width - 14, 24), fill="white")
    draw.rectangle((14, 30, width - 40, 36), fill="white")
    return cover


def _curation(study: Study, books: pd.DataFrame, *, twins: bool) -> None:
    folder = study.workspace.curation
    run = partial(record, study, "twins", after=["listings"])
    found = _twins(books) if twins else []
    write_table(duplicates_file(study.workspace), pd.DataFrame(found, columns=list(Duplicate._fields)))
    run(outputs=[duplicates_file(study.workspace)], counts=count_clusters(found))
    run = partial(record, study, "candidates", after=["listings"])
    candidates = pd.DataFrame({"key": books["key"].head(3), "term": ["box set", "bundle", "box set"]})
    write_table(folder / "candidates.csv", candidates)
    run(outputs=[folder / "candidates.csv"], counts={"candidates": 3})
    run = partial(record, study, "curate", after=["listings", "candidates", "download/chunk-0001"])
    write_table(study.workspace.selection, books)
    left = pd.DataFrame(
        [
            ("x1", "Law", "train", "missing", "0400000001", ""),
            ("x2", "Law", "train", "box set", "", ""),
            ("x3", "Law", "train", "twin in the test set", "", "0000000000"),
        ],
        columns=list(REPLACEMENTS),
    )
    write_table(folder / "replacements.csv", left)
    run(outputs=[study.workspace.selection, folder / "replacements.csv"], counts={"selected": len(books)})
    run = partial(record, study, "split", after=["curate"])
    write_table(study.workspace.splits, books)
    run(outputs=[study.workspace.splits], counts=books["split"].value_counts().to_dict())


def _twins(books: pd.DataFrame) -> list[Duplicate]:
    """The twins of a specimen."""
    torn = [books[(books["label"] == label) & (books["split"] == "test")].iloc[0] for label in (0, 1)]
    alike = [book for _, book in books[(books["label"] == 2) & (books["split"] == "train")].head(2).iterrows()]
    return [
        Duplicate(pair[0]["key"], one["key"], one["genre"], role, kind, other["key"], bits, one["title"], one["path"])
        for pair, role, kind, bits in ((torn, "test", "exact", 0), (alike, "train", "near", 4))
        for one, other in (pair, pair[::-1])
    ]


def _preparation(study: Study, genres: list[Genre], books: pd.DataFrame) -> None:
    run = partial(record, study, "prepare/shard-0001", after=["curate"])
    generator = np.random.default_rng(3)
    file = study.workspace.prepared / "measurements" / "shard-0001.csv"
    measured = pd.DataFrame({"key": books["key"], "width": 333, "height": 500})
    measured[["red", "green", "blue"]] = generator.integers(40, 220, size=(len(books), 3)).astype(float)
    for key, width in zip((books["key"].iloc[0], books["key"].iloc[-1]), (250, 520), strict=True):
        measured.loc[measured["key"] == key, "width"] = width
    write_table(file, measured)
    pictures = []
    shown = [books.iloc[0], books.sort_values("key").iloc[len(books) // 2], books.iloc[-1]]
    for book, method in ((book, method) for book in shown for method in ("noprep", "padded", "cropped")):
        target = study.workspace.prepared / method / genres[book["label"]].slug / f"{book['key']}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        _square(draw_cover(book["label"], int(book["key"])), method).save(target, "JPEG")
        pictures.append((book["key"], method, study.workspace.relative(target)))
    write_table(
        study.workspace.prepared / "index" / file.name, pd.DataFrame(pictures, columns=["key", "method", "path"])
    )
    run(outputs=[file], counts={"covers": len(books)})


def _square(cover: Image.Image, method: str) -> Image.Image:
    if method == "cropped":
        side = min(cover.size)
        left, top = (cover.width - side) // 2, (cover.height - side) // 2
        cover = cover.crop((left, top, left + side, top + side))
    if method == "padded":
        side = max(cover.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(cover, ((side - cover.width) // 2, (side - cover.height) // 2))
        cover = square
    return cover.resize((299, 299))


def invented_history(epochs: int, top: float, best: int) -> pd.DataFrame:
    """A training that rises, and overfits after epoch `best`."""
    epoch = np.arange(1, epochs + 1)
    generator = np.random.default_rng([epochs, best])
    accuracy = top * 1.5 * (1 - np.exp(-epoch / best))
    val_accuracy = top * (1 - np.exp(-2.5 * epoch / best)) - 0.0008 * np.maximum(0, epoch - best)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "loss": 3.4 * np.exp(-epoch / (3 * best)) + 1.4,
            "accuracy": accuracy,
            "val_loss": 3.4 * np.exp(-2 * epoch / best) * 0.3 + 2.7 + 0.004 * np.maximum(0, epoch - best),
            "val_accuracy": val_accuracy + generator.normal(0, 0.003, size=epochs),
            "seconds": 0.4,
        }
    )


def _comparison(study: Study) -> None:
    folder = study.workspace.comparison
    rows = []
    for preparation, best, top in (("noprep", 8, 0.143), ("padded", 6, 0.158), ("cropped", 5, 0.129)):
        run = partial(record, study, f"compare/{preparation}", after=["split"])
        history = invented_history(best + 15, top, best)
        write_table(folder / preparation / "history.csv", history)
        run(outputs=[folder / preparation / "history.csv"])
        peak = int(history["val_accuracy"].argmax())
        rows.append((preparation, peak + 1, history["val_accuracy"][peak], top - 0.002))
    run = partial(record, study, "compare", after=["split"])
    columns = ["preparation", "best_epoch", "validation_accuracy", "test_accuracy"]
    write_table(folder / "comparison.csv", pd.DataFrame(rows, columns=columns))
    write_json(folder / "chosen.json", {"preparation": "padded"})
    run(outputs=[folder / "comparison.csv", folder / "chosen.json"])


def _train(study: Study, system: System, genres: list[Genre], weights: str) -> None:
    model = f"{system.name}-padded"
    folder = study.workspace.models / model
    run = partial(record, study, f"{system.stage}/{model}", after=["split"])
    if system.members:
        parts = system.members
        members = [
            Member(
                model=f"{part.name}-padded",
                weight=1 / len(parts),
                digest="",
                validation_accuracy=SKILL.get(part.network, 1.0) / 5,
                validation_loss=3.0,
            )
            for part in parts
        ]
        write_card(
            folder,
            ModelCard(
                name=model,
                kind=system.family.name,
                backbone=system.name,
                preparation="padded",
                genres=genres,
                settings={},
                inputs={},
                metrics={"validation_accuracy": 0.2, "validation_loss": 3.0},
                software={},
                members=members,
            ),
        )
        run(outputs=[folder / "card.json"])
        return
    best = {"MobileNetV2": 12, "InceptionResNetV2": 46, "ResNeXt50": 78}.get(system.name, 20)
    write_table(folder / "history.csv", invented_history(best + 20, 0.1 + 0.1 * SKILL.get(system.name, 1.0), best))
    write_card(
        folder,
        ModelCard(
            name=model,
            kind=system.family.name,
            backbone=system.network,
            preparation="padded",
            input_size=299,
            preprocessing="tf",
            weights=weights,
            weights_file=None,
            weights_digest="ab" * 32,
            genres=genres,
            settings={},
            inputs={},
            digests={},
            metrics={"best_epoch": best, "validation_accuracy": 0.1 + 0.1 * SKILL.get(system.network, 1.0)},
            parameters={"backbone": 2_257_984, "head": 38_430, "trainable": 38_430},
            software={"python": "3.11"},
        ),
    )
    write_json(folder / "head.weights.json", {})
    run(outputs=[folder / "history.csv", folder / "card.json"])
