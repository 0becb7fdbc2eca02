"""Small pictures of covers."""

from PIL import Image

from deployments.pages.pictures import SmallPictures


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
