"""Grad-CAM, on networks that are known to look at one corner."""

import numpy as np
import pytest
from PIL import Image

from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import Interpolation, Preparation
from bookcover_core.visualisation.grad_cam import _enlarged, explain, on_cover, veiled
from tests.bookcover_core.visualisation.known import SIZE, cornered

BRIGHT = np.full((SIZE, SIZE, 3), 200, np.uint8)
HALF = SIZE // 2


@pytest.mark.parametrize("extra", [0, 2])
def test_the_heat_is_where_the_network_looks(extra):
    """Of a picture that is bright everywhere, a genre's heat is in the quarter that its score comes from alone."""
    network, _ = cornered(extra)
    upper_left, lower_right, dark = explain(network, [BRIGHT] * 3, range(3))
    assert upper_left.shape == (SIZE, SIZE)
    assert upper_left[:HALF, :HALF].mean() > 0.8
    assert upper_left[HALF + 4 :].max() == upper_left[:, HALF + 4 :].max() == 0
    np.testing.assert_allclose(lower_right, upper_left[::-1, ::-1], atol=1e-6)
    assert dark.max() == 0, "what speaks against a genre is no heat"


def test_looking_into_a_network_leaves_it_as_it_is():
    """A network gives the same probabilities before and after."""
    network, _ = cornered()
    pictures = BRIGHT[None].astype(np.float32)
    before = network(pictures).numpy()
    explain(network, [BRIGHT], [0])
    assert np.array_equal(network(pictures), before)
    assert network.get_layer("genres").activation is keras.activations.softmax


def test_a_network_without_pooled_maps_is_asked_at_its_last_convolution():
    """LeNet has a flattened last map: its heat is found too, and lies over the picture."""
    network = SCRATCH["LeNet"].build(3, seed=1)
    picture = np.random.default_rng(1).uniform(0, 255, (56, 56, 3))
    [heat] = explain(network, [picture], [1])
    assert heat.shape == (56, 56)
    assert 0 <= heat.min() < heat.max() <= 1


def test_heat_stays_where_its_cell_is():
    """The hottest place of a single hot cell is the middle of that cell."""
    cells = np.zeros((4, 4), np.float32)
    cells[1, 2] = 3
    heat = _enlarged(cells, (SIZE, SIZE))
    weights = heat / heat.sum()
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    assert (rows * weights).sum() == pytest.approx(12, abs=0.1)
    assert (columns * weights).sum() == pytest.approx(20, abs=0.1)
    assert heat.max() == pytest.approx(1, abs=0.15)


def test_a_genre_that_is_none_is_an_error():
    """Grad-CAM never silently explains another genre."""
    network, _ = cornered()
    for label in (-1, 3):
        with pytest.raises(IndexError):
            explain(network, [BRIGHT], [label])


@pytest.mark.parametrize("method", Preparation)
@pytest.mark.parametrize("size", [(60, 90), (90, 60), (64, 64)])
def test_heat_comes_back_to_where_it_was_on_the_cover(method, size):
    """A spot of the cover that is hot on the prepared square is hot on the cover, whatever made it square."""
    width, height = size
    cover = np.zeros((height, width, 3), np.uint8)
    rows, columns = slice(height // 2, height // 2 + 10), slice(width // 2 - 12, width // 2 - 2)
    cover[rows, columns] = 255

    def squared(image):
        return np.asarray(make_squares(image, [method], 96, Interpolation.BICUBIC)[method], np.float32)[..., 0]

    square = squared(Image.fromarray(cover)) / 255
    if method is Preparation.PADDED:  # the white border of the square is no heat
        square = square * (squared(Image.new("RGB", size)) < 128)
    heat = on_cover(square, method, size)
    assert heat.shape == (height, width)
    assert heat[rows, columns].mean() > 0.8
    outside = np.ones_like(heat, bool)
    outside[height // 2 - 3 : height // 2 + 13, width // 2 - 15 : width // 2 + 1] = False
    assert heat[outside].max() < 0.1


def test_what_was_cropped_away_has_no_heat():
    """The network never saw it."""
    heat = on_cover(np.ones((8, 8)), Preparation.CROPPED, (40, 100))
    assert heat[:30].max() == 0
    assert heat[30:70].min() == 1


def test_the_veil_leaves_what_is_hot():
    """Where the heat is 1 the cover is as it was, elsewhere it is darker."""
    heat = np.zeros((4, 6), np.float32)
    heat[1, 2] = 1
    shown = np.asarray(veiled(Image.new("RGB", (6, 4), (200, 180, 160)), heat))
    assert shown[1, 2].tolist() == [200, 180, 160]
    assert shown[0, 0].max() < 80
