"""Features are computed once, shard by shard, and belong to the right books."""

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.families.systems import comparison_parts, training_parts
from bookcover_core.models import inference_engine
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.training import feature_extraction
from bookcover_core.training.feature_store import shard_file
from bookcover_core.training.features import (
    compute_feature_shard,
    compute_features,
    load_features,
    load_split,
    shuffled_training_books,
)
from bookcover_core.training.preparation_choice import chosen_preparation, split_model_name
from tests.bookcover_core.training.conftest import BOOKS, write_books, write_index

MODEL = "MobileNetV2-padded"


def compute(study):
    return compute_features(study, "MobileNetV2", "padded")


def compute_shard(study: Study, shard: int):
    return compute_feature_shard(study, "MobileNetV2", "padded", shard)


def test_features_lie_in_the_order_of_the_selection(small_study, invented_features):
    """Row n of the features is the picture of row n of the selection, over all shards."""
    manifest = compute(small_study)
    features = load_features(small_study, "MobileNetV2", "padded")[:]
    assert features.shape == (BOOKS, 1280)
    assert features.dtype == np.float32
    assert list(features[:, :3].argmax(axis=1)) == [row % 3 for row in range(BOOKS)]
    assert manifest.counts["covers"] == BOOKS
    assert [len(keys) for keys in shard_keys(small_study).values()] == [8, 11, 6, 11]
    assert len(manifest.outputs) == 8


def test_a_split_gets_its_own_rows(small_study, invented_features):
    """Keys, labels and features of a split belong together."""
    compute(small_study)
    everything = load_features(small_study, "MobileNetV2", "padded")[:]
    for split, books in (("train", 18), ("validation", 9), ("test", 9)):
        part = load_split(small_study, "MobileNetV2", "padded", split)
        assert len(part.keys) == books
        assert np.array_equal(part.features[:], everything[[int(key) for key in part.keys]])
        assert list(part.labels) == [int(key) % 3 for key in part.keys]


def test_nothing_is_computed_twice(small_study, invented_features):
    """A second run reads no picture."""
    compute(small_study)
    assert compute(small_study).reused
    assert invented_features() == BOOKS


def test_a_cut_off_run_keeps_its_shards(small_study, invented_features, monkeypatch):
    """After a run that stopped at its second shard, only the shards from there on are computed."""
    from bookcover_core.training import features

    write, written = features.write_shard, []

    def stop_at_the_second(*arguments):
        if written:
            raise KeyboardInterrupt
        written.append(arguments)
        write(*arguments)

    monkeypatch.setattr(features, "write_shard", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        compute(small_study)
    monkeypatch.setattr(features, "write_shard", write)
    before = invented_features()
    assert compute(small_study).counts["computed"] == BOOKS - 8
    assert invented_features() - before == BOOKS - 8


def test_shards_can_be_computed_one_by_one(small_study, invented_features):
    """A shard needs the preparation of its own covers alone, is computed once, and is what the stage then finds."""
    small_study.manifest_file("prepare/shard-0003").unlink()
    file = compute_shard(small_study, 2).outputs[0].path
    assert np.load(small_study.workspace.root / file).shape == (11, 1280)
    assert compute_shard(small_study, 2).reused
    assert invented_features() == 11
    with pytest.raises(StageOrderError, match="prepare/shard-0003"):
        compute_shard(small_study, 3)
    with pytest.raises(StageOrderError, match="prepare/shard-0005"):
        compute_shard(small_study, 5)
    write_index(small_study, 3)
    assert compute(small_study).counts["computed"] == BOOKS - 11


def test_a_changed_picture_is_computed_alone(small_study, invented_features):
    """A picture prepared anew takes no other with it, in its shard or elsewhere."""
    digest = compute(small_study).digest
    Image.new("RGB", (299, 299), "blue").save(small_study.workspace.prepared / "padded" / f"{20:010d}.jpg")
    write_index(small_study, 4)
    manifest = compute(small_study)
    assert manifest.counts["computed"] == 1
    assert manifest.digest != digest
    assert load_features(small_study, "MobileNetV2", "padded")[:][20, 2] > 0.9


def test_a_damaged_shard_is_computed_again(small_study, invented_features):
    """A shard whose bytes are not those that were written is not trusted, whatever its size."""
    compute(small_study)
    file = shard_file(small_study, "MobileNetV2-padded", 3)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)  # in place: the store has the same file
    assert compute(small_study).counts["computed"] == 6


def test_other_weights_give_other_features(small_study, invented_features):
    """The seed of random weights is an input of the stage."""
    compute(small_study)
    other = small_study.settings.model_copy(update={"seed": 1})
    assert not compute(type(small_study)(other)).reused
    assert invented_features() == 2 * BOOKS


