"""Near duplicates: books whose covers are the same file (exact) or look the same (near).

A duplicate across a split leaks the answer: so `curate` replaces a training book that duplicates a test book, and
`split` keeps duplicates on one side. Duplicates across genres measure label noise. Clusters are connected components,
whether or not their ends look alike: only then does no pair cross a split.
"""

import logging
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookcover_core.covers.chunks import DRAWN, chunks, ledger_parts
from bookcover_core.curation.fingerprints import Fingerprint, read_fingerprints
from bookcover_core.listings.books import TEST, TRAIN, EligibleBook, read_eligible_books
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_csv, write_csv
from bookcover_core.settings import CurationSettings

logger = logging.getLogger(__name__)

Integers = NDArray[np.int64]

EXACT, NEAR = "exact", "near"
_LARGE_CLUSTER = 100  # a cluster of more books than this is hardly one image: it is logged

# Root mean square of the differences between two covers' colours, of 255, up to which they are the same image. Among
# the real covers within 6 bits (see `fingerprints`) one image reaches 18.0; the next pair of a series is at 19.7.
COLOUR_LIMIT = 19.0
_BLOCKS, _BLOCK_BITS = 4, 16
_AT_ONCE = 1 << 18  # pairs compared at once: bounds the memory to some 100 MB


class Duplicate(NamedTuple):
    """One row of `curation/twins.csv`: a book that has duplicates."""

    cluster: str  # key of the first book of its cluster
    key: str
    genre: str
    role: str
    kind: str  # exact: the nearest duplicate is the same file; near: it looks the same
    nearest: str
    distance: int  # Hamming distance of the two hashes, of 64 bits
    title: str
    path: str


class DuplicatePair(NamedTuple):
    """A book and its nearest duplicate: see `Duplicate`."""

    one: Duplicate
    other: Duplicate
    kind: str
    distance: int

    @property
    def crosses_genres(self) -> bool:
        """Whether the two are of different genres."""
        return self.one.genre != self.other.genre


def _inputs(study: Study) -> Inputs:
    drawn = [f"download/{DRAWN}"] if study.settings.draws_from_pool else []
    return Inputs(after=["listings", *(f"hashes/chunk-{chunk:04d}" for chunk in chunks(study)), *drawn])


@stage(
    "twins",
    "Find covers that look the same",
    step="curate",
    settings=("curation.twins", "curation.twin_distance"),
    inputs=_inputs,
)
def find_twins(study: Study, _: StageRun) -> Result:
    """The manifest of `curation/twins.csv`: every book with duplicates, by cluster and key.

    With `curation.twins` = "exact" only books with the same file are duplicates; with "none" no books are.
    """
    books = {book.key: book for book in read_eligible_books(study)}
    fingerprints = read_fingerprints(study, ledger_parts(study), books)
    duplicates = find_duplicates(fingerprints, books, study.settings.curation)
    file = duplicates_file(study.workspace)
    write_csv(file, Duplicate._fields, duplicates)
    counts = {"covers": len(fingerprints), **count_clusters(duplicates)}
    if (most := counts["largest cluster"]) > _LARGE_CLUSTER:
        told = "twins: %d books form one cluster, which stays on one side of every split; look at it in %s"
        logger.warning(told, most, file)
    return Result(outputs=[file], counts=counts)


def read_duplicates(workspace: Workspace) -> list[Duplicate]:
    """The books with duplicates, by cluster and key."""
    _, *rows = read_csv(duplicates_file(workspace))
    return [each._replace(distance=int(each.distance)) for each in map(Duplicate._make, rows)]


def duplicates_file(workspace: Workspace) -> Path:
    """The table of near duplicates."""
    return workspace.curation / "twins.csv"


def name_pictures(duplicates: Iterable[Duplicate]) -> dict[str, str]:
    """An identifier of the image of each book with duplicates, by key: the same in all of a cluster."""
    return {duplicate.key: f"twins of {duplicate.cluster}" for duplicate in duplicates}


def duplicate_pairs(duplicates: Iterable[Duplicate]) -> list[DuplicatePair]:
    """Each book with its nearest duplicate, every pair once, by key.

    A cluster of n books gives at most n pairs, not n (n - 1) / 2: its weight is its number of books.
    """
    by_key = {duplicate.key: duplicate for duplicate in duplicates}
    pairs = {}
    for duplicate in by_key.values():
        one, other = sorted((duplicate.key, duplicate.nearest))
        pairs[one, other] = DuplicatePair(by_key[one], by_key[other], duplicate.kind, duplicate.distance)
    return [pair for _, pair in sorted(pairs.items())]


