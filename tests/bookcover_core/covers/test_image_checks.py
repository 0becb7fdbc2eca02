"""Tests of what counts as a cover."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from bookcover_core.covers.image_checks import (
    AMAZON_PLACEHOLDERS,
    check_image,
    is_placeholder_address,
)
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import picture

SETTINGS = CoverSettings()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_cover_is_told_by_its_content(kind: str):
    """Each format is a cover, with what its file says of it."""
    verdict = check_image(picture(kind), SETTINGS)
    assert (verdict.outcome, verdict.format, verdict.width, verdict.height) == ("ok", kind, 90, 120)
    assert verdict.sha256 == hashlib.sha256(picture(kind)).hexdigest()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_half_a_cover_is_truncated(kind: str):
    """A picture that breaks off anywhere behind its header is told from one that is damaged."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8))
    file = io.BytesIO()
    noise.save(file, kind)
    whole = file.getvalue()
    for share in (0.2, 0.5, 0.9):
        assert check_image(whole[: int(len(whole) * share)], SETTINGS).outcome == "truncated"


def test_a_decompression_bomb_is_never_decoded():
    """A picture of a few bytes that claims millions of pixels is refused by its header alone."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    verdict = check_image(bomb + b"\0\0\0\0IEND\xaeB`\x82", SETTINGS)
    assert verdict.outcome == "too large"
    large = check_image(picture("PNG", (4000, 4000), 0, mode="1"), CoverSettings(max_pixels=1_000_000))
    assert (large.outcome, large.detail) == ("too large", "4000 x 4000 pixels, more than 1,000,000")


def test_a_cover_has_the_smallest_side_at_least():
    """min_side is the limit of the shorter side, itself included."""
    assert check_image(picture(size=(64, 200)), SETTINGS).outcome == "ok"
    assert check_image(picture(size=(63, 200)), SETTINGS).outcome == "placeholder"


@pytest.mark.parametrize("name", sorted(AMAZON_PLACEHOLDERS))
def test_amazon_s_placeholders_are_known_by_address(name: str):
    """The + of a name stands raw or encoded; what Amazon adds behind the name does not matter."""
    for spelling in {name, name.replace("+", "%2B"), name.replace("+", "%2b")}:
        for end in (".gif", ".jpg", "._SL160_.jpg", ".jpg?x=1"):
            assert is_placeholder_address(f"http://ecx.images-amazon.com/images/I/{spelling}{end}")
    assert not is_placeholder_address(f"http://ecx.images-amazon.com/images/I/{name}X.jpg")


def test_what_hosts_really_send_instead_of_a_cover(real_data: Path):
    """The kept failures of real hosts are told apart; a PNG named .jpg is a cover."""
    found = {file.name: check_image(file.read_bytes(), SETTINGS) for file in (real_data / "failures").iterdir()}
    assert {name: verdict.outcome.value for name, verdict in found.items()} == {
        "bookdepository-no-image-available.jpg": "placeholder",
        "openlibrary-blank-1x1-43bytes.gif-named.jpg": "placeholder",
        "png-named-jpg-Childrens-Books-0000318.jpg": "ok",
        "tiny-Stationery-0000909.jpg": "placeholder",
    }
    assert found["png-named-jpg-Childrens-Books-0000318.jpg"].format == "PNG"
    assert found["bookdepository-no-image-available.jpg"].detail.startswith("Book Depository's")
    assert found["openlibrary-blank-1x1-43bytes.gif-named.jpg"].detail.startswith("Open Library's")


def test_real_covers_are_covers(real_data: Path):
    """No real cover is mistaken for something else, but for the few narrower than 64 pixels."""
    files = sorted((real_data / "covers").iterdir())[::10]
    outcomes = {file.name: check_image(file.read_bytes(), SETTINGS) for file in files}
    wrong = {name for name, found in outcomes.items() if found.outcome != "ok" and min(found.width, found.height) >= 64}
    assert not wrong


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_found_as_by_decoding_every_pixel(mode: str, progressive: bool, monkeypatch: pytest.MonkeyPatch):
    """Leaving out arithmetic on pixels changes no verdict, wherever a file is cut, overwritten, or lacks a piece."""
    chance = np.random.default_rng(5)
    file = io.BytesIO()
    noise = chance.integers(0, 256, (90, 70, len(mode)), dtype=np.uint8)
    Image.frombytes(mode, (70, 90), noise.tobytes()).save(file, "JPEG", progressive=progressive)
    whole = file.getvalue()
    damaged = []
    for _ in range(150):
        start, length = int(chance.integers(2, len(whole))), int(chance.integers(1, 300))
        damaged.append(whole[:start])
        damaged.append(whole[:start] + whole[start + length :])
        damaged.append(whole[:start] + chance.bytes(int(chance.integers(1, 4))) + whole[start + 3 :])
    verdicts = [check_image(body, SETTINGS) for body in damaged]
    assert len({verdict.outcome for verdict in verdicts}) == 3
    monkeypatch.setattr(JpegImageFile, "draft", Mock())
    assert [check_image(body, SETTINGS) for body in damaged] == verdicts


def photograph(**options: object) -> bytes:
    """A JPEG with soft shapes, as photographs have."""
    spots = np.random.default_rng(5).integers(0, 256, (20, 15, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(spots).resize((240, 320), Image.Resampling.BICUBIC).save(file, "JPEG", quality=80, **options)
    return file.getvalue()


@pytest.mark.parametrize(("progressive", "share"), [(False, 1.0), (True, 0.7)])
def test_a_jpeg_that_was_cut_and_closed_is_truncated(progressive: bool, share: float):
    """An end marker does not make a whole of what broke off; an image whose last blocks are grey is whole."""
    whole = photograph(progressive=progressive)
    cut = [check_image(whole[:place] + b"\xff\xd9", SETTINGS) for place in range(700, len(whole) - 9, 251)]
    assert sum(found.outcome != "ok" for found in cut) >= share * len(cut)
    assert check_image(whole, SETTINGS).outcome == "ok"
    assert check_image(picture(colour=(128, 128, 128), progressive=progressive), SETTINGS).outcome == "ok"


def test_a_jpeg_with_many_zeros_is_truncated():
    """A block of the disk that was never written: the decoder runs out of data before the last row."""
    whole = photograph()
    damaged = [whole[:place] + bytes(2048) + whole[place + 2048 :] for place in range(700, len(whole) - 2_100, 251)]
    assert {check_image(body, SETTINGS).outcome for body in damaged} == {"truncated"}


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\x10\x20", "JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"something else", "no picture of a known format"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(start: bytes, name: str):
    """And the formats that are read are named beside it."""
    found = check_image(start.ljust(400, b"\1"), SETTINGS)
    assert found.outcome == "not an image"
    assert name in found.detail
    assert "JPEG, PNG, GIF" in found.detail


def test_pixels_of_32_bits_are_no_damage():
    """The ledger says what is the matter, instead."""
    file = io.BytesIO()
    Image.new("F", (90, 120)).save(file, "TIFF")
    found = check_image(file.getvalue(), SETTINGS)
    assert (found.outcome, found.detail) == ("not an image", "its pixels have more than 16 bits, which are not read")
