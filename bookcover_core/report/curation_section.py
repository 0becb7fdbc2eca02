"""Curation in the report (section 3.1): books that show one picture, and books that left, with pairs to look at.

Twins on two sides of the official split are leakage. Twins under different genres bound what any network can reach.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from bookcover_core.curation.near_duplicates import (
    EXACT,
    NEAR,
    Duplicate,
    DuplicatePair,
    duplicate_pairs,
    read_duplicates,
)
from bookcover_core.curation.selection import BOX_SET, REJECTED, TWIN, UNDECIDED
from bookcover_core.evaluation.intervals import Estimate, share
from bookcover_core.listings.books import POOL, TEST, TRAIN
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Table, markdown
from bookcover_core.report.words import passage
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# Pairs on a sheet, and in the report; bytes of the sheet as an artifact.
MOST_PAIRS, _MOST_BYTES = 12, 300_000

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
        where=("role", lambda roles: next(name for name, holds in _ROWS.items() if holds(Counter(roles)))),
        books=("key", "size"),
        exact=("kind", lambda kinds: (kinds == EXACT).sum()),
        genres=("genre", "nunique"),
        splits=("split", "nunique"),
    )
    left = findings.study.workspace.curation / "replacements.csv"
    return Table.of(
        "twins",
        [
            [name, len(own), int(own["books"].sum()), int(own["exact"].sum()), int((own["genres"] > 1).sum())]
            for name in _ROWS
            if len(own := clusters[clusters["where"] == name])
        ],
        replaced=int((read_table(left)["reason"] == TWIN).sum()) if left.exists() else 0,
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
        torn, ceiling = share(sum(of_kind), len(of_kind), findings.confidence), None
        if torn and len(findings.genres) > 1:
            value, high, low = (accuracy_ceiling(rate, len(findings.genres)) for rate in (torn.value, *torn.ends))
            ceiling = Estimate(value=value, low=low, high=high)
        rows.append([name, len(of_kind), sum(of_kind), torn, ceiling])
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

    Two labels of one picture differ in 1 - Σ p² of the cases, where p are the shares of its two or more genres; the
    best answer is right in max p. Its mean: Cover and Hart (1967), IEEE Transactions on Information Theory 13, 21-27.
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
    return [pair for _, _, pair in sorted(ranked)[:MOST_PAIRS]]


def torn_covers(study: Study) -> list[CaptionedCover]:
    """The covers of `torn_pairs`, two by two, with genre, key, and how near they are."""
    return [
        CaptionedCover(study.workspace.root / twin.path, (twin.genre, twin.key, near), twin.title or twin.key)
        for pair in torn_pairs(read_duplicates(study.workspace))
        for near in ["the same file" if pair.kind == EXACT else f"near: {pair.distance} of 64 bits differ"]
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


def _splits(findings: Findings) -> pd.DataFrame:
    """The books of the study with their split; empty while nothing is split."""
    columns = ("key", "split", "genre", "sha256")
    if "split" not in findings.manifests:
        return pd.DataFrame(columns=list(columns))
    return read_table(findings.study.workspace.splits, columns)


# Reasons whose pairs are shown: only these left a cover behind that a person can look at. In their order.
_SHOWN = (BOX_SET, REJECTED, UNDECIDED, TWIN)


def replaced_table(findings: Findings) -> Table | None:
    """Books that left by genre and reason; None before the books are chosen, or where none left."""
    if "curate" not in findings.manifests:
        return None
    return reasons_table(_replacements(findings.study), [genre.name for genre in findings.genres])


def reasons_table(replacements: pd.DataFrame, genres: Iterable[str]) -> Table | None:
    """A row for each of `genres` that lost books, a column for each reason; None where no book left."""
    if replacements.empty:
        return None
    counts = pd.crosstab(replacements["genre"], replacements["reason"])
    reasons = list(replacements["reason"].value_counts().index)
    left = replacements.groupby("genre")["replaced_by"].agg(left="size", replaced=lambda by: (by != "").sum())
    table = left.join(counts[reasons]).reindex([genre for genre in genres if genre in left.index])
    return Table.of(
        "replaced",
        [
            *([genre, *map(int, row)] for genre, row in zip(table.index, table.to_numpy(), strict=True)),
            ["All genres", *map(int, table.sum())],
        ],
        foot=1,
        reasons=reasons,
        replaced=table["replaced"].any(),
    )


def exchanged_covers(study: Study) -> list[CaptionedCover]:
    """Sound covers of books that left, each before that of the book which came in its place, with genre and key.

    Rejected books come first, by genre and key.
    """
    study.manifest("curate")
    table = _replacements(study)
    table = table[(table["replaced_by"] != "") & table["reason"].isin(_SHOWN)]
    ledgers = [study.workspace.ledger / f"{manifest.part}.csv" for manifest in study.manifests("download")]
    if table.empty or not ledgers:
        return []
    paths = pd.concat([read_table(file, ("key", "path")) for file in ledgers]).set_index("key")["path"]
    paths = paths[paths != ""]
    titles = read_table(study.workspace.books, ("key", "title")).set_index("key")["title"]
    pairs = table[["genre", "reason", "key", "replaced_by"]].itertuples(index=False, name=None)
    return [
        CaptionedCover(study.workspace.root / paths[key], (genre, key, said), titles.get(key, "") or key)
        for genre, reason, left, came in sorted(pairs, key=lambda pair: (_SHOWN.index(pair[1]), pair[0], pair[2]))
        if left in paths and came in paths
        for key, said in ((left, f"left: {reason}"), (came, "came in its place"))
    ]


def replaced_markdown(study: Study) -> str:
    """The books that left as Markdown, with a sheet of covers and what came in their place; says so where none left."""
    study.manifest("curate")
    genres = read_table(study.workspace.genres)["name"].tolist()
    table = reasons_table(_replacements(study), genres)
    if table is None:
        return "### No book left the study"
    told = f"### {table.caption}\n\n{markdown(table)}"
    covers = exchanged_covers(study)
    if not covers:
        return told
    shown, all_of_them = covers[: 2 * MOST_PAIRS], len(covers) // 2
    said = f"{len(shown) // 2} of {all_of_them} covers that left, each beside the one that came in its place"
    return f"{told}\n\n### {said}\n\n{sheet_markdown(said, contact_sheet(shown), _MOST_BYTES)}"


def _replacements(study: Study) -> pd.DataFrame:
    return read_table(study.workspace.curation / "replacements.csv")
