"""Contact sheets and thumbnails: any picture, any caption, and nothing breaks on a damaged file."""

import io
from pathlib import Path

from PIL import Image

from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, encoded, sheet_jpeg, thumbnail


def _cover(folder: Path, name: str, size: tuple[int, int], mode: str = "RGB") -> Path:
    file = folder / name
    Image.new(mode, size, (200, 30, 30, 0) if mode == "RGBA" else 90 if mode == "L" else (200, 30, 30)).save(file)
    return file


def test_a_sheet_holds_every_cover_in_rows(tmp_path: Path):
    """Seven covers in rows of three make three rows, and a caption makes room below."""
    covers = [CaptionedCover(_cover(tmp_path, f"{number}.jpg", (60, 90)), ("Title", "genre")) for number in range(7)]
    sheet = contact_sheet(covers, columns=3, side=100)
    bare = contact_sheet([CaptionedCover(cover.file) for cover in covers], columns=3, side=100)
    single = contact_sheet(covers[:1], columns=3, side=100)
    assert sheet.width == bare.width > single.width
    assert sheet.height > bare.height > 3 * 100


def test_the_same_covers_make_the_same_sheet(tmp_path: Path):
    """A contact sheet has the same bytes on every run."""
    covers = [CaptionedCover(_cover(tmp_path, "a.jpg", (60, 90)), ("Ein sehr langer Titel, " * 9, "本", ""))]
    assert encoded(contact_sheet(covers), "PNG") == encoded(contact_sheet(covers), "PNG")


def test_a_damaged_cover_is_shown_as_an_empty_one(tmp_path: Path):
    """A file that is no picture leaves a grey place, and has no thumbnail."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"not a picture")
    assert thumbnail(file, 50) is None
    assert thumbnail(tmp_path / "missing.jpg", 50) is None
    assert contact_sheet([CaptionedCover(file, ("broken",))], side=50).getpixel((30, 60)) == (0xD8, 0xD4, 0xCB)


def test_thumbnails_are_small_and_on_white(tmp_path: Path):
    """Any mode becomes a WebP no larger than asked; what is transparent becomes white."""
    for name, mode in (("a.png", "RGBA"), ("b.png", "L"), ("c.jpg", "RGB")):
        content = thumbnail(_cover(tmp_path, name, (300, 400), mode), 80)
        assert content is not None
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "WEBP"
            assert picture.size == (60, 80)
            if mode == "RGBA":
                assert min(picture.convert("RGB").getpixel((30, 40))) > 250


def test_a_jpeg_of_a_sheet_is_as_good_as_its_bytes_allow(tmp_path: Path):
    """A narrower limit gives a smaller file of the same size in pixels; room enough gives the best."""
    noise = tmp_path / "noise.png"
    Image.effect_noise((300, 400), 80).save(noise)
    sheet = contact_sheet([CaptionedCover(noise, ("Noise",))] * 8, side=200)
    best, small = sheet_jpeg(sheet, 10_000_000), sheet_jpeg(sheet, 60_000)
    assert len(small) <= 60_000 < len(best)
    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.format, picture.size) == ("JPEG", sheet.size)
