"""Tests of covers that are at hand: in folders and archives."""

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bookcover_core.covers import local_sources
from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import LedgerRow, read_rows
from bookcover_core.covers.local_sources import FolderSource, ZipSource
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
    study = make(tmp_path, source="folder", location=str(source), max_missing_share=1)
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


def make_named(tmp_path: Path, names: list[str], **covers: Any) -> Study:
    """A study of books with these FILENAMEs, of Law and Travel in turn."""
    rows = "".join(f'"{n}","{name}","","T {n}","","{n % 2}","{GENRES[n % 2]}"\n' for n, name in enumerate(names))
    (tmp_path / "listing.csv").write_text(rows)
    books = {"source": "listing", "listing": str(tmp_path / "listing.csv")}
    study = Study(parse_settings({"workspace": str(tmp_path / "studies"), "books": books, "covers": covers}))
    read_listings(study)
    return study


GENRES = ("Law", "Travel")


def put(folder: Path, *names: str) -> dict[str, bytes]:
    """Pictures that differ, under these names."""
    content = {name: picture(size=(90, 100 + number)) for number, name in enumerate(names)}
    for name, body in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return content


def test_a_file_is_that_of_its_whole_path(tmp_path: Path):
    """Where each genre's folder has a 1.jpg, no genre gets another's; their covers and keys stay apart."""
    names = [f"{folder}/{number}.jpg" for number in range(3) for folder in ("Law Guides", "Travel-Holiday-Guides")]
    content = put(tmp_path / "source", *names)
    rows = rows_of(study := make_named(tmp_path, names, source="folder", location=str(tmp_path / "source")))
    assert {row.address: (study.workspace.root / row.path).read_bytes() for row in rows.values()} == content
    assert set(rows) == {name.removesuffix(".jpg") for name in names}


def test_what_is_ambiguous_is_not_guessed(tmp_path: Path):
    """Two files that fit are an outcome of their own, which names them."""
    put(tmp_path / "source", "x/0.jpg", "y/0.jpg", *(f"{number}.jpg" for number in range(1, 6)))
    names = [f"{number}.jpg" for number in range(6)]
    rows = rows_of(make_named(tmp_path, names, source="folder", location=str(tmp_path / "source")))
    assert (rows["0"].outcome, rows["0"].detail) == ("ambiguous", "x/0.jpg, y/0.jpg fit")
    assert {rows[str(number)].outcome for number in range(1, 6)} == {"ok"}


def test_files_under_equivalent_names_are_found_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Another case, suffix or Unicode form is no other cover; the ledger and the log say so."""
    put(tmp_path / "source", "0.JPG", "1.jpeg", "2", "e\N{COMBINING ACUTE ACCENT}.jpg", " 4.jpg", "5.jpg")
    names = ["0.jpg", "1.jpg", "2.jpg", "\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "4.jpg", "5.jpg"]
    rows = rows_of(make_named(tmp_path, names, source="folder", location=str(tmp_path / "source")))
    assert {row.outcome for row in rows.values()} == {"ok"}
    assert (rows["0"].detail, rows["5"].detail) == ("found as 0.JPG", "")
    assert "5 covers have an equivalent name" in caplog.text


def test_backslashes_in_an_archive_are_folders(tmp_path: Path):
    """As programs of another system write them."""
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for key in KEYS:
            archive.writestr(f"covers\\{key}.jpg", picture())
    rows = rows_of(make(tmp_path, source="archive", location=str(tmp_path / "source.zip")))
    assert {row.outcome for row in rows.values()} == {"ok"}


@pytest.mark.parametrize("share", [0.5, 1])
def test_a_source_with_other_names_stops_the_download(tmp_path: Path, share: float):
    """The message says what was looked for, what lies there, and what is most like it; a setting goes on."""
    put(tmp_path / "source", *(f"cover-{key}.jpg" for key in KEYS))
    study = make(tmp_path, source="folder", location=str(tmp_path / "source"), max_missing_share=share)
    if share == 1:
        assert {row.outcome for row in rows_of(study).values()} == {"missing"}
        return
    with pytest.raises(FolderError, match="8 of 8 covers are not found") as caught:
        download_chunk(study, 1)
    for part in ("looked for '0000.jpg'", "8 files lie there", "'cover-0000.jpg'", "covers.max_missing_share"):
        assert part in str(caught.value)


def test_an_archive_in_an_archive_is_named(tmp_path: Path):
    """It is not opened, and the message says that it is there."""
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr("inner.zip", b"PK")
    with pytest.raises(FolderError, match=r"archives such as 'inner\.zip'"):
        download_chunk(make(tmp_path, source="archive", location=str(tmp_path / "source.zip")), 1)


def test_an_archive_with_a_password_is_refused(tmp_path: Path):
    """Nothing of it can be read."""
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for key in KEYS:
            archive.writestr(f"{key}.jpg", picture())
    content = bytearray((tmp_path / "source.zip").read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 8] |= 1
    (tmp_path / "source.zip").write_bytes(content)
    with pytest.raises(
        FolderError, match=r"8 of 8 files of the archive cannot be unpacked: '0000\.jpg' needs a password"
    ):
        download_chunk(make(tmp_path, source="archive", location=str(tmp_path / "source.zip")), 1)


def test_damage_in_any_compression_is_an_outcome(tmp_path: Path):
    """LZMA and bzip2 too, whose errors are their own."""
    kinds = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for number, key in enumerate(KEYS):
            archive.writestr(f"{key}.jpg", picture("BMP"), compress_type=kinds[number % 3])
        starts = [info.header_offset + 40 for info in archive.infolist()[:3]]
    content = bytearray((tmp_path / "source.zip").read_bytes())
    for start in starts:
        content[start + 20 : start + 60] = bytes(40)
    (tmp_path / "source.zip").write_bytes(content)
    rows = rows_of(make(tmp_path, source="archive", location=str(tmp_path / "source.zip")))
    assert {rows[key].outcome for key in KEYS[:3]} == {"not an image"}
    assert {rows[key].outcome for key in KEYS[3:]} == {"ok"}


def test_an_archive_of_a_method_that_is_not_read_is_named(tmp_path: Path):
    """Deflate64, which Windows takes for large folders: the archive is refused, or the one cover in it."""
    for closed, is_refused in ((KEYS, True), (KEYS[:1], False)):
        with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
            for key in KEYS:
                archive.writestr(f"{key}.jpg", picture(), compress_type=zipfile.ZIP_DEFLATED)
        content = bytearray((tmp_path / "source.zip").read_bytes())
        for key in closed:
            for name in (content.find(f"{key}.jpg".encode()), content.rfind(f"{key}.jpg".encode())):
                content[name - 22 if content[name - 30 : name - 26] == b"PK\x03\x04" else name - 36] = 9
        (tmp_path / "source.zip").write_bytes(content)
        study = make(tmp_path, source="archive", location=str(tmp_path / "source.zip"))
        if is_refused:
            with pytest.raises(FolderError, match=r"'0000\.jpg' is packed by Deflate64, which is not read"):
                download_chunk(study, 1)
        else:
            rows = rows_of(study)
            assert (rows[KEYS[0]].outcome, rows[KEYS[1]].outcome) == ("refused", "ok")
            assert "Deflate64" in rows[KEYS[0]].detail


def test_an_archive_among_covers_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Covers that are missing may lie in it."""
    put(tmp_path / "source", *(f"{key}.jpg" for key in KEYS[1:]))
    (tmp_path / "source" / "rest.zip").write_bytes(b"PK")
    rows = rows_of(make(tmp_path, source="folder", location=str(tmp_path / "source")))
    assert rows[KEYS[0]].outcome == "missing"
    assert "1 covers are not found; there are 1 archives such as 'rest.zip', which are not opened" in caplog.text


