"""Tests of covers that are at hand: in folders and archives."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import LedgerRow, read_rows
from bookcover_core.errors import FolderError
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import picture

KEYS = [f"{number:04d}" for number in range(8)]


def make(tmp_path: Path, **covers: Any) -> Study:
    """A study of eight books, four of Law and four of Travel."""
    lines = [
        f'"{n}","{key}.jpg","http://shop.example/{n}.jpg","T {n}","","{n % 2}","{("Law", "Travel")[n % 2]}"\n'
        for n, key in enumerate(KEYS)
    ]
    (tmp_path / "listing.csv").write_text("".join(lines))
    books = {"source": "listing", "listing": str(tmp_path / "listing.csv")}
    study = Study(parse_settings({"workspace": str(tmp_path / "studies"), "books": books, "covers": covers}))
    read_listings(study)
    return study


def rows_of(study: Study) -> dict[str, LedgerRow]:
    download_chunk(study, 1)
    return {row.key: row for row in read_rows(study.workspace.ledger / "chunk-0001.csv")}


def test_a_folder_is_searched_for_file_names(tmp_path: Path):
    """A cover lies directly in the folder or anywhere below; the one in its genre's folder comes first."""
    source = tmp_path / "source"
    for name in ("0000.jpg", "deep/down/0001.jpg", "a/0002.jpg", "z/Law/0002.jpg", ".hidden/0003.jpg"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(picture(size=(90, 100 + len(name))))
    (source / "0004.jpg").write_bytes(b"<html>")
    (source / "0005.jpg").write_bytes(picture()[:-300])
    study = make(tmp_path, source="folder", location=str(source))
    rows = rows_of(study)
    assert {key: row.outcome for key, row in rows.items()} == dict.fromkeys(KEYS, "missing") | {
        "0000": "ok",
        "0001": "ok",
        "0002": "ok",
        "0004": "not an image",
        "0005": "truncated",
    }
    assert rows["0002"].address == "z/Law/0002.jpg"
    assert (study.workspace.root / rows["0001"].path).read_bytes() == (source / "deep/down/0001.jpg").read_bytes()


def test_an_archive_is_searched_and_nothing_of_it_is_unpacked(tmp_path: Path):
    """A zip file serves like a folder; names that lead elsewhere stay names, and bombs are not unpacked."""
    with zipfile.ZipFile(tmp_path / "source.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("covers/0000.jpg", picture())
        archive.writestr("../../../0001.jpg", picture())
        archive.writestr("0002.jpg", bytes(50_000_000))
        archive.writestr("__MACOSX/covers/0003.jpg", picture())
        archive.writestr("0004.jpg", picture("PNG", (2000, 2000), 0, mode="1"))
        archive.writestr("0005.jpg", picture("BMP"), compress_type=zipfile.ZIP_STORED)
    content = bytearray((tmp_path / "source.zip").read_bytes())
    place = content.rindex(b"BM")
    content[place + 100] ^= 0xFF
    (tmp_path / "source.zip").write_bytes(content)
    study = make(tmp_path, source="archive", location=str(tmp_path / "source.zip"), max_pixels=1_000_000)
    rows = rows_of(study)
    outcomes = {key: rows[key].outcome for key in KEYS[:6]}
    assert outcomes == {
        "0000": "ok",
        "0001": "ok",
        "0002": "too large",
        "0003": "missing",
        "0004": "too large",
        "0005": "not an image",
    }
    assert rows["0001"].path == "covers/travel/0001.jpg"
    assert not (tmp_path.parent / "0001.jpg").exists()


def test_a_changed_folder_is_looked_at_again(tmp_path: Path):
    """A chunk is done as long as its pictures are as they were; one that came or changed is taken."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "0000.jpg").write_bytes(picture())
    (source / "other.jpg").write_bytes(picture())
    study = make(tmp_path, source="folder", location=str(source))
    first = download_chunk(study, 1)
    (source / "unrelated.jpg").write_bytes(picture())
    assert download_chunk(study, 1).reused
    (source / "0001.jpg").write_bytes(picture())
    (source / "0000.jpg").write_bytes(picture(size=(200, 300)))
    rows = rows_of(study)
    assert rows["0001"].outcome == "ok"
    assert rows["0000"].width == 200
    assert study.manifest("download/chunk-0001").digest != first.digest


@pytest.mark.parametrize("source", ["folder", "archive"])
def test_a_location_that_cannot_be_used_is_one_message(tmp_path: Path, source: str):
    """A folder or archive that is missing, or is something else, is refused with its name."""
    study = make(tmp_path, source=source, location=str(tmp_path / "none"))
    with pytest.raises(FolderError, match="none"):
        download_chunk(study, 1)
    (tmp_path / "none").write_bytes(b"no archive")
    with pytest.raises(FolderError, match="none"):
        download_chunk(study, 1)


def test_a_folder_of_genres_is_books_and_covers(tmp_path: Path):
    """With books.source = folder each picture becomes a book and is copied, nested and odd names included."""
    folder = tmp_path / "mine"
    names = [
        "Law/1.jpg",
        "Law/old/2.png",
        "Law/#ü 3.jpg",
        "Travel & Food/1.jpg",
        "Travel & Food/b.gif",
        "Travel & Food/c.webp",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture({"g": "GIF", "w": "WEBP"}.get(name.split(".")[-1][0], "JPEG")))
    study = Study(
        parse_settings({"workspace": str(tmp_path / "studies"), "books": {"source": "folder", "folder": str(folder)}})
    )
    read_listings(study)
    rows = rows_of(study)
    assert {key: row.path for key, row in rows.items()} == {
        "law-1": "covers/law/1.jpg",
        "2": "covers/law/old%2F2.png",
        "#ü 3": "covers/law/%23%C3%BC 3.jpg",
        "travel-and-food-1": "covers/travel-and-food/1.jpg",
        "b": "covers/travel-and-food/b.gif",
        "c": "covers/travel-and-food/c.webp",
    }
    assert {row.outcome for row in rows.values()} == {"ok"}


def test_real_covers_from_their_folder(real_data: Path, tmp_path: Path):
    """The real covers are found by the real listing that names them, and taken byte for byte."""
    wanted = (real_data / "listings" / "real-covers-listing.csv").read_bytes().splitlines(keepends=True)
    (tmp_path / "listing.csv").write_bytes(b"".join(wanted))
    study = Study(
        parse_settings(
            {
                "workspace": str(tmp_path / "studies"),
                "books": {"source": "listing", "listing": str(tmp_path / "listing.csv"), "chunk_records": 200},
                "covers": {"source": "folder", "location": str(real_data / "covers")},
            }
        )
    )
    assert read_listings(study).counts == {"records": 3876, "genres": 30, "chunks": 20, "malformed": 0}
    manifest = download_chunk(study, 3)
    assert manifest.counts["ok"] + manifest.counts.get("placeholder", 0) == 200
    for row in read_rows(study.workspace.ledger / "chunk-0003.csv"):
        if row.outcome == "ok":
            assert (study.workspace.root / row.path).read_bytes() == (real_data / "covers" / row.address).read_bytes()
