"""The outcome of a study in a sentence, rows, or a Markdown table: for the report, the terminal and Prefect."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bookcover_core.evaluation.intervals import Estimate, difference
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedRecall, published_recall
from bookcover_core.evaluation.scores import Scores
from bookcover_core.families.family import title_of
from bookcover_core.pipeline.study import Study
from bookcover_core.report.findings import UNTRAINED, EvaluatedSystem, Findings, gather
from bookcover_core.report.table import DASH, PERCENT, capitalised, markdown_row, percent

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


def result_table(study: Study) -> list[dict[str, Any]]:
    """A row for each network, the best on the validation books first, for people: shares in per cent, with intervals.

    Keys: model, preparation, "top 1, %" (and 3 and 5, where there are more genres), "macro precision, %", "best epoch",
    and, where the published numbers may be compared, "published top 1, %". What is not known is a dash.

    Raises:
        StageOrderError: The study's listings have not been read.
        WorkspaceError: A file of results is missing or altered.
    """
    return _shown_rows(gather(study))


def verdict(study: Study) -> str:
    """The outcome in words; errors as of `result_table`."""
    return str(headline(gather(study)))


def result_markdown(study: Study) -> str:
    """The rows of `result_table` as a Markdown table, under the verdict in a sentence.

    Raises:
        StageOrderError: The study's listings have not been read.
        WorkspaceError: A file of results is missing or altered.
    """
    findings = gather(study)
    told = headline(findings)
    lines = [f"**{told.answer}** {told.sentence} {told.standing}".strip(), ""]
    if rows := _shown_rows(findings):
        titles = [capitalised(title) for title in rows[0]]
        lines += [markdown_row(titles), markdown_row(["---"] * 2 + ["---:"] * (len(titles) - 2))]
        lines += [markdown_row([str(value) for value in row.values()]) for row in rows]
        lines += ["", f"Intervals of {100 * findings.confidence:.0f}{PERCENT} in brackets."]
    lines += [f"\n**{missing.title} is missing.** {missing.reason}" for missing in findings.missing]
    return "\n".join(lines) + "\n"


def result_rows(findings: Findings) -> list[dict[str, Any]]:
    """A row for each network, the best on the validation books first, then for each baseline: shares from 0 to 1.

    Keys: model, backbone, preparation, test_books, chance, chance3, chance5; top1, top3, top5 and macro_precision, each
    with `_low` and `_high`; best_epoch (None where unknown); published_top1 (None without one that is comparable);
    random_weights (of the network itself, or of a member of an ensemble).
    """
    is_shown = findings.comparable and not findings.trained_otherwise
    published = published_recall() if is_shown else {}
    baselines = sorted(findings.baselines, key=lambda each: -each.scores.accuracy.value)
    return [_row(system, published.get(system.name)) for system in [*findings.by_validation, *baselines]]


def headline(findings: Findings) -> Headline:
    """The outcome in words, of the system that the validation books choose: what its interval carries, and no more."""
    best = findings.best
    if best is None:
        return Headline("No answer yet.", "No network has been evaluated.", "")
    scores = best.scores
    accuracy = scores.accuracy
    sentence = (
        f"{best.title}, shown nothing but the cover, is right on {percent(accuracy.value)}{PERCENT} of "
        f"{scores.books:,} test books at its first guess ({100 * scores.confidence:.0f}{PERCENT} interval "
        f"{_interval(accuracy)}{PERCENT}); chance, the commonest genre always, is {percent(scores.chance)}{PERCENT}"
    )
    if best.untrained:
        return Headline("Untrained networks.", f"{sentence}.", "")
    if accuracy.width > TOO_WIDE:
        return Headline(f"{scores.books:,} test books are too few to say.", f"{sentence}.", "")
    if accuracy.low <= scores.chance:
        doubt = "the interval does not rule out" if accuracy.high >= scores.chance else "is better"
        return Headline("No.", f"{sentence}, which {doubt}.", "")
    told = [f"{sentence}.", *_further(findings, scores), findings.choice.words if findings.choice else ""]
    if findings.unshared:
        apart = scores.books - findings.unshared.books
        told.append(
            f"Without the {apart:,} of which training has another edition or volume it is right on "
            f"{percent(findings.unshared.accuracy.value)}{PERCENT} ({_interval(findings.unshared.accuracy)}{PERCENT})."
        )
    return Headline(f"{about(accuracy.value)}.", " ".join(filter(None, told)), _standing(findings, best))


def about(share: float) -> str:
    """A share in whole numbers: "About one in four", "About two in three"."""
    ones = [(1 / number, f"one in {_word(number)}") for number in (*range(2, 11), 12, 15, 20, 25, 30, 40, 50, 100)]
    more = [(0.0, "none"), (2 / 3, "two in three"), (3 / 4, "three in four"), (4 / 5, "four in five")]
    every = [*ones, *more, (0.9, "nine in ten"), (1.0, "all")]
    odds = [(abs(np.log((each + 1e-3) / (share + 1e-3))) + abs(each - share), words) for each, words in every]
    return f"About {min(odds)[1]}"


def _word(number: int) -> str:
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number - 2] if number <= 10 else str(number)


def _further(findings: Findings, scores: Scores) -> list[str]:
    """What top 3 and top 5 are, where a study has that many genres."""
    ks = findings.top(*TOP)[1:]
    if not ks:
        return []
    told = " and ".join(
        f"among its first {k} on {percent(scores.top(k).value)}{PERCENT} (chance {percent(scores.chances[k])}{PERCENT})"
        for k in ks
    )
    return [f"The genre is {told}."]


def _standing(findings: Findings, best: EvaluatedSystem) -> str:
    """How the best network compares with the best published on the official split, luck on both sides allowed for."""
    if not findings.comparable:
        return ""
    published = published_recall()
    highest = max(other.total_top1 for other in published.values())
    names = " and ".join(name for name, other in published.items() if other.total_top1 == highest)
    scores = findings.comparable_scores[best.name]
    other = Estimate.of_share(round(highest * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    apart = difference(scores.accuracy, other.model_copy(update={"value": highest}))
    place = "above" if apart.low > 0 else "below" if apart.high < 0 else "not told apart from"
    left = "" if scores.books == PUBLISHED_TEST_BOOKS else f", on the {scores.books:,} of them that are left,"
    return f"That is {place} the best published on the official split{left} ({names}, {percent(highest)}{PERCENT})."


def _row(system: EvaluatedSystem, published: PublishedRecall | None) -> dict[str, Any]:
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
    for name, estimate in (
        ("top1", scores.top(1)),
        ("top3", scores.top(3)),
        ("top5", scores.top(5)),
        ("macro_precision", scores.totals["macro_precision"]),
    ):
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row | {
        "best_epoch": system.best_epoch,
        "published_top1": None if published is None else published.total_top1,
        "random_weights": system.untrained,
    }


def _shown_rows(findings: Findings) -> list[dict[str, Any]]:
    """The rows of `result_table`."""
    ks = findings.top(*TOP)
    shown = {f"top {k}, %": f"top{k}" for k in ks} | {"macro precision, %": "macro_precision"}
    rows = []
    for row in result_rows(findings):
        title = title_of(row["backbone"]) + (UNTRAINED if row["random_weights"] else "")
        line = {"model": title, "preparation": row["preparation"]}
        for title, name in shown.items():
            interval = f"{percent(row[f'{name}_low'])}{DASH}{percent(row[f'{name}_high'])}"
            line[title] = f"{percent(row[name])} ({interval})"
        line["best epoch"] = DASH if row["best_epoch"] is None else row["best_epoch"]
        if findings.comparable:
            line["published top 1, %"] = DASH if row["published_top1"] is None else percent(row["published_top1"])
        rows.append(line)
    return rows


def _interval(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} to {percent(estimate.high)}"
