"""What the report gathers: today's networks, and why others or the published numbers stand aside."""

import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_table
from bookcover_core.report.findings import gather
from bookcover_core.report.number_verdicts import Reproduction, number_verdicts
from bookcover_core.report.report_files import figure_specs
from bookcover_core.report.result_tables import preparation_table
from bookcover_core.report.summary import headline, result_rows
from bookcover_core.report.write_report import write_report
from bookcover_core.settings import StudySettings
from tests.bookcover_core.report.specimen import Specimen, invented_history, make_study


def _changed(study: Study, group: str, **values: object) -> Study:
    changed = study.settings.model_copy(update={group: getattr(study.settings, group).model_copy(update=values)})
    assert isinstance(changed, StudySettings)
    return Study(changed)


def test_the_official_test_set_is_comparable(official):
    """190 test books of each of the thirty genres, ImageNet weights, covers from the listings: comparable."""
    findings = gather(official)
    assert findings.comparable
    assert findings.best.name == "InceptionResNetV2"


def test_published_numbers_are_compared_on_the_original_test_books(official, tmp_path: Path):
    """Books that came for others are left out of the comparison; with a fifth of the originals gone there is none."""
    study = Study(official.settings.model_copy(update={"workspace": str(tmp_path)}))
    shutil.copytree(official.workspace.root, study.workspace.root)
    books = pd.read_csv(study.workspace.splits, dtype=str, keep_default_na=False)
    tested = books.index[books["split"] == "test"]

    def replaced(count: int):
        changed = books.copy()
        changed.loc[tested[:count], "replaces"] = "another"
        write_table(study.workspace.splits, changed)
        return gather(study)

    findings = replaced(700)
    assert findings.comparable
    assert findings.comparable_scores["MobileNetV2"].books == 5_000
    assert [each.scores.books for each in findings.systems if each.name == "MobileNetV2"] == [5_700]
    assert any("5,000 of them that are left" in str(each) for each in [headline(findings)])
    assert replaced(1_200).obstacles == ["of the 5,700 official test books 4,500 are left, below 80 %"]


def test_a_changed_head_is_not_the_dissertations(official):
    """Its numbers are not compared with those of the network of the same name; what was changed is said."""
    changed = gather(_changed(official, "head", hidden_units=(64,)))
    assert changed.trained_otherwise.endswith("(head.hidden_units)")
    assert not gather(official).trained_otherwise
    of_own = [each for each in number_verdicts(changed) if each.network == "MobileNetV2" and each.source != "Table 1"]
    assert {each.outcome for each in of_own} == {Reproduction.NOT_COMPARABLE}
    assert all(row["published_top1"] is None for row in result_rows(changed))


def test_what_stands_in_the_way_is_named(official, own_genres):
    """Random weights, covers from elsewhere, other test books and other genres are each named as obstacles."""
    assert any("random" in each for each in gather(_changed(official, "models", weights="random")).obstacles)
    private = _changed(official, "covers", allowed_private_hosts=("127.0.0.1",))
    assert any("addresses" in each for each in gather(private).obstacles)
    folded = gather(_changed(official, "splits", fold=1))
    assert folded.obstacles == ["the test books are not those of the official listing"]
    assert not folded.original_books
    assert gather(own_genres).obstacles == ["the genres are not those of BookCover30"]


def test_networks_with_weight_files_are_trained(official):
    """With weights = random, networks that all have files of their own are not random."""
    own = {"MobileNetV2": "a.h5", "InceptionResNetV2": "b.h5"}
    assert not gather(_changed(official, "models", weights="random", weight_files=own)).random_weights


def test_missing_networks_have_a_reason(bookcover30):
    """A network without results is missing: for the reason given, or the one that its folder tells."""
    assert [each.name for each in gather(bookcover30).missing] == ["ResNeXt50"]
    assert "not trained" in gather(bookcover30).missing[0].reason
    assert gather(bookcover30, {"ResNeXt50": "No memory."}).missing[0].reason == "No memory."
    # What an earlier run found of a network that failed today is not today's result.
    assert [each.name for each in gather(bookcover30, {"MobileNetV2": "x"}).systems] == ["InceptionResNetV2"]


def test_only_todays_networks_are_gathered(bookcover30):
    """A network that the settings no longer name is left out, and so are its manifests."""
    findings = gather(_changed(bookcover30, "training", backbones=("MobileNetV2",)))
    assert [system.name for system in findings.systems] == ["MobileNetV2"]
    assert [manifest.part for manifest in findings.manifests["evaluate"]] == ["MobileNetV2-padded"]
    assert not findings.missing


