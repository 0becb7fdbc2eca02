"""What the precision of frozen features does to accuracy: `models.precision`, on real covers, in the study's own folds.

    python benchmarks/real_covers/precisions.py DATA WORK      DATA: listings, covers, weights; WORK keeps what is done

A study of the same covers in each precision that this processor has: MobileNetV2 on NoPrep with a hidden layer, dropout
and weight decay, `repeats.folds = 5`. Every book is judged once, by a head that saw nothing of its group. The folds are
the same, so differences are paired, book by book; their interval comes from drawing groups anew. Features that differ
are those of whole prepared covers, by their mean difference over the mean feature.
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import base_settings
from table import interval_of_mean

from bookcover_core.errors import SettingsError
from bookcover_core.families.systems import study_parts
from bookcover_core.models.inference_engine import check_engine, check_quantiser
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import Precision, StudySettings
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.features import load_features
from bookcover_core.training.repeated_training import fold_variants
from bookcover_core.training.stored_probabilities import read_probabilities

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
MODEL = "MobileNetV2-noprep"
RESULTS = Path(__file__).parents[2] / "results" / "precisions.json"


def settings_of(data: Path, work: Path, precision: Precision) -> StudySettings:
    """The study in one precision."""
    values = base_settings(data, work, None) | {"name": f"precision-{precision}"}
    changes: dict[str, dict[str, Any]] = {
        "splits": {"test_share": 0.2},
        "preparation": {"methods": ["noprep"]},
        "models": {"engine": "openvino", "precision": precision},
        "head": {"hidden_units": [512], "dropout": 0.5},
        "training": {"preparation": "noprep", "weight_decay": 0.3},
        "baselines": {"names": []},
        "repeats": {"folds": 5},
    }
    return parse_settings(values | {name: values.get(name, {}) | change for name, change in changes.items()})


def summarise(studies: dict[Precision, Study]) -> dict[str, Any]:
    """Accuracy in each precision, and its paired difference from that in float32."""
    first = next(iter(studies.values()))
    books = read_table(first.workspace.splits, ("key", "label", "group"), label="int32").set_index("key")
    groups = np.unique(books["group"], return_inverse=True)[1]
    right, folds, features = {}, {}, {}
    for precision, study in studies.items():
        hits, folds[precision] = {}, []
        for variant in fold_variants(study.settings):
            keys, found = read_probabilities(study.workspace.repeats / MODEL / variant, "test")
            own = found.argmax(axis=1) == books.loc[keys, "label"].to_numpy()
            hits |= dict(zip(keys, own, strict=True))
            folds[precision].append(round(float(own.mean()), 4))
        right[precision] = np.array([hits[key] for key in books.index], np.float64)
        features[precision] = load_features(study, *MODEL.split("-"))[:]
    result = {}
    for precision in studies:
        gain = right[precision] - right["float32"]
        away = np.abs(features[precision] - features["float32"])
        low, high = interval_of_mean(gain, groups)
        result[precision] = {
            "accuracy": round(float(right[precision].mean()), 4),
            "by_fold": folds[precision],
            "gain_over_float32": {"mean": round(float(gain.mean()), 4), "low": round(low, 4), "high": round(high, 4)},
            "right_here_alone": int((gain > 0).sum()),
            "right_in_float32_alone": int((gain < 0).sum()),
            "mean_difference_by_mean_feature": round(float(away.mean() / np.abs(features["float32"]).mean()), 4),
            "largest_difference": round(float(away.max()), 3),
        }
    return {"covers": len(books), "precisions": result}


def main() -> None:
    """Run the studies, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of listings, covers and weights.")
    parser.add_argument("work", type=Path, help="Folder for what is made on the way.")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    studies: dict[Precision, Study] = {}
    for precision in PRECISIONS:
        study = Study(settings_of(asked.data, asked.work, precision))
        try:
            check_engine(study.settings.models)
            check_quantiser(study.settings.models)
        except SettingsError as error:
            print(error)
            continue
        study.begin()
        for part in study_parts(study):
            if part.stage.name == "evaluate":
                break
            part.stage(study, *part.words)
        studies[precision] = study
    write(summarise(studies))


def write(found: dict[str, Any]) -> None:
    """Write and print the results."""
    told = {name: version(name) for name in ("openvino", "nncf", "tensorflow")}
    result = {"command": "python benchmarks/real_covers/precisions.py DATA WORK", "versions": told, **found}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
