"""A verdict on every number of Tables 1, 2 and 3 of the dissertation: reproduced, better, worse, or not comparable.

Every published share rests on a known number of books: 5,700 test books in a total, 190 in a genre, and as many as the
network put into a genre in a precision, which follows from Tables 2 and 3. So it has an interval of its own, and the
interval of the difference (Newcombe's) decides: where it holds 0 the number is reproduced.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter

from bookcover_core.evaluation.intervals import Estimate, difference, share
from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    PRINTED_BEST_TOP3,
    PUBLISHED_TEST_BOOKS,
    published_precision,
    published_preparations,
    published_recall,
)
from bookcover_core.genres import BOOKCOVER30, BOOKCOVER30_TEST_PER_GENRE
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Content, Table, estimates, integers, shares

# The network whose preparations Table 1 compares.
_COMPARED = "MobileNetV2"

# Shares are compared as Table 2 prints them: to a tenth of a per cent.
_PRINTED_DIGITS = 3

# Why epochs and counts are not compared.
_NO_INTERVAL = "a count of one run carries no interval"

_LUCK_OF_BOTH = "Shares in per cent; the intervals of differences allow for the luck of both sets of test books."

# What many comparisons bring with them.
_LUCK = "Of numbers that differ by nothing but luck, one in twenty is called better or worse at 95 %."


class Reproduction(StrEnum):
    """What becomes of a published number or statement. The value is for people."""

    REPRODUCED = "reproduced"
    """The interval of the difference holds 0; of a statement: it holds here too."""
    BETTER = "better"
    """The study's number is higher."""
    WORSE = "worse"
    """The study's number is lower."""
    CONTRADICTED = "contradicted"
    """Of a statement: it does not hold here."""
    UNDECIDED = "undecided"
    """Of a statement: the intervals allow both."""
    NOT_COMPARABLE = "not comparable"


# What can become of a number.
_OF_NUMBERS = (Reproduction.REPRODUCED, Reproduction.BETTER, Reproduction.WORSE, Reproduction.NOT_COMPARABLE)


@dataclass(frozen=True)
class NumberVerdict:
    """A published number beside the study's."""

    source: str
    """Table of the dissertation: "Table 2"."""
    network: str
    measure: str
    item: str
    """Genre, preparation, or "Total"."""
    published: float | int
    """A share, or the number of an epoch or of genres."""
    ours: Estimate | int | None
    """With its interval, where it has one; None where the study has no such number."""
    apart: Estimate | None = None
    """The study's less the published number; None where they are not compared."""
    outcome: Reproduction = Reproduction.NOT_COMPARABLE
    why: str = ""
    """Why it is not comparable; empty otherwise."""


def number_verdicts(findings: Findings) -> list[NumberVerdict]:
    """A verdict on every number of Tables 1, 2 and 3; none where the genres are not those of BookCover30."""
    if not findings.has_published:
        return []
    return [*_preparations(findings), *_recalls(findings), *_best_genres(findings), *_precisions(findings)]


def judge_number(findings: Findings, number: NumberVerdict, books: int | None, missing: str) -> NumberVerdict:
    """`number` with its verdict.

    Args:
        findings: What the study found.
        number: A published share, and the study's with the interval of that share alone.
        books: How many books the published share rests on; None where that is not known.
        missing: Why the study has no such number, should it have none.
    """
    if not isinstance(number.ours, Estimate):
        return replace(number, why=missing)
    if findings.obstacles:
        return replace(number, why="; ".join(findings.obstacles))
    other = share(round(number.published * books), books, findings.confidence) if books else None
    if other is None:
        return replace(number, why="how many books the published share rests on is not known")
    # The difference is that from the number as it is printed, which need not be a whole number of books.
    apart = difference(number.ours, other.model_copy(update={"value": number.published}))
    outcome = Reproduction.REPRODUCED if apart.holds_zero else Reproduction.WORSE
    return replace(number, apart=apart, outcome=Reproduction.BETTER if apart.low > 0 else outcome)


