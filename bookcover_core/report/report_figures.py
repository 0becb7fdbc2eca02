"""The figures of the report: what each shows, its caption, and its text for those who cannot see it."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.published_results import published_recall, published_results
from bookcover_core.evaluation.scores import Scores
from bookcover_core.report.figure_spec import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.findings import EvaluatedSystem, Findings
from bookcover_core.report.repeat_section import curve_figure
from bookcover_core.report.table import percent
from bookcover_core.visualisation.colour_figures import colour_distance, colour_swatches
from bookcover_core.visualisation.cost_chart import NetworkCost, accuracy_against_cost
from bookcover_core.visualisation.distribution_figure import measure_distributions
from bookcover_core.visualisation.heatmaps import confusion_heat_map, overlap_heat_map
from bookcover_core.visualisation.interval_charts import (
    accuracy_chart,
    pair_differences,
    recall_by_genre,
    recall_extremes,
)
from bookcover_core.visualisation.maximisation_figure import ideal_pictures
from bookcover_core.visualisation.network_insight import NetworkInsight
from bookcover_core.visualisation.reliability_diagram import reliability
from bookcover_core.visualisation.training_curves import TrainingCurve, training_curves


def make_figures(findings: Findings, folder: Path) -> dict[str, ReportFigure]:
    """The figures that the findings allow, by name, each written to `folder` as SVG and PNG.

    Names: preparations, standing, training, extremes, recall, confusion-<system>, ideal-pictures, cost; and of the
    analysis distributions, colours, colour-distance, overlap-<system>, calibration, pairs.
    """
    return {spec.name: draw_figure(spec, folder) for spec in figure_specs(findings)}


def figure_specs(findings: Findings) -> Iterator[FigureSpec]:
    """What `make_figures` draws."""
    yield from _trials(findings)
    if findings.best:
        yield from _results(findings, findings.best)
        yield from _analysed(findings)
        yield from ideal_figures(findings)
        yield from cost_figures(findings)
        if curve := curve_figure(findings):
            yield curve


def titles(findings: Findings) -> dict[str, str]:
    """The names of all systems and baselines for people, which say of untrained ones that they are; by name."""
    return {each.name: each.title for each in (*findings.systems, *findings.baselines)}


def _trials(findings: Findings) -> Iterator[FigureSpec]:
    """Figure 3.1 for each network that compares."""
    curves: dict[str, dict[str, TrainingCurve]] = {}
    for trial in findings.trials:
        if trial.curve is not None:
            name = f"{trial.preparation}{', chosen' if trial.chosen else ''}"
            curves.setdefault(trial.backbone, {})[name] = trial.curve
    for backbone, trials in curves.items():
        yield FigureSpec(
            f"preparations-{backbone}" if len({each.backbone for each in findings.trials}) > 1 else "preparations",
            f"Figure 3.1. The preparations throughout the short training of {backbone}, on training and validation "
            "books; the best epoch is ringed.",
            f"Accuracy and loss by epoch of each preparation. {_courses(trials)}.",
            partial(training_curves, trials),
            has_narrow=False,
        )


def _results(findings: Findings, best: EvaluatedSystem) -> Iterator[FigureSpec]:
    interval = f"{100 * findings.confidence:.0f} % intervals"
    systems = {each.title: each.scores for each in findings.systems}
    published = published_results() if findings.has_published else ()
    beside = " and what is published for covers alone." if published else "."
    if published and not findings.comparable:
        beside += " The published results are not comparable with the study's."
    yield FigureSpec(
        "standing",
        f"Top-1 accuracy with {interval}, beside chance{', baselines' if findings.baselines else ''}{beside}",
        f"Top-1 accuracy in per cent: {_accuracies(systems)}. Chance is {percent(best.scores.chance)}.",
        partial(accuracy_chart, systems, {each.title: each.scores for each in findings.baselines}, published),
    )
    if curves := {each.title: each.curve for each in findings.systems if each.curve}:
        yield FigureSpec(
            "training",
            "Figure 4.1. The networks throughout training, on training and validation books; the epoch that was kept "
            "is ringed.",
            f"Accuracy and loss by epoch of each network. {_courses(curves)}.",
            partial(training_curves, curves),
            has_narrow=False,
        )
    yield FigureSpec(
        "extremes",
        f"The genres that {best.title} knows best and worst by their covers: top-1 recall with {interval}.",
        f"Top-1 recall of {best.title} for its best and worst genres; Table 2 has all of them.",
        partial(recall_extremes, best.scores),
    )
    yield FigureSpec(
        "recall",
        f"Figure 5.1. Top-1, top-3 and top-5 recall of each system by genre, with {interval}; dotted: chance; in "
        "brackets: test books.",
        "Recall by genre and system; Table 2 has the numbers.",
        partial(recall_by_genre, systems),
        has_narrow=False,
    )
    order = findings.analysis.order if findings.analysis else None
    ordered = " Genres that are taken for each other stand together." if order else ""
    for title, scores in systems.items():
        yield FigureSpec(
            f"confusion-{scores.backbone}",
            f"Where {title} puts the test books of each genre, whose number stands beside it; the diagonal is right. A "
            f"row of few books says little.{ordered}",
            f"Confusion matrix of {title}; evaluation/{scores.model}/confusion.csv has the numbers.",
            partial(confusion_heat_map, scores, order),
            has_narrow=False,
        )


def _analysed(findings: Findings) -> Iterator[FigureSpec]:
    """The figures of section 5.2, and pairs of systems."""
    analysis = findings.analysis
    if analysis is None:
        return
    names = [genre.name for genre in analysis.genres]
    called = titles(findings)
    interval = f"{100 * analysis.confidence:.0f} % intervals"
    shapes = next(measure for measure in analysis.measures if measure.name == "aspect_ratio")
    furthest = max(shapes.genres, key=lambda spread: spread.apart)
    yield FigureSpec(
        "distributions",
        f"Figure 5.2. Colour and shape of the {analysis.books:,} original covers by genre, whose covers are counted in "
        "brackets: the shape of each distribution to a common height, the median (dot) and the middle half (line). "
        "Colours: genres from dark to bright; shapes: from narrow to wide.",
        "Mean red, green and blue, width, height and aspect ratio by genre. The aspect ratio of "
        f"{names[furthest.label]} differs most from that of all other books.",
        partial(measure_distributions, analysis.measures, names),
        has_narrow=False,
    )
    darkest, *_, brightest = sorted(analysis.colours, key=lambda colour: colour.brightness.value)
    yield FigureSpec(
        "colours",
        "Figure 5.3. Mean colour of the covers of each genre, from dark to bright.",
        f"Swatches of the mean colour of each genre. {names[darkest.label]} is the darkest, {names[brightest.label]} "
        "the brightest.",
        partial(colour_swatches, analysis.colours, names),
    )
    colours = {called[name]: system.colour for name, system in analysis.systems.items()}
    found = "; ".join(f"{name}: r = {in_words(study.pearson)}" for name, study in colours.items())
    yield FigureSpec(
        "colour-distance",
        "Figure 5.4. Distance between the mean colour of a genre's test books and of the test books put into it "
        f"(equation 5.1), against the genre's recall; r: Pearson's correlation, and in brackets where it lies in "
        f"{100 * analysis.confidence:.0f} % of shuffles of the colours, in which colour tells nothing. Genres that a "
        "system never names have no distance.",
        f"Colour distance against recall by genre. {found}.",
        partial(colour_distance, colours, names),
    )
    yield from (_overlap(analysis, names, name, called[name]) for name in analysis.systems)
    calibrations = {called[name]: system.calibration for name, system in analysis.systems.items()}
    errors = "; ".join(f"{name}: calibration error {percent(each.ece)} %" for name, each in calibrations.items())
    yield FigureSpec(
        "calibration",
        f"How sure each system is, against how often it is right: books in bins of as many each, with {interval}; "
        "horizontal lines span a bin, dotted is a system that is right as often as it says.",
        f"Reliability diagram. {errors}.",
        partial(reliability, calibrations),
    )
    if analysis.pairs:
        yield FigureSpec(
            "pairs",
            f"Each pair of systems on the same test books, with {interval}: how much more often the first is right, "
            "and on how many books both name the same genre. Hollow: no difference that luck could not explain.",
            "Differences of accuracy and agreement between systems; the table of pairs has the numbers.",
            partial(pair_differences, analysis.pairs, called),
        )


def _overlap(analysis: Analysis, names: list[str], name: str, title: str) -> FigureSpec:
    overlap = analysis.systems[name].overlap
    limit = f"above {100 * overlap.threshold:.0f} %"
    framed = f"framed: {len(overlap.pairs)} of {overlap.all_pairs} pairs {limit}"
    return FigureSpec(
        f"overlap-{name}",
        f"Figure 5.5. Mean class overlap (equation 5.2) of each pair of genres, {title}; "
        f"{framed if overlap.pairs else f'no pair is {limit}'}. Flat probabilities overlap by themselves.",
        f"Class overlap of {title}; evaluation/analysis/overlap.csv has the numbers.",
        partial(overlap_heat_map, overlap, names, analysis.order),
        has_narrow=False,
    )


def cost_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Accuracy against multiply-adds, where cards have them."""
    published = published_recall() if findings.has_published else {}
    networks = [
        NetworkCost(
            each.title,
            each.card.architecture,
            each.scores.accuracy,
            published[each.name].total_top1 if each.name in published else None,
        )
        for each in findings.systems
        if each.card is not None and each.card.architecture is not None
    ]
    if not networks:
        return
    hollow = " Hollow: what is published for the same network." if any(each.published for each in networks) else ""
    if hollow and not findings.comparable:
        hollow += " That is not comparable with the study's."
    costs = "; ".join(
        f"{each.name}: {each.architecture.multiply_adds / 1e9:.2f} G multiply-adds, "
        f"{percent(each.accuracy.value)} % accuracy"
        for each in networks
    )
    yield FigureSpec(
        "cost",
        "What accuracy costs: top-1 accuracy with its interval against the multiply-adds for one cover; areas stand "
        f"for parameters (after Bianco et al. 2018, Figure 1). Networks of one cost stand side by side.{hollow}",
        f"Accuracy against cost. {costs}.",
        partial(accuracy_against_cost, networks),
    )


