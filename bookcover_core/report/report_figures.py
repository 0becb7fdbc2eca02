"""The figures of the report: what each shows, its caption, its text for those who cannot see it, and its files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from matplotlib.figure import Figure

from bookcover_core.evaluation.colour_and_shape import Correlation
from bookcover_core.evaluation.published_results import published_recall, published_results
from bookcover_core.pipeline.workspace import write_bytes
from bookcover_core.report.findings import Findings
from bookcover_core.report.words import passage, sentences
from bookcover_core.training.history import TrainingCurve
from bookcover_core.visualisation import analysis_figures as charts
from bookcover_core.visualisation.contact_sheet import data_uri
from bookcover_core.visualisation.figure_style import NARROW, adaptive, find_areas, to_png, to_svg
from bookcover_core.visualisation.interval_charts import (
    accuracy_chart,
    pair_differences,
    recall_by_genre,
    recall_extremes,
)
from bookcover_core.visualisation.line_charts import NetworkCost, accuracy_against_cost, ideal_pictures, training_curves
from bookcover_core.visualisation.network_insight import NetworkInsight

# CSS pixels in an inch.
_PIXELS = 96


@dataclass(frozen=True)
class FigureSpec:
    """A figure to draw."""

    name: str
    """Name of its files and of its place in the page."""
    caption: str
    alt: str
    """What it shows, for those who cannot see it."""
    draw: Callable[..., Figure]
    """Draws it; `width` in inches is given to one that is narrow on phones."""
    has_narrow: bool = True
    """Whether it is drawn anew for phones, where shrinking it would make it unreadable; else it is scrolled there."""

    @classmethod
    def of(cls, kind: str, draw: Callable[..., Figure], of: str = "", *, has_narrow: bool = True, **words: Any) -> Self:
        """The figure called "<kind>", or "<kind>-<of>": caption and alt are the passage "figure <kind>"."""
        caption, alt = passage(f"figure {kind}", **words)
        return cls(f"{kind}-{of}" if of else kind, caption, alt, draw, has_narrow)


@dataclass(frozen=True)
class FigureImage:
    """A figure as the page holds it, its size in CSS pixels."""

    source: str
    """Data URI of an SVG that follows the page's colours."""
    width: int
    height: int
    areas: list[tuple[str, float, float, float, float]]
    """What leads to books: see `figure_style.find_areas`."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure that was drawn."""

    spec: FigureSpec
    wide: FigureImage
    narrow: FigureImage | None
    """For phones; None where the wide one is scrolled there."""
    files: tuple[Path, ...]

    @property
    def areas(self) -> dict[str, list[tuple[str, float, float, float, float]]]:
        """What in it leads to books, by `wide` and `narrow`; nothing where nothing does."""
        images = {"wide": self.wide, "narrow": self.narrow}
        return {name: image.areas for name, image in images.items() if image is not None and image.areas}


def draw_figure(spec: FigureSpec, folder: Path) -> ReportFigure:
    """The figure of a specification, drawn, and written to `folder` as SVG and PNG."""
    drawing = spec.draw()
    svg = to_svg(drawing)
    files = (folder / f"{spec.name}.svg", folder / f"{spec.name}.png")
    write_bytes(files[0], svg.encode())
    write_bytes(files[1], to_png(drawing))
    small = spec.draw(width=NARROW) if spec.has_narrow else None
    return ReportFigure(spec, _image(drawing, svg), _image(small, to_svg(small)) if small else None, files)


def _image(drawing: Figure, svg: str) -> FigureImage:
    width, height = drawing.get_size_inches()
    source = data_uri(adaptive(svg).encode(), "image/svg+xml")
    return FigureImage(source, round(width * _PIXELS), round(height * _PIXELS), find_areas(drawing))


