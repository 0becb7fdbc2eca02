"""Twins in the report: how many books show a picture that another shows too, and what that says of the genres.

Twins on two sides of the official split are leakage: a network is tested on a picture that it was trained on. Twins
under different genres bound what any network can reach that sees the cover alone, for it must give both one answer.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from bookcover_core.curation.exclusions import TWIN
from bookcover_core.curation.near_duplicates import (
    EXACT,
    NEAR,
    Duplicate,
    DuplicatePair,
    duplicate_pairs,
    read_duplicates,
)
from bookcover_core.evaluation.intervals import Estimate, share
from bookcover_core.listings.books import POOL, TEST, TRAIN
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, estimates, integers
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

_FORMULA = (
    "Accuracy at most: 1/M + (1 - 1/M) √(1 - d M/(M - 1)) for M genres and a share d of pairs under different genres, "
    "the bound of Cover and Hart (1967) with the twin as the nearest neighbour."
)
_DOUBT = (
    "The bound is an estimate from twins: it takes them for books like any other, and their genres for given "
    "independently. It is too high where editions of one book, or volumes of a series that look the same, were put "
    "under one genre together."
)

# Pairs on the sheet.
_MOST_PAIRS = 12

# Of the sheet as an artifact.
_MOST_BYTES = 300_000

# The rows of the table of twins, in their order.
_ROWS = (
    "In training and test",
    "Within training",
    "Within the test",
    "In the pool, at most one outside",
    "In the listing",
)

# Which kinds of pairs each row of the table of genres counts.
_KINDS = {"The same file": (EXACT,), "Covers that look the same": (NEAR,), "All": (EXACT, NEAR)}


def twins_table(findings: Findings) -> Table | None:
    """Clusters of near duplicates by the side that the listings put them on; None where there are none."""
    twins = found_twins(findings)
    if not twins:
        return None
    clusters = _clusters(twins)
    by_place = {name: [cluster for cluster in clusters if _where(cluster) == name] for name in _ROWS}
    notes = ["A cluster is a set of books that are linked by pairs which show one picture."]
    if replaced := _count_replaced(findings):
        notes.append(f"{replaced:,} training books that show the picture of a test book were replaced.")
    if sides := _sides(findings):
        torn = sum(len({sides[twin.key] for twin in cluster if twin.key in sides}) > 1 for cluster in clusters)
        notes.append(f"Clusters on two sides of the study's split, after curation: {torn:,}.")
    return Table.of(
        "twins",
        "Books that show one picture, by where the listings have them",
        [
            Column("Where"),
            integers("Clusters"),
            integers("Books"),
            integers("Of these, one file with another", name="books of one file"),
            integers("Clusters of several genres"),
        ],
        [
            [
                name,
                len(found),
                sum(map(len, found)),
                sum(twin.kind == EXACT for cluster in found for twin in cluster),
                sum(len({twin.genre for twin in cluster}) > 1 for cluster in found),
            ]
            for name, found in by_place.items()
            if found
        ],
        notes=notes,
    )


def genres_table(findings: Findings) -> Table | None:
    """How often twins stand under different genres, and the accuracy that this allows; None without twins."""
    pairs = duplicate_pairs(found_twins(findings))
    if not pairs:
        return None
    rows = []
    for name, kinds in _KINDS.items():
        of_kind = [pair for pair in pairs if pair.kind in kinds]
        torn = sum(pair.crosses_genres for pair in of_kind)
        disagreement = share(torn, len(of_kind), findings.confidence)
        rows.append(
            [name, len(of_kind), torn, disagreement, disagreement and _ceiling(disagreement, len(findings.genres))]
        )
    notes = [
        "A pair is a book and its nearest twin, counted once.",
        f"In small type: {100 * findings.confidence:.0f} % intervals.",
        _FORMULA,
        _DOUBT,
    ]
    if lost := _count_lost(findings):
        test = findings.books_in(TEST)
        notes.append(
            f"Of the {test:,} test books a network that sees the cover alone can be right on {test - lost:,} at most: "
            "the others share their file with a test book of another genre."
        )
    return Table.of(
        "twins-genres",
        "Twins under different genres, and the accuracy that covers alone allow, in per cent",
        [
            Column("Twins"),
            integers("Pairs"),
            integers("Under different genres"),
            estimates("Share"),
            estimates("Accuracy at most"),
        ],
        rows[:-1],
        totals=rows[-1:],
        notes=notes,
    )


def accuracy_ceiling(disagreement: float, genres: int) -> float:
    """The highest accuracy that is possible where two books with one picture have different genres this often.

    Two labels of one picture differ in 1 - Σ p² of the cases, where p are the shares of its genres; the best answer is
    right in max p. Cover and Hart (1967), "Nearest Neighbor Pattern Classification", IEEE Transactions on Information
    Theory 13, 21-27, give the bound on the mean of max p that follows.

    Args:
        disagreement: Share of pairs of different genres.
        genres: Number of genres, two at least.
    """
    scale = genres / (genres - 1)
    return 1 / genres + math.sqrt(max(0.0, 1 - scale * disagreement)) / scale


def found_twins(findings: Findings) -> list[Duplicate]:
    """The books that have twins; none while they have not been searched for."""
    return read_duplicates(findings.study.workspace) if "twins" in findings.manifests else []


def torn_pairs(twins: Iterable[Duplicate]) -> list[DuplicatePair]:
    """Pairs under different genres for the sheet, at most twelve: the same file first, then the nearest.

    A second pair of one cluster comes only after the first of all others.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, int, DuplicatePair]] = []
    for pair in sorted(duplicate_pairs(twins), key=lambda pair: (pair.kind != EXACT, pair.distance)):
        if pair.crosses_genres:
            ranked.append((seen[pair.one.cluster], len(ranked), pair))
            seen[pair.one.cluster] += 1
    return [pair for _, _, pair in sorted(ranked)[:_MOST_PAIRS]]


