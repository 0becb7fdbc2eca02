"""Covers hang on seed and book alone, differ from one another, and come in the sizes and modes of real ones."""

import io
from collections import Counter

import pytest
from PIL import Image

from bookcover_core.demo_data.canvas import Canvas
from bookcover_core.demo_data.drawing import PICTURES, choose, draw_cover
from bookcover_core.demo_data.layouts import LAYOUTS
from bookcover_core.demo_data.looks import LOOKS
from bookcover_core.demo_data.page import TREATMENTS, Page
from bookcover_core.demo_data.palettes import PALETTES
from bookcover_core.demo_data.publisher import Publisher
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.typography import FACES
from bookcover_core.genres import BOOK32


def _draw(seed: int, key: str, category: str = "Travel", volumes: int = 1) -> bytes:
    return draw_cover(seed, key, category, "Hidden Norway: 50 Walks and Drives", "Zoë Núñez", volumes=volumes)


def test_a_cover_hangs_on_its_seed_and_key_alone():
    """The same seed and key give the same bytes, whatever was drawn before; another seed or key gives others."""
    first = _draw(7, "0000000019")
    _draw(7, "another")
    assert _draw(7, "0000000019") == first
    assert _draw(8, "0000000019") != first
    assert _draw(7, "0000000027") != first


def test_every_category_has_a_look_made_of_what_there_is():
    """A look names only palettes, pictures, layouts, typefaces, treatments and neighbours that exist."""
    assert set(LOOKS) == set(BOOK32)
    for look in LOOKS.values():
        assert set(look.palettes) <= set(PALETTES)
        assert set(look.pictures) <= set(PICTURES)
        assert set(look.layouts) <= set(LAYOUTS)
        assert set(look.faces) <= set(FACES)
        assert set(look.treatments) <= set(TREATMENTS)
        assert set(look.neighbours) <= set(LOOKS)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_every_picture_can_be_painted_in_every_shape(name):
    """A picture paints portrait, square and landscape canvases, and more than one colour."""
    for size in ((40, 60), (50, 50), (60, 40)):
        canvas = Canvas(size, PALETTES["lagoon"], RandomStream(1, name))
        PICTURES[name](canvas)
        canvas.halve()
        assert canvas.image.size == size
        assert name == "paper" or canvas.image.getcolors(1) is None


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_prints_titles_of_any_length(layout):
    """A layout takes a title of one letter, one of forty words, and a missing author."""
    chance = RandomStream(3, layout)
    design = choose("Travel", chance)
    for title in ("A", "word " * 40, "Unbreakablylongsingleword" * 3):
        page = Page(design, title, "", "", chance)
        LAYOUTS[layout](page)
        page.badge()
        assert page.image.size == design.size


def test_a_publishers_covers_differ_and_look_like_real_files():
    """No two covers of a publisher are identical; sides are 200 to 500 pixels; greyscale, CMYK and PNG occur."""
    books = Publisher(11, train_per_genre=8, test_per_genre=0, pool_per_genre=0).books
    drawn = [draw_cover(11, book.key, book.category, book.title, book.author, volumes=book.volumes) for book in books]
    assert len(set(drawn)) == len(books)
    kinds: Counter[str] = Counter()
    landscape = set()
    for book, content in zip(books, drawn, strict=True):
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            kinds[f"{image.format} {image.mode}"] += 1
            assert 200 <= min(image.size) <= max(image.size) <= 500
            if image.width > image.height:
                landscape.add(book.category)
    assert kinds["JPEG RGB"] > 0.9 * len(books)
    assert {"JPEG RGB", "JPEG L", "JPEG CMYK", "PNG RGB"} <= set(kinds)
    assert landscape <= {"Calendars", "Children's Books"}


def test_a_box_set_is_drawn_on_white_with_several_books():
    """The picture of a box set differs from the single cover and has a white corner, as shops' pictures have."""
    for number in range(4):
        with Image.open(io.BytesIO(_draw(5, f"set {number}", volumes=4))) as image:
            assert image.convert("RGB").getpixel((image.width - 1, 0)) > (240, 240, 240)
        assert _draw(5, f"set {number}", volumes=4) != _draw(5, f"set {number}")
