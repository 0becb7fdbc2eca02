"""Tests of the listings stage: from listings or a folder to books and genres."""

import logging
import os
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bookcover_core.covers.local_sources import LocalImage, open_local_source
from bookcover_core.errors import DownloadError, FolderError, GenreError, ListingError
from bookcover_core.listings.books import Book, each_book, read_genres
from bookcover_core.listings.raw_files import _save, _TemporaryError
from bookcover_core.listings.read_listings import books_ahead, read_listings
from bookcover_core.listings.records import read_records
from bookcover_core.listings.text_decoding import encode
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.listings.test_records import line


def listing(first: int, last: int, *, genres: tuple[str, ...] = ("Law", "Travel"), **fields: str) -> str:
    """Records first … last, their genres in turn."""
    ids = {"Law": "14", "Travel": "29", "Reference": "3"}
    names = [genres[number % len(genres)] for number in range(first, last + 1)]
    return "".join(
        line(number, category_id=ids[name], category=name, **fields)
        for number, name in zip(range(first, last + 1), names, strict=True)
    )


@pytest.fixture
def study_of(tmp_path: Path) -> Callable[..., Study]:
    """A study of listings with the given texts, or other settings of `books`."""

    def make(books: dict[str, Any] | None = None, **texts: str | bytes) -> Study:
        settings: dict[str, Any] = {}
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_bytes(text.encode() if isinstance(text, str) else text)
            settings[name if name in {"listing", "groups"} else f"{name}_listing"] = str(tmp_path / f"{name}.csv")
        source = "listing" if "listing" in texts else "bookcover30"
        return Study(
            parse_settings(
                {
                    "workspace": str(tmp_path / "studies"),
                    "books": {"source": source, "pool_listing": None, **settings, **(books or {})},
                    "covers": {"attempts": 3, "backoff": 0.01},
                }
            )
        )

    return make


ESCAPES = "\x1b[2J\x1b]0;gone\x07\x9b31m\x7f"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_no_terminal_escape_of_a_listing_reaches_a_table(study_of, encoding: str):
    """Not of title, author, FILENAME or genre: people show these files on terminals. Tabs and ends of lines stay."""
    escapes = ESCAPES.replace("\x9b", "é" if encoding == "cp1252" else "\x9b")
    text = listing(0, 5, title=f"Emma{escapes}\tand\nOthers", author=f"Ann{escapes}")
    text += "".join(line(n, filename=f"{n}{escapes}.jpg", category_id="5", category=f"Law{escapes}") for n in (7, 8, 9))
    study = study_of(listing=text.encode(encoding))
    read_listings(study)
    for file in study.workspace.listings.glob("*.csv"):
        shown = {character for character in file.read_text("utf-8") if unicodedata.category(character) == "Cc"}
        assert shown <= set("\t\n")
    books = list(each_book(study.workspace))
    assert encode(books[0].title).decode() == f"Emma{escapes}\tand\nOthers"
    assert encode(books[-1].filename).decode() == f"9{escapes}.jpg"


def test_no_terminal_escape_of_a_folder_reaches_a_table(tmp_path: Path, study_of):
    """Names of files and folders are titles and genres, and the files are found under them."""
    for number in range(6):
        file = tmp_path / "folder" / f"{'ab'[number % 2]}{ESCAPES}" / f"{number}{ESCAPES}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    (tmp_path / "folder" / f"{ESCAPES}.jpg").write_bytes(b"")
    study = study_of({"source": "folder", "folder": str(tmp_path / "folder")})
    read_listings(study)
    for file in study.workspace.listings.glob("*.csv"):
        assert not {character for character in file.read_text("utf-8") if unicodedata.category(character) == "Cc"} - {
            "\n"
        }
    source = open_local_source(study)
    assert source is not None
    assert all(isinstance(source.find(book), LocalImage) for book in each_book(study.workspace))


