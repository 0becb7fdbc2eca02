"""Pictures come in order, at the network's side, with the pixels that Pillow sees."""

import numpy as np
import pytest
from PIL import Image

from bookcover_core.models.input_pipeline import find_unreadable, picture_batches, read_pictures


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(6)
    files = []
    for number in range(35):
        pixels = generator.integers(0, 256, (12, 12, 3)).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((299, 299), Image.Resampling.BICUBIC)
        file = tmp_path / f"{number}.{('jpg', 'png')[number % 2]}"
        picture.save(file, quality=95)
        files.append(file)
    return files


def test_pictures_of_the_right_side_keep_their_pixels(files):
    """At the prepared size nothing is scaled: JPEG and PNG decode to what Pillow decodes, in order."""
    pictures = read_pictures(files, 299)
    assert (pictures.shape, pictures.dtype) == ((35, 299, 299, 3), np.float32)
    for picture, file in zip(pictures, files, strict=True):
        with Image.open(file) as expected:
            assert np.abs(picture - np.asarray(expected, np.float32)).max() <= 2


@pytest.mark.parametrize("size", [224, 64])
def test_scaling_is_antialiased_bilinear(files, size):
    """Scaled pictures are, but for rounding, those that Pillow's bilinear filter gives, which drops no pixel."""
    for picture, file in zip(read_pictures(files[:4], size), files, strict=False):
        with Image.open(file) as opened:
            expected = np.asarray(opened.resize((size, size), Image.Resampling.BILINEAR), np.float32)
        assert np.abs(picture - expected).max() <= 3


def test_nothing_is_tuned_while_pictures_are_read(files):
    """TensorFlow's tuning would hold up the end of the batches, for as long as a minute, until its next look."""
    assert picture_batches(files, 224).options().autotune.enabled is False


def test_no_files_give_no_pictures():
    """An empty list is no error."""
    assert read_pictures([], 224).shape == (0, 224, 224, 3)


def test_the_unreadable_file_is_found(files):
    """Of many files, the first that is missing or damaged is named."""
    assert find_unreadable(files, 224) is None
    files[20].write_bytes(files[20].read_bytes()[:300])
    files[21].unlink()
    assert files[20].name in str(find_unreadable(files, 224))
    assert files[21].name in str(find_unreadable(files[21:], 224))
