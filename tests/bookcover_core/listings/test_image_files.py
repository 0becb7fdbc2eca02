"""Files below a folder, and which of them are images."""

import json
import os

import pytest
from PIL import Image

from bookcover_core.listings.image_files import LeftOut, has_image_magic, walk_files, why_no_image
from bookcover_core.settings import StudySettings


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def walk(folder, **wanted):
    left_out: list[LeftOut] = []
    return sorted(file.name for file in walk_files(folder, left_out, **wanted)), left_out


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_an_image_is_told_by_its_content(tmp_path, form):
    """Whatever it is called, and without any suffix."""
    Image.new("RGB", (90, 130), "teal").save(tmp_path / "cover.part", form)
    assert not why_no_image(tmp_path, "cover.part")


def test_a_text_is_no_image():
    """Not even one that begins as bitmaps do."""
    assert not has_image_magic(b"BMW, a history\n")
    assert not has_image_magic(b"")


def test_links_are_followed_and_each_folder_is_read_once(tmp_path):
    """A folder that is linked in is read; a circle, or a second way to a folder, is left out; a dead link is named."""
    put(tmp_path, "elsewhere/1.jpg", "covers/Law/2.jpg")
    (tmp_path / "covers" / "Travel").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "covers" / "Law" / "round").symlink_to(tmp_path / "covers")
    (tmp_path / "covers" / "Law" / "dead.jpg").symlink_to(tmp_path / "none.jpg")
    names, left_out = walk(tmp_path / "covers")
    assert names == ["Law/2.jpg", "Travel/1.jpg"]
    assert dict(left_out) == {
        "Law/round": "a link to a folder that is read already",
        "Law/dead.jpg": "a link to nothing",
    }


def test_a_link_never_takes_the_pictures_of_a_real_folder(tmp_path):
    """However early it comes in the alphabet, and however deep it lies: the folder keeps its own name, and genre."""
    put(tmp_path, "Travel/1.jpg", "Comics/deep/2.jpg")
    (tmp_path / "Comics" / "deep" / "loop").symlink_to(tmp_path / "Travel")
    names, left_out = walk(tmp_path)
    assert names == ["Comics/deep/2.jpg", "Travel/1.jpg"]
    assert left_out == [LeftOut("Comics/deep/loop", "a link to a folder that is read already")]


def test_pipes_are_never_opened(tmp_path):
    """A named pipe that is called like a picture would hang whoever reads it."""
    os.mkfifo(tmp_path / "1.jpg")
    assert walk(tmp_path) == ([], [LeftOut("1.jpg", "a named pipe, which is not read")])


def test_hidden_files_and_other_programs_folders_are_skipped(tmp_path):
    """Thumbnails of network disks and resource forks of archives are no covers."""
    put(tmp_path, "1.jpg", ".2.jpg", ".git/3.jpg", "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/._1.jpg")
    assert walk(tmp_path) == (["1.jpg"], [])


def test_a_study_is_no_source(tmp_path):
    """Neither the folder of studies nor any folder that holds a study's settings."""
    put(tmp_path, "Law/1.jpg", "data/studies/s/covers/law/1.jpg", "old/covers/law/1.jpg", "mine/settings.json")
    (tmp_path / "old" / "settings.json").write_text(StudySettings().model_dump_json())
    (tmp_path / "mine" / "settings.json").write_text(json.dumps({"theme": "dark"}))
    names, left_out = walk(tmp_path, own=tmp_path / "data" / "studies")
    assert names == ["Law/1.jpg", "mine/settings.json"]
    assert {each.name for each in left_out} == {"data/studies", "old"}
