"""Figures of the analysis: the same on every run, for many genres and for two, and with numbers that are missing."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bookcover_core.evaluation.calibration import calibrate
from bookcover_core.evaluation.class_overlap import study_overlap
from bookcover_core.evaluation.colour_analysis import genre_colours, study_colour
from bookcover_core.evaluation.distributions import MEASURES, distributions
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.significance import compare_pairs
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.colour_figures import _Box, colour_distance, colour_swatches
from bookcover_core.visualisation.distribution_figure import measure_distributions
from bookcover_core.visualisation.heatmaps import overlap_heat_map
from bookcover_core.visualisation.interval_charts import baseline_accuracies, pair_differences
from bookcover_core.visualisation.reliability_diagram import reliability

BOOKS = 240
NAMES = ["$5 meals & more $", "Crafts, Hobbies & Home", "Engineering & Transportation and much else besides", "本", "E"]


def _figure(kind: str, genres: int, theme: figure_style.Theme, width: float = figure_style.WIDTH):
    generator = np.random.default_rng(3)
    labels = np.arange(BOOKS) % genres
    probabilities = generator.dirichlet(np.ones(genres), size=BOOKS)
    probabilities[0] = np.eye(genres)[0]
    colours = generator.uniform(0, 255, size=(BOOKS, 3))
    named = {"A": probabilities.argmax(axis=1), "B": np.zeros(BOOKS, dtype=np.int64), "Ensemble-mean": labels}
    names = NAMES[:genres]
    match kind:
        case "distributions":
            measured = {name: generator.normal(100, 20, size=BOOKS) for name in MEASURES}
            measured["height"] = np.full(BOOKS, 220.0)
            return measure_distributions(distributions(labels, measured, genres), names, theme)
        case "swatches":
            return colour_swatches(genre_colours(labels, colours, genres, 0.95), names, theme, width)
        case "distance":
            studies = {name: study_colour(labels, each, colours, genres, 0.95, (20, 1)) for name, each in named.items()}
            return colour_distance(studies, names, theme, width)
        case "overlap":
            return overlap_heat_map(study_overlap(probabilities, 0.3, 0.95), names, range(genres)[::-1], theme)
        case "reliability":
            found = calibrate(labels, probabilities, confidence=0.95, seed=1)
            return reliability({"A": found, "B": found}, theme, width)
        case "pairs":
            pairs = compare_pairs(labels, named, [str(place) for place in range(BOOKS)], 0.95)
            return pair_differences(pairs, theme, width)
        case _:
            share = Estimate(value=0.1, low=0.05, high=0.2)
            return baseline_accuracies({"nearest": share}, {"A": share, "B": share}, 0.03, theme, width)


KINDS = ("distributions", "swatches", "distance", "overlap", "reliability", "pairs", "rules")


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_the_same_on_every_run(kind: str):
    """Two drawings of one figure are one SVG, well-formed; light and dark ones differ in colours alone."""
    light = _figure(kind, 5, figure_style.LIGHT)
    first, second = figure_style.to_svg(light), figure_style.to_svg(_figure(kind, 5, figure_style.LIGHT))
    assert first == second
    assert ET.fromstring(first).tag.endswith("svg")
    dark = figure_style.to_svg(_figure(kind, 5, figure_style.DARK), figure_style.DARK)
    assert figure_style.to_svg(_figure(kind, 5, figure_style.DARK), figure_style.DARK, like=light) == dark
    assert figure_style.DARK.ink in dark
    assert figure_style.LIGHT.ink not in dark


@pytest.mark.parametrize("kind", ["swatches", "distance", "reliability", "pairs", "rules"])
def test_a_narrow_figure_is_narrow(kind: str):
    """Figures for phones have the width of a phone."""
    assert _figure(kind, 5, figure_style.LIGHT, figure_style.NARROW).get_size_inches()[0] == pytest.approx(
        figure_style.NARROW
    )


@pytest.mark.parametrize("kind", KINDS)
def test_two_genres_make_a_figure_too(kind: str):
    """The fewest genres that a study can have are drawn without complaint."""
    assert figure_style.to_svg(_figure(kind, 2, figure_style.LIGHT))


def test_boxes_that_share_an_edge_do_not_meet():
    """Names are kept from each other's boxes, and may stand edge to edge."""
    box = _Box(0.1, 0.1, 0.3, 0.2)
    assert box.meets(_Box(0.29, 0.15, 0.4, 0.3))
    assert not box.meets(_Box(0.3, 0.1, 0.4, 0.2))
    assert box.is_inside
    assert not _Box(-0.1, 0, 0.1, 0.1).is_inside
