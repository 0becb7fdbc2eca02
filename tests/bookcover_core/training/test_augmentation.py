"""Augmentation keeps a cover a cover, and depends on its seed alone."""

import numpy as np
import pytest

from bookcover_core.models.input_pipeline import scale_picture
from bookcover_core.training.image_trainer import augment, picture_seed
from tests.bookcover_core.training.tiny import draw_cover

SIZE = 48
COVERS = [draw_cover(seed) for seed in range(4)]


def varied(cover, epoch, place=0, seed=5):
    return np.asarray(augment(cover, SIZE, picture_seed(seed, epoch, place)))


@pytest.fixture(scope="module")
def many():
    """Each cover as it is shown in 20 epochs."""
    return np.stack([[varied(cover, epoch, place) for epoch in range(20)] for place, cover in enumerate(COVERS)])


def test_one_seed_gives_one_picture():
    """Seed, epoch and position decide everything, and each of them counts."""
    first = varied(COVERS[0], 1)
    assert (varied(COVERS[0], 1) == first).all()
    for other in (varied(COVERS[0], 2), varied(COVERS[0], 1, place=1), varied(COVERS[0], 1, seed=6)):
        assert np.abs(other - first).mean() > 0.5


def test_pictures_keep_their_form(many):
    """What comes out is float32 of the side that is wanted, and within 0..255."""
    assert (many.shape, many.dtype) == ((4, 20, SIZE, SIZE, 3), np.float32)
    assert many.min() >= 0
    assert many.max() <= 255


def test_covers_are_never_mirrored_or_turned(many):
    """However it is varied, a cover stays more like itself than like any mirror image or turn of it."""
    for cover, shown in zip(COVERS, many, strict=True):
        plain = np.asarray(scale_picture(cover, SIZE))
        turns = [np.rot90(plain, times) for times in (1, 2, 3)]
        mirrors = [np.rot90(plain[:, ::-1], times) for times in range(4)]
        for picture in shown:
            distances = [np.abs(picture - other).mean() for other in (plain, *turns, *mirrors)]
            assert distances[0] < 0.8 * min(distances[1:])


def test_changes_are_small_but_there(many):
    """On average a picture moves a little, in place and in colour, and no two epochs show the same."""
    for cover, shown in zip(COVERS, many, strict=True):
        plain = np.asarray(scale_picture(cover, SIZE))
        change = np.abs(shown - plain).mean(axis=(1, 2, 3))
        assert 3 < change.mean() < 30
        brightness = shown.mean(axis=(1, 2, 3))
        assert 3 < np.ptp(brightness) < 60
        assert len({picture.tobytes() for picture in shown}) == len(shown)
