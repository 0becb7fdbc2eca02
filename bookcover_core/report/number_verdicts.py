"""A verdict on every number of Tables 1, 2 and 3 of the dissertation.

A published share rests on a known number of books, so it has an interval, and that of the difference (Newcombe's)
decides: where it holds 0 the study is consistent with the number; where it is narrow besides, it has reproduced it. The
study's numbers are those on the official test books that it still has.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from bookcover_core.evaluation import published_results as printed
from bookcover_core.evaluation.intervals import Estimate, difference, share
from bookcover_core.genres import BOOKCOVER30, BOOKCOVER30_TEST_PER_GENRE
from bookcover_core.report.findings import Findings
from bookcover_core.report.result_tables import COMPARED, IWANA, PRINTED_DIGITS
from bookcover_core.report.table import Table

NARROW = 0.02
"""A difference whose interval lies within that of 0, either way, is called none: two points are what separates the
dissertation's MobileNetV2 from LeNet and from ResNeXt50, and so the least that it speaks of."""

# Why epochs and counts are not compared.
_NO_INTERVAL = "a count of one run carries no interval"


class Reproduction(StrEnum):
    """What becomes of a published number or statement. The value is for people."""

    REPRODUCED = "reproduced"
    """Of a number: the interval of the difference holds 0 and is narrow. Of a statement: it holds here too."""
    CONSISTENT = "consistent with"
    """The interval of the difference holds 0, and much else."""
    BETTER = "better"
    WORSE = "worse"
    CONTRADICTED = "contradicted"
    """Of a statement: it does not hold here."""
    UNDECIDED = "undecided"
    """Of a statement: the intervals allow both."""
    NOT_COMPARABLE = "not comparable"


# What can become of a number.
_OF_NUMBERS = [each for each in Reproduction if each not in {Reproduction.CONTRADICTED, Reproduction.UNDECIDED}]


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
    return list(_numbers(findings)) if findings.has_published else []


def _numbers(findings: Findings) -> Iterator[NumberVerdict]:
    """Table by table; what is a count of one run carries no interval, and so no verdict."""
    trials = {trial.preparation: trial for trial in findings.trials if trial.backbone == COMPARED}
    books = findings.books_in("test")
    for preparation, row in printed.published_preparations().items():
        trial = trials.get(preparation)
        missing = f"the study has not compared {preparation} with {COMPARED}"
        of = partial(NumberVerdict, "Table 1", COMPARED)
        ours = share(round(trial.test_accuracy * books), books, findings.confidence) if trial else None
        accuracy = of("Test accuracy", preparation, row.test_accuracy, ours)
        yield judge_number(findings, accuracy, printed.PUBLISHED_TEST_BOOKS, missing)
        epoch = trial.best_epoch if trial else None
        yield of("Best epoch", preparation, row.best_epoch, epoch, why=_NO_INTERVAL if trial else missing)

    own = findings.comparable_scores
    for name, recall in printed.published_recall().items():
        scores, of = own.get(name), partial(NumberVerdict, "Table 2", name)
        missing = "the genre has no test books" if scores else f"the study has not evaluated {name}"
        for k, best in ((1, printed.PRINTED_BEST_TOP1), (3, printed.PRINTED_BEST_TOP3)):
            for label, genre in enumerate(BOOKCOVER30):
                ours = scores.genres[label].recall.get(k) if scores else None
                number = of(f"Top-{k} recall", genre, recall.recall[k][genre], ours)
                yield judge_number(findings, number, BOOKCOVER30_TEST_PER_GENRE, missing)
            total = of(f"Top-{k} accuracy", "Total", recall.total[k], scores.top(k) if scores else None)
            yield judge_number(findings, total, printed.PUBLISHED_TEST_BOOKS, missing)
            wins, why = (best_genres(findings, k)[name], _NO_INTERVAL) if scores else (None, missing)
            yield of(f"Number of best genres, top {k}", "Total", best[name], wins, why=why)

    for name, column in printed.published_precision().items():
        scores, of = own.get(name), partial(NumberVerdict, "Table 3", name)
        missing = f"{name} never names the genre here" if scores else f"the study has not evaluated {name}"
        for label, genre in enumerate(BOOKCOVER30):
            if (value := column.precision[genre]) is not None:  # a dash: the network never names the genre
                ours = scores.genres[label].precision if scores else None
                number = of("Precision", genre, value, ours)
                yield judge_number(findings, number, named_books(name, genre), missing)
        total = of("Total precision (accuracy)", "Total", column.total, scores.accuracy if scores else None)
        yield judge_number(findings, total, printed.PUBLISHED_TEST_BOOKS, missing)