def books_of(study: Study) -> dict[str, Book]:
    read_listings(study)
    return {book.key: book for book in each_book(study.workspace)}


StudyOf = Callable[..., Study]


def test_bookcover30_has_train_test_and_pool(study_of: StudyOf):
    """A book has the role of its listing; one of the pool that is a train or test book too stands there once."""
    pool = listing(1, 30, genres=("Law", "Travel", "Law", "Reference"))
    with pytest.raises(ListingError, match="category 'Law' has the id"):
        read_listings(study_of(train=listing(1, 10), test=listing(11, 16), pool=pool.replace('"14"', '"15"')))
    study = study_of(train=listing(1, 10), test=listing(11, 16), pool=pool)
    manifest = read_listings(study)
    assert manifest.counts == {
        "records": 30,
        "genres": 2,
        "chunks": 1,
        "train": 10,
        "test": 6,
        "pool": 14,
        "malformed": 0,
    }
    books = list(each_book(study.workspace))
    assert Counter(book.role for book in books) == {"train": 10, "test": 6, "pool": 14}
    assert len({book.key for book in books}) == 30
    assert "Reference" in {book.category for book in books}
    assert [(genre.label, genre.name, genre.slug) for genre in read_genres(study.workspace)] == [
        (0, "Law", "law"),
        (1, "Travel", "travel"),
    ]
    table = read_table(study.workspace.genres, label="int64", records="int64")
    assert table.columns.tolist() == ["label", "name", "slug", "category_id", "records"]
    assert table["records"].tolist() == [8, 8]
    assert table["category_id"].tolist() == ["14", "29"]


def test_one_listing_leaves_the_split_to_be_drawn(study_of: StudyOf):
    """Books of one listing have no role; genres are in the order of their ids, chunks in that of the listing."""
    study = study_of({"chunk_records": 4}, listing=listing(1, 9, genres=("Travel", "Law", "Reference")))
    assert read_listings(study).counts == {"records": 9, "genres": 3, "chunks": 3, "malformed": 0}
    books = list(each_book(study.workspace))
    assert {book.role for book in books} == {""}
    assert [book.chunk for book in books] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert [book.key for book in each_book(study.workspace) if book.chunk == 3] == ["0000000009"]
    assert [genre.name for genre in read_genres(study.workspace)] == ["Reference", "Law", "Travel"]


def test_a_book_on_both_sides_is_refused(study_of: StudyOf):
    """A book that is a training and a test book would be asked about after it was seen."""
    with pytest.raises(ListingError, match="stands in the training listing too"):
        read_listings(study_of(train=listing(1, 10), test=listing(10, 16)))


def test_what_comes_in_is_kept_and_nothing_is_done_twice(study_of: StudyOf, tmp_path: Path):
    """The listing is copied into the study; unchanged, it is not read again; changed, it is; gone, the copy serves."""
    study = study_of(listing=listing(1, 8))
    first = read_listings(study)
    assert (study.workspace.listings / "raw" / "listing.csv").read_text() == listing(1, 8)
    assert read_listings(study).reused
    (tmp_path / "listing.csv").write_text(listing(1, 9))
    second = read_listings(study)
    assert not second.reused
    assert second.digest != first.digest
    (tmp_path / "listing.csv").unlink()
    assert read_listings(study).reused
    elsewhere = study.settings.books.model_copy(update={"listing": str(tmp_path / "other.csv")})
    with pytest.raises(ListingError, match=r"other\.csv: the listing cannot be read"):
        read_listings(Study(study.settings.model_copy(update={"books": elsewhere})))