def trial_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Figure 3.1 for each network that compares."""
    found: dict[str, dict[str, TrainingCurve]] = {}
    for trial in findings.trials:
        if trial.curve is not None:
            name = f"{trial.preparation}{', chosen' if trial.chosen else ''}"
            found.setdefault(trial.backbone, {})[name] = trial.curve
    several = len({each.backbone for each in findings.trials}) > 1
    for backbone, curves in found.items():
        of = backbone if several else ""
        draw = partial(training_curves, curves)
        yield FigureSpec.of("preparations", draw, of, has_narrow=False, backbone=backbone, curves=curves)


def result_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Accuracies, training, recall and confusion of what was evaluated: standing, training, extremes, recall, ..."""
    best = findings.best
    if best is None:
        return
    systems = {each.title: each.scores for each in findings.systems}
    baselines = {each.title: each.scores for each in findings.baselines}
    published = published_results() if findings.has_published else ()
    draw = partial(accuracy_chart, systems, baselines, published)
    yield FigureSpec.of("standing", draw, findings=findings, systems=systems)
    if curves := {each.title: each.curve for each in findings.systems if each.curve}:
        yield FigureSpec.of("training", partial(training_curves, curves), has_narrow=False, curves=curves)
    confidence = findings.confidence
    yield FigureSpec.of("extremes", partial(recall_extremes, best.scores), best=best, confidence=confidence)
    yield FigureSpec.of("recall", partial(recall_by_genre, systems), has_narrow=False, confidence=confidence)
    order = findings.analysis.order if findings.analysis else None
    for title, scores in systems.items():
        draw = partial(charts.confusion_heat_map, scores, order)
        words: Any = {"title": title, "scores": scores, "order": order}
        yield FigureSpec.of("confusion", draw, scores.backbone, has_narrow=False, **words)


def analysis_figures(findings: Findings) -> Iterator[FigureSpec]:
    """The figures of section 5.2, and pairs of systems."""
    analysis = findings.analysis
    if analysis is None:
        return
    names, called, confidence = [genre.name for genre in analysis.genres], findings.titles, analysis.confidence
    shapes = next(measure for measure in analysis.measures if measure.name == "aspect_ratio")
    furthest = names[max(shapes.genres, key=lambda spread: spread.apart).label]
    draw = partial(charts.measure_distributions, analysis.measures, names)
    yield FigureSpec.of("distributions", draw, has_narrow=False, analysis=analysis, furthest=furthest)
    darkest, *_, brightest = sorted(analysis.colours, key=lambda colour: colour.brightness.value)
    ends: Any = {"darkest": names[darkest.label], "brightest": names[brightest.label]}
    yield FigureSpec.of("colours", partial(charts.colour_swatches, analysis.colours, names), **ends)
    colours = {called[name]: system.colour for name, system in analysis.systems.items()}
    draw = partial(charts.colour_distance, colours, names)
    yield FigureSpec.of("colour-distance", draw, colours=colours, confidence=confidence, in_words=in_words)
    for name, system in analysis.systems.items():
        draw = partial(charts.overlap_heat_map, system.overlap, names, analysis.order)
        yield FigureSpec.of("overlap", draw, name, has_narrow=False, overlap=system.overlap, title=called[name])
    calibrations = {called[name]: system.calibration for name, system in analysis.systems.items()}
    draw = partial(charts.reliability, calibrations)
    yield FigureSpec.of("calibration", draw, calibrations=calibrations, confidence=confidence)
    if analysis.pairs:
        yield FigureSpec.of("pairs", partial(pair_differences, analysis.pairs, called), confidence=confidence)


def cost_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Accuracy against multiply-adds, where cards have them."""
    published = published_recall() if findings.has_published else {}
    networks = [
        NetworkCost(
            each.title,
            each.card.architecture,
            each.scores.accuracy,
            published[each.name].total[1] if each.name in published else None,
        )
        for each in findings.systems
        if each.card is not None and each.card.architecture is not None
    ]
    if networks:
        yield FigureSpec.of("cost", partial(accuracy_against_cost, networks), networks=networks, findings=findings)


def ideal_figures(findings: Findings) -> Iterator[FigureSpec]:
    """Figure 5.6, where there are ideal pictures."""
    insight = findings.insight
    if insight is not None and insight.ideals:
        draw = partial(ideal_pictures, insight, findings.study.workspace.root)
        yield FigureSpec.of("ideal-pictures", draw, has_narrow=False, insight=insight, words=ideal_words(insight))


def ideal_words(insight: NetworkInsight) -> str:
    """How the ascents ended, and how the pictures score beside covers."""
    known = [each for each in insight.ideals if each.best_cover is not None]
    return sentences(
        "ideal pictures",
        insight=insight,
        rising=[each for each in insight.ideals if not each.converged],
        known=len(known),
        higher=sum(each.score > (each.best_cover or 0) for each in known),
    )


def in_words(found: Correlation | None) -> str:
    """A correlation: "-0.36, by itself -0.29 (-0.60 to 0.03), p 0.66"."""
    if found is None:
        return "not defined"
    return f"{found.value:.2f}, by itself {found.expected:.2f} ({found.low:.2f} to {found.high:.2f}), p {found.p:.3f}"