def ideal_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Figure 5.6, where there are ideal pictures."""
    insight = findings.insight
    if insight is None or not insight.ideals:
        return
    scores = "; ".join(
        f"{each.genre.name}: score {each.score:.1f}"
        + ("" if each.best_cover is None else f", {each.best_cover:.1f} of the best test cover")
        for each in insight.ideals
    )
    yield FigureSpec(
        "ideal-pictures",
        f"Figure 5.6. Pictures made to raise the score that {insight.title} gives a genre (activation maximisation), "
        "for the genres with the best recall. Below each, the genre's score by step, beside those of up to "
        f"{max(each.covers for each in insight.ideals)} test covers of the genre. {ideal_words(insight)}",
        f"Ideal pictures and their scores. {scores}.",
        partial(ideal_pictures, insight, findings.study.workspace.root),
        has_narrow=False,
    )


def ideal_words(insight: NetworkInsight) -> str:
    """How the ascents ended, and how the pictures score beside covers."""
    ideals = insight.ideals
    rising = [f"{each.genre.name} after {each.steps:,} steps" for each in ideals if not each.converged]
    words = f"Not converged, still rising: {', '.join(rising)}." if rising else "All have converged."
    known = [each for each in ideals if each.best_cover is not None]
    higher = sum(each.score > (each.best_cover or 0) for each in known)
    words += f" {higher} of {len(known)} score higher than every test cover." if known else ""
    sure = ", ".join(f"{each.genre.name} {percent(each.probability)} %" for each in ideals)
    return f"{words} Probability of the genre: {sure}. {insight.warning}".strip()


def in_words(found: Correlation | None) -> str:
    """A correlation: "-0.36, by itself -0.29 (-0.60 to 0.03), p 0.66"."""
    if found is None:
        return "not defined"
    return f"{found.value:.2f}, by itself {found.expected:.2f} ({found.low:.2f} to {found.high:.2f}), p {found.p:.3f}"


def _accuracies(systems: Mapping[str, Scores]) -> str:
    found = {title: scores.accuracy for title, scores in systems.items()}
    return "; ".join(
        f"{title} {percent(each.value)} ({percent(each.low)} to {percent(each.high)})" for title, each in found.items()
    )


def _courses(curves: Mapping[str, TrainingCurve]) -> str:
    return "; ".join(
        f"{name}: validation accuracy {percent(curve.val_accuracy[curve.best])} % when kept, in epoch "
        f"{curve.best_epoch} of {curve.epochs[-1]}"
        for name, curve in curves.items()
    )