def test_malformed_records_are_set_aside_when_wanted(study_of: StudyOf):
    """With malformed = skip the study goes on without them, and lists them with file, line and reason."""
    text = listing(1, 8) + '"cut"\n' + listing(9, 10)
    with pytest.raises(ListingError, match=r"listing\.csv, line 9: 1 field where 7"):
        read_listings(study_of(listing=text))
    study = study_of({"malformed": "skip"}, listing=text)
    assert read_listings(study).counts["malformed"] == 1
    table = read_table(study.workspace.listings / "malformed.csv", line="int64")
    assert table[["line", "reason"]].values.tolist() == [[9, "1 field where 7 are expected"]]
    assert table["file"][0].endswith("listing.csv")


def test_a_genre_needs_three_books_and_a_study_two_genres(study_of: StudyOf):
    """Too few books in a genre, or one genre only, are refused with their names."""
    with pytest.raises(GenreError, match="fewer than 3 books in Reference"):
        read_listings(study_of(listing=listing(1, 8) + listing(9, 10, genres=("Reference",))))
    with pytest.raises(GenreError, match=r"one genre only \(Law\)"):
        read_listings(study_of(listing=listing(1, 8, genres=("Law",))))


def test_books_of_one_main_title_are_a_group(study_of: StudyOf):
    """What stands before : ( [ or a dash between spaces groups books, without regard to case and signs."""
    titles = ["Emma: Annotated", "EMMA!", "Emma [Large Print]", "Emma - A Novel", "Em-ma (x)", "Jane", "(2)", "Éa"]
    text = "".join(listing(number, number, title=title) for number, title in enumerate(titles))
    books = list(books_of(study_of(listing=text)).values())
    assert [book.group for book in books] == ["emma"] * 5 + ["jane", "0000000006", "éa"]


def test_groups_may_be_given(study_of: StudyOf):
    """A file of groups wins over titles for the books that it names; a malformed one is refused with its line."""
    groups = "0000000001.jpg,series\n0000000002.jpg,series\n"
    books = books_of(study_of(listing=listing(1, 8), groups=groups))
    assert [books[f"000000000{number}"].group for number in (1, 2, 3)] == ["series", "series", "title3"]
    with pytest.raises(ListingError, match=r"groups\.csv, line 2: '0000000001.jpg' stands in two groups"):
        read_listings(study_of(listing=listing(1, 8), groups="0000000001.jpg,a\n0000000001.jpg,b\n"))
    with pytest.raises(ListingError, match=r"groups\.csv, line 1: not a FILENAME and its group"):
        read_listings(study_of(listing=listing(1, 8), groups="0000000001.jpg\n"))


def test_a_folder_is_a_listing(study_of: StudyOf, tmp_path: Path):
    """Each picture below a genre's folder is a book; equal stems are told apart by genre, then by number."""
    for name in (
        "b/1.jpg",
        "b/2.PNG",
        "b/x/1.gif",
        "a/1.jpeg",
        "a/3.webp",
        "a/4.bmp",
        "a/notes.txt",
        "a/.5.jpg",
        "6.jpg",
    ):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(b"x")
    study = study_of({"source": "folder", "folder": str(tmp_path / "mine")})
    books = books_of(study)
    assert {key: (book.category, book.filename) for key, book in books.items()} == {
        "a-1": ("a", "1.jpeg"),
        "3": ("a", "3.webp"),
        "4": ("a", "4.bmp"),
        "b-1": ("b", "1.jpg"),
        "2": ("b", "2.PNG"),
        "b-1-2": ("b", "x/1.gif"),
    }
    assert {book.title for book in books.values()} == {"1", "2", "3", "4"}
    assert {book.url for book in books.values()} == {""}
    assert read_listings(study).reused
    (tmp_path / "mine" / "a" / "7.jpg").write_bytes(b"x")
    assert read_listings(study).counts["records"] == 7


