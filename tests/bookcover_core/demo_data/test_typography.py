"""Type stays in its box, and lines are broken evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bookcover_core.demo_data.typography import FACES, Ink, break_lines, fit, set_text

_WORDS = st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=12), min_size=1, max_size=12).map(" ".join)


@pytest.mark.parametrize("name", sorted(FACES))
def test_type_stays_in_its_box(name):
    """Nothing is printed outside the box, but for what a letter hangs over by."""
    image = Image.new("RGB", (300, 300), (255, 255, 255))
    set_text(image, (100, 100, 200, 200), "The Hidden Garden of Bees", FACES[name], Ink((0, 0, 0)))
    left, top, right, bottom = image.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert left >= 98
    assert top >= 98
    assert right <= 202
    assert bottom <= 202


@given(text=_WORDS, count=st.integers(1, 6))
def test_breaking_keeps_every_word_in_its_order(text, count):
    """Lines joined again are the text, and there are no more than asked for."""
    lines = break_lines(FACES["sans"], text, count)
    assert " ".join(lines) == text
    assert len(lines) <= count


@given(text=_WORDS, width=st.integers(20, 400), height=st.integers(10, 400))
def test_what_fits_is_no_higher_than_the_box(text, width, height):
    """The chosen size and number of lines fill at most the box's height."""
    face = FACES["grotesque"]
    lines, size = fit(face, text, width, height)
    assert size == 1 or size * face.leading * len(lines) <= height


def test_an_empty_text_prints_nothing():
    """A missing author leaves the page as it was."""
    image = Image.new("RGB", (50, 50), (255, 255, 255))
    assert set_text(image, (0, 10, 50, 40), "", FACES["sans"], Ink((0, 0, 0))) == (0, 10, 50, 10)
    assert image.getcolors() == [(2500, (255, 255, 255))]