def judge_number(findings: Findings, number: NumberVerdict, books: int | None, missing: str) -> NumberVerdict:
    """`number` with its verdict.

    `books` are what the published share rests on, None where that is not known; `missing` says why the study has no
    such number, should it have none.
    """
    if not isinstance(number.ours, Estimate):
        return replace(number, why=missing)
    if findings.obstacles:
        return replace(number, why="; ".join(findings.obstacles))
    if findings.trained_otherwise and number.network not in IWANA and number.source != "Table 1":
        return replace(number, why=findings.trained_otherwise)
    other = share(round(number.published * books), books, findings.confidence) if books else None
    if other is None:
        return replace(number, why="how many books the published share rests on is not known")
    # The difference is that from the number as it is printed, which need not be a whole number of books.
    apart = difference(number.ours, other.model_copy(update={"value": number.published}))
    return replace(number, apart=apart, outcome=outcome_of(apart))


def outcome_of(apart: Estimate) -> Reproduction:
    """What a difference from a published share says of that."""
    if apart.holds_zero:
        is_narrow = max(-apart.low, apart.high) <= NARROW
        return Reproduction.REPRODUCED if is_narrow else Reproduction.CONSISTENT
    return Reproduction.BETTER if apart.low > 0 else Reproduction.WORSE


def best_genres(findings: Findings, k: int = 1) -> dict[str, int]:
    """Genres that each network of Table 2 is the best in by top-1 or top-3 recall, published where not evaluated."""
    own = findings.comparable_scores
    wins: Counter[str] = Counter()
    for label, genre in enumerate(BOOKCOVER30):
        recalls = {}
        for name, other in printed.published_recall().items():
            found = own[name].genres[label].recall.get(k) if name in own else None
            recalls[name] = round(found.value if found else other.recall[k][genre], PRINTED_DIGITS)
        highest = max(recalls.values())
        wins.update(name for name, recall in recalls.items() if recall == highest > 0)
    return {name: wins[name] for name in printed.published_recall()}


def named_books(network: str, genre: str) -> int | None:
    """How many test books the dissertation's network put into a genre; None where that is not known.

    It is the recall (Table 2) of 190 books over the precision (Table 3), unless both are 0.
    """
    precision = printed.published_precision()[network].precision[genre]
    if not precision:
        return None
    return round(printed.published_recall()[network].recall[1][genre] * BOOKCOVER30_TEST_PER_GENRE / precision)


def verdict_counts(verdicts: Sequence[NumberVerdict]) -> dict[str, dict[str, int]]:
    """Numbers by outcome, for each table of the dissertation and for all, which come last."""
    counts: defaultdict[str, Counter[Reproduction]] = defaultdict(Counter)
    for each in verdicts:
        counts[each.source][each.outcome] += 1
    counts["All"] = Counter(each.outcome for each in verdicts)
    return {name: {outcome.value: count[outcome] for outcome in _OF_NUMBERS} for name, count in counts.items()}


def verdict_tables(verdicts: Sequence[NumberVerdict]) -> list[Table | None]:
    """How many numbers came out how, the totals, and every number: verdict-counts, verdicts-totals, verdicts."""
    if not verdicts:
        return []
    counts = [[name, *found.values(), sum(found.values())] for name, found in verdict_counts(verdicts).items()]
    reasons = Counter(each.why for each in verdicts if each.why).most_common()
    totals = [each for each in verdicts if each.source == "Table 1" or each.item == "Total"]
    shown = [each for each in totals if each.ours is not None and each.why != _NO_INTERVAL]
    return [
        Table.of("verdict-counts", counts, foot=1, outcomes=_OF_NUMBERS, narrow=NARROW, reasons=reasons),
        Table.of("verdicts-totals", shown, verdicts=shown),
        Table.of("verdicts", verdicts),
    ]
