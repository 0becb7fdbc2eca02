"""The tables: a row for each system that is measured on every fold, and where the systems are right and wrong."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from measuring import FOLDS, Judged
from PIL import Image
from systems import BASELINE, MIXTURES, VARIANTS

from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.reading.cover_words import texts_of_covers
from bookcover_core.settings.toml_file import load_settings

RESULTS = Path(__file__).parents[2] / "results"
_RESAMPLES = 10_000
# Systems whose accuracy is told genre by genre.
_READING = ("CoverText", "TitleAuthor", "CoverAlone", "CoverAndTitle")
_SHOWN = ("deeper, decayed", *_READING, *(f"{name}, MPNet" for name in _READING))


def summarise(folder: Path, work: Path, results: Path) -> None:
    """Write and print the tables."""
    books = read_table(work / "fold-1" / "splits" / "books.csv", label="int32").set_index("key")
    rows: list[dict[str, Any]] = []
    hits: dict[str, pd.Series] = {}
    for system in (*VARIANTS, *MIXTURES):
        files = [folder / system.name / f"{fold}.npz" for fold in range(1, FOLDS + 1)]
        if not all(file.exists() for file in files):
            continue
        judged = [Judged.load(file) for file in files]
        first = np.concatenate([each.test.argmax(axis=1) == each.labels for each in judged])
        third = np.concatenate(
            [(np.argsort(-each.test, axis=1)[:, :3] == each.labels[:, None]).any(axis=1) for each in judged]
        )
        keys = np.concatenate([each.keys for each in judged])
        hits[system.name] = pd.Series(first.astype(float), keys).loc[books.index]
        groups = books["group"].to_numpy()
        low, high = interval_of_mean(hits[system.name].to_numpy(), groups)
        gain = (hits[system.name] - hits[BASELINE]).to_numpy()
        gain_low, gain_high = interval_of_mean(gain, groups)
        rows.append(
            {
                "part": system.part,
                "system": system.name,
                "what": system.says,
                "validation_accuracy": np.mean(
                    [(each.validation.argmax(axis=1) == each.validation_labels).mean() for each in judged]
                ),
                "accuracy": first.mean(),
                "low": low,
                "high": high,
                "top3": third.mean(),
                "gain": gain.mean(),
                "gain_low": gain_low,
                "gain_high": gain_high,
                **{
                    f"fold_{fold}": (each.test.argmax(axis=1) == each.labels).mean()
                    for fold, each in enumerate(judged, start=1)
                },
                "best_epoch": np.median([each.best_epoch for each in judged]),
                "seconds": sum(each.seconds for each in judged),
                "megabytes": max(each.megabytes for each in judged),
            }
        )
    _write(results / "real_covers.csv", rows)
    _write(results / "real_covers_where.csv", list(_where(work, books, hits)))
    for row in rows:
        gain = f"{row['gain']:+.1%} ({row['gain_low']:+.1%} to {row['gain_high']:+.1%})"
        print(
            f"{row['system']:<34} {row['validation_accuracy']:6.1%} {row['accuracy']:6.1%}"
            f" ({row['low']:.1%} to {row['high']:.1%})  top 3 {row['top3']:.1%}  gain {gain}"
        )


def interval_of_mean(values: npt.NDArray[np.float64], groups: npt.NDArray[np.str_]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of one value a book, groups drawn anew with replacement.

    Books of a group are not independent of one another: drawing books would promise too much.
    """
    _, members = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(members, weights=values), np.bincount(members)
    generator = np.random.default_rng(0)
    means = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = generator.integers(0, len(sums), len(sums))
        means[number] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _where(work: Path, books: pd.DataFrame, hits: dict[str, pd.Series]) -> Iterator[dict[str, Any]]:
    """Accuracy of some systems by genre, by the words read, by the size of the picture, and by the title's letters."""
    study = Study(load_settings(work / "fold-1"))
    read = texts_of_covers(study, study.settings.reading.min_confidence)
    words = books.index.map(lambda key: len(read.get(key, "").split()))
    pixels = [Image.open(study.workspace.root / path).size for path in books["path"]]
    height = np.array([max(size) for size in pixels])
    foreign = np.array([any(each.isalpha() and not each.isascii() for each in title) for title in books["title"]])
    yield _row("all", "all", np.ones(len(books), bool), hits)
    for genre in sorted(set(books["genre"])):
        yield _row("genre", genre, (books["genre"] == genre).to_numpy(), hits)
    for low, high in ((0, 1), (2, 4), (5, 9), (10, 19), (20, 10_000)):
        said = f"{low} to {high}" if high < 10_000 else f"{low} or more"
        yield _row("words read", said, np.asarray((words >= low) & (words <= high)), hits)
    for low, high in ((0, 159), (160, 199), (200, 10_000)):
        said = f"{low} to {high}" if high < 10_000 else f"{low} or more"
        yield _row("longer side in pixels", said, (height >= low) & (height <= high), hits)
    yield _row("title", "letters beyond ASCII", foreign, hits)


def _row(by: str, what: str, rows: npt.NDArray[np.bool_], hits: dict[str, pd.Series]) -> dict[str, Any]:
    shown = {name: float(hits[name].to_numpy()[rows].mean()) for name in _SHOWN if name in hits and rows.any()}
    return {"by": by, "what": what, "books": int(rows.sum()), **shown}


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()}
            )
