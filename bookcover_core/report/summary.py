"""The outcome of a study in a sentence, rows, or a Markdown table: for the report, the terminal and Prefect."""

from dataclasses import dataclass
from typing import Any

from bookcover_core.evaluation.intervals import Estimate, difference
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedRecall, published_recall
from bookcover_core.families.family import title_of
from bookcover_core.pipeline.study import Study
from bookcover_core.report.findings import UNTRAINED, EvaluatedSystem, Findings, gather
from bookcover_core.report.table import DASH, PERCENT, capitalised, markdown_row, percent


@dataclass(frozen=True)
class Headline:
    """The outcome in words."""

    answer: str
    """A word or a few: the headline."""
    sentence: str
    """One sentence with the number, its interval and chance."""
    standing: str
    """How that compares with what is published; empty where it cannot be compared."""

    def __str__(self) -> str:
        return f"{self.answer} {self.sentence} {self.standing}".strip()


def result_table(study: Study) -> list[dict[str, Any]]:
    """A row for each network, the best first, for people: shares in per cent, with their intervals behind them.

    Keys: model, preparation, "top 1, %" (and 3 and 5, where there are more genres), "macro precision, %", "best epoch",
    and, where the published numbers may be compared, "published top 1, %". What is not known is a dash.

    Raises:
        StageOrderError: The study's listings have not been read.
        WorkspaceError: A file of results is missing or altered.
    """
    return _shown_rows(gather(study))


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
    """A row for each network, the best first, then for each baseline, for machines: shares from 0 to 1.

    Keys: model, backbone, preparation, test_books, chance; top1, top3, top5 and macro_precision, each with `_low` and
    `_high`; best_epoch (None where unknown); published_top1 (None where there is none, or none that is comparable);
    random_weights (of the network itself, or of a member of an ensemble).
    """
    published = published_recall() if findings.comparable else {}
    shown = [*findings.systems, *findings.baselines]
    ordered = sorted(shown, key=lambda each: (not each.system.competes, -each.scores.accuracy.value))
    return [_row(system, published.get(system.name)) for system in ordered]


def headline(findings: Findings) -> Headline:
    """The outcome in words, judged by the best network's interval against chance and the published numbers."""
    best = findings.best
    if best is None:
        return Headline("No answer yet.", "No network has been evaluated.", "")
    scores = best.scores
    accuracy = scores.accuracy
    beats_chance = accuracy.low > scores.chance
    interval = f"{100 * scores.confidence:.0f}{PERCENT} interval {_interval(accuracy)}{PERCENT}"
    sentence = (
        f"{best.title}, shown nothing but the cover, is right on {percent(accuracy.value)}{PERCENT} of "
        f"{scores.books:,} test books ({interval}); chance is {percent(scores.chance)}{PERCENT}"
    )
    if best.untrained:
        return Headline("Untrained networks.", f"{sentence}.", "")
    if not beats_chance:
        doubt = "the interval does not rule out" if accuracy.high >= scores.chance else "is better"
        return Headline("No.", f"{sentence}, which {doubt}.", "")
    return Headline(_answer(accuracy, scores.chance), f"{sentence}.", _standing(findings, best))


def _answer(accuracy: Estimate, chance: float) -> str:
    """The headline of a network that beats chance."""
    if accuracy.low > 0.5:
        return "Yes, more often than not."
    far = accuracy.low > 3 * chance
    return "Far better than chance, but not reliably." if far else "Better than chance, but not reliably."


def _standing(findings: Findings, best: EvaluatedSystem) -> str:
    """How the best network compares with the best published on the official split, luck on both sides allowed for."""
    if not findings.comparable:
        return ""
    published = published_recall()
    highest = max(other.total_top1 for other in published.values())
    names = " and ".join(name for name, other in published.items() if other.total_top1 == highest)
    scores = best.scores
    other = Estimate.of_share(round(highest * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, scores.confidence)
    apart = difference(scores.accuracy, other.model_copy(update={"value": highest}))
    place = "above" if apart.low > 0 else "below" if apart.high < 0 else "level with"
    return f"That is {place} the best published on the official split ({names}, {percent(highest)}{PERCENT})."


def _row(system: EvaluatedSystem, published: PublishedRecall | None) -> dict[str, Any]:
    scores = system.scores
    row: dict[str, Any] = {
        "model": scores.model,
        "backbone": scores.backbone,
        "preparation": scores.preparation,
        "test_books": scores.books,
        "chance": scores.chance,
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
