"""Twins in the report: how many books show a picture that another shows too, and what that says of the genres.

Twins on two sides of the official split are leakage. Twins under different genres bound what any network can reach.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

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
from bookcover_core.report.table import Table
from bookcover_core.report.words import passage
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# Pairs on the sheet, and its bytes as an artifact.
_MOST_PAIRS, _MOST_BYTES = 12, 300_000

# The rows of the table of twins, in their order, with the test of a cluster's roles that puts it there.
_ROWS: dict[str, Callable[[Counter[str]], object]] = {
    "In training and test": lambda roles: roles[TRAIN] and roles[TEST],
    "Within training": lambda roles: roles[TRAIN] > 1,
    "Within the test": lambda roles: roles[TEST] > 1,
    "In the pool, at most one outside": lambda roles: roles[POOL],
    "In the listing": lambda _: True,
}

# Which kinds of pairs each row of the table of genres counts.
_KINDS = {"The same file": (EXACT,), "Covers that look the same": (NEAR,), "All": (EXACT, NEAR)}


def twins_table(findings: Findings) -> Table | None:
    """Clusters of near duplicates by the side that the listings put them on; None where there are none."""
    twins = pd.DataFrame(found_twins(findings), columns=list(Duplicate._fields))
    if twins.empty:
        return None
    splits = _splits(findings)
    twins["split"] = twins["key"].map(splits.set_index("key")["split"])
    clusters = twins.groupby("cluster").agg(
        where=("role", _where),
        books=("key", "size"),
        exact=("kind", lambda kinds: (kinds == EXACT).sum()),
        genres=("genre", "nunique"),
        splits=("split", "nunique"),
    )
    return Table.of(
        "twins",
        [
            [name, len(own), int(own["books"].sum()), int(own["exact"].sum()), int((own["genres"] > 1).sum())]
            for name in _ROWS
            if len(own := clusters[clusters["where"] == name])
        ],
        replaced=_count_replaced(findings),
        torn=int((clusters["splits"] > 1).sum()) if len(splits) else None,
    )


def genres_table(findings: Findings) -> Table | None:
    """How often twins stand under different genres, and the accuracy that this allows; None without twins."""
    pairs = duplicate_pairs(found_twins(findings))
    if not pairs:
        return None
    rows = []
    for name, kinds in _KINDS.items():
        of_kind = [pair.crosses_genres for pair in pairs if pair.kind in kinds]
        disagreement = share(sum(of_kind), len(of_kind), findings.confidence)
        ceiling = disagreement and _ceiling(disagreement, len(findings.genres))
        rows.append([name, len(of_kind), sum(of_kind), disagreement, ceiling])
    # Of test books that share a file all but those of its commonest genre are lost.
    tested = _splits(findings).query("split == @TEST", local_dict={"TEST": TEST})
    by_genre = tested.groupby(["sha256", "genre"]).size().groupby("sha256")
    return Table.of(
        "twins-genres",
        rows,
        foot=1,
        confidence=findings.confidence,
        test=findings.books_in(TEST),
        lost=int((by_genre.sum() - by_genre.max()).sum()),
    )


def accuracy_ceiling(disagreement: float, genres: int) -> float:
    """The highest accuracy that is possible where a share `disagreement` of books with one picture differ in genre.

    Two labels of one picture differ in 1 - Σ p² of the cases, where p are the shares of its genres; the best answer is
    right in max p. The bound on its mean: Cover and Hart (1967), IEEE Transactions on Information Theory 13, 21-27.
    """
    scale = genres / (genres - 1)
    return 1 / genres + math.sqrt(max(0.0, 1 - scale * disagreement)) / scale


def found_twins(findings: Findings) -> list[Duplicate]:
    """The books that have twins; none while they have not been searched for."""
    return read_duplicates(findings.study.workspace) if "twins" in findings.manifests else []


def torn_pairs(twins: Iterable[Duplicate]) -> list[DuplicatePair]:
    """Pairs under different genres, twelve at most: the same file, then the nearest; a cluster's second pair last."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, int, DuplicatePair]] = []
    for pair in sorted(duplicate_pairs(twins), key=lambda pair: (pair.kind != EXACT, pair.distance)):
        if pair.crosses_genres:
            ranked.append((seen[pair.one.cluster], len(ranked), pair))
            seen[pair.one.cluster] += 1
    return [pair for _, _, pair in sorted(ranked)[:_MOST_PAIRS]]


def torn_covers(study: Study) -> list[CaptionedCover]:
    """The covers of `torn_pairs`, two by two, with genre, key, and how near they are."""
    return [
        CaptionedCover(
            study.workspace.root / twin.path,
            (
                twin.genre,
                twin.key,
                "the same file" if pair.kind == EXACT else f"near: {pair.distance} of 64 bits differ",
            ),
            twin.title or twin.key,
        )
        for pair in torn_pairs(read_duplicates(study.workspace))
        for twin in (pair.one, pair.other)
    ]


def twins_markdown(study: Study) -> str:
    """The twins under different genres as Markdown, with a sheet of their covers; says so where there are none."""
    told = "{}\n\n{}\n{}\n\n".format(*passage("twins", counts=study.manifest("twins").counts))
    covers = torn_covers(study)
    if not covers:
        return f"{told}No twins stand under different genres."
    picture = sheet_markdown("Twins under different genres", contact_sheet(covers), _MOST_BYTES)
    return f"{told}Under different genres:\n\n{picture}"


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
    rates = (disagreement.value, disagreement.low, disagreement.high)
    value, high, low = (accuracy_ceiling(rate, genres) for rate in rates)
    return Estimate(value=value, low=low, high=high)


def _where(roles: Iterable[str]) -> str:
    """The row that a cluster is counted in, by the roles that the listings give its books."""
    counts = Counter(roles)
    return next(name for name, belongs in _ROWS.items() if belongs(counts))


def _count_replaced(findings: Findings) -> int:
    """Training books that left because of a twin in the test set."""
    file = findings.study.workspace.curation / "replacements.csv"
    return int((read_table(file)["reason"] == TWIN).sum()) if file.exists() else 0


def _splits(findings: Findings) -> pd.DataFrame:
    """The books of the study with their split; empty while nothing is split."""
    columns = ("key", "split", "genre", "sha256")
    if "split" not in findings.manifests:
        return pd.DataFrame(columns=list(columns))
    return read_table(findings.study.workspace.splits, columns)
