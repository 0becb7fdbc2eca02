"""What a script or notebook may give to a study."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bookcover_core.covers.image_checks import check_image
from bookcover_core.covers.image_io import read_rgb
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import InputError
from bookcover_core.inference.answers import Unreadable
from bookcover_core.inference.cover_sources import CoverInput
from bookcover_core.python_interface import CoverStudy, _as_input
from bookcover_core.settings import CoverSettings, StudySettings
from tests.bookcover_core.report.specimen import Specimen, make_study

LIMIT = 10**6


def drawn(mode: str) -> Image.Image:
    """A picture of many colours, in a mode of Pillow's."""
    colours = np.linspace(0, 255, 90 * 120 * 3).reshape(120, 90, 3).astype(np.uint8)
    return Image.fromarray(colours).convert({"RGBa": "RGBA", "La": "LA"}.get(mode, mode)).convert(mode)


def as_read(picture: Image.Image) -> np.ndarray:
    given = _as_input(picture)
    assert isinstance(given, CoverInput)
    assert isinstance(given.at, bytes)
    assert check_image(given.at, CoverSettings()).outcome is CoverOutcome.OK
    return np.asarray(read_rgb(given.at, max_pixels=LIMIT))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "RGBa", "La"])
def test_a_picture_of_any_mode_is_taken(mode: str):
    """PNG does not hold all of them."""
    assert as_read(drawn(mode)).shape == (120, 90, 3)


def test_cmyk_is_converted_as_that_of_a_file_is():
    """By the same formula or profile."""
    stream = BytesIO()
    drawn("CMYK").save(stream, "TIFF")
    assert np.array_equal(as_read(drawn("CMYK")), np.asarray(read_rgb(stream.getvalue(), max_pixels=LIMIT)))


def test_a_picture_is_turned_as_that_of_a_file_is(tmp_path: Path):
    """By its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn("RGB").save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as picture:
        seen = as_read(picture)
    assert np.array_equal(seen, np.asarray(read_rgb((tmp_path / "a.png").read_bytes(), max_pixels=LIMIT)))


def test_a_picture_that_cannot_be_read_is_told(tmp_path: Path):
    """Closed, empty, or cut."""
    drawn("RGB").save(tmp_path / "a.png")
    closed, cut = Image.open(tmp_path / "a.png"), tmp_path / "b.png"
    closed.close()
    cut.write_bytes((tmp_path / "a.png").read_bytes()[:200])
    for picture in (closed, Image.new("RGB", (0, 0)), Image.new("RGB", (0, 9)), Image.open(cut)):
        found = _as_input(picture)
        assert isinstance(found, Unreadable)
        assert found.outcome is CoverOutcome.NOT_AN_IMAGE
        assert found.reason


@pytest.mark.parametrize("cover", [None, 3, [b"x"]])
def test_what_is_no_cover_is_called_so(cover):
    """By its type."""
    with pytest.raises(InputError, match=f"{type(cover).__name__} is no cover"):
        CoverStudy(StudySettings()).judge(cover)


@pytest.mark.parametrize("wanted", [{"top": 0}, {"top": -1}, {"near": -1}])
def test_impossible_numbers_are_refused_before_a_model_is_loaded(wanted):
    """What is asked for is said."""
    with pytest.raises(InputError, match="top is"):
        CoverStudy(StudySettings()).judge("a.jpg", **wanted)


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(name: str):
    """It is a variable that nobody filled."""
    found = _as_input(name)
    assert isinstance(found, Unreadable)
    assert found.reason == "no cover is named"


def test_predictions_have_a_column_for_each_genre_whatever_it_is_called(tmp_path: Path):
    """A name in another script has the slug "genre"; one that is a column already is told by its label."""
    study = make_study(tmp_path, Specimen(genres=("日本語", "key", "Law"), backbones=("MobileNetV2",), compared=False))
    found = CoverStudy(study.settings).predictions("MobileNetV2")
    assert found.columns.tolist() == ["key", "genre", "日本語", "key (1)", "Law"]
    assert set(found["genre"]) == {"日本語", "key", "Law"}
    assert found[["日本語", "key (1)", "Law"]].sum(axis=1).round(5).eq(1).all()
