"""A random stream repeats itself."""

from bookcover_core.demo_data.random_stream import RandomStream


def test_the_same_seeds_give_the_same_draws():
    """Draws are golden numbers: they change with no version of Python and no machine."""
    random = RandomStream(2020, "0000000019", "cover")
    assert [random.whole(1, 6) for _ in range(8)] == [3, 5, 6, 6, 5, 5, 6, 6]


def test_a_sample_has_nothing_twice():
    """A sample of everything is everything in another order, and no sample is longer than its source."""
    items = list(range(50))
    drawn = RandomStream(1).sample(items, 80)
    assert sorted(drawn) == items
    assert drawn != items


def test_draws_stay_in_their_bounds():
    """Whole numbers and numbers between bounds stay there, and both ends of whole numbers occur."""
    random = RandomStream("bounds")
    assert {random.whole(2, 4) for _ in range(200)} == {2, 3, 4}
    assert all(0.5 <= random.between(0.5, 0.75) < 0.75 for _ in range(200))
