"""The three ways to make a cover square."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import Interpolation, Preparation

SIDES = st.integers(1, 400)


def make_square(cover, method, size, interpolation=Interpolation.BICUBIC) -> Image.Image:
    return make_squares(cover, [method], size, interpolation)[method]


def picture(width: int, height: int) -> Image.Image:
    """A dark picture whose red grows from left to right and whose green grows from top to bottom."""
    red = np.linspace(0, 200, width)[None, :] * np.ones((height, 1))
    green = np.linspace(0, 200, height)[:, None] * np.ones((1, width))
    return Image.fromarray(np.dstack([red, green, np.zeros_like(red)]).astype(np.uint8))


def borders(square: Image.Image) -> tuple[int, int, int, int]:
    """Width of the white borders left, above, right, below."""
    dark = (np.asarray(square) < 250).any(axis=2)
    across, down = dark.any(axis=0), dark.any(axis=1)
    return int(across.argmax()), int(down.argmax()), int(across[::-1].argmax()), int(down[::-1].argmax())


@given(width=SIDES, height=SIDES, size=st.integers(32, 320), method=st.sampled_from(Preparation))
@settings(max_examples=60, deadline=None)
def test_every_cover_becomes_a_square(width, height, size, method):
    """Whatever the shape of the cover, each method gives an RGB square of the size asked for."""
    square = make_square(picture(width, height), method, size)
    assert square.size == (size, size)
    assert square.mode == "RGB"


@given(width=SIDES, height=SIDES, size=st.integers(32, 320))
@settings(max_examples=60, deadline=None)
def test_padded_borders_are_symmetric_and_keep_proportions(width, height, size):
    """The cover is in the middle, as far as whole pixels let it be, in its proportions: section 3.2."""
    cover = Image.new("RGB", (width, height))
    square = np.asarray(make_square(cover, Preparation.PADDED, size, Interpolation.BOX))[..., 0]
    dark = (255 - square.astype(float)) / 255
    scale = size / max(width, height)
    assert abs(dark.sum() / size - min(width, height) * scale) <= 1
    places = np.arange(size) + 0.5
    for axis in (0, 1):
        centre = (dark.sum(axis=axis) * places).sum() / dark.sum()
        assert abs(centre - size / 2) <= 0.5 * scale + 0.5


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((333, 500), (49, 0, 50, 0)),
        ((500, 333), (0, 49, 0, 50)),
        ((300, 300), (0, 0, 0, 0)),
        ((332, 500), (50, 0, 50, 0)),
    ],
)
def test_padding_goes_beside_portraits_and_above_landscapes(shape, expected):
    """Portraits get borders left and right, landscapes above and below, squares none; they are pure white: 3.2."""
    square = make_square(Image.new("RGB", shape), Preparation.PADDED, 299)
    left, above, right, below = expected
    assert borders(square) == expected
    pixels = np.asarray(square)
    for border in (pixels[:above], pixels[299 - below :], pixels[:, :left], pixels[:, 299 - right :]):
        assert (border >= 250).all()


@pytest.mark.parametrize("shape", [(200, 400), (163, 218), (333, 500), (500, 333), (31, 97)])
def test_padded_pads_then_scales(shape):
    """Padded is the cover on a white square, scaled as a whole; the order of the two directions is worth a rounding."""
    cover = picture(*shape)
    longer = max(shape)
    first = Image.new("RGB", (longer, longer), "white")
    first.paste(cover, ((longer - cover.width) // 2, (longer - cover.height) // 2))
    for size in (64, 299):
        expected = np.asarray(first.resize((size, size), Image.Resampling.BICUBIC)).astype(int)
        found = np.asarray(make_square(cover, Preparation.PADDED, size)).astype(int)
        assert np.abs(found - expected).max() <= 2


def test_real_covers_are_padded_then_scaled(real_data):
    """On real covers too: sharp edges may be clipped to 0..255 in another order, which few pixels show."""
    for file in sorted((real_data / "covers").glob("*.jpg"))[:60]:
        cover = Image.open(file).convert("RGB")
        longer = max(cover.size)
        first = Image.new("RGB", (longer, longer), "white")
        first.paste(cover, ((longer - cover.width) // 2, (longer - cover.height) // 2))
        expected = np.asarray(first.resize((299, 299), Image.Resampling.BICUBIC)).astype(int)
        difference = np.abs(np.asarray(make_square(cover, Preparation.PADDED, 299)).astype(int) - expected)
        assert difference.mean() < 0.5
        assert (difference > 2).mean() < 0.02


def test_cropped_is_the_centre_square():
    """As much is cut left as right, or above as below; of an odd number one pixel more right or below."""
    cover = np.zeros((45, 100, 3), np.uint8)
    cover[:, 27:72] = 200
    square = np.asarray(make_square(Image.fromarray(cover), Preparation.CROPPED, 45))
    assert (square == 200).all()
    upright = np.asarray(make_square(Image.fromarray(cover.transpose(1, 0, 2)), Preparation.CROPPED, 45))
    assert (upright == 200).all()


def test_noprep_takes_in_the_whole_cover():
    """The whole cover is in the square: its corners are the cover's corners."""
    square = np.asarray(make_square(picture(120, 180), Preparation.NOPREP, 60)).astype(int)
    assert square[0, 0, 0] < 10
    assert square[-1, -1, 0] > 190
    assert square[-1, 0, 1] > 190