def test_a_folder_name_that_is_no_text(study_of: StudyOf, tmp_path: Path):
    """File names whose bytes are no UTF-8 become books whose names can be written, and turned back."""
    for number in range(6):
        file = tmp_path / "mine" / "ab"[number % 2] / os.fsdecode(b"caf\xe9%d.jpg" % (number // 2))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    books = books_of(study_of({"source": "folder", "folder": str(tmp_path / "mine")}))
    names = [encode(book.filename) for book in books.values()]
    assert names == [b"caf\xe9%d.jpg" % number for number in (0, 1, 2)] * 2


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "no such folder"), ("", "no subfolders"), ("a/b.txt", "no pictures")]
)
def test_a_folder_that_cannot_be_used(study_of: StudyOf, tmp_path: Path, name: str, reason: str):
    """A missing folder, one without subfolders, and one without pictures are told apart."""
    folder = tmp_path / "mine"
    if name != "none":
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        if name:
            (folder / name).write_bytes(b"x")
    with pytest.raises(FolderError, match=reason):
        read_listings(study_of({"source": "folder", "folder": str(folder)}))


def pictures(folder: Path, *names: str) -> str:
    """Files called as pictures are; what is in them, this stage asks only where their names do not say."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return str(folder)


def three(*genres: str) -> list[str]:
    return [f"{genre}/{number}.jpg" for genre in genres for number in range(3)]


def test_what_is_no_book_of_a_folder_is_told(study_of: StudyOf, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Files that are no images, loose pictures, dead links, folders without a picture: in a table and in the log."""
    folder = pictures(tmp_path / "mine", *three("a", "b"), "a/notes.txt", "loose.jpg", "scans/1.psd", "a/8.jfif")
    (tmp_path / "mine" / "a" / "cover").write_bytes(b"\xff\xd8\xff\xe0 a photograph without a suffix")
    (tmp_path / "mine" / "b" / "dead.jpg").symlink_to("none")
    (tmp_path / "mine" / "empty").mkdir()
    study = study_of({"source": "folder", "folder": folder})
    books = books_of(study)
    assert {"8", "cover"} <= set(books)
    left_out = read_table(study.workspace.listings / "left_out.csv")
    assert dict(zip(left_out["name"], left_out["reason"], strict=True)) == {
        "a/notes.txt": "not an image",
        "scans/1.psd": "not an image",
        "b/dead.jpg": "a link to nothing",
        "loose.jpg": "an image beside the genres' folders: it has no genre",
        "empty": "a folder without an image: it is no genre",
        "scans": "a folder without an image: it is no genre",
    }
    assert "1 left out (not an image): 'a/notes.txt'" in caplog.text
    assert read_listings(study).counts["left out"] == 6


def test_a_study_does_not_swallow_its_own_pictures(study_of: StudyOf, tmp_path: Path):
    """Where studies lie in the folder of pictures, they are no genre, run after run."""
    pictures(tmp_path, *three("a", "b"))
    study = study_of({"source": "folder", "folder": str(tmp_path)})
    study.begin()
    assert books_of(study).keys() == books_of(study).keys()
    pictures(study.workspace.covers, *three("a"))
    assert read_listings(study).reused
    assert [genre.name for genre in read_genres(study.workspace)] == ["a", "b"]
    with pytest.raises(FolderError, match="a folder of studies"):
        read_listings(study_of({"source": "folder", "folder": str(study.workspace.root)}))


def test_sides_of_a_split_are_no_genres(study_of: StudyOf, tmp_path: Path):
    """Folders called train, valid and test hold genres; a study of three such genres would mean nothing."""
    folder = pictures(tmp_path / "mine", *three("train/a", "train/b", "valid/a", "test/a"))
    with pytest.raises(FolderError, match=r"sides of a split, not genres \(test, train, valid\)"):
        read_listings(study_of({"source": "folder", "folder": folder}))


