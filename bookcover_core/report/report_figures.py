"""The figures of the report: drawn once for light and once for dark pages, and written as files for other uses."""

import base64
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from bookcover_core.evaluation.published_results import published_results
from bookcover_core.pipeline.workspace import write_bytes
from bookcover_core.report.analysis_figures import analysis_plans, confusion_plan
from bookcover_core.report.analysis_lookup import found_analysis
from bookcover_core.report.architecture_table import cost_plan
from bookcover_core.report.figure_spec import Plan
from bookcover_core.report.findings import Findings
from bookcover_core.report.insights import found_insight, ideal_plan
from bookcover_core.report.table import percent
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.accuracy_chart import accuracy_standing
from bookcover_core.visualisation.figure_style import DARK, LIGHT
from bookcover_core.visualisation.recall_chart import recall_by_genre, recall_extremes
from bookcover_core.visualisation.training_curves import Curve, preparation_curves, training_curves

# CSS pixels in an inch.
_PIXELS = 96


@dataclass(frozen=True)
class Picture:
    """A drawing as the page holds it."""

    light: str
    """Data URI of the SVG for light pages."""
    dark: str
    """Data URI of the SVG for dark pages."""
    width: int
    """In CSS pixels."""
    height: int


@dataclass(frozen=True)
class Figure:
    """A figure of the report."""

    name: str
    """Name of its files and of its place in the page."""
    caption: str
    alt: str
    """What it shows, for those who cannot see it."""
    wide: Picture
    narrow: Picture | None
    """For phones; None where the wide one is scrolled there."""
    files: tuple[Path, ...]


def make_figures(findings: Findings, folder: Path) -> dict[str, Figure]:
    """The figures that the findings allow, by name, each written to `folder` as SVG and PNG.

    Names: standing, extremes, preparations, training, recall, and confusion-<system> for each system.
    """
    return {plan.name: draw_plan(plan, folder) for plan in _plans(findings)}


def draw_plan(plan: Plan, folder: Path) -> Figure:
    """The figure of a plan, drawn for light and dark pages, and written to `folder` as SVG and PNG."""
    drawing = plan.draw(LIGHT)
    light = figure_style.to_svg(drawing).encode()
    files = (folder / f"{plan.name}.svg", folder / f"{plan.name}.png")
    write_bytes(files[0], light)
    write_bytes(files[1], figure_style.to_png(drawing))
    narrow = plan.narrow
    return Figure(
        name=plan.name,
        caption=plan.caption,
        alt=plan.alt,
        wide=_picture(drawing, light, plan.draw(DARK)),
        narrow=_picture(small := narrow(LIGHT), figure_style.to_svg(small).encode(), narrow(DARK)) if narrow else None,
        files=files,
    )


def _picture(drawing: Drawing, light: bytes, dark: Drawing) -> Picture:
    width, height = drawing.get_size_inches()
    return Picture(
        light=data_uri(light, "image/svg+xml"),
        dark=data_uri(figure_style.to_svg(dark, DARK, like=drawing).encode(), "image/svg+xml"),
        width=round(width * _PIXELS),
        height=round(height * _PIXELS),
    )


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as an address that a page can hold."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _plans(findings: Findings) -> list[Plan]:
    plans: list[Plan | None] = [*_plan_trials(findings)]
    if best := findings.best:
        confidence = f"{100 * best.scores.confidence:.0f} %"
        plans += [_plan_standing(findings, confidence), _plan_training(findings)]
        plans.append(
            Plan(
                name="extremes",
                caption=f"The genres that {best.title} knows best and worst by their covers: top-1 recall with "
                f"{confidence} intervals.",
                alt=f"Top-1 recall of {best.title} for its best and worst genres; Table 2 has all of them.",
                draw=lambda theme: recall_extremes(best.scores, theme),
                narrow=lambda theme: recall_extremes(best.scores, theme, figure_style.NARROW),
            )
        )
        plans.append(
            Plan(
                name="recall",
                caption="Figure 5.1. Top-1, top-3 and top-5 recall of each network by genre, with "
                f"{confidence} intervals; dotted: chance.",
                alt="Recall by genre and network; Table 2 has the numbers.",
                draw=lambda theme: recall_by_genre(findings.scores, theme),
            )
        )
        analysis = found_analysis(findings)
        plans += [confusion_plan(scores, analysis) for scores in findings.scores]
        plans += analysis_plans(findings, analysis) if analysis else []
        plans += [ideal_plan(findings, found_insight(findings)), cost_plan(findings)]
    return [plan for plan in plans if plan is not None]


def _plan_trials(findings: Findings) -> list[Plan]:
    """Figure 3.1 for each network that compares."""
    several = dict.fromkeys(trial.backbone for trial in findings.trials)
    plans = [_plan_comparison(findings, backbone, several=len(several) > 1) for backbone in several]
    return [plan for plan in plans if plan is not None]


def _plan_comparison(findings: Findings, backbone: str, *, several: bool) -> Plan | None:
    shown = [trial for trial in findings.trials if trial.backbone == backbone]
    trials = {trial.preparation: trial.curve for trial in shown if trial.curve is not None}
    if not trials:
        return None
    chosen = next((trial.preparation for trial in shown if trial.chosen), "")
    courses = "; ".join(f"{name}: {_course(curve)}" for name, curve in trials.items())
    return Plan(
        name=f"preparations-{backbone}" if several else "preparations",
        caption=f"Figure 3.1. The preparations throughout the short training of {backbone}: validation strong, "
        "training faint, the best epoch marked.",
        alt=f"Accuracy and loss by epoch of each preparation. {courses}.",
        draw=lambda theme: preparation_curves(trials, chosen, theme),
    )


def _plan_standing(findings: Findings, confidence: str) -> Plan:
    scores = findings.scores
    published = published_results() if findings.has_published else ()
    beside = " and what is published for covers alone." if published else "."
    if published and not findings.comparable:
        beside += " The published results are not comparable with the study's."
    values = "; ".join(
        f"{each.title} {percent(each.accuracy.value)} ({percent(each.accuracy.low)} to {percent(each.accuracy.high)})"
        for each in scores
    )
    return Plan(
        name="standing",
        caption=f"Top-1 accuracy with {confidence} intervals, beside chance{beside}",
        alt=f"Top-1 accuracy in per cent: {values}. Chance is {percent(scores[0].chance)}.",
        draw=lambda theme: accuracy_standing(scores, published, theme),
        narrow=lambda theme: accuracy_standing(scores, published, theme, figure_style.NARROW),
    )


def _plan_training(findings: Findings) -> Plan | None:
    curves = {network.title: network.curve for network in findings.networks if network.curve is not None}
    if not curves:
        return None
    courses = "; ".join(f"{name}: {_course(curve)}" for name, curve in curves.items())
    return Plan(
        name="training",
        caption="Figure 4.1. The networks throughout training, on training and validation books; the epoch that was "
        "kept is ringed.",
        alt=f"Accuracy and loss by epoch of each network. {courses}.",
        draw=lambda theme: training_curves(curves, theme),
    )


def _course(curve: Curve) -> str:
    return (
        f"validation accuracy {percent(curve.val_accuracy[curve.best])} % when kept, in epoch {curve.best_epoch} of "
        f"{curve.epochs[-1]}"
    )