def test_a_square_cover_is_alike_under_all_methods():
    """A cover that is square already is neither padded nor cropped."""
    pictures = [np.asarray(make_square(picture(200, 200), method, 99)) for method in Preparation]
    assert all((other == pictures[0]).all() for other in pictures)


SHAPES = st.tuples(SIDES, SIDES) | st.integers(1, 400).flatmap(
    lambda side: st.sampled_from([(side, side), (side, side + 1), (side + 1, side), (side, 299), (299, side)])
)


@given(
    shape=SHAPES,
    size=st.integers(32, 320) | st.just(299),
    methods=st.permutations(Preparation).flatmap(lambda drawn: st.integers(1, 3).map(lambda number: drawn[:number])),
    seed=st.integers(0, 9),
)
@settings(max_examples=50, deadline=None)
def test_squares_made_together_are_those_made_one_by_one(shape, size, methods, seed):
    """What methods share changes no pixel: of any shape, to any size, with every interpolation, in the order asked."""
    width, height = shape
    cover = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))
    for interpolation in Interpolation:
        together = make_squares(cover, methods, size, interpolation)
        assert list(together) == methods
        for method, square in together.items():
            assert square.tobytes() == make_square(cover, method, size, interpolation).tobytes()


@pytest.mark.parametrize("interpolation", Interpolation)
def test_each_interpolation_is_pillows(interpolation):
    """A setting names the filter of Pillow that is meant: NoPrep is a `resize` with it but for the order of passes."""
    cover = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 60, 3), dtype=np.uint8))
    for size in (40, 150):
        square = np.asarray(make_square(cover, Preparation.NOPREP, size, interpolation)).astype(int)
        distance = {
            other: np.abs(square - cover.resize((size, size), Image.Resampling[other.name])).mean()
            for other in Interpolation
        }
        assert min(distance, key=distance.get) is interpolation
        assert distance[interpolation] < 1


def test_bicubic_averages_what_it_cannot_show():
    """Fine stripes become an even grey when a cover shrinks; without antialiasing they would become coarse stripes."""
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = np.asarray(make_square(Image.fromarray(stripes), Preparation.NOPREP, 60)).astype(int)
    assert np.abs(shrunk - 127.5).max() < 12
    taken = np.asarray(make_square(Image.fromarray(stripes), Preparation.NOPREP, 60, Interpolation.NEAREST))
    assert set(np.unique(taken)) == {0, 255}


def test_bicubic_is_the_kernel_that_the_docstring_states():
    """Pillow's bicubic is Keys' kernel with a = -0.5, widened when the picture shrinks."""
    chance = np.random.default_rng(3)
    row = chance.integers(60, 200, 40)
    for new in (25, 61):
        scale = 40 / new
        support = max(scale, 1.0)
        expected = []
        for pixel in range(new):
            centre = (pixel + 0.5) * scale
            weights = np.array([kernel((place + 0.5 - centre) / support) for place in range(40)])
            expected.append(weights @ row / weights.sum())
        line = Image.fromarray(np.repeat(row[None, :, None], 3, axis=2).repeat(4, axis=0).astype(np.uint8))
        found = np.asarray(line.resize((new, 4), Image.Resampling.BICUBIC))[0, :, 0]
        assert np.abs(found - np.array(expected)).max() < 0.75


def kernel(t: float, a: float = -0.5) -> float:
    """The cubic convolution kernel."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def test_interpolations_differ():
    """Each interpolation of the settings is another one."""
    chance = np.random.default_rng(1).integers(0, 256, (90, 60, 3), dtype=np.uint8)
    made = {make_square(Image.fromarray(chance), Preparation.NOPREP, 40, kind).tobytes() for kind in Interpolation}
    assert len(made) == len(Interpolation)
