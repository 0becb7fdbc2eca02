"""Small pictures of covers."""

import io

import pytest
from PIL import Image

from deployments.pages.pictures import SmallPictures, for_browsers


def test_small_pictures_are_kept_up_to_a_bound(tmp_path):
    """The latest stay in memory, and the oldest goes when there are too many bytes."""
    for name in ("one", "two", "three"):
        Image.effect_noise((400, 600), 90).convert("RGB").save(tmp_path / f"{name}.jpg")
    size = len(SmallPictures().make(tmp_path / "one.jpg", "one"))
    small = SmallPictures(most_bytes=int(size * 2.5))
    made = {name: small.make(tmp_path / f"{name}.jpg", name) for name in ("one", "two")}
    small.make(tmp_path / "one.jpg", "one")
    small.make(tmp_path / "three.jpg", "three")
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.jpg").unlink()
    assert small.make(tmp_path / "one.jpg", "one") == made["one"]
    assert set(small._kept) == {"one", "three"}
    assert small._bytes == sum(map(len, small._kept.values()))


@pytest.mark.parametrize(
    ("form", "media_type"), [("AVIF", "image/avif"), ("TIFF", "image/jpeg"), ("JPEG2000", "image/jpeg")]
)
def test_covers_of_every_format_are_shown(form, media_type):
    """Formats that browsers do not know are sent as JPEG; all others as they are."""
    file = io.BytesIO()
    Image.new("RGB", (90, 130), "teal").save(file, form)
    content, told = for_browsers(file.getvalue())
    assert told == media_type
    assert (content == file.getvalue()) == (media_type != "image/jpeg")
    assert Image.open(io.BytesIO(content)).size == (90, 130)