def test_features_come_after_preparation(small_study):
    """Without the manifest of a shard's preparation there are no features."""
    small_study.manifest_file("prepare/shard-0002").unlink()
    with pytest.raises(StageOrderError, match="prepare/shard-0002"):
        compute(small_study)


def test_features_that_are_not_there_are_named(small_study):
    """Asked for features before they were computed, the message names the stage."""
    with pytest.raises(StageOrderError, match="features/MobileNetV2-padded"):
        load_features(small_study, "MobileNetV2", "padded")


def test_features_of_other_books_are_refused(small_study, invented_features):
    """When the selection has changed since, features are not laid to the wrong books."""
    compute(small_study)
    selection = small_study.workspace.selection
    selection.write_text(selection.read_text().replace("0000000020", "0000000099"))
    with pytest.raises(StageOrderError, match="another selection of books"):
        load_split(small_study, "MobileNetV2", "padded", "train")


def test_an_unknown_backbone_is_a_setting(small_study):
    """The message lists the backbones that there are."""
    with pytest.raises(SettingsError, match="MobileNetV2, InceptionResNetV2, ResNeXt50"):
        compute_features(small_study, "VGG99", "padded")


@pytest.mark.parametrize(("backbone", "lines"), [("NASNetLarge", 1), ("MobileNetV2", 0)])
def test_enlarging_is_said_once(small_study, invented_features, caplog, backbone, lines):
    """A network whose input is larger than the prepared pictures sees them enlarged, and the log says so."""
    with caplog.at_level(logging.INFO, logger="bookcover_core.training.features"):
        compute_features(small_study, backbone, "padded")
    message = f"features/{backbone}-padded: pictures of 299 pixels are enlarged to 331"
    assert [record.getMessage() for record in caplog.records].count(message) == lines


def test_a_picture_that_was_not_prepared_is_named(small_study, invented_features):
    """A preparation that the index does not list is an error that says what to do."""
    index = small_study.workspace.prepared / "index" / "shard-0001.csv"
    index.write_text(index.read_text().replace("padded", "other"))
    with pytest.raises(StageOrderError, match="no padded picture"):
        compute(small_study)


def test_a_models_name_splits_at_its_last_hyphen():
    """Names of backbones may hold hyphens; those of preparations do not."""
    assert split_model_name("My-Net-padded") == ("My-Net", "padded")


def test_another_study_of_the_home_computes_what_it_has_not(small_study, invented_features):
    """Rows go by the picture: whatever shard of whatever study they were computed for, under whatever key."""
    compute(small_study)
    settings = small_study.settings.model_copy(
        update={
            "name": "other",
            "preparation": small_study.settings.preparation.model_copy(update={"shard_records": 64}),
        }
    )
    other = type(small_study)(settings)
    shutil.copytree(small_study.workspace.prepared, other.workspace.prepared)
    Image.new("RGB", (299, 299), "blue").save(other.workspace.prepared / "padded" / f"{20:010d}.jpg")
    write_books(other)
    write_index(other, 1)
    assert compute(other).counts["computed"] == 1
    assert invented_features() == BOOKS + 1
    mine, theirs = (load_features(study, "MobileNetV2", "padded")[:] for study in (other, small_study))
    assert [row for row in range(BOOKS) if not np.array_equal(mine[row], theirs[row])] == [20]


def test_the_stage_finds_the_shards_that_are_there(small_study, invented_features):
    """Shards done one by one, in any order, are what `features` would compute, and it computes none of them again."""
    heard: list[tuple[int, int]] = []
    telling = Study(small_study.settings, lambda done, total: heard.append((done, total)))
    assert [compute_shard(telling, shard).counts["covers"] for shard in (3, 1)] == [6, 8]
    assert heard[-1] == (8, 8), "progress is that of the shard"
    manifest = compute_features(small_study, "MobileNetV2", "padded")
    assert manifest.counts["computed"] == BOOKS - 6 - 8
    assert [one.label for one in small_study.manifests("features")] == [f"features/{MODEL}"]


def test_a_shard_is_done_once(small_study, invented_features):
    """It stands until its file is altered, or the pictures that it was made from."""
    compute_shard(small_study, 2)
    assert compute_shard(small_study, 2).reused
    file = shard_file(small_study, MODEL, 2)
    content = file.read_bytes()
    np.save(file, np.zeros((11, 1280), np.float32))
    assert not compute_shard(small_study, 2).reused
    assert file.read_bytes() == content
    assert invented_features() == 2 * 11


