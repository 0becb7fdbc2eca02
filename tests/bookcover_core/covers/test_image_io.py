"""Tests of reading pictures of every kind as RGB."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from bookcover_core.covers.image_io import read_rgb
from tests.bookcover_core.covers.loopback import picture


def save(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "colour", "expected"),
    [
        ("RGB", "PNG", (1, 2, 3), (1, 2, 3)),
        ("L", "PNG", 77, (77, 77, 77)),
        ("1", "PNG", 1, (255, 255, 255)),
        ("I;16", "PNG", 65535, (255, 255, 255)),
        ("I;16", "PNG", 32896, (128, 128, 128)),
        ("RGBA", "PNG", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", "PNG", (255, 0, 0, 255), (255, 0, 0)),
        ("LA", "PNG", (0, 0), (255, 255, 255)),
        ("RGBA", "WEBP", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", "JPEG", (0, 255, 255, 0), (255, 0, 0)),
        ("RGB", "BMP", (9, 8, 7), (9, 8, 7)),
    ],
)
def test_every_mode_becomes_the_right_rgb(mode: str, kind: str, colour: object, expected: tuple[int, int, int]):
    """Whatever mode a picture has, its RGB is the colour that a person sees; transparency shows white."""
    rgb = read_rgb(save(Image.new(mode, (16, 16), colour), kind))
    assert rgb.mode == "RGB"
    assert rgb.getpixel((8, 8)) == pytest.approx(expected, abs=2)


def test_half_transparency_is_mixed_with_white():
    """A half-transparent red on white is pink."""
    assert read_rgb(save(Image.new("RGBA", (8, 8), (255, 0, 0, 128)))).getpixel((4, 4)) == (255, 127, 127)


def test_palettes_and_transparent_colours():
    """Palettes are looked up, and the colour that a palette or a tRNS chunk makes transparent shows white."""
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert read_rgb(save(image)).getpixel((4, 4)) == (10, 200, 30)
    assert read_rgb(save(image, transparency=1)).getpixel((4, 4)) == (255, 255, 255)
    assert read_rgb(save(Image.new("RGB", (8, 8), (5, 5, 5)), transparency=(5, 5, 5))).getpixel((4, 4)) == (255,) * 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_exif_turns_the_picture():
    """A picture that its camera took sideways stands upright; EXIF data that is damaged is passed over."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_rgb(picture(size=(30, 20), exif=exif)).size == (20, 30)
    damaged = picture(size=(30, 20), exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\xff")
    assert read_rgb(damaged).size == (30, 20)


def test_the_first_frame_counts():
    """An animation is its first frame."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    for kind in ("GIF", "WEBP", "PNG"):
        animated = save(frames[0], kind, save_all=True, append_images=frames[1:])
        assert read_rgb(animated).getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=3)


def test_sixteen_bits_keep_their_gradient():
    """A 16-bit greyscale ramp becomes the 8-bit ramp, where a plain conversion would be white above 255."""
    ramp = Image.fromarray(np.linspace(0, 65535, 256, dtype=np.uint16).reshape(1, -1))
    assert np.asarray(read_rgb(save(ramp)))[0, :, 0].tolist() == list(range(256))


def test_files_and_bytes_are_the_same(tmp_path: Path):
    """A path gives what its bytes give."""
    (tmp_path / "cover.jpg").write_bytes(picture())
    assert read_rgb(tmp_path / "cover.jpg").tobytes() == read_rgb(picture()).tobytes()


def test_what_cannot_be_read_is_an_error():
    """No picture, half a picture, too many pixels, and formats beyond covers are told apart."""
    with pytest.raises(UnidentifiedImageError):
        read_rgb(b"<html>")
    with pytest.raises(UnidentifiedImageError):
        read_rgb(save(Image.new("RGB", (8, 8)), "PPM"))
    with pytest.raises(OSError, match="truncated"):
        read_rgb(picture(size=(300, 300))[:-400])
    with pytest.raises(ValueError, match="100 x 100 pixels, more than 9,999"):
        read_rgb(picture(size=(100, 100)), max_pixels=9_999)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_damage_anywhere_is_an_os_error_or_harmless(kind: str):
    """Wherever a file is cut or overwritten, reading gives a picture or one of the documented errors."""
    noise = np.random.default_rng(1).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    whole = save(Image.fromarray(noise), kind)
    for place in range(0, len(whole), max(len(whole) // 60, 1)):
        for damaged in (whole[:place], whole[:place] + b"\xff\x00\xaa" + whole[place + 3 :]):
            try:
                assert read_rgb(damaged).mode == "RGB"
            except (OSError, ValueError):
                continue


def test_real_covers_are_read(real_data: Path):
    """Real covers have the sizes that their manifest gives."""
    with (real_data / "listings" / "real-covers-manifest.csv").open() as lines:
        rows = list(csv.DictReader(lines))[::40]
    for row in rows:
        assert read_rgb(real_data / row["path"]).size == (int(row["width"]), int(row["height"]))
