"""Clusters: what hangs together by pairs, found as the pairs come in."""

import numpy as np
from numpy.typing import NDArray


class Clusters:
    """The connected components of `count` things that are joined by pairs; at first each is one of its own.

    Pairs are taken in many at a time and forgotten, so that a crowd with millions of them costs no memory. After
    Shiloach and Vishkin (1982), "An O(log n) Parallel Connectivity Algorithm".
    """

    def __init__(self, count: int) -> None:
        self._roots = np.arange(count)

    @property
    def first(self) -> NDArray[np.int64]:
        """(count,) the first thing of the cluster that each belongs to."""
        return self._roots

    def join(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        """Put the two things of each pair into one cluster."""
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
