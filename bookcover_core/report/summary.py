"""The outcome of a study in a sentence, rows, or a Markdown table: for the report, the terminal and Prefect."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bookcover_core.evaluation.intervals import Estimate, difference
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, published_recall
from bookcover_core.pipeline.study import Study
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings, gather
from bookcover_core.report.formats import PERCENT, percent
from bookcover_core.report.reading_section import three_verdicts
from bookcover_core.report.table import Table, markdown
from bookcover_core.report.words import passage, sentences

TOO_WIDE = 0.3
"""An interval that is wider carries no verdict: it holds "one in five" beside "one in two"."""


@dataclass(frozen=True)
class Headline:
    """The outcome in words."""

    answer: str
    """A few words, the number first: "About one in four.\""""
    sentence: str
    """The number, its interval and chance, top 3 and top 5, and how a tie on the validation books was resolved."""
    standing: str
    """How that compares with what is published; empty where it cannot be compared."""

    def __str__(self) -> str:
        return f"{self.answer} {self.sentence} {self.standing}".strip()


def result_table(study: Study) -> list[dict[str, str]]:
    """A row for each network, the best on the validation books first: shares in per cent, with intervals."""
    table = _results(gather(study))
    if table is None:
        return []
    names = [column.name for column in table.columns]
    return [dict(zip(names, table.told(row), strict=True)) for row in table.rows]


def verdict(study: Study) -> str:
    """The outcome in words; errors as of `result_table`."""
    return str(headline(gather(study)))


def result_markdown(study: Study) -> str:
    """The rows of `result_table` as a Markdown table, under the verdict in a sentence."""
    findings = gather(study)
    told, table = headline(findings), _results(findings)
    lines = [f"**{told.answer}** {told.sentence} {told.standing}".strip(), ""]
    lines += [markdown(table).rstrip()] if table else []
    lines += [f"\n**{missing.title} is missing.** {missing.reason}" for missing in findings.missing]
    return "\n".join(lines) + "\n"


def result_rows(findings: Findings) -> list[dict[str, Any]]:
    """A row for each network, the best on the validation books first, then for each baseline: shares from 0 to 1.

    Intervals are `_low` and `_high` of a name; best_epoch is None where unknown, published_top1 where not comparable;
    random_weights is of the network itself, or of a member of an ensemble.
    """
    rows = []
    for system in _ordered(findings):
        scores = system.scores
        row: dict[str, Any] = {
            "model": scores.model,
            "backbone": scores.backbone,
            "preparation": scores.preparation,
            "test_books": scores.books,
            "chance": scores.chance,
            "chance3": scores.chances[3],
            "chance5": scores.chances[5],
        }
        shown = {f"top{k}": scores.top(k) for k in TOP} | {"macro_precision": scores.totals["macro_precision"]}
        for name, estimate in shown.items():
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        row |= {"best_epoch": system.best_epoch, "published_top1": _published(findings).get(system.name)}
        rows.append(row | {"random_weights": system.untrained})
    return rows


def headline(findings: Findings) -> Headline:
    """The outcome in words, of the system that the validation books choose: what its interval carries, and no more."""
    best = findings.best
    if best is None:
        return Headline("No answer yet.", "No network has been evaluated.", "")
    scores, doubt = best.scores, _doubt(best)
    sentence = sentences(
        "headline",
        findings=findings,
        best=best,
        scores=scores,
        is_chance=doubt == "No.",
        has_answer=not doubt,
        ks=findings.top(*TOP)[1:],
    )
    return Headline(doubt or f"{about(scores.accuracy.value)}.", sentence, "" if doubt else _standing(findings, best))


def _doubt(system: EvaluatedSystem) -> str:
    """Why the accuracy of a system carries no number as an answer, as that answer; empty where it does."""
    scores = system.scores
    doubts = {
        "Untrained networks.": system.untrained,
        f"{scores.books:,} test books are too few to say.": scores.accuracy.width > TOO_WIDE,
        "No.": scores.accuracy.low <= scores.chance,
    }
    return next((words for words, holds in doubts.items() if holds), "")


def verdict_words(findings: Findings) -> list[str]:
    """The verdict by the picture, by the whole cover, and by cover and listing, a sentence each; none: nobody reads."""
    verdicts = [
        (how, each, _doubt(each) or about(each.scores.accuracy.value)) for how, each in three_verdicts(findings)
    ]
    return passage("three verdicts", verdicts=verdicts)


def about(share: float) -> str:
    """A share in whole numbers: "About one in four", "About two in three"."""
    words = dict(enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=2))
    numbers = (*words, 12, 15, 20, 25, 30, 40, 50, 100)
    ones = [(1 / number, f"one in {words.get(number, number)}") for number in numbers]
    more = [(0.0, "none"), (2 / 3, "two in three"), (3 / 4, "three in four"), (4 / 5, "four in five")]
    every = [*ones, *more, (0.9, "nine in ten"), (1.0, "all")]
    odds = [(abs(np.log((each + 1e-3) / (share + 1e-3))) + abs(each - share), said) for each, said in every]
    return f"About {min(odds)[1]}"


def _standing(findings: Findings, best: EvaluatedSystem) -> str:
    """How the best network compares with the best published on the official split, luck on both sides allowed for."""
    if not findings.comparable:
        return ""
    published = published_recall()
    highest = max(other.total[1] for other in published.values())
    names = " and ".join(name for name, other in published.items() if other.total[1] == highest)
    scores = findings.comparable_scores[best.name]
    other = Estimate.of_share(round(highest * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    apart = difference(scores.accuracy, other.model_copy(update={"value": highest}))
    place = "above" if apart.low > 0 else "below" if apart.high < 0 else "not told apart from"
    left = "" if scores.books == PUBLISHED_TEST_BOOKS else f", on the {scores.books:,} of them that are left,"
    return f"That is {place} the best published on the official split{left} ({names}, {percent(highest)}{PERCENT})."


def _ordered(findings: Findings) -> list[EvaluatedSystem]:
    """The networks, the best on the validation books first, and the baselines, the best on the test books first."""
    return [*findings.by_validation, *sorted(findings.baselines, key=lambda each: -each.scores.accuracy.value)]


def _published(findings: Findings) -> dict[str, float]:
    """The published top-1 accuracies that may be compared with the study's, by network."""
    is_shown = findings.comparable and not findings.trained_otherwise
    return {name: each.total[1] for name, each in published_recall().items()} if is_shown else {}


def _results(findings: Findings) -> Table | None:
    """The rows of `result_table`; None without any."""
    return Table.of("results", _ordered(findings), findings=findings, published=_published(findings))