def _preparations(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 1."""
    trials = {trial.preparation: trial for trial in findings.trials if trial.backbone == _COMPARED}
    books = findings.books_in("test")
    for name, other in published_preparations().items():
        trial = trials.get(name)
        missing = f"the study has not compared {name} with {_COMPARED}"
        ours = share(round(trial.test_accuracy * books), books, findings.confidence) if trial else None
        number = NumberVerdict("Table 1", _COMPARED, "Test accuracy", name, other.test_accuracy, ours)
        yield judge_number(findings, number, PUBLISHED_TEST_BOOKS, missing)
        epoch, why = (trial.best_epoch, _NO_INTERVAL) if trial else (None, missing)
        yield NumberVerdict("Table 1", _COMPARED, "Best epoch", name, other.best_epoch, epoch, why=why)


def _recalls(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 2, but for its last row."""
    for name, other in published_recall().items():
        scores = findings.scores_by_name.get(name)
        missing = f"the study has not evaluated {name}"
        why = missing if scores is None else "the genre has no test books"
        for k in (1, 3):
            for label, genre in enumerate(BOOKCOVER30):
                ours = scores.genres[label].recall.get(k) if scores else None
                number = NumberVerdict("Table 2", name, f"Top-{k} recall", genre, other.recall(k)[genre], ours)
                yield judge_number(findings, number, BOOKCOVER30_TEST_PER_GENRE, why)
            whole = scores.top(k) if scores else None
            number = NumberVerdict("Table 2", name, f"Top-{k} accuracy", "Total", other.total(k), whole)
            yield judge_number(findings, number, PUBLISHED_TEST_BOOKS, missing)


def _best_genres(findings: Findings) -> Iterator[NumberVerdict]:
    """The last row of Table 2."""
    for k, printed in ((1, PRINTED_BEST_TOP1), (3, PRINTED_BEST_TOP3)):
        wins = best_genres(findings, k)
        for name, count in printed.items():
            is_own = name in findings.scores_by_name
            ours, why = (wins[name], _NO_INTERVAL) if is_own else (None, f"the study has not evaluated {name}")
            yield NumberVerdict("Table 2", name, f"Number of best genres, top {k}", "Total", count, ours, why=why)


def best_genres(findings: Findings, k: int = 1) -> dict[str, int]:
    """Genres that each of the five networks of Table 2 has the best top-k recall of; ties count for all.

    Of a network that the study has not evaluated the published recall takes part.

    Args:
        findings: What the study found.
        k: 1 or 3.
    """
    own = findings.scores_by_name
    wins: Counter[str] = Counter()
    for label, genre in enumerate(BOOKCOVER30):
        recalls = {}
        for name, other in published_recall().items():
            found = own[name].genres[label].recall.get(k) if name in own else None
            recalls[name] = round(found.value if found else other.recall(k)[genre], _PRINTED_DIGITS)
        highest = max(recalls.values())
        wins.update(name for name, recall in recalls.items() if recall == highest > 0)
    return {name: wins[name] for name in published_recall()}


def _precisions(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 3."""
    for name, other in published_precision().items():
        scores = findings.scores_by_name.get(name)
        missing = f"the study has not evaluated {name}"
        why = missing if scores is None else f"{name} never names the genre here"
        for label, genre in enumerate(BOOKCOVER30):
            value = other.precision[genre]
            if value is None:
                continue  # a dash: the network never names the genre, so there is no number to judge
            ours = scores.genres[label].precision if scores else None
            number = NumberVerdict("Table 3", name, "Precision", genre, value, ours)
            yield judge_number(findings, number, named_books(name, genre), why)
        whole = scores.accuracy if scores else None
        number = NumberVerdict("Table 3", name, "Total precision (accuracy)", "Total", other.total, whole)
        yield judge_number(findings, number, PUBLISHED_TEST_BOOKS, missing)


def named_books(network: str, genre: str) -> int | None:
    """How many test books the dissertation's network put into a genre; None where that does not follow from its tables.

    Right predictions are the recall (Table 2) of 190 books, and the precision (Table 3) is their share of all that were
    put there. Over the genres these add up to the 5,700 test books, to rounding. Where both are 0 it is not known.
    """
    precision = published_precision()[network].precision[genre]
    if not precision:
        return None
    return round(published_recall()[network].top1[genre] * BOOKCOVER30_TEST_PER_GENRE / precision)


def verdict_counts(verdicts: Sequence[NumberVerdict]) -> dict[str, dict[str, int]]:
    """Numbers by outcome, for each table of the dissertation and for all."""
    counts: dict[str, Counter[str]] = {}
    for each in verdicts:
        for name in (each.source, "All"):
            counts.setdefault(name, Counter())[each.outcome.value] += 1
    ordered = sorted(counts, key=lambda name: (name == "All", name))
    return {name: {outcome.value: counts[name][outcome.value] for outcome in _OF_NUMBERS} for name in ordered}


def verdict_tables(verdicts: Sequence[NumberVerdict]) -> list[Table]:
    """How many numbers came out how, the totals, and every number: verdict-counts, verdicts-totals, verdicts."""
    if not verdicts:
        return []
    counts = [[name, *found.values(), sum(found.values())] for name, found in verdict_counts(verdicts).items()]
    reasons = Counter(each.why for each in verdicts if each.why)
    tables = [
        Table.of(
            "verdict-counts",
            "What became of the numbers in the dissertation's tables",
            [
                Column("Numbers of"),
                *(integers(outcome.value.capitalize()) for outcome in _OF_NUMBERS),
                integers("In all"),
            ],
            counts[:-1],
            totals=counts[-1:],
            notes=[
                f"Reproduced: the interval of the difference holds 0. {_LUCK}",
                *(f"Not comparable, {count}: {why}." for why, count in reasons.most_common()),
            ],
        )
    ]
    totals = [each for each in verdicts if each.source == "Table 1" or each.item == "Total"]
    if shown := [each for each in totals if each.ours is not None and each.why != _NO_INTERVAL]:
        whys = dict.fromkeys(each.why for each in shown if each.why)
        tables.append(
            Table.of(
                "verdicts-totals",
                "The dissertation's totals, and what became of them",
                _COLUMNS,
                shown,
                notes=[_LUCK_OF_BOTH, *(f"Not comparable: {why}." for why in whys)],
            )
        )
    caption = "Every number of Tables 1, 2 and 3, and what became of it"
    columns = [*_COLUMNS, Column("Why not comparable", attrgetter("why"))]
    return [*tables, Table.of("verdicts", caption, columns, verdicts, notes=[_LUCK_OF_BOTH])]


def _number(value: float | Estimate | None) -> Content:
    """Epochs and numbers of genres stand as text in columns of shares."""
    return str(value) if isinstance(value, int) else value


_COLUMNS = [
    Column("Published in", attrgetter("source")),
    Column("Network", attrgetter("network")),
    Column("Of", attrgetter("item")),
    Column("Measure", attrgetter("measure")),
    shares("Published", lambda each: _number(each.published), faint=True),
    estimates("This study", lambda each: _number(each.ours)),
    estimates("Difference", attrgetter("apart")),
    Column("Verdict", attrgetter("outcome.value")),
]


def number_results(verdicts: Sequence[NumberVerdict]) -> list[dict[str, object]]:
    """Every verdict as JSON values."""
    return [
        {
            "source": each.source,
            "network": each.network,
            "measure": each.measure,
            "item": each.item,
            "published": each.published,
            "ours": each.ours.model_dump() if isinstance(each.ours, Estimate) else each.ours,
            "difference": None if each.apart is None else [each.apart.low, each.apart.high],
            "outcome": each.outcome.value,
            "why": each.why,
        }
        for each in verdicts
    ]
