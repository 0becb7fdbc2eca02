"""Connected components of a graph, from a stream of its edges."""

import numpy as np
from numpy.typing import NDArray


class ConnectedComponents:
    """The connected components of `count` nodes; at first each node is a component.

    Edges are added in batches and not kept, so that millions of them cost no memory. After
    Shiloach and Vishkin (1982), "An O(log n) Parallel Connectivity Algorithm".
    """

    def __init__(self, count: int) -> None:
        self._roots = np.arange(count)

    @property
    def first(self) -> NDArray[np.int64]:
        """(count,) the first node of each node's component."""
        return self._roots

    def join(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        """Add edges between the nodes `one` and `other`."""
        roots = self._roots
        while True:
            low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
            apart = low < high
            if not apart.any():
                return
            one, other = one[apart], other[apart]
            np.minimum.at(roots, high[apart], low[apart])
            while (shorter := roots[roots]).tobytes() != roots.tobytes():
                roots[:] = shorter
