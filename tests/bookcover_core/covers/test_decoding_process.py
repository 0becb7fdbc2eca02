"""Decoding that may be costly, in a process that can be ended."""

import errno
import io
import time

import pytest
from PIL import Image, JpegImagePlugin

from bookcover_core.covers import decoding_process, image_checks
from bookcover_core.covers.decoding_process import DecodingLimitError, ask_apart
from bookcover_core.covers.image_checks import MOST_SCANS, check_image, costly_profile
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import picture

SETTINGS = CoverSettings()
LIMITS = {"min_side": 64, "max_bytes": 10_000_000, "max_pixels": 50_000_000}


def progressive(size, scans):
    """A progressive JPEG with so many scans, all but the first ones empty repetitions of its last."""
    body = picture(size=size, progressive=True, quality=20)
    last = body.rindex(b"\xff\xda")
    return body[:-2] + body[last:-2] * (scans - body.count(b"\xff\xda")) + b"\xff\xd9"


def test_a_small_file_of_many_scans_is_refused_at_once():
    """Each scan costs its decoder a pass over all pixels: a hundred kilobytes may take it minutes."""
    body = progressive((5000, 5000), 5 * MOST_SCANS)
    started = time.monotonic()
    found = check_image(body, SETTINGS)
    assert (found.outcome, found.detail) == ("too large", f"a JPEG of {5 * MOST_SCANS:,} scans")
    assert time.monotonic() - started < 10


def test_ordinary_progressive_covers_are_read():
    """About ten scans are what programs write."""
    assert check_image(picture(size=(300, 400), progressive=True), SETTINGS).outcome == "ok"
    assert costly_profile(picture(size=(300, 400), progressive=True), SETTINGS) is None


@pytest.mark.parametrize("form", ["TIFF", "AVIF", "JPEG2000"])
def test_slow_formats_are_decoded_apart(form):
    """With the same verdict as any other."""
    body = picture(form)
    assert costly_profile(body, SETTINGS) is not None
    found = check_image(body, SETTINGS)
    assert (found.outcome, found.format, found.width, found.height) == ("ok", form, 90, 120)


def test_large_covers_are_decoded_apart_with_the_same_verdict():
    """Whole, cut, or beyond the limits."""
    body = picture(size=(2500, 2500))
    assert costly_profile(body, SETTINGS) is not None
    assert check_image(body, SETTINGS).outcome == "ok"
    assert check_image(body[:-300], SETTINGS).outcome == "truncated"
    assert check_image(body, CoverSettings(max_pixels=1_000_000)).outcome == "too large"


def test_an_image_that_takes_too_long_is_given_up():
    """Its process is ended after so much time of a processor, and the next image is decoded by another."""
    body = progressive((7000, 7000), MOST_SCANS)
    with pytest.raises(DecodingLimitError, match="decoding takes more than 1 s"):
        ask_apart(LIMITS, body, seconds=1)
    assert ask_apart(LIMITS, picture())["outcome"] == "ok"


def test_a_busy_machine_is_no_verdict_on_an_image():
    """What was not decoded because others had the processors is left for the next run."""
    with pytest.raises(TimeoutError, match="on a busy machine"):
        ask_apart(LIMITS, progressive((7000, 7000), MOST_SCANS), waiting=0.01)  # which takes seconds
    assert ask_apart(LIMITS, picture())["outcome"] == "ok"


def test_a_shortage_is_no_verdict_on_an_image(monkeypatch):
    """Without descriptors or memory a cover has failed for now; it is still an image."""
    for error in (OSError(errno.EMFILE, "Too many open files"), MemoryError()):

        def fail(*args: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(image_checks, "decode_rgb", fail)
            found = check_image(picture(), SETTINGS)
        assert found.outcome == "failed for now"
        assert "shortage" in found.detail


def test_a_process_that_cannot_be_started_is_a_shortage(monkeypatch):
    """The image is tried again by the next run."""

    def fail() -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(decoding_process, "_idle", decoding_process.SimpleQueue())
    monkeypatch.setattr(decoding_process, "_start", fail)
    assert check_image(picture("TIFF"), SETTINGS).outcome == "failed for now"


def test_readers_are_there_before_descriptors_are_short():
    """None is imported when the first image of its format comes."""
    assert {"JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"} <= set(Image.OPEN)
    assert JpegImagePlugin.JpegImageFile.format == "JPEG"
    Image.open(io.BytesIO(picture("AVIF"))).close()
