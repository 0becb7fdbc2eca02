"""The figures of section 5.2: colour and shape by genre, colour distance, overlap, calibration, pairs of networks."""

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.scores import Scores
from bookcover_core.families.family import title_of
from bookcover_core.report.figure_spec import FigureSpec
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import percent
from bookcover_core.visualisation.colour_figures import colour_distance, colour_swatches
from bookcover_core.visualisation.distribution_figure import measure_distributions
from bookcover_core.visualisation.heatmaps import confusion_heat_map, overlap_heat_map
from bookcover_core.visualisation.interval_charts import baseline_accuracies, pair_differences
from bookcover_core.visualisation.reliability_diagram import reliability


def analysis_figures(findings: Findings, analysis: Analysis) -> list[FigureSpec]:
    """The figures that the analysis allows.

    Names: distributions, colours, rules, colour-distance, overlap-<system> for each system, calibration; and pairs,
    where there are two systems.
    """
    names = [genre.name for genre in analysis.genres]
    confidence = f"{100 * analysis.confidence:.0f} %"
    specs = [
        FigureSpec(
            name="distributions",
            caption=f"Figure 5.2. Colour and shape of the {analysis.books:,} original covers by genre: the shape of "
            "each distribution to a common height, the median (dot) and the middle half (line). Colours: genres from "
            "dark to bright; shapes: from narrow to wide.",
            alt=f"Mean red, green and blue, width, height and aspect ratio by genre. {_extremes(analysis)}",
            draw=lambda theme, _: measure_distributions(analysis.measures, names, theme),
            has_narrow=False,
        ),
        FigureSpec(
            "colours",
            "Figure 5.3. Mean colour of the covers of each genre, from dark to bright.",
            f"Swatches of the mean colour of each genre. {_brightness(analysis)}",
            lambda theme, width: colour_swatches(analysis.colours, names, theme, width),
        ),
        *([_baselines(findings, analysis, confidence)] if findings.baselines else []),
        _distance(analysis, names, confidence),
        *(_overlap(analysis, names, system) for system in analysis.systems),
        FigureSpec(
            "calibration",
            "How sure each network is, against how often it is right: books in bins of as many each, with "
            f"{confidence} intervals; horizontal lines span a bin, dotted is a network that is right as often as it "
            "says.",
            "Reliability diagram. "
            + "; ".join(
                f"{title_of(name)}: calibration error {percent(system.calibration.ece)} %"
                for name, system in analysis.systems.items()
            )
            + ".",
            lambda theme, width: reliability(
                {title_of(name): system.calibration for name, system in analysis.systems.items()}, theme, width
            ),
        ),
    ]
    if analysis.pairs:
        specs.append(
            FigureSpec(
                "pairs",
                f"Each pair of networks on the same test books, with {confidence} intervals: how much more often the "
                "first is right, and on how many books both name the same genre. Grey: no difference that luck could "
                "not explain.",
                "Differences of accuracy and agreement between networks; the table of pairs has the numbers.",
                lambda theme, width: pair_differences(analysis.pairs, theme, width),
            )
        )
    return specs


def confusion_figure(scores: Scores, analysis: Analysis | None) -> FigureSpec:
    """The confusion matrix of one network; with an analysis, genres that are taken for each other stand together."""
    order = None if analysis is None else analysis.order
    ordered = "" if order is None else " Genres that are taken for each other stand together."
    return FigureSpec(
        name=f"confusion-{scores.backbone}",
        caption=f"Where {scores.title} puts the test books of each genre; the diagonal is right.{ordered}",
        alt=f"Confusion matrix of {scores.title}; evaluation/{scores.model}/confusion.csv has the numbers.",
        draw=lambda theme, _: confusion_heat_map(scores, order, theme),
        has_narrow=False,
    )


def in_words(found: Correlation | None) -> str:
    """A correlation: "-0.36, by itself -0.29 (-0.60 to 0.03), p 0.66"."""
    if found is None:
        return "not defined"
    return f"{found.value:.2f}, by itself {found.expected:.2f} ({found.low:.2f} to {found.high:.2f}), p {found.p:.3f}"


def _baselines(findings: Findings, analysis: Analysis, confidence: str) -> FigureSpec:
    rules = {each.title: each.scores.accuracy for each in findings.baselines}
    networks = {scores.title: scores.accuracy for scores in findings.scores}
    values = "; ".join(f"{name} {percent(each.value)}" for name, each in rules.items())
    return FigureSpec(
        "rules",
        "Accuracy from colour and shape alone: rules that see six numbers of a cover at most and no picture, fitted "
        f"on the training books, beside the networks; {confidence} intervals.",
        f"Top-1 accuracy in per cent: {values}; chance {percent(analysis.chance)}.",
        lambda theme, width: baseline_accuracies(rules, networks, analysis.chance, theme, width),
    )


def _distance(analysis: Analysis, names: list[str], confidence: str) -> FigureSpec:
    studies = {title_of(name): system.colour for name, system in analysis.systems.items()}
    found = "; ".join(f"{name}: r = {in_words(study.pearson)}" for name, study in studies.items())
    return FigureSpec(
        "colour-distance",
        "Figure 5.4. Distance between the mean colour of a genre's test books and of the test books put into it "
        "(equation 5.1), against the genre's recall; r: Pearson's correlation, and in brackets where it lies in "
        f"{confidence} of shuffles of the colours, in which colour tells nothing. "
        "Genres that a network never names have no distance.",
        f"Colour distance against recall by genre. {found}.",
        lambda theme, width: colour_distance(studies, names, theme, width),
    )


def _overlap(analysis: Analysis, names: list[str], system: str) -> FigureSpec:
    overlap = analysis.systems[system].overlap
    limit = f"above {100 * overlap.threshold:.0f} %"
    above = len(overlap.pairs)
    framed = f"framed: {above} of {overlap.all_pairs} pairs {limit}" if above else f"no pair is {limit}"
    return FigureSpec(
        name=f"overlap-{system}",
        caption=f"Figure 5.5. Mean class overlap (equation 5.2) of each pair of genres, {title_of(system)}; {framed}.",
        alt=f"Class overlap of {title_of(system)}; evaluation/analysis/overlap.csv has the numbers.",
        draw=lambda theme, _: overlap_heat_map(overlap, names, analysis.order, theme),
        has_narrow=False,
    )


def _extremes(analysis: Analysis) -> str:
    """Which genre stands out most in its aspect ratio."""
    shapes = next(measure for measure in analysis.measures if measure.name == "aspect_ratio")
    furthest = max(shapes.genres, key=lambda spread: spread.apart)
    name = analysis.genres[furthest.label].name
    return f"The aspect ratio of {name} differs most from that of all other books."


def _brightness(analysis: Analysis) -> str:
    """The darkest and the brightest genre."""
    ordered = sorted(analysis.colours, key=lambda colour: colour.brightness.value)
    darkest, brightest = (analysis.genres[colour.label].name for colour in (ordered[0], ordered[-1]))
    return f"{darkest} is the darkest, {brightest} the brightest."
