"""What hangs together by pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.curation.connected_components import ConnectedComponents

PAIRS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=20)


@given(batches=st.lists(PAIRS, max_size=4))
def test_clusters_are_the_connected_components(batches):
    """However the pairs come, each thing's cluster is named by the first thing that it can be reached from."""
    clusters = ConnectedComponents(15)
    for batch in batches:
        one, other = np.array(batch, dtype=np.int64).reshape(-1, 2).T
        clusters.join(one, other)
    reached = list(range(15))
    for _ in range(15):
        for one, other in (pair for batch in batches for pair in batch):
            reached[one] = reached[other] = min(reached[one], reached[other])
    assert clusters.first.tolist() == reached


def test_a_long_chain_is_one_cluster():
    """100,000 things in a chain, joined in any order, are one cluster."""
    links = np.random.default_rng(1).permutation(99_999)
    clusters = ConnectedComponents(100_000)
    clusters.join(links, links + 1)
    assert not clusters.first.any()
