"""One shard of features as a stage of its own."""

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.training.feature_shards import compute_feature_shard
from bookcover_core.training.feature_store import shard_file
from bookcover_core.training.features import compute_features
from tests.bookcover_core.training.conftest import BOOKS

MODEL = "MobileNetV2-padded"


def compute(study: Study, shard: int):
    return compute_feature_shard(study, "MobileNetV2", "padded", shard)


def test_the_stage_finds_the_shards_that_are_there(small_study, invented_features):
    """Shards done one by one, in any order, are what `features` would compute, and it computes none of them again."""
    heard: list[tuple[int, int]] = []
    telling = Study(small_study.settings, lambda done, total: heard.append((done, total)))
    assert [compute(telling, shard).counts["covers"] for shard in (3, 1)] == [6, 8]
    assert heard[-1] == (8, 8), "progress is that of the shard"
    manifest = compute_features(small_study, "MobileNetV2", "padded")
    assert manifest.counts["computed"] == BOOKS - 6 - 8
    assert [one.label for one in small_study.manifests("features")] == [f"features/{MODEL}"]


def test_a_shard_is_done_once(small_study, invented_features):
    """It stands until its file is altered, or the pictures that it was made from."""
    compute(small_study, 2)
    assert compute(small_study, 2).reused
    file = shard_file(small_study, MODEL, 2)
    content = file.read_bytes()
    np.save(file, np.zeros((11, 1280), np.float32))
    assert not compute(small_study, 2).reused
    assert file.read_bytes() == content
    assert invented_features() == 2 * 11


def test_a_shard_comes_after_its_preparation(small_study):
    """Its own covers must have been prepared."""
    small_study.manifest_file("prepare/shard-0002").unlink()
    with pytest.raises(StageOrderError, match="prepare/shard-0002"):
        compute(small_study, 2)
