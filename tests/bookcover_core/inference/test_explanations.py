"""Heat maps laid back on covers."""

import numpy as np
import pytest
from PIL import Image

from bookcover_core.inference.explanations import on_cover, veiled
from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import Interpolation, Preparation


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
