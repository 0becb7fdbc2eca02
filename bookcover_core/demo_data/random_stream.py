"""Seeded draws, the same on every machine: made of `random.Random.random`, which alone is promised."""

import random
from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


class RandomStream:
    """A stream of draws that depends on its seeds alone: a study's seed, the key of a book, the purpose."""

    def __init__(self, *seeds: int | str) -> None:
        self._random = random.Random("/".join(map(str, seeds))).random  # noqa: S311 - covers hold no secrets

    def share(self) -> float:
        """A number from 0 up to, not including, 1."""
        return self._random()

    def between(self, low: float, high: float) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int((high - low + 1) * self._random())

    def happens(self, probability: float) -> bool:
        """True with `probability`."""
        return self._random() < probability

    def pick(self, items: Sequence[_Item]) -> _Item:
        """One of `items`, each as likely as the others."""
        return items[int(len(items) * self._random())]

    def sample(self, items: Sequence[_Item], count: int) -> list[_Item]:
        """`count` of `items`, none twice, in the order in which they were drawn; all where there are not so many."""
        left = list(items)
        return [left.pop(int(len(left) * self._random())) for _ in range(min(count, len(left)))]
