"""The figures of ideal pictures and of what accuracy costs: the same bytes on every run, and honest about gaps."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.errors import WorkspaceError
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.genres import number_genres
from bookcover_core.models.model_cards import Architecture
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.grad_cam import overlay
from bookcover_core.visualisation.line_charts import NetworkCost, accuracy_against_cost, ideal_pictures
from bookcover_core.visualisation.network_insight import COURSE, IdealPicture, NetworkInsight


def invented_insight(root, genres: int = 4, network: str = "MobileNetV2") -> NetworkInsight:
    """An insight with ideal pictures of noise, the last of a genre without test covers."""
    generator = np.random.default_rng(genres)
    ideals = []
    for genre in number_genres([f"Genre ${number}$" for number in range(genres)]):
        picture, course = f"ideal/{genre.slug}.png", f"ideal/{genre.slug}.csv"
        (root / picture).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(root / picture)
        table = pd.DataFrame({name: np.arange(5.0) for name in COURSE})
        write_table(root / course, table)
        known = genre.label < genres - 1
        ideals.append(
            IdealPicture(
                genre=genre,
                recall=0.5,
                picture=picture,
                course=course,
                steps=5,
                converged=known,
                score=9.0,
                probability=0.99,
                covers=3 if known else 0,
                median_cover=1.0 if known else None,
                best_cover=2.0 if known else None,
            )
        )
    return NetworkInsight(
        model=f"{network}-padded", network=network, title=network, input_size=24, ideals=ideals, seen=[]
    )


@pytest.mark.parametrize("genres", [1, 4])
def test_ideal_pictures_are_drawn_for_any_number_of_genres(tmp_path, genres):
    """Two drawings are one SVG, which names every genre as it is called."""
    insight = invented_insight(tmp_path, genres)
    first, second = (figure_style.to_svg(ideal_pictures(insight, tmp_path)) for _ in range(2))
    assert first == second
    assert first.count("<image") == genres


def test_ideal_pictures_that_are_gone_are_an_error(tmp_path):
    """A picture or a course that is missing is named."""
    insight = invented_insight(tmp_path)
    for missing in (insight.ideals[1].course, insight.ideals[0].picture):
        (tmp_path / missing).unlink()
        with pytest.raises(WorkspaceError, match=missing.rpartition("/")[2]):
            ideal_pictures(insight, tmp_path)


@pytest.mark.parametrize("width", [figure_style.WIDTH, figure_style.NARROW])
def test_what_accuracy_costs_is_drawn_with_and_without_published_numbers(width):
    """Two drawings are one SVG; a published number adds a marker and its place in the key."""
    numbers = Architecture(
        input_size=224, layers=156, layers_with_weights=105, depth=53, parameters=2_296_414, multiply_adds=299_532_672
    )
    accuracy = Estimate(value=0.16, low=0.15, high=0.17)

    def draw(published):
        return figure_style.to_svg(accuracy_against_cost([NetworkCost("A", numbers, accuracy, published)], width=width))

    assert draw(None) == draw(None)
    assert len(draw(0.146)) > len(draw(None))


def test_heat_is_the_only_colour_of_an_overlay():
    """Where there is no heat a picture is grey and darkened; where there is most it is yellow."""
    picture = np.full((4, 4, 3), (200, 40, 90), np.float32)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    shown = np.asarray(overlay(picture, heat)).astype(int)
    assert np.ptp(shown[3, 3]) <= 1
    assert shown[3, 3].max() < 100
    red, green, blue = shown[0, 0]
    assert min(red, green) > blue + 30