def test_a_folder_is_listed_once_as_long_as_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each chunk asks where its covers are; a file that comes, changes or goes is noticed all the same."""
    put(tmp_path / "source", *(f"{key}.jpg" for key in KEYS[1:]), "elsewhere/else.jpg")
    for folder in (tmp_path / "source", tmp_path / "source" / "elsewhere"):
        os.utime(folder, (1, 1))
    walked = Mock(side_effect=local_sources.list_files)
    monkeypatch.setattr(local_sources, "list_files", walked)
    study = make(tmp_path, source="folder", location=str(tmp_path / "source"))
    keys = [download_chunk.at(study, 1).key for _ in range(3)]
    assert (walked.call_count, len(set(keys))) == (1, 1)
    (tmp_path / "source" / f"{KEYS[1]}.jpg").write_bytes(picture(size=(99, 99)))
    assert download_chunk.at(study, 1).key != keys[0]
    put(tmp_path / "source", f"elsewhere/{KEYS[0]}.jpg")
    assert rows_of(study)[KEYS[0]].outcome == "ok"


def test_a_study_of_its_own_is_no_source(tmp_path: Path):
    """Covers that lie in the folder of studies are not taken for those of the source."""
    put(tmp_path, *(f"mine/{key}.jpg" for key in KEYS))
    study = make(tmp_path, source="folder", location=str(tmp_path))
    study.begin()
    assert {row.outcome for row in rows_of(study).values()} == {"ok"}
    again = Study(study.settings.model_copy(update={"name": "again"}))
    read_listings(again)
    assert {row.address for row in rows_of(again).values()} == {f"mine/{key}.jpg" for key in KEYS}


def test_two_members_of_one_name_are_ambiguous(tmp_path: Path):
    """Unless they are the same picture."""
    file = tmp_path / "covers.zip"
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the doubled names
        for key in (*KEYS, KEYS[1]):
            archive.writestr(f"{key}.jpg", picture())
        archive.writestr(f"{KEYS[0]}.jpg", picture(size=(90, 130)))
    rows = rows_of(make(tmp_path, source="archive", location=str(file)))
    assert [rows[key].outcome for key in KEYS] == ["ambiguous"] + ["ok"] * 7
    assert "0000.jpg, another 0000.jpg fit" in rows["0000"].detail


def test_an_archive_that_ends_in_zeros_is_said_to_be_half_a_copy(tmp_path: Path):
    """As of a download that made room first."""
    file = tmp_path / "covers.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("0000.jpg", picture())
    file.write_bytes(file.read_bytes()[:500] + bytes(100_000))
    with pytest.raises(FolderError, match="its end is zeros"):
        ZipSource(file, ())


def test_the_other_kind_of_source_is_named(tmp_path: Path):
    """A folder is no zip file, and a file no folder; the setting for it is said."""
    (tmp_path / "covers.zip").write_bytes(b"PK")
    with pytest.raises(FolderError, match=r'a file, not a folder.*covers\.source = "archive"'):
        FolderSource(tmp_path / "covers.zip", ())
    with pytest.raises(FolderError, match=r'a folder, not a zip file.*covers\.source = "folder"'):
        ZipSource(tmp_path, ())
