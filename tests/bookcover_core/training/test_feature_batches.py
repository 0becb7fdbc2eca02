"""Windows hold whole batches, come in order, and are gathered one ahead."""

import numpy as np
import pytest

from bookcover_core.training import feature_batches
from bookcover_core.training.feature_batches import Windows
from bookcover_core.training.feature_store import LabelledFeatures

ROWS, CHANNELS, BATCH = 50, 4, 8


class Asked:
    """Features that remember which of their rows were asked for."""

    def __init__(self):
        self.shape = (ROWS, CHANNELS)
        self.asked = []

    def __getitem__(self, places):
        self.asked.append(places)
        return np.repeat(np.arange(ROWS, dtype=np.float32)[places][:, None], CHANNELS, axis=1)


def books(features):
    return LabelledFeatures([], np.arange(ROWS, dtype=np.int32), features, np.arange(ROWS, dtype=np.float32)[:, None])


def test_what_fits_one_window_is_read_once():
    """Features that fit are taken as they are, however often and in whatever order they are gone through."""
    features = Asked()
    whole = Windows(books(features), BATCH)
    for order in (np.arange(ROWS), np.arange(ROWS)[::-1]):
        (window,) = whole.over(order.astype(np.int32))
        assert window.order.numpy().tolist() == order.tolist()
    assert features.asked == [slice(None)]


def test_windows_hold_whole_batches_in_the_wanted_order(monkeypatch):
    """Each window but the last is a multiple of the batch; features, measurements and labels belong together."""
    monkeypatch.setattr(feature_batches, "WINDOW_BYTES", 21 * 4 * CHANNELS)
    features = Asked()
    order = np.random.default_rng(1).permutation(ROWS).astype(np.int32)
    seen = list(Windows(books(features), BATCH).over(order))
    assert [len(window.labels) for window in seen] == [16, 16, 16, 2]
    for window in seen:
        assert window.order.numpy().tolist() == list(range(len(window.labels)))
        assert np.array_equal(window.features[:, 0], window.labels)
        assert np.array_equal(window.measurements[:, 0], window.labels)
    assert np.concatenate([window.labels for window in seen]).tolist() == order.tolist()


def test_no_more_than_the_next_window_is_gathered(monkeypatch):
    """While one window is in use, one more is gathered and no third; what fails there fails here."""
    monkeypatch.setattr(feature_batches, "WINDOW_BYTES", 1)
    features = Asked()
    stream = Windows(books(features), BATCH).over(np.arange(ROWS, dtype=np.int32))
    for taken in range(1, 4):
        next(stream)
        assert len(features.asked) <= taken + 1
    monkeypatch.setattr(Asked, "__getitem__", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(Windows(books(Asked()), BATCH).over(np.arange(ROWS, dtype=np.int32)))
