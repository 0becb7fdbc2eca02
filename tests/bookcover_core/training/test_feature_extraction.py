"""Either engine takes files of prepared pictures to the same features, and names what is wrong with them."""

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError, WeightsError
from bookcover_core.models import weights
from bookcover_core.settings import StudySettings
from bookcover_core.training.feature_extraction import Extractor
from tests.bookcover_core.training.conftest import draw_pictures
from tests.bookcover_core.training.tiny import TINY


def settings(**models):
    return StudySettings.model_validate({"models": {"weights": "random", **models}})


@pytest.fixture
def files(tmp_path):
    for number, content in enumerate(draw_pictures()):
        (tmp_path / f"{number:02d}.jpg").write_bytes(content)
    return sorted(tmp_path.iterdir())


def test_engines_agree(files):
    """In float32 features differ by rounding only: files are decoded and scaled alike, batches are put in order."""
    told = []
    found = Extractor(settings(engine="openvino"), TINY).extract(files, told.append)
    expected = Extractor(settings(engine="tensorflow"), TINY).extract(files, told.append)
    assert told == [32, 36] * 2
    assert found.shape == (36, 8)
    assert 0 < np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_what_is_wrong_is_named(engine, files, monkeypatch):
    """A damaged picture is named, and so are weights that give no numbers."""
    extractor = Extractor(settings(engine=engine), TINY)
    files[34].write_bytes(b"no picture")
    with pytest.raises(StageOrderError, match="cannot be read") as raised:
        extractor.extract(files, lambda _: None)
    assert raised.value.where == str(files[34])
    network = TINY.build()
    network.get_layer("top_bn").set_weights([np.full(8, value) for value in (1, np.inf, 0, 1)])
    monkeypatch.setattr(
        weights, "_last_built", {f"Miniature 32 {weights.weights_source(settings(), TINY).digest}": network}
    )
    with pytest.raises(WeightsError, match="Miniature give features that are no numbers"):
        Extractor(settings(engine=engine), TINY).extract(files[:3], lambda _: None)
