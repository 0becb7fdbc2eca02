"""Members of zip files, unpacked without more memory than what is read of them."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from bookcover_core.errors import ListingError
from bookcover_core.listings.listing_format import open_lines
from bookcover_core.listings.zip_members import ZIP_DAMAGE, open_member, why_closed

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def archive_of(file: Path, content: bytes, method: int) -> zipfile.ZipFile:
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("one", content)
    return zipfile.ZipFile(file)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000])
def test_a_member_has_its_content(tmp_path, method, size):
    """Byte for byte, in every method, read at once or in pieces."""
    content = bytes(n * n % 251 for n in range(size))
    archive = archive_of(tmp_path / "a.zip", content, method)
    with open_member(archive, archive.getinfo("one")) as member:
        assert member.read() == content
    with open_member(archive, archive.getinfo("one")) as member:
        assert b"".join(iter(lambda: member.read(777), b"")) == content


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_bomb_takes_no_more_than_is_read_of_it(tmp_path, method):
    """A small member of 80 MB, of which 1 MB is wanted."""
    archive = archive_of(tmp_path / "a.zip", bytes(80_000_000), method)
    assert archive.getinfo("one").compress_size < 100_000
    tracemalloc.start()
    with open_member(archive, archive.getinfo("one")) as member:
        assert len(member.read(1_000_000)) == 1_000_000
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("method", METHODS)
def test_damage_is_told(tmp_path, method):
    """Whatever bytes of a member are overwritten or missing."""
    content = bytes(n * n % 251 for n in range(20_000))
    archive_of(tmp_path / "a.zip", content, method).close()
    whole = (tmp_path / "a.zip").read_bytes()
    info = zipfile.ZipFile(tmp_path / "a.zip").getinfo("one")
    for place in range(33, 30 + info.compress_size, max(info.compress_size // 20, 1)):
        (tmp_path / "a.zip").write_bytes(whole[:place] + b"\xff\x00\xff" + whole[place + 3 :])
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            try:
                with open_member(archive, archive.getinfo("one")) as member:
                    assert member.read() == content
            except ZIP_DAMAGE:
                continue


def test_what_is_closed_says_why(tmp_path):
    """A password, or a method that nobody here knows."""
    archive = archive_of(tmp_path / "a.zip", b"x", zipfile.ZIP_STORED)
    info = archive.getinfo("one")
    info.compress_type = 9
    assert why_closed(info) == "is packed by Deflate64, which is not read"
    info.flag_bits |= 1
    assert why_closed(info) == "needs a password"
    with pytest.raises(zipfile.BadZipFile, match="one needs a password"):
        open_member(archive, info)


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_listing_of_one_endless_line_is_refused(tmp_path, method):
    """Packed in any way, with the line named, and without reading more of it."""
    archive_of(tmp_path / "a.zip", b"x" * 70_000_000, method).close()
    with (
        pytest.raises(ListingError, match="line 1: a line has more than 67,108,864 bytes"),
        open_lines(tmp_path / "a.zip", "a.zip"),
    ):
        pass
