"""Near pairs among many looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookcover_core.curation import near_duplicates
from bookcover_core.curation.near_duplicates import COLOUR_LIMIT, near_pairs


def invent(seed: int, count: int, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Looks in crowds: `kinds` hashes and colours, each with a few bits and shades changed."""
    chance = np.random.default_rng(seed)
    of = chance.integers(0, kinds, count)
    hashes = chance.integers(0, 2**64, kinds, dtype=np.uint64)[of]
    for _ in range(int(chance.integers(0, 7))):
        hashes ^= np.uint64(1) << chance.integers(0, 64, count, dtype=np.uint64)
    colours = chance.integers(0, 256, (kinds, 48))[of] + chance.integers(-40, 41, (count, 48))
    return hashes, np.clip(colours, 0, 255).astype(np.uint8)


def search(hashes: np.ndarray, colours: np.ndarray, distance: int) -> list[tuple[int, int, int]]:
    """All pairs with their bits."""
    return sorted(
        (int(one), int(other), int(bits))
        for pairs in near_pairs(hashes, colours, distance)
        for one, other, bits in zip(*pairs, strict=True)
    )


def each_with_each(hashes: np.ndarray, colours: np.ndarray, distance: int) -> list[tuple[int, int, int]]:
    """The same, by the definition."""
    found = []
    for one in range(len(hashes)):
        for other in range(one + 1, len(hashes)):
            bits = (int(hashes[one]) ^ int(hashes[other])).bit_count()
            apart = ((colours[one].astype(float) - colours[other]) ** 2).mean() ** 0.5
            if bits <= distance and apart <= COLOUR_LIMIT:
                found.append((one, other, bits))
    return found


@given(seed=st.integers(0, 2**32), count=st.integers(0, 60), kinds=st.integers(1, 6), distance=st.integers(0, 16))
@settings(max_examples=60, deadline=None)
def test_every_near_pair_is_found_once(seed, count, kinds, distance):
    """The index finds exactly the pairs that comparing each with each finds, each once, crowds included."""
    hashes, colours = invent(seed, count, kinds)
    assert search(hashes, colours, distance) == each_with_each(hashes, colours, distance)


@pytest.mark.parametrize("distance", [0, 3, 4, 6, 7, 8])
def test_bits_may_differ_anywhere(distance):
    """Pairs are found wherever their bits differ: all in one block, or spread over all."""
    chance = np.random.default_rng(5)
    hashes = chance.integers(0, 2**64, 400, dtype=np.uint64)
    for number in range(200):
        first = int(chance.integers(0, 64 - distance + 1)) if number % 2 else None
        bits = chance.choice(64, distance, replace=False) if first is None else range(first, first + distance)
        hashes[200 + number] = hashes[number] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    found = {(one, other) for one, other, _ in search(hashes, np.zeros((400, 48), np.uint8), distance)}
    assert {(number, number + 200) for number in range(200)} <= found


def test_a_crowd_is_compared_in_batches(monkeypatch):
    """A crowd of one hash is never compared at once, so that its memory is bounded, and no pair is lost."""
    monkeypatch.setattr(near_duplicates, "_AT_ONCE", 1_000)
    batches = list(near_pairs(np.full(150, 7, np.uint64), np.full((150, 48), 200, np.uint8), 6))
    assert max(len(pairs.one) for pairs in batches) <= 1_000
    assert sum(len(pairs.one) for pairs in batches) == 150 * 149 // 2


def test_scattered_hashes_are_compared_with_few():
    """The work is below quadratic: of 20,000 scattered hashes each meets less than 1 % of the others."""
    hashes = np.random.default_rng(3).integers(0, 2**64, 20_000, dtype=np.uint64)
    met = sum(
        len(left)
        for block in range(4)
        for left, _ in near_duplicates._candidates(np.sort((hashes >> np.uint64(16 * block)).astype(np.uint16)), 6 // 4)
    )
    assert met < 0.01 * len(hashes) ** 2 / 2