def describe(pair: DuplicatePair) -> str:
    """How near the two books of a pair are, for people."""
    return "the same file" if pair.kind == EXACT else f"near: {pair.distance} of 64 bits differ"


def twins_markdown(study: Study) -> str:
    """The twins under different genres as Markdown, with a sheet of their covers; says so where there are none.

    Raises:
        StageOrderError: Twins have not been searched for.
    """
    counts = study.manifest("twins").counts
    lines = [
        f"### {counts['books']:,} books show a picture that another shows too",
        "",
        f"- {counts['clusters']:,} clusters, {counts['clusters in training and test']:,} of them in training and test",
        f"- {counts['exact pairs']:,} pairs of one file, {counts['near pairs']:,} that look the same",
        "",
    ]
    pairs = torn_pairs(read_duplicates(study.workspace))
    if not pairs:
        return "\n".join([*lines, "No twins stand under different genres."])
    root = study.workspace.root
    covers = [
        CaptionedCover(root / twin.path, (twin.genre, twin.key, describe(pair)))
        for pair in pairs
        for twin in (pair.one, pair.other)
    ]
    picture = sheet_markdown("Twins under different genres", contact_sheet(covers), _MOST_BYTES)
    return "\n".join([*lines, "Under different genres:", "", picture])


def twin_results(findings: Findings) -> dict[str, Any]:
    """The numbers of both tables, as JSON values; empty where twins have not been searched for."""
    table = genres_table(findings)
    return {
        "counts": next((manifest.counts for manifest in findings.manifests.get("twins", [])), {}),
        "genres": [
            {
                "pairs": pairs.value,
                "under_different_genres": torn.value,
                "share": [rate.value, rate.low, rate.high],
                "accuracy_at_most": [ceiling.value, ceiling.low, ceiling.high],
                "of": name.value,
            }
            for name, pairs, torn, rate, ceiling in (table.rows if table else ())
        ],
    }


def _ceiling(disagreement: Estimate, genres: int) -> Estimate | None:
    """The accuracy that a share of pairs of different genres allows, with the interval that follows."""
    if genres < 2:
        return None
    value, high, low = (
        accuracy_ceiling(rate, genres) for rate in (disagreement.value, disagreement.low, disagreement.high)
    )
    return Estimate(value=value, low=low, high=high)


def _clusters(twins: Iterable[Duplicate]) -> list[list[Duplicate]]:
    clusters: defaultdict[str, list[Duplicate]] = defaultdict(list)
    for twin in twins:
        clusters[twin.cluster].append(twin)
    return list(clusters.values())


def _where(cluster: Iterable[Duplicate]) -> str:
    """The row that a cluster is counted in, by the roles that the listings give its books."""
    roles = Counter(twin.role for twin in cluster)
    if roles[TRAIN] and roles[TEST]:
        return "In training and test"
    if roles[TRAIN] + roles[TEST] > 1:
        return "Within training" if roles[TRAIN] else "Within the test"
    if roles[POOL]:
        return "In the pool, at most one outside"
    return "In the listing"


def _count_replaced(findings: Findings) -> int:
    """Training books that left because of a twin in the test set."""
    file = findings.study.workspace.curation / "replacements.csv"
    return int((read_table(file)["reason"] == TWIN).sum()) if file.exists() else 0


def _sides(findings: Findings) -> dict[str, str]:
    """The split of each book of the study, by key; empty while nothing is split."""
    if "split" not in findings.manifests:
        return {}
    books = read_table(findings.study.workspace.splits)
    return dict(zip(books["key"], books["split"], strict=True))


def _count_lost(findings: Findings) -> int:
    """Test books that no network can name rightly, because as many with the same file are of another genre."""
    if "split" not in findings.manifests:
        return 0
    books = read_table(findings.study.workspace.splits)
    genres: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sha256, genre, side in zip(books["sha256"], books["genre"], books["split"], strict=True):
        if side == TEST:
            genres[sha256][genre] += 1
    return sum(found.total() - max(found.values()) for found in genres.values())
