"""Twins: books that show one picture, by the same file (exact) or by covers that look the same (near).

Takes the looks of all covers; gives `curation/twins.csv`. A network knows one twin by the other: so `curate` replaces a
training book whose twin is a test book, and `split` keeps twins on one side. Twins under different genres tell how
noisy the genres are (`bookcover_core.report.near_duplicate_section`). The official test listing has such a pair:
0966378695 and 096637861X share one address, and are of Politics & Social Sciences and of Parenting & Relationships.

Books that hang together by pairs are a cluster, whether or not its ends look alike: only so is no pair left that could
stand on two sides. On 3,876 real covers the largest cluster has four books (exam papers that differ in a digit).
"""

import csv
import logging
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookcover_core.covers.chunks import chunks
from bookcover_core.curation.connected_components import Clusters
from bookcover_core.curation.eligible_books import Book, read_books
from bookcover_core.curation.fingerprints import Look, looks_file, read_looks
from bookcover_core.curation.hamming_search import near_pairs
from bookcover_core.listings.books import TEST, TRAIN
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, atomic

logger = logging.getLogger(__name__)

Integers = NDArray[np.int64]

EXACT, NEAR = "exact", "near"

# A cluster of more books than this is hardly one picture: it is told in the log.
_CROWD = 100


class Twin(NamedTuple):
    """One row of `curation/twins.csv`: a book that has twins."""

    cluster: str
    """Key of the first book of its cluster."""
    key: str
    genre: str
    role: str
    """train, test or pool, where the listings say so; else empty."""
    kind: str
    """Whether the nearest twin's file is the same (exact) or only looks the same (near)."""
    nearest: str
    """Key of the nearest twin."""
    distance: int
    """In how many of 64 bits its hash differs."""
    title: str
    path: str
    """The cover, relative to the study's folder."""


class Pair(NamedTuple):
    """A book and its nearest twin."""

    one: Twin
    other: Twin
    kind: str
    distance: int

    @property
    def is_torn(self) -> bool:
        """Whether the two are of different genres."""
        return self.one.genre != self.other.genre


def find_twins(study: Study) -> Manifest:
    """The manifest of `curation/twins.csv`: every book of the study's genres that has twins, by cluster and key.

    With `curation.near_duplicates` = "exact" only books with the same file are twins.

    Raises:
        StageOrderError: The listings have not been read, or a chunk has no hashes.
    """
    wanted = chunks(study)
    run = study.stage("twins", after=["listings", *(f"hashes/chunk-{chunk:04d}" for chunk in wanted)])
    if run.done:
        return run.done
    books = {book.key: book for book in read_books(study)}
    looks = sorted(
        look for chunk in wanted for look in read_looks(looks_file(study.workspace, chunk)) if look.key in books
    )
    settings = study.settings.curation
    twins = match(looks, books, distance=settings.twin_distance if settings.twins == NEAR else None)
    file = twins_file(study.workspace)
    with atomic(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(Twin._fields)
        table.writerows(twins)
    counts = {"covers": len(looks), **count_clusters(twins)}
    if counts["largest cluster"] > _CROWD:
        logger.warning(
            "twins: %d books form one cluster, which stays on one side of every split; look at it in %s",
            counts["largest cluster"],
            file,
        )
    return run.finish(outputs=[file], counts=counts)


def read_twins(workspace: Workspace) -> list[Twin]:
    """The books that have twins, by cluster and key."""
    with twins_file(workspace).open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines)
        return [Twin(**row | {"distance": int(row["distance"])}) for row in table]  # type: ignore[arg-type]


def twins_file(workspace: Workspace) -> Path:
    """Where the twins lie."""
    return workspace.curation / "twins.csv"


def name_pictures(twins: Iterable[Twin]) -> dict[str, str]:
    """What stands for the picture of each book that has twins, by key: the same for all of its cluster."""
    return {twin.key: f"twins of {twin.cluster}" for twin in twins}


