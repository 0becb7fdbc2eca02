"""Tests of reading pictures of every kind as RGB."""

import csv
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from bookcover_core.covers.image_io import MOST_TEXT_BYTES, ImageLimitError, read_rgb
from tests.bookcover_core.covers.loopback import picture

COVER = Image.new("RGB", (70, 90), (200, 30, 40))


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


def test_the_transparent_level_of_a_grey_png_has_the_file_s_bits():
    """A tRNS chunk names its level as the file has it: of 16 bits, of 4, of 2, or of 1, and of three times 16."""
    both = np.array([[0, 40_000, 65_535]] * 3, dtype=np.uint16)
    rgb = read_rgb(save(Image.fromarray(both), transparency=40_000))
    assert [rgb.getpixel((x, 1))[0] for x in range(3)] == [0, 255, 255]
    for bits, level in ((4, 3), (2, 1), (1, 0)):
        assert read_rgb(grey_png(bits, level, transparent=level)).getpixel((1, 1)) == (255, 255, 255)
        assert read_rgb(grey_png(bits, level, transparent=level + 1)).getpixel((1, 1))[0] == 255 * level // (
            2**bits - 1
        )
    wide = png(16, 2, b"\0" + struct.pack(">HHH", 513, 40_000, 7), struct.pack(">HHH", 513, 40_000, 7))
    assert read_rgb(wide).getpixel((0, 0)) == (255, 255, 255)


def test_a_bitmap_without_transparency_is_not_empty():
    """A fourth byte of a bitmap that is zero everywhere means nothing, as viewers take it; one that is not, does."""
    image = Image.new("RGBA", (8, 8), (10, 200, 30, 0))
    assert read_rgb(bitmap(image)).getpixel((4, 4)) == (10, 200, 30)
    image.putpixel((0, 0), (10, 200, 30, 255))
    assert read_rgb(bitmap(image)).getpixel((4, 4)) == (255, 255, 255)


def test_a_png_may_carry_much_text():
    """A profile or text of 2 MB is read; what unpacks to more than the limit is refused for what it is."""
    for size, is_read in ((2_000_000, True), (MOST_TEXT_BYTES + 1, False)):
        text = PngInfo()
        text.add_text("note", "x" * size, zip=True)
        for body in (save(COVER, pnginfo=text), save(COVER, icc_profile=bytes(size))):
            if is_read:
                assert read_rgb(body).size == COVER.size
            else:
                with pytest.raises(ImageLimitError, match="text or a profile of more than"):
                    read_rgb(body)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_32_bits_are_refused(mode: str):
    """Nobody knows which of their levels is white."""
    with pytest.raises(OSError, match="more than 16 bits"):
        read_rgb(save(Image.new(mode, (8, 8), 1), "TIFF"))


def test_lab_has_its_colours():
    """A TIFF of L*a*b*, which Pillow does not convert by itself."""
    assert read_rgb(save(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")).getpixel((4, 4)) == pytest.approx(
        (255,) * 3, abs=1
    )


def test_pillow_s_warnings_are_not_passed_on():
    """Broken EXIF data is no news for the person at the terminal."""
    body = picture(size=(30, 20), exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\xff")
    program = "import sys; from bookcover_core.covers.image_io import read_rgb; read_rgb(sys.stdin.buffer.read())"
    told = subprocess.run([sys.executable, "-c", program], input=body, capture_output=True, check=True, cwd=Path.cwd())
    assert told.stderr == b""


def png(bits: int, colour: int, row: bytes, transparent: bytes) -> bytes:
    """A PNG of one row, with a tRNS chunk."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    width = 1 if bits == 16 else 8
    head = struct.pack(">IIBBBBB", width, 2, bits, colour, 0, 0, 0)
    parts = (b"IHDR", head), (b"tRNS", transparent), (b"IDAT", zlib.compress(row * 2)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def grey_png(bits: int, level: int, transparent: int) -> bytes:
    """A grey PNG of few bits, all of one level."""
    packed = sum(level << place for place in range(0, 8, bits))
    return png(bits, 0, bytes([0, *[packed] * bits]), struct.pack(">H", transparent))


def bitmap(image: Image.Image) -> bytes:
    """A bitmap of 32 bits with a mask for alpha."""
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, *image.size, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks
    head = info.ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(pixels), 0, 0, 14 + len(head)) + head + pixels


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
