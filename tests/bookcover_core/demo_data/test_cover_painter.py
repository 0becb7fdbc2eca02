"""Covers depend on seed and book alone, differ from one another, and come in the sizes and modes of real ones."""

import io
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from bookcover_core.demo_data import cover_painter
from bookcover_core.demo_data.cover_painter import LAYOUTS, CoverDesign, choose_design, draw_cover
from bookcover_core.demo_data.motifs import MOTIFS, Sketch
from bookcover_core.demo_data.publisher import Publisher
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import Palette, luminance
from bookcover_core.genres import BOOK32

PALETTE = Palette((31, 163, 181), (191, 234, 234), (255, 184, 77), (11, 74, 91))
COVER = (7, "0000000019", "Travel", "Hidden Norway: 50 Walks and Drives", "Zoë Núñez")


def opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def test_a_cover_depends_on_its_seed_and_key_alone():
    """The same seed and key give the same bytes, whatever was drawn before; another seed or key gives others."""
    first = draw_cover(*COVER)
    draw_cover(7, "another", *COVER[2:])
    assert draw_cover(*COVER) == first
    assert draw_cover(8, *COVER[1:]) != first
    assert draw_cover(7, "0000000027", *COVER[2:]) != first


def test_another_process_draws_the_same_cover():
    """No order of a set or a hash of text reaches the bytes."""
    module = cover_painter.__name__
    script = f"import hashlib; from {module} import draw_cover; print(hashlib.sha256(draw_cover(*{COVER})).hexdigest())"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == sha256(draw_cover(*COVER)).hexdigest()


def test_every_category_has_designs_made_of_what_there_is():
    """Hundreds of draws for each category find every palette, motif, layout, typeface and format that it names."""
    for category in BOOK32:
        random = RandomStream(1, category)
        own = Counter(choose_design(category, random).motif for _ in range(200))
        assert set(own) <= set(MOTIFS)
        for _ in range(10):
            assert opened(draw_cover(1, str(random.share()), category, "A Title", "An Author")).size


@pytest.mark.parametrize("name", sorted(MOTIFS))
def test_every_motif_can_be_drawn_in_every_shape(name):
    """A motif fills portrait, square and landscape pictures with more than one colour."""
    for size in ((40, 60), (50, 50), (60, 40)):
        sketch = Sketch(size, PALETTE, RandomStream(1, name))
        MOTIFS[name](sketch)
        assert sketch.finish().size == size
        assert sketch.finish().getcolors(1) is None


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("title", ["A", "word " * 40, "Unbreakablylongsingleword" * 3])
def test_every_layout_prints_titles_of_any_length(layout, title, monkeypatch):
    """A layout takes a title of one letter, one of forty words, one that cannot be broken, and a missing author."""
    design = CoverDesign(PALETTE, "rings", layout, "slab", "tall")
    monkeypatch.setattr(cover_painter, "choose_design", lambda *_: design)
    with_title = draw_cover(3, layout, "Travel", title, "")
    assert opened(with_title).size[1] >= 400
    assert with_title != draw_cover(3, layout, "Travel", "", "")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_type_stands_out_from_what_is_behind_it(layout, monkeypatch):
    """Where title and author are printed, there is one even colour behind them, and theirs differs from it in light."""
    monkeypatch.setattr(cover_painter, "_GREYSCALE", 0)
    monkeypatch.setattr(cover_painter, "_CMYK", 0)
    design = CoverDesign(PALETTE, "quilt", layout, "slab", "tall")
    monkeypatch.setattr(cover_painter, "choose_design", lambda *_: design)
    for key in "abcdef":
        without = opened(draw_cover(3, key, "Travel", "", ""))
        printed = opened(draw_cover(3, key, "Travel", "The Rough Map to Peru", "Zoe Thorne"))
        width, height = printed.size
        for shares in (LAYOUTS[layout].title, LAYOUTS[layout].author):
            box = tuple(round(share * (width, height)[place % 2]) for place, share in enumerate(shares))
            behind = np.asarray(without.crop(box).convert("L"), int)
            assert behind.std() < 4, "but for what JPEG does at the edge of a picture"
            type_on_it = np.asarray(printed.crop(box).convert("L"), int)
            assert abs(type_on_it - behind.mean()).max() > 70


def test_a_publishers_covers_differ_and_look_like_real_files():
    """No two covers of a publisher are identical; sides are 200 to 500 pixels; greyscale, CMYK and PNG occur."""
    books = Publisher(11, train_per_genre=8, test_per_genre=0, pool_per_genre=0).books
    drawn = [draw_cover(11, book.key, book.category, book.title, book.author, volumes=book.volumes) for book in books]
    assert len(set(drawn)) == len(books)
    kinds: Counter[str] = Counter()
    for content in drawn:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            kinds[f"{image.format} {image.mode}"] += 1
            assert 200 <= min(image.size) <= max(image.size) <= 500
    assert kinds["JPEG RGB"] > 0.9 * len(books)
    assert {"JPEG RGB", "JPEG L", "JPEG CMYK", "PNG RGB"} <= set(kinds)


def test_genres_lean_to_colours_and_overlap():
    """The other cover with the nearest colours is of the same genre more often than chance, and less often than not."""
    books = Publisher(5, train_per_genre=10, test_per_genre=4, pool_per_genre=0).books
    drawn = [draw_cover(5, book.key, book.category, book.title, book.author) for book in books]
    colours = np.array([np.asarray(opened(content).resize((3, 4)), float).ravel() for content in drawn])
    labels = np.array([book.category_id for book in books])
    tested = np.array([book.role == "test" for book in books])
    near = ((colours[tested][:, None] - colours[~tested][None]) ** 2).sum(axis=2).argmin(axis=1)
    accuracy = (labels[~tested][near] == labels[tested]).mean()
    assert 3 / 30 < accuracy < 0.5


def test_a_box_set_is_drawn_on_white_with_several_books():
    """The picture of a box set differs from the single cover and has a white corner, as shops' pictures have."""
    for number in range(4):
        key = f"set {number}"
        several = opened(draw_cover(5, key, *COVER[2:], volumes=4))
        assert luminance(several.getpixel((several.width - 1, 0))) > 240
        assert np.asarray(several).tobytes() != np.asarray(opened(draw_cover(5, key, *COVER[2:]))).tobytes()
