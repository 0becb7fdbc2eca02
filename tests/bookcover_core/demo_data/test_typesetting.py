"""Type stays in its box, and is as large as the box allows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from bookcover_core.demo_data.typesetting import TYPEFACES, Box, set_text

_WORDS = st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=12), min_size=1, max_size=12).map(" ".join)


def printed(text: str, box: Box, typeface: str, largest: int = 200) -> tuple[Box | None, int]:
    """The box that ink fills, and where the text is said to end."""
    image = Image.new("L", (500, 500), 255).convert("RGB")
    end = set_text(image, box, text, typeface, (0, 0, 0), largest=largest)
    return ImageChops.invert(image.convert("L")).point(lambda value: 255 * (value > 127)).getbbox(), end


@pytest.mark.parametrize("name", sorted(TYPEFACES))
def test_type_stays_in_its_box_and_fills_it(name):
    """Nothing is printed outside the box, and a title of two words takes up most of its width or height."""
    ink, end = printed("Hidden Garden", (100, 100, 300, 200), name)
    assert ink is not None
    assert 100 <= ink[0] < ink[2] <= 300
    assert 100 <= ink[1] < ink[3] <= end <= 200
    assert ink[2] - ink[0] > 140 or end - 100 > 75


@settings(max_examples=40, deadline=None)
@given(text=_WORDS, width=st.integers(20, 400), height=st.integers(10, 400))
def test_no_text_leaves_its_box(text, width, height):
    """Whatever is printed, no ink lies outside the box, and it ends within it."""
    ink, end = printed(text, (50, 50, 50 + width, 50 + height), "bold")
    assert 50 <= end <= 50 + height
    if ink is not None:
        assert ink[0] >= 50
        assert ink[1] >= 50
        assert ink[2] <= 50 + width
        assert ink[3] <= 50 + height


def test_type_is_no_larger_than_asked_for():
    """Half the size takes up half the height."""
    (_, large), (_, small) = (printed("Bees", (0, 0, 400, 400), "slab", largest=size) for size in (80, 40))
    assert small == pytest.approx(large / 2, abs=2)


def test_an_empty_text_prints_nothing():
    """A missing author leaves the page as it was."""
    assert printed("", (0, 10, 50, 40), "sans") == (None, 10)
