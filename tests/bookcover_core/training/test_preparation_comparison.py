"""Who compares the preparations, for whom, and where that lies. No network is trained here."""

import json
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pandas as pd
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.families.systems import find_system
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.preparation_choice import (
    chosen_preparation,
    comparing_backbones,
    comparison_parts,
)
from bookcover_core.training.preparation_comparison import compare_preparation, compare_preparations

# What each network's short training validates with.
ACCURACY = {
    "MobileNetV2": {"noprep": 0.2, "padded": 0.4, "cropped": 0.3},
    "ResNeXt50": {"noprep": 0.5, "padded": 0.4, "cropped": 0.3},
    "InceptionResNetV2": {"noprep": 0.4, "padded": 0.4, "cropped": 0.3},
}
LOSS = {"padded": 2.5}


@pytest.fixture
def make_study(tmp_path, monkeypatch):
    """A study whose features are there, and whose trainings come out as `ACCURACY` says."""

    def train(study, _run, backbone, preparation, _hyperparameters, folder, **_):
        write_table(folder / "history.csv", pd.DataFrame({"epoch": [1]}))
        (folder / "head.weights.h5").write_bytes(b"")
        validated = {
            "validation_accuracy": ACCURACY[backbone][preparation],
            "validation_loss": LOSS.get(preparation, 3.0),
        }
        metrics = {"best_epoch": 1, "epochs": 1, **validated, "test_accuracy": 0.1}
        outputs = [folder / "history.csv", folder / "head.weights.h5"]
        return SimpleNamespace(metrics=metrics, outputs=outputs, digest=f"{backbone} {preparation}")

    name = "bookcover_core.training.training_run"
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(run_head_training=train, __spec__=find_spec(name)))

    def make(*backbones: str, per_backbone: bool, **settings: object) -> Study:
        groups = {"training": {"backbones": list(backbones)}, "comparison": {"per_backbone": per_backbone}} | settings
        study = Study(parse_settings({"name": "compared", "workspace": str(tmp_path), **groups}))
        for stage, part in [("listings", ""), ("split", "")]:
            record(study, f"{stage}/{part}")
        for backbone in ACCURACY:
            for preparation in study.settings.preparation.methods:
                record(study, f"features/{backbone}-{preparation}")
        return study

    return make


def compare(study: Study) -> None:
    for backbone in comparing_backbones(study.settings):
        for preparation in study.settings.preparation.methods:
            compare_preparation(study, preparation, backbone)
        compare_preparations(study, backbone)


def test_one_network_compares_for_all(make_study):
    """Without per_backbone the settings' network alone is trained, and everybody takes its choice."""
    study = make_study("ResNeXt50", "LeNet", per_backbone=False)
    compare(study)
    labels = {manifest.label for manifest in study.manifests("compare")}
    assert labels == {"compare", "compare/noprep", "compare/padded", "compare/cropped"}
    assert {chosen_preparation(study, name) for name in ("ResNeXt50", "LeNet", None)} == {"padded"}
    assert (study.workspace.comparison / "padded" / "result.json").is_file()


def test_a_tie_goes_to_the_lower_loss_and_is_told(make_study):
    """NoPrep comes first and is as accurate; Padded has the lower loss, and the choice says what it tied with."""
    study = make_study("InceptionResNetV2", per_backbone=True)
    compare(study)
    assert chosen_preparation(study, "InceptionResNetV2") == "padded"
    chosen = json.loads((study.workspace.comparison / "InceptionResNetV2" / "chosen.json").read_text())
    assert chosen["tied"] == ["noprep"]
    assert chosen["tie"] == "On the validation books padded ties with noprep, and has the lower validation loss."


def test_each_network_compares_for_itself(make_study):
    """With per_backbone each frozen network has its own trials, files and choice; LeNet takes the settings' own."""
    study = make_study("ResNeXt50", "LeNet", per_backbone=True, ensemble={"methods": ["mean"]})
    assert comparing_backbones(study.settings) == ["ResNeXt50", "MobileNetV2"]
    compare(study)
    parts = {manifest.part for manifest in study.manifests("compare")}
    assert parts == comparison_parts(study.settings)
    assert {"ResNeXt50", "ResNeXt50-noprep", "MobileNetV2"} < parts
    assert (chosen_preparation(study, "ResNeXt50"), chosen_preparation(study, "LeNet")) == ("noprep", "padded")
    folder = study.workspace.comparison / "ResNeXt50"
    assert json.loads((folder / "chosen.json").read_text())["backbone"] == "ResNeXt50"
    assert pd.read_csv(folder / "comparison.csv")["validation_accuracy"].tolist() == [0.5, 0.4, 0.3]
    models = [find_system(study.settings, name).model(study) for name in ("ResNeXt50", "LeNet", "Ensemble-mean")]
    assert models == ["ResNeXt50-noprep", "LeNet-padded", "Ensemble-mean-mixed"]
    assert compare_preparations(study, "ResNeXt50").reused


def test_the_settings_network_is_not_asked_where_nobody_needs_it(make_study):
    """Its features are dear: without a network that is trained from scratch, it compares for itself alone."""
    study = make_study("ResNeXt50", per_backbone=True)
    assert comparing_backbones(study.settings) == ["ResNeXt50"]
    with pytest.raises(StageOrderError, match="compare/ResNeXt50"):
        chosen_preparation(study, "ResNeXt50")
