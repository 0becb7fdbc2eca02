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

_BLOCKS = 4
_BLOCK_BITS = 16

_AT_ONCE = 1 << 18  # pairs compared at once: bounds the memory to some 100 MB


class NearPairs(NamedTuple):
    """Pairs of near fingerprints."""

    one: NDArray[np.int64]  # position of the first of each pair; below that of the other
    other: NDArray[np.int64]
    bits: NDArray[np.int64]  # Hamming distance of their hashes, in bits


def near_pairs(hashes: NDArray[np.uint64], colours: NDArray[np.uint8], distance: int) -> Iterator[NearPairs]:
    """All pairs whose hashes differ in at most `distance` bits and whose colours are alike; each pair once.

    Args:
        hashes: (n,) 64 bits each; the same one may occur often.
        colours: (n, k) mean colours of each.
        distance: From 0 to 16 bits.
    """
    blocks = np.stack([hashes >> np.uint64(_BLOCK_BITS * block) for block in range(_BLOCKS)]).astype(np.uint16)
    radius = distance // _BLOCKS
    for number in range(_BLOCKS):
        order = np.argsort(blocks[number], kind="stable")
        ordered = hashes[order]
        for left, right in _candidates(blocks[number, order], radius):
            bits = np.bitwise_count(ordered[left] ^ ordered[right])
            near = bits <= distance
            one, other = order[left[near]], order[right[near]]
            new = _alike(colours[one], colours[other])
            for earlier in range(number):
                # Skip pairs that an earlier block found.
                new &= np.bitwise_count(blocks[earlier, one] ^ blocks[earlier, other]) > radius
            if new.any():
                one, other = one[new], other[new]
                yield NearPairs(np.minimum(one, other), np.maximum(one, other), bits[near][new].astype(np.int64))


def _candidates(values: NDArray[np.uint16], radius: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions of all pairs among sorted `values` that differ in at most `radius` bits, each pair once."""
    starts = np.searchsorted(values, np.arange((1 << _BLOCK_BITS) + 1))
    places = np.arange(len(values))
    wide = values.astype(np.int64)
    bits = (bits for count in range(radius + 1) for bits in combinations(range(_BLOCK_BITS), count))
    for mask in (sum(1 << bit for bit in each) for each in bits):
        if mask:
            # Of two values that differ by the mask, one lacks its highest bit: pairs are looked up from there.
            seekers = places[wide & (1 << (mask.bit_length() - 1)) == 0]
            first = starts[wide[seekers] ^ mask]
            last = starts[(wide[seekers] ^ mask) + 1]
        else:
            seekers, first, last = places, places + 1, starts[wide + 1]
        yield from _spread(seekers, first, last - first)


def _spread(
    seekers: NDArray[np.int64], first: NDArray[np.int64], counts: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Each seeker beside each of the `counts` places from `first` on, a batch at a time."""
    some = counts > 0
    seekers, first, counts = seekers[some], first[some], counts[some]
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(seekers):
        done = ends[begin] - counts[begin]
        end = max(begin + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        batch = counts[begin:end]
        within = np.arange(batch.sum()) - np.repeat(ends[begin:end] - batch - done, batch)
        yield np.repeat(seekers[begin:end], batch), np.repeat(first[begin:end], batch) + within
        begin = end


def _alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    differences = one.astype(np.int32) - other
    squares: NDArray[np.int32] = np.einsum("ij,ij->i", differences, differences)
    alike: NDArray[np.bool_] = squares <= COLOUR_LIMIT**2 * one.shape[1]
    return alike
