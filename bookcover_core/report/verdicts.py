"""A verdict on every number of Tables 1, 2 and 3 of the dissertation: reproduced, better, worse, or not comparable.

Every published share rests on a known number of books: 5,700 test books in a total, 190 in a genre, and as many as the
network put into a genre in a precision, which Tables 2 and 3 together tell. So it has an interval of its own, and what
decides is the interval of the difference (Newcombe's): where that holds 0 the number is reproduced.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bookcover_core.evaluation.intervals import Interval, difference
from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    PRINTED_BEST_TOP3,
    PUBLISHED_TEST_BOOKS,
    published_precision,
    published_preparations,
    published_recall,
)
from bookcover_core.evaluation.scores import Estimate, share
from bookcover_core.genres import BOOKCOVER30, BOOKCOVER30_TEST_PER_GENRE
from bookcover_core.report.findings import Findings

# The network whose preparations Table 1 compares.
_COMPARED = "MobileNetV2"

# Shares are compared as Table 2 prints them: to a tenth of a per cent.
_PRINTED_DIGITS = 3

# Why epochs and counts are not compared.
NO_INTERVAL = "a count of one run carries no interval"


class Outcome(StrEnum):
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
    apart: Interval | None
    """Of the study's less the published number."""
    outcome: Outcome
    why: str
    """Why it is not comparable; empty otherwise."""


def number_verdicts(findings: Findings) -> list[NumberVerdict]:
    """A verdict on every number of Tables 1, 2 and 3; none where the genres are not those of BookCover30."""
    if not findings.has_published:
        return []
    return [*_preparations(findings), *_recalls(findings), *_best_genres(findings), *_precisions(findings)]


def judge(
    findings: Findings, published: float, books: int | None, ours: Estimate | None, missing: str
) -> tuple[Interval | None, Outcome, str]:
    """The interval of the difference, the outcome, and why a number is not comparable.

    Args:
        findings: What the study found.
        published: The published share.
        books: How many books it rests on; None where that is not known.
        ours: The study's share with the interval of that share alone; None where it has none.
        missing: Why it has none.
    """
    if ours is None:
        return None, Outcome.NOT_COMPARABLE, missing
    if findings.obstacles:
        return None, Outcome.NOT_COMPARABLE, "; ".join(findings.obstacles)
    confidence = findings.study.settings.evaluation.confidence
    other = share(round(published * books), books, confidence) if books else None
    if other is None:
        return None, Outcome.NOT_COMPARABLE, "how many books the published share rests on is not known"
    apart = difference(ours.value, ours.interval, published, other.interval)
    if apart.low > 0:
        return apart, Outcome.BETTER, ""
    return apart, Outcome.WORSE if apart.high < 0 else Outcome.REPRODUCED, ""


