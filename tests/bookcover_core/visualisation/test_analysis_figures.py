"""Figures of the analysis: the same on every run, for many genres and for two, and with numbers that are missing."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bookcover_core.evaluation.calibration import calibrate
from bookcover_core.evaluation.colour_and_shape import MEASURES, distributions, genre_colours, study_colour
from bookcover_core.evaluation.genre_pairs import study_overlap
from bookcover_core.evaluation.intervals import compare_pairs
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.analysis_figures import (
    colour_distance,
    colour_swatches,
    measure_distributions,
    overlap_heat_map,
    reliability,
)
from bookcover_core.visualisation.interval_charts import pair_differences

BOOKS = 240
NAMES = ["$5 meals & more $", "Crafts, Hobbies & Home", "Engineering & Transportation and much else besides", "本", "E"]


def _figure(kind: str, genres: int, width: float = figure_style.WIDTH):
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
            return measure_distributions(distributions(labels, measured, genres), names)
        case "swatches":
            return colour_swatches(genre_colours(labels, colours, genres, 0.95), names, width)
        case "distance":
            studies = {name: study_colour(labels, each, colours, genres, 0.95, (20, 1)) for name, each in named.items()}
            return colour_distance(studies, names, width)
        case "overlap":
            return overlap_heat_map(study_overlap(probabilities, 0.3, 0.95), names, range(genres)[::-1])
        case "reliability":
            found = calibrate(labels, probabilities, confidence=0.95, seed=1)
            return reliability({"A": found, "B": found}, width)
        case _:
            pairs = compare_pairs(labels, named, [str(place) for place in range(BOOKS)], 0.95)
            return pair_differences(pairs, {name: name for name in named}, width)


KINDS = ("distributions", "swatches", "distance", "overlap", "reliability", "pairs")


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_the_same_on_every_run(kind: str):
    """Two drawings of one figure are one SVG, well-formed."""
    first, second = (figure_style.to_svg(_figure(kind, 5)) for _ in range(2))
    assert first == second
    assert ET.fromstring(first).tag.endswith("svg")


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_in_a_page_follows_the_reader_s_colours(kind: str):
    """Every colour of the style becomes a variable with a light and a dark value; colours of the data stay."""
    plain = figure_style.to_svg(_figure(kind, 5))
    themed = figure_style.adaptive(plain)
    style, body = themed.split("</style>", 1)
    assert ET.fromstring(themed).tag.endswith("svg")
    for light, dark in figure_style._DARK.items():
        assert light not in body
        assert style.count(light) == style.count(dark) == 1
    assert set(re.findall(r"#[0-9a-f]{6}\b", body)) == set(re.findall(r"#[0-9a-f]{6}\b", plain)) - set(
        figure_style._DARK
    )


@pytest.mark.parametrize("kind", ["swatches", "distance", "reliability", "pairs"])
def test_a_narrow_figure_is_narrow(kind: str):
    """Figures for phones have the width of a phone."""
    assert _figure(kind, 5, figure_style.NARROW).get_size_inches()[0] == pytest.approx(figure_style.NARROW)


@pytest.mark.parametrize("kind", KINDS)
def test_two_genres_make_a_figure_too(kind: str):
    """The fewest genres that a study can have are drawn without complaint."""
    assert figure_style.to_svg(_figure(kind, 2))