def test_numbered_file_names_group_nothing(study_of: StudyOf, tmp_path: Path):
    """Travel (1) to Travel (3) are no editions of one work; Emma: Annotated and Emma - A Novel are."""
    names = [*(f"a/Travel ({number}).jpg" for number in range(3)), "a/scan_1.jpg", "a/scan_2.jpg", *three("b/x", "c")]
    folder = pictures(tmp_path / "mine", *names, "c/Emma Annotated (Classics).jpg", "c/Emma Annotated - A Novel.jpg")
    groups = [book.group for book in books_of(study_of({"source": "folder", "folder": folder})).values()]
    assert len(set(groups)) == len(groups) - 1
    assert groups.count("emmaannotated") == 2


@pytest.mark.parametrize("row", ["{key}.jpg", "{key}", "{zeros}", "Law/{key}.jpg", "{key}.JPG"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "FILENAME,group\n"])
def test_a_row_of_groups_is_matched_however_it_is_written(study_of: StudyOf, row: str, mark: str):
    """With or without suffix, genre, leading zeros, a byte order mark, or a header."""
    keys = [f"000000000{number}" for number in (1, 3, 5)]
    rows = "".join(f"{row.format(key=key, zeros=key.lstrip('0'))},series\n" for key in keys)
    books = books_of(study_of(listing=listing(1, 8, genres=("Travel", "Law")[::-1]), groups=mark + rows))
    assert {key for key, book in books.items() if book.group == "series"} == set(keys)


def test_a_row_of_groups_that_names_no_book_stops_the_study(study_of: StudyOf, caplog: pytest.LogCaptureFixture):
    """Groups that are ignored would leak from training to test; a setting goes on, and says so."""
    groups = "0000000001.jpg,series\nnone.jpg,series\n"
    with pytest.raises(ListingError, match=r"groups\.csv, line 2: 1 rows name no book of the study.*'none\.jpg'"):
        read_listings(study_of(listing=listing(1, 8), groups=groups))
    assert books_of(study_of({"unmatched": "skip"}, listing=listing(1, 8), groups=groups))
    assert "1 rows name no book" in caplog.text


def test_what_is_odd_in_a_listing_is_said_once(study_of: StudyOf, caplog: pytest.LogCaptureFixture):
    """A run reads its listings ahead, when it is typed and when it begins, and then in their stage."""
    odd = listing(9, 9, title="Emma\udc81").encode("utf-8", "surrogateescape") + listing(10, 10, title="Émile").encode()
    groups = b"0000000001.jpg,series\nnone\x81.jpg,\xc3\xa9\n"
    study = study_of({"unmatched": "skip"}, listing=listing(1, 8).encode() + odd, groups=groups)
    with caplog.at_level(logging.INFO):
        assert books_ahead(study, [])
        assert books_ahead(study, [])
        read_listings(study)
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert sorted("no UTF-8" in each for each in warnings) == [False, True, True], warnings
    assert sum("1 rows name no book" in each for each in warnings) == 1


@pytest.mark.parametrize("malformed", ["refuse", "skip"])
def test_most_records_decide_what_a_category_is_called(study_of: StudyOf, malformed: str):
    """A slip in the first record does not make all others malformed; the record that disagrees is named."""
    text = listing(1, 1, genres=("Travel",)).replace('"Travel"', '"Travl"') + listing(2, 20)
    study = study_of({"malformed": malformed}, listing=text)
    if malformed == "refuse":
        with pytest.raises(ListingError, match=r"line 1: category 29 is 'Travl' here and 'Travel' in 9 records"):
            read_listings(study)
        return
    assert read_listings(study).counts["records"] == 19
    assert read_table(study.workspace.listings / "malformed.csv")["line"].tolist() == ["1"]


def test_folders_in_file_names_keep_books_apart(study_of: StudyOf):
    """A key is FILENAME with its folders and without its suffix; a point in a folder's name is none."""
    rows = listing(1, 6).replace('"0000000001.jpg"', '"a/1.jpg"').replace('"0000000002.jpg"', '"b/1.jpg"')
    rows = rows.replace('"0000000003.jpg"', '"v1.0/cover"')
    assert {"a/1", "b/1", "v1.0/cover", "0000000004"} <= set(books_of(study_of(listing=rows)))