def _preparations(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 1."""
    trials = {trial.preparation: trial for trial in findings.trials if trial.backbone == _COMPARED}
    books, confidence = findings.books_in("test"), findings.study.settings.evaluation.confidence
    for name, other in published_preparations().items():
        trial = trials.get(name)
        ours = share(round(trial.test_accuracy * books), books, confidence) if trial else None
        missing = f"the study has not compared {name} with {_COMPARED}"
        judged = judge(findings, other.test_accuracy, PUBLISHED_TEST_BOOKS, ours, missing)
        yield NumberVerdict("Table 1", _COMPARED, "Test accuracy", name, other.test_accuracy, ours, *judged)
        epoch, why = (trial.best_epoch, NO_INTERVAL) if trial else (None, missing)
        not_compared = (None, Outcome.NOT_COMPARABLE, why)
        yield NumberVerdict("Table 1", _COMPARED, "Best epoch", name, other.best_epoch, epoch, *not_compared)


def _recalls(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 2, but for its last row."""
    networks = {scores.backbone: scores for scores in findings.scores}
    confidence = findings.study.settings.evaluation.confidence
    for name, other in published_recall().items():
        scores = networks.get(name)
        missing = f"the study has not evaluated {name}"
        for k, column, total in ((1, other.top1, other.total_top1), (3, other.top3, other.total_top3)):
            measure = f"Top-{k} recall"
            for label, genre in enumerate(BOOKCOVER30):
                ours = scores.genres[label].recall.get(k) if scores else None
                why = missing if scores is None else "the genre has no test books"
                judged = judge(findings, column[genre], BOOKCOVER30_TEST_PER_GENRE, ours, why)
                yield NumberVerdict("Table 2", name, measure, genre, column[genre], ours, *judged)
            whole = share(round(scores.top(k).value * scores.books), scores.books, confidence) if scores else None
            judged = judge(findings, total, PUBLISHED_TEST_BOOKS, whole, missing)
            yield NumberVerdict("Table 2", name, f"Top-{k} accuracy", "Total", total, whole, *judged)


def _best_genres(findings: Findings) -> Iterator[NumberVerdict]:
    """The last row of Table 2."""
    evaluated = {scores.backbone for scores in findings.scores}
    for k, printed in ((1, PRINTED_BEST_TOP1), (3, PRINTED_BEST_TOP3)):
        ours = best_genres(findings, k)
        for name, count in printed.items():
            is_own = name in evaluated
            why = NO_INTERVAL if is_own else f"the study has not evaluated {name}"
            not_compared = (None, Outcome.NOT_COMPARABLE, why)
            measure = f"Number of best genres, top {k}"
            yield NumberVerdict("Table 2", name, measure, "Total", count, ours[name] if is_own else None, *not_compared)


def best_genres(findings: Findings, k: int = 1) -> dict[str, int]:
    """Genres that each of the five networks of Table 2 has the best top-k recall of; ties count for all.

    Of a network that the study has not evaluated the published recall takes part.

    Args:
        findings: What the study found.
        k: 1 or 3.
    """
    own = {scores.backbone: scores for scores in findings.scores}
    wins: Counter[str] = Counter()
    for label, genre in enumerate(BOOKCOVER30):
        recalls = {}
        for name, other in published_recall().items():
            found = own[name].genres[label].recall.get(k) if name in own else None
            published = (other.top1 if k == 1 else other.top3)[genre]
            recalls[name] = round(published if found is None else found.value, _PRINTED_DIGITS)
        highest = max(recalls.values())
        wins.update(name for name, recall in recalls.items() if recall == highest > 0)
    return {name: wins[name] for name in published_recall()}


def _precisions(findings: Findings) -> Iterator[NumberVerdict]:
    """Table 3."""
    networks = {scores.backbone: scores for scores in findings.scores}
    confidence = findings.study.settings.evaluation.confidence
    for name, other in published_precision().items():
        scores = networks.get(name)
        missing = f"the study has not evaluated {name}"
        for label, genre in enumerate(BOOKCOVER30):
            value = other.precision[genre]
            ours = scores.genres[label].precision if scores else None
            if value is None:
                continue  # a dash: the network never names the genre, so there is no number to judge
            why = missing if scores is None else f"{name} never names the genre here"
            judged = judge(findings, value, named_books(name, genre), ours, why)
            yield NumberVerdict("Table 3", name, "Precision", genre, value, ours, *judged)
        whole = share(round(scores.accuracy.value * scores.books), scores.books, confidence) if scores else None
        judged = judge(findings, other.total, PUBLISHED_TEST_BOOKS, whole, missing)
        yield NumberVerdict("Table 3", name, "Total precision (accuracy)", "Total", other.total, whole, *judged)


def named_books(network: str, genre: str) -> int | None:
    """How many test books the dissertation's network put into a genre; None where its tables do not tell.

    Right predictions are the recall (Table 2) of 190 books, and the precision (Table 3) is their share of all that were
    put there. Over the genres these add up to the 5,700 test books, to rounding. Where both are 0 they do not tell.
    """
    precision = published_precision()[network].precision[genre]
    if not precision:
        return None
    return round(published_recall()[network].top1[genre] * BOOKCOVER30_TEST_PER_GENRE / precision)
