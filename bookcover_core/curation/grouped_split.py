"""Grouped, stratified split: the groups of books that go to one side, so that every genre gives its share.

Groups that span several genres are taken with the share as probability, as far as they fit the quotas, and further
ones where a genre has too few other books. Groups of a single genre are visited in the order of their draws; each is
taken if the rest of the quota, or the nearest number that a subset makes, can still be met exactly by later ones.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

GroupSizes = Mapping[str, Mapping[int, int]]  # books of each group, by label of their genre


def _count(groups: Iterable[Mapping[int, int]]) -> Counter[int]:
    """Books by label."""
    books: Counter[int] = Counter()
    for group in groups:
        books.update(group)
    return books


def find_quotas(sizes: GroupSizes, share: float, others: int) -> dict[int, int]:
    """Books that a side should have, by label: `share` of each genre, half rounded up.

    Each of the `others`, sides that are filled from the rest, is left one book at least.
    """
    return {
        label: max(0, min(max(1, int(share * books + 0.5)), books - others))
        for label, books in sorted(_count(sizes.values()).items())
    }


def draw_groups(sizes: GroupSizes, draws: Mapping[str, float], share: float, others: int) -> set[str]:
    """The groups that go to a side with `share` of every genre: `draws` has a number in [0, 1) for each.

    The other sides, so many as `others`, are filled from the rest.
    """
    quotas = find_quotas(sizes, share, others)
    spanning, alone = [], defaultdict[int, list[tuple[str, int]]](list)
    for group in sorted(sizes, key=lambda group: (draws[group], group)):
        if len(sizes[group]) > 1:
            spanning.append(group)
        for label, size in sizes[group].items() if len(sizes[group]) == 1 else ():
            alone[label].append((group, size))
    drawn = _draw_spanning(spanning, sizes, draws, share, quotas, alone)
    taken = _count(sizes[group] for group in drawn)
    kept = Counter(label for group in spanning if group not in drawn for label in sizes[group])
    for label, quota in quotas.items():
        spared = max(0, others - kept[label])
        drawn |= _draw_alone(alone[label], quota - taken[label], spared, needed=not taken[label])
    return drawn


def _draw_spanning(
    spanning: Sequence[str],
    sizes: GroupSizes,
    draws: Mapping[str, float],
    share: float,
    quotas: Mapping[int, int],
    alone: Mapping[int, Sequence[tuple[str, int]]],
) -> set[str]:
    """The groups of several genres that go to the side."""
    rest = dict(quotas)
    drawn = set()

    def take(group: str) -> None:
        drawn.add(group)
        for label, size in sizes[group].items():
            rest[label] -= size

    def gain(group: str) -> int:
        """By how much `group` brings the side nearer to the quotas."""
        return sum(abs(rest[label]) - abs(rest[label] - size) for label, size in sizes[group].items())

    for group in spanning:
        if draws[group] < share and all(rest[label] >= size for label, size in sizes[group].items()):
            take(group)
    for label, quota in quotas.items():
        single = sum(size for _, size in alone.get(label, ()))
        for group in spanning:
            if rest[label] <= single:
                break
            only_way = not single and rest[label] == quota
            if group not in drawn and label in sizes[group] and (gain(group) > 0 or only_way):
                take(group)
    return drawn


def _draw_alone(groups: Sequence[tuple[str, int]], quota: int, spared: int, *, needed: bool) -> set[str]:
    """The groups of one genre that go to the side, given in the order of their draws."""
    if not groups or quota <= 0:
        return set()
    # Bit n of reachable[i]: the groups from i on can make up n books. The nearest total is not beyond the mask.
    mask = (1 << (quota + max(size for _, size in groups) + 1)) - 1
    reachable = [1]
    for _, size in reversed(groups):
        reachable.append((reachable[-1] | reachable[-1] << size) & mask)
    reachable.reverse()
    books = sum(size for _, size in groups)
    totals = [total for total in range(int(needed), books - spared + 1) if reachable[0] >> total & 1]
    if not totals:
        return set()
    rest = min(totals, key=lambda total: (abs(total - quota), total))
    chosen = []
    for (group, size), behind in zip(groups, reachable[1:], strict=True):
        if size <= rest and behind >> (rest - size) & 1:
            chosen.append(group)
            rest -= size
    return set(chosen[: max(0, len(groups) - spared)])
