"""Mapped rows are those of an array, wherever the borders of the shards lie."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.training.feature_store import MappedRows


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5), data=st.data())
def test_rows_are_those_of_all_shards_together(sizes, data):
    """Any rows, in any order, repeated or not, of some of the rows, are what the joined shards have there."""
    shards = [np.arange(3 * size, dtype=np.float32).reshape(size, 3) + 100 * n for n, size in enumerate(sizes)]
    joined = np.concatenate(shards)
    places = st.lists(st.integers(0, len(joined) - 1), max_size=12)
    some = np.array(data.draw(places), np.int64)
    mapped = MappedRows(shards, np.arange(len(joined))).of(some)
    assert mapped.shape == (len(some), 3)
    assert np.array_equal(mapped[:], joined[some])
    if len(some):
        wanted = np.array(data.draw(st.lists(st.integers(0, len(some) - 1), max_size=12)), np.int64)
        assert np.array_equal(mapped[wanted], joined[some][wanted])
        assert mapped[wanted].dtype == np.float32
