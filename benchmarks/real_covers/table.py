"""The table: a row for each system that is measured on every fold, beside the dissertation's."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
from folds import Fold, interval_of_mean
from systems import ABLATIONS, BASELINE, MIXTURES, VARIANTS
from training import Judged

RESULTS = Path(__file__).parents[2] / "results" / "real_covers.csv"


def summarise(folder: Path, folds: list[Fold], labels: npt.NDArray[np.int32], groups: npt.NDArray[np.int64]) -> None:
    """Write and print the table: a row for each system that is measured."""
    rows = []
    hits: dict[str, npt.NDArray[np.float64]] = {}
    for system in (*VARIANTS, *ABLATIONS, *MIXTURES):
        files = [folder / system.name / f"{fold.number}.npz" for fold in folds]
        if not all(file.exists() for file in files):
            continue
        judged = [Judged.load(file) for file in files]
        hits[system.name], top3 = np.zeros(len(labels)), np.zeros(len(labels))
        validated = []
        for fold, said in zip(folds, judged, strict=True):
            hits[system.name][fold.test] = said.test.argmax(axis=1) == labels[fold.test]
            top3[fold.test] = (np.argsort(-said.test, axis=1)[:, :3] == labels[fold.test, None]).any(axis=1)
            validated.append((said.validation.argmax(axis=1) == labels[fold.validation]).mean())
        low, high = interval_of_mean(hits[system.name], groups, 0)
        gain = hits[system.name] - hits[BASELINE]
        gain_low, gain_high = interval_of_mean(gain, groups, 0)
        rows.append(
            {
                "part": system.part,
                "system": system.name,
                "what": system.says,
                "validation_accuracy": np.mean(validated),
                "accuracy": hits[system.name].mean(),
                "low": low,
                "high": high,
                "top3": top3.mean(),
                "gain": gain.mean(),
                "gain_low": gain_low,
                "gain_high": gain_high,
                **{f"fold_{fold.number}": hits[system.name][fold.test].mean() for fold in folds},
                "best_epoch": np.median([said.best_epoch for said in judged]),
                "seconds": np.sum([said.seconds for said in judged]),
            }
        )
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()}
            )
    for row in rows:
        gain = f"{row['gain']:+.1%} ({row['gain_low']:+.1%} to {row['gain_high']:+.1%})"
        print(
            f"{row['system']:<28} {row['validation_accuracy']:6.1%} {row['accuracy']:6.1%}"
            f" ({row['low']:.1%} to {row['high']:.1%})  top 3 {row['top3']:.1%}  gain {gain}"
        )