def twin_pairs(twins: Iterable[Twin]) -> list[Pair]:
    """Each book beside its nearest twin, every pair once, by key.

    A crowd of n books so gives at most n pairs, not n (n - 1) / 2: it weighs by its books.
    """
    by_key = {twin.key: twin for twin in twins}
    pairs = {}
    for twin in by_key.values():
        one, other = sorted((twin.key, twin.nearest))
        pairs[one, other] = Pair(by_key[one], by_key[other], twin.kind, twin.distance)
    return [pair for _, pair in sorted(pairs.items())]


def match(looks: Sequence[Look], books: Mapping[str, Book], *, distance: int | None) -> list[Twin]:
    """The books that have twins, by cluster and key.

    Args:
        looks: Of all covers, sorted by key.
        books: By key.
        distance: In how many bits the hashes of near twins differ at most; None: there are no near twins.
    """
    by_file = _gather(look.sha256 for look in looks)
    # Covers that cannot be told apart are one node, so that a crowd of blank ones is few.
    by_node = _gather((look.hash, look.colours) if distance is not None else look.sha256 for look in looks)
    firsts = [looks[places[0]] for places in by_node]
    clusters, nearest, bits = _join(firsts, distance)

    in_file = {place: places for places in by_file for place in places}
    of_cluster: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for node, places in enumerate(by_node):
        of_cluster[int(clusters[node])] += [(place, node) for place in places]
    twins = []
    for members in of_cluster.values():
        if len(members) == 1:
            continue
        members.sort()
        for place, node in members:
            kind, apart = EXACT, 0
            near = _another(in_file[place], place)
            if near is None:
                kind, near = NEAR, _another(by_node[node], place)
            if near is None:
                near, apart = by_node[nearest[node]][0], int(bits[node])
            book = books[looks[place].key]
            twins.append(
                Twin(
                    cluster=looks[members[0][0]].key,
                    key=book.key,
                    genre=book.genre,
                    role=book.role,
                    kind=kind,
                    nearest=looks[near].key,
                    distance=apart,
                    title=book.title,
                    path=looks[place].path,
                )
            )
    return sorted(twins)


def count_clusters(twins: Sequence[Twin]) -> dict[str, int]:
    """What the manifest says of the twins."""
    pairs = twin_pairs(twins)
    sizes = Counter(twin.cluster for twin in twins)
    roles, genres = defaultdict(set), defaultdict(set)
    for twin in twins:
        roles[twin.cluster].add(twin.role)
        genres[twin.cluster].add(twin.genre)
    return {
        "clusters": len(sizes),
        "books": len(twins),
        "largest cluster": max(sizes.values(), default=0),
        "exact pairs": sum(pair.kind == EXACT for pair in pairs),
        "near pairs": sum(pair.kind == NEAR for pair in pairs),
        "clusters in training and test": sum({TRAIN, TEST} <= found for found in roles.values()),
        "clusters of several genres": sum(len(found) > 1 for found in genres.values()),
    }


def _gather(names: Iterable[Hashable]) -> list[list[int]]:
    """Places with one name, in the order in which the names first appear."""
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    return list(places.values())


def _join(looks: Sequence[Look], distance: int | None) -> tuple[Integers, Integers, Integers]:
    """The first look of each look's cluster; its nearest, the first of several; in how many bits they differ."""
    clusters = Clusters(len(looks))
    # Bits and place as one number, whose least is the nearest.
    shift = len(looks) + 1
    nearest = np.full(len(looks), np.iinfo(np.int64).max)
    if distance is not None:
        hashes = np.array([int(look.hash, 16) for look in looks], dtype=np.uint64)
        colours = np.frombuffer(bytes.fromhex("".join(look.colours for look in looks)), dtype=np.uint8)
        for pairs in near_pairs(hashes, colours.reshape(len(looks), -1), distance):
            clusters.join(pairs.one, pairs.other)
            np.minimum.at(nearest, pairs.one, pairs.bits * shift + pairs.other)
            np.minimum.at(nearest, pairs.other, pairs.bits * shift + pairs.one)
    return clusters.first, nearest % shift, nearest // shift


def _another(places: Sequence[int], place: int) -> int | None:
    """The first of `places` beside `place`; None where it is the only one."""
    return next((other for other in places[:2] if other != place), None)
