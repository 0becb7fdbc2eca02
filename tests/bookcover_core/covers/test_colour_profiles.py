"""Colours by their profile: what a viewer shows, whatever space they were written in."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from bookcover_core.covers import image_checks, image_io
from bookcover_core.covers.image_checks import check_image
from bookcover_core.covers.image_io import read_rgb
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers import icc

SETTINGS = CoverSettings()

COLOURS = ((200, 20, 20), (20, 180, 60), (30, 40, 190), (128, 128, 128), (250, 240, 200), (0, 0, 0), (255, 255, 255))


def save(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("primaries", "gamma"), [(icc.ADOBE_RGB, 2.199), (icc.PROPHOTO, 1.8)])
def test_wide_colours_become_srgb(kind, primaries, gamma):
    """Adobe RGB and ProPhoto are converted as their definition says, within a step or two; without: up to 100 off."""
    profile = icc.rgb_profile(primaries, gamma)
    options = {"lossless": True} if kind == "WEBP" else {}
    for colour in COLOURS:
        image = Image.new("RGB", (70, 90), colour)
        rgb = read_rgb(save(image, kind, icc_profile=profile, **options)).getpixel((9, 9))
        assert rgb == pytest.approx(icc.to_srgb(colour, primaries, gamma), abs=2.5)
        assert read_rgb(save(image, kind, **options)).getpixel((9, 9)) == colour


def test_transparency_stays_where_a_profile_is():
    """White shows through, and the rest has the colours of the profile; with an alpha channel and with a palette."""
    profile = icc.rgb_profile(icc.ADOBE_RGB, 2.199)
    image = Image.new("RGBA", (80, 80), (20, 180, 60, 255))
    image.paste((0, 0, 0, 0), (0, 0, 40, 80))
    for each in (image, image.convert("P")):
        rgb = read_rgb(save(each, icc_profile=profile))
        assert rgb.getpixel((5, 5)) == (255, 255, 255)
        assert rgb.getpixel((60, 5)) == pytest.approx(icc.to_srgb((20, 180, 60), icc.ADOBE_RGB, 2.199), abs=3)


def test_inks_become_what_is_printed():
    """Full cyan is the press's cyan, not the screen's; half a step of rounding aside."""
    image = Image.new("CMYK", (70, 90), (255, 0, 0, 0))
    plain, printed = (
        read_rgb(save(image, "JPEG", quality=100, **options)).getpixel((9, 9))
        for options in ({}, {"icc_profile": icc.cmyk_profile()})
    )
    assert plain == pytest.approx((0, 255, 255), abs=3)
    assert printed == pytest.approx(tuple(255 * level for level in icc.INKS[0]), abs=12)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_follows_its_gamma(mode):
    """Grey of gamma 1.0 is brighter on a screen: 55 is what sRGB calls 128."""
    level = {"L": 55, "LA": (55, 255), "I;16": 55 * 257}[mode]
    rgb = read_rgb(save(Image.new(mode, (70, 90), level), icc_profile=icc.grey_profile(1.0)))
    assert rgb.getpixel((9, 9)) == pytest.approx((127, 127, 127), abs=2)


def test_srgb_is_left_to_the_byte():
    """A profile that is sRGB's, or of other colours than the image's, or damaged, changes nothing."""
    noise = np.random.default_rng(3).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (
        srgb,
        icc.cmyk_profile(),
        icc.grey_profile(1.0),
        b"no profile",
        srgb[:200],
        srgb[:90] + b"\xff" * 90,
    ):
        assert np.array_equal(np.asarray(read_rgb(save(image, icc_profile=profile))), noise)


def test_a_new_profile_is_applied_apart_first(monkeypatch):
    """What a stranger's profile does to its reader happens in a process that can be ended, once for each profile."""
    asked = []

    def note(request, body):
        asked.append(len(body))
        return {"outcome": "ok"}

    monkeypatch.setattr(image_checks, "ask_apart", note)
    profile = icc.rgb_profile(icc.ADOBE_RGB, 2.1)
    for colour in COLOURS[:3]:
        assert check_image(save(Image.new("RGB", (70, 90), colour), icc_profile=profile), SETTINGS).outcome == "ok"
    assert len(asked) == 1


@pytest.mark.parametrize("seed", range(3))
def test_damaged_profiles_do_no_harm(seed):
    """Whatever bytes of a profile are overwritten, the image is read: by what is left of it, or as it is."""
    chance = np.random.default_rng(seed)
    image = Image.new("RGB", (16, 16), (9, 99, 199))
    for whole in (icc.rgb_profile(icc.ADOBE_RGB, 2.2), icc.cmyk_profile()):
        for _ in range(40):
            profile = bytearray(whole)
            for place in chance.integers(0, len(whole), 6):
                profile[place] = chance.integers(0, 256)
            assert read_rgb(save(image, icc_profile=bytes(profile))).size == (16, 16)
    image_io._find_transform.cache_clear()