def test_shards_share_a_network(small_study, invented_features, monkeypatch):
    """A process that is given shards one by one makes the network once, and another where the weights are others."""
    made: list[str] = []

    class Counted(feature_extraction.Extractor):
        def __init__(self, settings, backbone, **options):
            made.append(backbone.name)
            super().__init__(settings, backbone, **options)

    monkeypatch.setattr(feature_extraction, "Extractor", Counted)
    for shard in (1, 2):
        compute_shard(small_study, shard)
    assert made == ["MobileNetV2"]
    compute_shard(Study(small_study.settings.model_copy(update={"seed": 5})), 2)
    assert made == ["MobileNetV2"] * 2


def test_a_shard_comes_after_its_preparation(small_study):
    """Its own covers must have been prepared."""
    small_study.manifest_file("prepare/shard-0002").unlink()
    with pytest.raises(StageOrderError, match="prepare/shard-0002"):
        compute_shard(small_study, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"engine": "tensorflow"}, "engine changed from openvino to tensorflow"),
        ({"precision": "bfloat16"}, "precision changed from float32 to bfloat16"),
        ({"input_size": 128}, "models.input_size changed from 0 to 128"),
        ({"engine": "openvino"}, None),  # that is what "auto" came to
    ],
)
def test_how_features_are_computed_counts(small_study, invented_features, monkeypatch, caplog, changed, said):
    """Another engine, precision or side of the input computes every picture again, and the log says why."""
    monkeypatch.setattr(inference_engine, "openvino_version", lambda: "2026.4")
    monkeypatch.setattr(inference_engine, "has_gpu", lambda: False)
    assert compute(small_study).counts["engine"] == "OpenVINO 2026.4, float32"
    models = small_study.settings.models.model_copy(update=changed)
    other = Study(small_study.settings.model_copy(update={"models": models}))
    with caplog.at_level(logging.INFO):
        made = compute(other)
    assert invented_features() == (2 if said else 1) * BOOKS
    assert made.reused == (said is None)
    if said:
        assert f"features/{MODEL}: runs again: {said}" in caplog.messages


def sharing(study: Study, share: float) -> Study:
    """The same study, whose preparations are compared on a share of the training books."""
    comparison = study.settings.comparison.model_copy(update={"share": share})
    return Study(study.settings.model_copy(update={"comparison": comparison}))


def test_preparations_are_compared_on_a_share_of_the_training_books(small_study, invented_features):
    """Of those that are not chosen no other features are computed, and the chosen one's are not computed twice."""
    compute(small_study)
    expected = load_split(small_study, "MobileNetV2", "padded", "train")
    features, read = dict(zip(expected.keys, expected.features[:], strict=True)), invented_features()
    study = sharing(small_study, 0.4)
    shutil.rmtree(study.workspace.features)
    shutil.rmtree(Store.beside(study).folder)
    for part in comparison_parts(study, "MobileNetV2"):
        part.stage(study, *part.words)
    drawn = load_split(study, "MobileNetV2", "padded", "train", compared=True)
    assert len(drawn.keys) == 8  # 0.4 of 18, rounded up
    assert all(np.array_equal(row, features[key]) for key, row in zip(drawn.keys, drawn.features[:], strict=True))
    assert len(load_split(study, "MobileNetV2", "padded", "test", compared=True).keys) == 9
    assert invented_features() - read == 8 + 9 + 9  # the three preparations have the same pictures here
    assert {part.words for part in parts(study, "features")} == {("MobileNetV2", chosen_preparation(study))}
    for part in training_parts(study, "MobileNetV2"):
        if part.stage.name == "features":
            part.stage(study, *part.words)
    assert invented_features() - read == BOOKS
    whole = load_split(study, "MobileNetV2", str(chosen_preparation(study)), "train")
    assert len(whole.keys) == 18


def test_who_is_drawn_for_the_comparison(small_study):
    """The seed and the keys say it: a larger share has the books of a smaller one, and a book that goes draws none."""
    drawn = shuffled_training_books(small_study, "comparison")
    assert shuffled_training_books(small_study, "calibration") != drawn
    splits = read_table(small_study.workspace.splits)
    write_table(small_study.workspace.splits, splits[splits["key"] != drawn[0]])
    assert shuffled_training_books(small_study, "comparison") == drawn[1:]


def test_where_all_books_compare_there_is_no_share(small_study):
    """By default the features that preparations are compared by are those that networks are trained on."""
    assert parts(small_study, "compared-features") == []
    assert len(parts(sharing(small_study, 0.5), "compared-features")) == 3
    names = [part.stage.name for part in comparison_parts(small_study, "MobileNetV2")]
    assert names == ["features", "short-training"] * 3 + ["compare"]