def test_parts_of_an_earlier_cut_are_left_out_of_every_stage(tmp_path: Path):
    """Chunks or shards that nothing behind them is made from are no part of today's outcome, whatever the stage."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), compared=False))
    for stage in ("hashes", "read", "prepare"):
        for part in ("part-1", "part-2"):
            record(study, f"{stage}/{part}")
    record(study, "curate", after=["hashes/part-1", "read/part-1", "prepare/part-1"])
    manifests = gather(study).manifests
    assert [[each.part for each in manifests[stage]] for stage in ("hashes", "read", "prepare")] == [["part-1"]] * 3


def test_the_comparison_chooses_the_preparation(bookcover30):
    """With the choice left to the comparison, the networks on its choice are gathered."""
    findings = gather(_changed(bookcover30, "training", preparation="best"))
    assert findings.preparation == "padded"
    assert len(findings.systems) == 2


def test_before_a_preparation_is_chosen_all_networks_are_missing(tmp_path: Path):
    """With the choice left to a comparison that has not been made, there are no networks and no error."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), compared=False))
    findings = gather(_changed(study, "training", preparation="best"))
    assert findings.preparation == ""
    assert [each.name for each in findings.missing] == ["MobileNetV2"]
    assert findings.best is None


def test_systems_of_every_kind_are_gathered_and_reported(tmp_path: Path, caplog):
    """Frozen, fine-tuned, scratch and ensemble stand side by side under their titles; none is missed for what it is."""
    wanted = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2", "LeNet"), failed=("MobileNetV2",))
    study = make_study(tmp_path, wanted, fine_tuning={"blocks": 1}, ensemble={"methods": ["mean"]})
    findings = gather(study, {"MobileNetV2": "No memory."})
    titles = ["LeNet, from scratch", "MobileNetV2, fine-tuned", "Ensemble, mean"]
    assert [network.title for network in findings.systems] == titles
    assert [(each.title, each.reason) for each in findings.missing] == [("MobileNetV2", "No memory.")]
    made = {manifest.label for stage in ("finetune", "scratch", "ensemble") for manifest in findings.manifests[stage]}
    assert made == {
        "finetune/MobileNetV2-finetuned-padded",
        "scratch/LeNet-padded",
        "ensemble/Ensemble-mean-padded",
    }
    assert not findings.random_weights
    write_report(study)
    page = (study.workspace.report / "index.html").read_text("utf-8")
    assert all(title in page for title in titles)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_epoch_that_was_kept_is_the_card_s(tmp_path: Path):
    """A network whose best epoch was told by its loss is shown at that epoch, not at that of the best accuracy."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",)))
    [network] = gather(study).systems
    assert network.card is not None
    kept = int(network.card.metrics["best_epoch"])
    history = invented_history(kept + 20, 0.4, kept + 6)
    assert history["val_accuracy"].argmax() + 1 != kept
    write_table(study.workspace.models / "MobileNetV2-padded" / "history.csv", history)
    [network] = gather(study).systems
    assert network.best_epoch == kept
    assert network.validation_accuracy == pytest.approx(history["val_accuracy"][kept - 1])


def test_each_network_has_its_own_comparison(tmp_path: Path):
    """With a comparison per network, each has its Figure 3.1, its rows in Table 1, and its own choice."""
    names = ("MobileNetV2", "ResNeXt50")
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=names, compared=False))
    for name, choice in zip(names, ("padded", "cropped"), strict=True):
        folder = study.workspace.comparison / name
        rows = pd.DataFrame({"preparation": ["padded", "cropped"], "best_epoch": 3, "validation_accuracy": 0.4})
        write_table(folder / "comparison.csv", rows.assign(test_accuracy=0.3))
        write_json(folder / "chosen.json", {"preparation": choice})
        write_table(folder / choice / "history.csv", invented_history(5, 0.4, 3))
        record(study, f"compare/{name}")
    study = _changed(_changed(study, "training", preparation="best"), "comparison", per_backbone=True)
    findings = gather(study)
    assert findings.preparation == "cropped and padded"
    assert [network.title for network in findings.systems] == ["MobileNetV2"], "ResNeXt50 was trained on padded covers"
    assert [(trial.backbone, trial.preparation) for trial in findings.trials if trial.chosen] == [
        ("MobileNetV2", "padded"),
        ("ResNeXt50", "cropped"),
    ]
    table = preparation_table(findings)
    assert [row[0].value for row in table.rows] == ["MobileNetV2", "MobileNetV2", "ResNeXt50", "ResNeXt50"]
    figures = [spec for spec in figure_specs(findings) if spec and spec.name.startswith("preparations")]
    assert [spec.name for spec in figures] == ["preparations-MobileNetV2", "preparations-ResNeXt50"]
    assert all(name in spec.caption for name, spec in zip(names, figures, strict=True))
