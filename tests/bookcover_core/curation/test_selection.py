"""Which book of the pool comes for which that left."""

import random

from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.curation.selection import CoverRecord, replace_excluded
from bookcover_core.listings.books import EligibleBook


def book(key: str) -> EligibleBook:
    return EligibleBook(key, f"{key}.jpg", "", key, "", 0, "Law", "pool" if key.startswith("p") else "train", key)


def draw(leaving, pool, pictures, taken, seed):
    """The replacement of each leaving book, by key."""
    covers = {key: CoverRecord("ok", "", "", pictures[key]) for key in pool}
    made = replace_excluded(
        dict.fromkeys(leaving, "missing"), map(book, leaving), map(book, pool), covers, taken, {}, seed
    )
    return {replacement.key: replacement.replaced_by for replacement in made}


def on_the_ring(leaving, pool, pictures, taken, seed):
    """The same in other words: the first free book at or after each point, around the ring, twins passed over."""
    points = {key: (seeded_draw(seed, "pool", key), key) for key in pool}
    free, shown, found = set(pool), set(taken), {}
    for key in sorted(leaving):
        point, found[key] = (seeded_draw(seed, "replace", key), ""), ""
        for next_one in sorted(free, key=lambda each: (points[each] < point, points[each])):
            free.remove(next_one)
            if pictures[next_one] not in shown:
                shown.add(pictures[next_one])
                found[key] = next_one
                break
    return found


def test_an_excluded_book_takes_the_next_free_one_around_the_ring():
    """Also where the ring begins anew between twins; and books that are never drawn make no difference."""
    generator = random.Random(5)
    for seed in range(150):
        pool = [f"p{number}" for number in range(generator.randrange(1, 9))]
        leaving = [f"a{number}" for number in range(generator.randrange(1, 4))]
        pictures = {key: generator.choice(["seen", "x", key, key]) for key in pool}
        found = draw(leaving, pool, pictures, ["seen"], seed)
        assert found == on_the_ring(leaving, pool, pictures, ["seen"], seed)
        drawn = [key for key in pool if key in found.values() or pictures[key] != key]
        assert draw(leaving, drawn, pictures, ["seen"], seed) == found