class ListingHost:
    """A host on loopback that gives prepared answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                status, body, headers = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/listing.csv"


@pytest.fixture
def host() -> Iterator[ListingHost]:
    host = ListingHost()
    yield host
    host.server.shutdown()
    host.server.server_close()


def test_a_listing_is_fetched_once(study_of: StudyOf, host: ListingHost):
    """An address that fails for now is asked again; what it gave is kept, and fetched again if it was altered."""
    text = listing(1, 8).encode()
    host.answers = [
        (503, b"", {"Retry-After": "0"}),
        (200, text, {"Content-Length": str(len(text) + 10)}),
        (200, text, {}),
    ]
    study = study_of({"source": "listing", "listing": host.address})
    assert read_listings(study).counts["records"] == 8
    assert host.asked == 3
    assert read_listings(study).reused
    (study.workspace.listings / "books.csv").unlink()
    assert not read_listings(study).reused
    assert host.asked == 3
    (study.workspace.listings / "raw" / "listing.csv").write_bytes(b"altered")
    assert read_listings(study).reused
    assert host.asked == 4


@pytest.mark.parametrize(
    ("answer", "reason", "asked"),
    [
        ((404, b"", {}), "HTTP 404", 1),
        ((500, b"", {}), r"could not be fetched \(3 attempts; the last: HTTP 500\)", 3),
        ((200, b"\n<!DOCTYPE html><html>", {}), "a web page, not with a listing", 1),
    ],
)
def test_an_address_without_a_listing_is_one_message(
    study_of: StudyOf, host: ListingHost, answer: tuple[int, bytes, dict[str, str]], reason: str, asked: int
):
    """What will not pass is not asked for again; the message names the address and what to do."""
    host.answers = [answer]
    with pytest.raises(DownloadError, match=reason) as caught:
        read_listings(study_of({"source": "listing", "listing": host.address}))
    assert caught.value.where == host.address
    assert "settings of `books`" in caught.value.advice
    assert host.asked == asked


def test_a_redirect_into_the_own_network_is_refused(study_of: StudyOf, host: ListingHost):
    """The address that a person named may be on this machine; where it redirects to, may not."""
    host.answers = [(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})]
    with pytest.raises(DownloadError, match=r"redirects to 169\.254\.169\.254, which is no public address"):
        read_listings(study_of({"source": "listing", "listing": host.address}))
    host.answers = [(302, b"", {"Location": "/moved.csv"}), (200, listing(1, 8).encode(), {})]
    assert read_listings(study_of({"source": "listing", "listing": host.address})).counts["records"] == 8


def test_a_listing_comes_by_the_proxy_of_the_environment(
    study_of: StudyOf, host: ListingHost, monkeypatch: pytest.MonkeyPatch
):
    """Behind it names need not be known here, that of a redirect neither; a number that is private stays refused."""
    monkeypatch.setenv("http_proxy", host.address.removesuffix("/listing.csv"))
    monkeypatch.delenv("no_proxy", raising=False)
    there = {"Location": "http://moved.invalid/listing.csv"}
    host.answers = [(302, b"", there), (200, listing(1, 8).encode(), {})]
    study = study_of({"source": "listing", "listing": "http://far.invalid/listing.csv"})
    assert read_listings(study).counts["records"] == 8
    host.answers = [(302, b"", {"Location": "http://10.0.0.1/listing.csv"})]
    with pytest.raises(DownloadError, match=r"redirects to 10\.0\.0\.1, which is no public address"):
        read_listings(study_of({"source": "listing", "listing": "http://other.invalid/listing.csv"}))


def test_an_address_that_drips_is_given_up(tmp_path: Path):
    """However patient each wait for the next bytes is, the whole has an end."""

    def drip() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.01)
            yield b"x"

    with pytest.raises(_TemporaryError, match="less than 10,000 bytes a second"):
        _save(httpx.Response(200, content=drip()), "http://a.example/", tmp_path / "listing.csv", patience=0.1)


def test_the_real_listings_become_books_unaltered(real_data: Path, study_of: StudyOf):
    """Every real record is a book whose fields have the bytes of the listing, through books.csv and back."""
    folder = real_data / "listings"
    names = {"train": "book30-listing-train-partial.csv", "test": "book30-listing-test.csv"}
    study = study_of({f"{role}_listing": str(folder / name) for role, name in names.items()})
    assert read_listings(study).counts == {
        "records": 35_151,
        "genres": 30,
        "chunks": 2,
        "train": 29_451,
        "test": 5_700,
        "malformed": 0,
    }
    books = list(each_book(study.workspace))
    for role, name in names.items():
        records = list(read_records(folder / name))
        of_role = [book for book in books if book.role == role]
        assert [
            (book.filename, book.url, book.title, book.author, book.category_id, book.category) for book in of_role
        ] == [record[1:] for record in records]
        assert [encode(book.title) for book in of_role] == [encode(record.title) for record in records]
    table = read_table(study.workspace.books, chunk="int64")
    assert table["title"].tolist() == [book.title for book in books]
    assert table["key"].tolist() == [book.key for book in books]
    genres = read_table(study.workspace.genres, label="int64", records="int64")
    assert genres["category_id"].tolist() == [str(label) for label in range(30)]
    assert genres.loc[genres["label"] == 29, "records"].item() == 1_900


def test_spellings_of_a_genre_are_joined_and_told(study_of, caplog):
    """Under the commonest, in the log and in the counts, for a listing with ids as for one without."""
    names = ["travel ", "Law", "Travel", "Travel", "Law", "LAW"]
    plain = "filename,genre\n" + "".join(f"{n}.jpg,{name}\n" for n, name in enumerate(names))
    with_ids = "".join(line(n, category_id="1" if "r" in name else "0", category=name) for n, name in enumerate(names))
    for text in (plain, with_ids):
        study = study_of(listing=text)
        counts = read_listings(study).counts
        assert [genre.name for genre in read_genres(study.workspace)] in (["Travel", "Law"], ["Law", "Travel"])
        assert counts["spellings joined"] == 2
        assert "the genre 'travel ' is read as 'Travel'" in caplog.text


def test_folders_that_spell_one_genre_are_joined(study_of, tmp_path: Path, caplog):
    """Each picture is found where it lies."""
    for genre, count in {"Law": 3, "LAW": 1, "Travel": 3, "Travel ": 1}.items():
        for number in range(count):
            file = tmp_path / "covers" / genre / f"{number}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"\xff\xd8\xff" + genre.encode())
    study = study_of({"source": "folder", "folder": str(tmp_path / "covers")})
    assert read_listings(study).counts["spellings joined"] == 2
    assert [genre.name for genre in read_genres(study.workspace)] == ["Law", "Travel"]
    assert "the genre 'LAW' is read as 'Law'" in caplog.text
    source, books = open_local_source(study), each_book(study.workspace)
    assert len({book.filename for book in books if book.category == "Law"}) == 4
    for book in books:
        found = source.find(book)
        assert isinstance(found, LocalImage)
        assert source.read(found, 100)[3:].decode().strip().title() == book.category


@pytest.mark.parametrize("name", ["listing", "groups"])
def test_a_pipe_is_refused_and_not_waited_for(study_of, tmp_path: Path, name: str):
    """Neither when it is read nor when a stage asks whether anything has changed."""
    study = study_of(listing=listing(0, 5), groups="0.jpg,g\n")
    (tmp_path / f"{name}.csv").unlink()
    os.mkfifo(tmp_path / f"{name}.csv")
    with pytest.raises(ListingError, match="not a file"):
        read_listings.at(study)
    with pytest.raises(ListingError, match="not a file"):
        read_listings(study)
