"""Search in Hamming space: all pairs of near fingerprints, without comparing each with each.

Multi-index hashing (Norouzi, Punjani and Fleet 2012): two hashes of 64 bits that differ in at most d bits differ in at
most d // 4 of one of their four blocks of 16 bits. So the hashes are sorted by each block in turn, and compared only
with those whose block differs that little, in batches.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Root mean square of the differences between two covers' colours, of 255, up to which they are the same image. Among
# the real covers within 6 bits (see `fingerprints`) one image reaches 18.0; the next pair of a series is at 19.7.
COLOUR_LIMIT = 19.0
_BLOCKS, _BLOCK_BITS = 4, 16
_AT_ONCE = 1 << 18  # pairs compared at once: bounds the memory to some 100 MB

Places = NDArray[np.int64]


class NearPairs(NamedTuple):
    """Pairs of near fingerprints."""

    one: Places  # position of the first of each pair; below that of the other
    other: Places
    bits: Places  # Hamming distance of their hashes, in bits


def near_pairs(hashes: NDArray[np.uint64], colours: NDArray[np.uint8], distance: int) -> Iterator[NearPairs]:
    """All pairs of `hashes` (n,) that differ in at most `distance` bits, 0 to 16, each once.

    Of those only pairs are given whose mean `colours` (n, k) are alike.
    """
    blocks = np.stack([hashes >> np.uint64(_BLOCK_BITS * block) for block in range(_BLOCKS)]).astype(np.uint16)
    radius = distance // _BLOCKS
    for number in range(_BLOCKS):
        order = np.argsort(blocks[number], kind="stable")
        for left, right in _candidates(blocks[number, order], radius):
            one, other = order[left], order[right]
            bits = np.bitwise_count(hashes[one] ^ hashes[other])
            near = bits <= distance
            one, other, bits = one[near], other[near], bits[near].astype(np.int64)
            apart = colours[one].astype(np.int32) - colours[other]
            new = np.einsum("ij,ij->i", apart, apart) <= COLOUR_LIMIT**2 * colours.shape[1]
            for earlier in blocks[:number]:  # pairs that an earlier block found are skipped
                new &= np.bitwise_count(earlier[one] ^ earlier[other]) > radius
            if new.any():
                one, other = one[new], other[new]
                yield NearPairs(np.minimum(one, other), np.maximum(one, other), bits[new])


def _candidates(values: NDArray[np.uint16], radius: int) -> Iterator[tuple[Places, Places]]:
    """Positions of all pairs among sorted `values` that differ in at most `radius` bits, each pair once."""
    starts = np.searchsorted(values, np.arange((1 << _BLOCK_BITS) + 1))
    places, wide = np.arange(len(values)), values.astype(np.int64)
    yield from _spread(places, places + 1, starts[wide + 1])
    for count in range(1, radius + 1):
        for bits in combinations(range(_BLOCK_BITS), count):
            # Of two values that differ by these bits, one lacks the highest: pairs are looked up from there.
            seekers = places[wide & (1 << bits[-1]) == 0]
            sought = wide[seekers] ^ sum(1 << bit for bit in bits)
            yield from _spread(seekers, starts[sought], starts[sought + 1])


def _spread(seekers: Places, first: Places, end: Places) -> Iterator[tuple[Places, Places]]:
    """Each seeker beside each of the places from `first` on and before `end`, a batch at a time."""
    some = end > first
    seekers, first, counts = seekers[some], first[some], (end - first)[some]
    ends, begin = np.cumsum(counts), 0
    while begin < len(seekers):
        done = ends[begin] - counts[begin]
        stop = max(begin + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        batch = counts[begin:stop]
        within = np.arange(batch.sum()) - np.repeat(ends[begin:stop] - batch - done, batch)
        yield np.repeat(seekers[begin:stop], batch), np.repeat(first[begin:stop], batch) + within
        begin = stop
