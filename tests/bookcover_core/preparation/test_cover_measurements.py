"""Shape and mean colour of covers."""

import numpy as np
from PIL import Image, ImageStat

from bookcover_core.preparation.cover_measurements import measure


def test_means_are_exact_to_a_thousandth():
    """Width, height and the mean of each channel over all pixels are those of the picture."""
    pixels = np.random.default_rng(5).integers(0, 256, (50, 33, 3), dtype=np.uint8)
    found = measure(Image.fromarray(pixels))
    assert (found.width, found.height) == (33, 50)
    assert np.allclose([found.red, found.green, found.blue], pixels.mean(axis=(0, 1)), atol=5.1e-4)
    assert found.red == round(found.red, 3)


def test_channels_are_not_mixed_up():
    """A red cover has red 255 and nothing else."""
    assert tuple(measure(Image.new("RGB", (2, 3), (255, 0, 7)))) == (2, 3, 255.0, 0.0, 7.0)


def test_means_are_those_of_pillow():
    """The means, rounded, are those that `ImageStat` gives, of pictures of one pixel and of many."""
    chance = np.random.default_rng(6)
    for shape in ((1, 1), (7, 3), (218, 160), (600, 900)):
        cover = Image.fromarray(chance.integers(0, 256, (*shape, 3), dtype=np.uint8))
        assert measure(cover)[2:] == tuple(round(mean, 3) for mean in ImageStat.Stat(cover).mean)
