"""The figures of the report, except those of section 5.2: what each shows, and its caption."""

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from bookcover_core.evaluation.published_results import published_recall, published_results
from bookcover_core.report.analysis_figures import analysis_figures, confusion_figure
from bookcover_core.report.figure_spec import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.findings import Findings
from bookcover_core.report.repeat_section import curve_figure
from bookcover_core.report.table import percent
from bookcover_core.visualisation.cost_chart import NetworkCost, accuracy_against_cost
from bookcover_core.visualisation.figure_style import Theme
from bookcover_core.visualisation.interval_charts import accuracy_beside_published, recall_extremes
from bookcover_core.visualisation.maximisation_figure import ideal_pictures
from bookcover_core.visualisation.network_insight import BLURRED, NetworkInsight
from bookcover_core.visualisation.recall_chart import recall_by_genre
from bookcover_core.visualisation.training_curves import TrainingCurve, preparation_curves, training_curves


def make_figures(findings: Findings, folder: Path) -> dict[str, ReportFigure]:
    """The figures that the findings allow, by name, each written to `folder` as SVG and PNG.

    Names: standing, extremes, preparations, training, recall, and confusion-<system> for each system.
    """
    return {spec.name: draw_figure(spec, folder) for spec in _specs(findings) if spec is not None}


def _specs(findings: Findings) -> list[FigureSpec | None]:
    specs: list[FigureSpec | None] = [*_trials(findings)]
    if best := findings.best:
        confidence = f"{100 * best.scores.confidence:.0f} %"
        specs += [
            _standing(findings, confidence),
            _training(findings),
            FigureSpec(
                name="extremes",
                caption=f"The genres that {best.title} knows best and worst by their covers: top-1 recall with "
                f"{confidence} intervals.",
                alt=f"Top-1 recall of {best.title} for its best and worst genres; Table 2 has all of them.",
                draw=lambda theme, width: recall_extremes(best.scores, theme, width),
            ),
            FigureSpec(
                name="recall",
                caption="Figure 5.1. Top-1, top-3 and top-5 recall of each network by genre, with "
                f"{confidence} intervals; dotted: chance.",
                alt="Recall by genre and network; Table 2 has the numbers.",
                draw=lambda theme, _: recall_by_genre(findings.scores, theme),
                has_narrow=False,
            ),
            *(confusion_figure(scores, findings.analysis) for scores in findings.scores),
            *(analysis_figures(findings, findings.analysis) if findings.analysis else ()),
            ideal_figure(findings, findings.insight),
            cost_figure(findings),
            curve_figure(findings),
        ]
    return specs


def _trials(findings: Findings) -> list[FigureSpec]:
    """Figure 3.1 for each network that compares."""
    curves: dict[str, dict[str, TrainingCurve]] = {}
    for trial in findings.trials:
        if trial.curve is not None:
            curves.setdefault(trial.backbone, {})[trial.preparation] = trial.curve
    several = len({trial.backbone for trial in findings.trials}) > 1
    chosen = {trial.backbone: trial.preparation for trial in findings.trials if trial.chosen}
    return [
        FigureSpec(
            name=f"preparations-{backbone}" if several else "preparations",
            caption=f"Figure 3.1. The preparations throughout the short training of {backbone}: validation strong, "
            "training faint, the best epoch marked.",
            alt=f"Accuracy and loss by epoch of each preparation. {_courses(trials)}.",
            draw=_preparation_curves(trials, chosen.get(backbone, "")),
            has_narrow=False,
        )
        for backbone, trials in curves.items()
    ]


def _preparation_curves(trials: Mapping[str, TrainingCurve], chosen: str) -> Callable[[Theme, float], Figure]:
    return lambda theme, _: preparation_curves(trials, chosen, theme)


def _standing(findings: Findings, confidence: str) -> FigureSpec:
    scores = findings.scores
    published = published_results() if findings.has_published else ()
    beside = " and what is published for covers alone." if published else "."
    if published and not findings.comparable:
        beside += " The published results are not comparable with the study's."
    values = "; ".join(
        f"{each.title} {percent(each.accuracy.value)} ({percent(each.accuracy.low)} to {percent(each.accuracy.high)})"
        for each in scores
    )
    return FigureSpec(
        name="standing",
        caption=f"Top-1 accuracy with {confidence} intervals, beside chance{beside}",
        alt=f"Top-1 accuracy in per cent: {values}. Chance is {percent(scores[0].chance)}.",
        draw=lambda theme, width: accuracy_beside_published(scores, published, theme, width),
    )


def _training(findings: Findings) -> FigureSpec | None:
    curves = {system.title: system.curve for system in findings.systems if system.curve is not None}
    if not curves:
        return None
    return FigureSpec(
        name="training",
        caption="Figure 4.1. The networks throughout training, on training and validation books; the epoch that was "
        "kept is ringed.",
        alt=f"Accuracy and loss by epoch of each network. {_courses(curves)}.",
        draw=lambda theme, _: training_curves(curves, theme),
        has_narrow=False,
    )


def cost_figure(findings: Findings) -> FigureSpec | None:
    """Accuracy against multiply-adds; None where no card has them."""
    published = published_recall() if findings.has_published else {}
    networks = [
        NetworkCost(
            name=system.title,
            architecture=system.card.architecture,
            accuracy=system.scores.accuracy,
            published=published[system.name].total_top1 if system.name in published else None,
        )
        for system in findings.systems
        if system.card is not None and system.card.architecture is not None
    ]
    if not networks:
        return None
    hollow = " Hollow: what is published for the same network." if any(each.published for each in networks) else ""
    if hollow and not findings.comparable:
        hollow += " That is not comparable with the study's."
    costs = "; ".join(
        f"{each.name}: {each.architecture.multiply_adds / 1e9:.2f} G multiply-adds, "
        f"{percent(each.accuracy.value)} % accuracy"
        for each in networks
    )
    return FigureSpec(
        name="cost",
        caption="What accuracy costs: top-1 accuracy with its interval against the multiply-adds for one cover; areas "
        f"stand for parameters (after Bianco et al. 2018, Figure 1).{hollow}",
        alt=f"Accuracy against cost. {costs}.",
        draw=lambda theme, width: accuracy_against_cost(networks, theme, width),
    )


def ideal_figure(findings: Findings, insight: NetworkInsight | None) -> FigureSpec | None:
    """Figure 5.6; None without ideal pictures."""
    if insight is None or not insight.ideals:
        return None
    root = findings.study.workspace.root
    warning = f" {BLURRED}" if insight.may_be_blurred else ""
    scores = "; ".join(
        f"{ideal.genre.name}: score {ideal.score:.1f}"
        + ("" if ideal.best_cover is None else f", {ideal.best_cover:.1f} of the best test cover")
        for ideal in insight.ideals
    )
    return FigureSpec(
        name="ideal-pictures",
        caption=f"Figure 5.6. Pictures that {insight.title} takes for a genre more than it does covers (activation "
        f"maximisation, {insight.steps:,} steps), for the genres with the best recall. Below each, the genre's score "
        f"as it rose, beside those of up to {max(ideal.covers for ideal in insight.ideals)} test covers of the genre."
        f"{warning}",
        alt=f"Ideal pictures and their scores. {scores}.",
        draw=lambda theme, _: ideal_pictures(insight, root, theme),
        has_narrow=False,
    )


def _courses(curves: Mapping[str, TrainingCurve]) -> str:
    return "; ".join(
        f"{name}: validation accuracy {percent(curve.val_accuracy[curve.best])} % when kept, in epoch "
        f"{curve.best_epoch} of {curve.epochs[-1]}"
        for name, curve in curves.items()
    )
