"""Lots."""

from bookcover_core.curation.seeded_draw import seeded_draw


def test_lots_are_the_same_on_every_machine():
    """A lot is a fixed function of seed, purpose and key: golden numbers."""
    assert seeded_draw(2020, "test", "0006479227") == 0.5940043644431291
    assert len({seeded_draw(*drawn) for drawn in ((1, "a", "k"), (2, "a", "k"), (1, "b", "k"), (1, "a", "l"))}) == 4


def test_lots_are_evenly_distributed():
    """A tenth of all lots lies in each tenth of [0, 1), but for chance."""
    lots = [seeded_draw(1, "test", str(number)) for number in range(10_000)]
    assert all(0 <= lot < 1 for lot in lots)
    for tenth in range(10):
        assert 880 < sum(int(lot * 10) == tenth for lot in lots) < 1_120