def find_duplicates(
    fingerprints: Iterable[Fingerprint], books: Mapping[str, EligibleBook], settings: CurationSettings
) -> list[Duplicate]:
    """The books with duplicates, by cluster and key, from the fingerprints of all covers.

    Which are duplicates, `twins` and `twin_distance` of the settings say.
    """
    fingerprints = sorted(fingerprints)
    if not fingerprints or settings.twins == "none":
        return []
    distance = settings.twin_distance if settings.twins == NEAR else None
    by_file = _gather(fingerprint.sha256 for fingerprint in fingerprints)
    # Identical fingerprints are one node, so that many blank covers cost little.
    by_node = _gather(
        (fingerprint.hash, fingerprint.colours) if distance is not None else fingerprint.sha256
        for fingerprint in fingerprints
    )
    firsts = [fingerprints[places[0]] for places in by_node]
    clusters, nearest, bits = _join(firsts, distance)

    in_file = {place: places for places in by_file for place in places}
    node_of = {place: node for node, places in enumerate(by_node) for place in places}
    duplicates = []
    for members in _gather(clusters[node_of[place]] for place in range(len(fingerprints))):
        if len(members) == 1:
            continue
        for place in members:
            node, kind, apart = node_of[place], EXACT, 0
            near = _another(in_file[place], place)
            if near is None:
                kind, near = NEAR, _another(by_node[node], place)
            if near is None:
                near, apart = by_node[nearest[node]][0], int(bits[node])
            cluster, cover, nearest_one = (fingerprints[each] for each in (members[0], place, near))
            book = books[cover.key]
            described = (cluster.key, book.key, book.genre, book.role, kind, nearest_one.key, apart)
            duplicates.append(Duplicate(*described, book.title, cover.path))
    return sorted(duplicates)


def count_clusters(duplicates: Sequence[Duplicate]) -> dict[str, int]:
    """The counts in the manifest."""
    pairs = duplicate_pairs(duplicates)
    clusters = [list(books) for _, books in groupby(duplicates, key=lambda duplicate: duplicate.cluster)]
    return {
        "clusters": len(clusters),
        "books": len(duplicates),
        "largest cluster": max(map(len, clusters), default=0),
        "exact pairs": sum(pair.kind == EXACT for pair in pairs),
        "near pairs": sum(pair.kind == NEAR for pair in pairs),
        "clusters in training and test": sum({TRAIN, TEST} <= {book.role for book in books} for books in clusters),
        "clusters of several genres": sum(len({book.genre for book in books}) > 1 for books in clusters),
    }


def _gather(names: Iterable[Hashable]) -> list[list[int]]:
    """Positions by name, in the order in which the names first appear."""
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    return list(places.values())


def _join(fingerprints: Sequence[Fingerprint], distance: int | None) -> tuple[Integers, Integers, Integers]:
    """For each fingerprint: the first of its cluster, the nearest other one, and their distance in bits."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    edges = [np.empty((2, 0), np.int64)]
    count = len(fingerprints)
    shift = count + 1  # distance and position are one number, whose minimum is the nearest
    nearest = np.full(count, np.iinfo(np.int64).max)
    if distance is not None:
        hashes = np.array([int(fingerprint.hash, 16) for fingerprint in fingerprints], dtype=np.uint64)
        colours = np.frombuffer(bytes.fromhex("".join(fingerprint.colours for fingerprint in fingerprints)), np.uint8)
        for pairs in near_pairs(hashes, colours.reshape(count, -1), distance):
            edges.append(np.stack([pairs.one, pairs.other]))
            np.minimum.at(nearest, pairs.one, pairs.bits * shift + pairs.other)
            np.minimum.at(nearest, pairs.other, pairs.bits * shift + pairs.one)
    one, other = np.concatenate(edges, axis=1)
    _, labels = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(count, count)), directed=False)
    _, first = np.unique(labels, return_index=True)
    return first[labels], nearest % shift, nearest // shift


def _another(places: Sequence[int], place: int) -> int | None:
    """The first of `places` beside `place`; None where it is the only one."""
    return next((other for other in places[:2] if other != place), None)


class NearPairs(NamedTuple):
    """Pairs of near fingerprints."""

    one: Integers  # position of the first of each pair; below that of the other
    other: Integers
    bits: Integers  # Hamming distance of their hashes, in bits


def near_pairs(hashes: NDArray[np.uint64], colours: NDArray[np.uint8], distance: int) -> Iterator[NearPairs]:
    """All pairs of `hashes` (n,) that differ in at most `distance` bits, 0 to 16, each once.

    Of those only pairs are given whose mean `colours` (n, k) are alike. By multi-index hashing (Norouzi, Punjani and
    Fleet 2012): two hashes that differ in at most d bits differ in at most d // 4 of one of their four blocks of 16
    bits. So the hashes are sorted by each block in turn, and compared only with those whose block differs that little.
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


def _candidates(values: NDArray[np.uint16], radius: int) -> Iterator[tuple[Integers, Integers]]:
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


def _spread(seekers: Integers, first: Integers, end: Integers) -> Iterator[tuple[Integers, Integers]]:
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
