"""Listings in other forms than that of uchidalab/book-dataset."""

import gzip
import logging
import os
import zipfile

import pytest

from bookcover_core.errors import ListingError
from bookcover_core.listings.listing_format import find_delimiter
from bookcover_core.listings.records import read_records

ROWS = [("0001", "0001.jpg", "http://a.example/1.jpg", 'Développement; "a" title', "Ada", "4", "Law")]
PLAIN = '"0001","0001.jpg","http://a.example/1.jpg","Développement; ""a"" title","Ada","4","Law"\n'


def read(tmp_path, content, name="listing.csv", **wanted):
    (tmp_path / name).write_bytes(content)
    return list(read_records(tmp_path / name, **wanted))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252"]
)
def test_encodings_that_spreadsheets_write_are_read(tmp_path, encoding):
    """A title is the same title in all of them."""
    assert [tuple(record) for record in read(tmp_path, PLAIN.encode(encoding))] == ROWS


def test_a_listing_in_windows_1252_is_said_to_be_so(tmp_path, caplog):
    """Its letters are read, and the log names how."""
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, PLAIN.encode("latin-1"))[0].title == ROWS[0][3]
    assert "read as Windows-1252" in caplog.text


def test_foreign_bytes_among_utf8_are_kept_and_counted(tmp_path, caplog):
    """Bytes like those of the real listings stay as they are, and the log says on which line they begin."""
    line = b'"2","0002.jpg","","caf\x81E \xc3\xa9","","4","Law"\n'
    with caplog.at_level(logging.WARNING):
        records = read(tmp_path, PLAIN.encode() + line)
    assert records[1].title == "caf\uef81E é"
    assert "1 lines have bytes that are no UTF-8, the first is line 2" in caplog.text


@pytest.mark.parametrize("pack", ["gz", "zip"])
def test_a_compressed_listing_is_read(tmp_path, pack):
    """As it came from its site, told by content and not by name."""
    if pack == "gz":
        content = gzip.compress(PLAIN.encode())
    else:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("books/listing.csv", PLAIN)
            archive.writestr("__MACOSX/books/._listing.csv", "x")
        content = (tmp_path / "a.zip").read_bytes()
    assert [tuple(record) for record in read(tmp_path, content)] == ROWS


def test_an_archive_of_two_listings_is_refused(tmp_path):
    """Which of them is meant is not guessed."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.csv", PLAIN)
        archive.writestr("test.csv", PLAIN)
    with pytest.raises(ListingError, match=r"holds 2 files \(train.csv, test.csv\)"):
        list(read_records(tmp_path / "a.zip"))


def test_a_cut_archive_is_one_message(tmp_path):
    """Half a gzip file is no listing."""
    with pytest.raises(ListingError, match="cannot be unpacked"):
        read(tmp_path, gzip.compress(PLAIN.encode() * 1000)[:-20])


def test_a_pipe_is_no_listing(tmp_path):
    """It would hang."""
    os.mkfifo(tmp_path / "listing.csv")
    with pytest.raises(ListingError, match="not a file"):
        list(read_records(tmp_path / "listing.csv"))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_read(tmp_path, delimiter):
    """Where a comma gives no columns, in the first line that is not blank."""
    line = delimiter.join(f'"{field}"' for field in ("1", "0001.jpg", "", "A, b, c, d", "Ada", "4", "Law"))
    for blank in ("", "\n", "\r\n \n"):
        assert read(tmp_path, f"{blank}{line}\n".encode())[0].title == "A, b, c, d"
    assert find_delimiter(iter([PLAIN]))[0] == ","


def test_a_header_names_the_columns(tmp_path):
    """In any order and beside others; ids of categories are counted, and the file is named after the ISBN."""
    content = (
        "Genre,Title,Price,ISBN,image_url\nLaw,One,3,0001,http://a.example/1.png\nTravel,Two,4,0002,\nLaw,Three,1,3,\n"
    )
    records = read(tmp_path, content.encode())
    assert [(record.filename, record.title, record.category, record.category_id) for record in records] == [
        ("0001.jpg", "One", "Law", "0"),
        ("0002.jpg", "Two", "Travel", "1"),
        ("3.jpg", "Three", "Law", "0"),
    ]
    assert records[0].url == "http://a.example/1.png"


def test_the_header_of_the_dataset_itself_is_read(tmp_path):
    """Brackets and spaces make no other name."""
    header = "[ASIN],[FILENAME],[IMAGE URL],[TITLE],[AUTHOR],[CATEGORY ID],[CATEGORY]\n"
    assert [tuple(record) for record in read(tmp_path, (header + PLAIN).encode())] == ROWS


def test_columns_may_be_named_in_the_settings(tmp_path):
    """Headers of another language; one that is not there is refused."""
    content = b"Datei,Sparte,Titel\n1.jpg,Recht,Eins\n"
    columns = {"filename": "Datei", "category": "Sparte", "title": "Titel"}
    assert read(tmp_path, content, columns=columns)[0][3::3] == ("Eins", "Recht")
    with pytest.raises(ListingError, match="no column 'Autor'"):
        read(tmp_path, content, columns={**columns, "author": "Autor"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_carriage_returns_alone_end_lines(tmp_path, encoding):
    """As old programs write them, where the file has no line feed; one within a record is named as such."""
    content = (PLAIN + PLAIN.replace("0001", "0002")).replace("\n", "\r")
    assert [record.key for record in read(tmp_path, content.encode(encoding))] == ["0001", "0002"]
    with pytest.raises(ListingError, match=r"line 2: a carriage return stands within"):
        read(tmp_path, (PLAIN + "x,2.jpg,,a\rb,A,4,Law\n").encode())


def test_a_line_that_names_the_delimiter_is_no_record(tmp_path):
    """As spreadsheets write it; lines are counted with it."""
    content = "sep=;\nfilename;genre\n1.jpg;Law\n2.jpg\n"
    with pytest.raises(ListingError, match="line 4"):
        read(tmp_path, content.encode())
    assert read(tmp_path, content[:-6].encode())[0][1::5] == ("1.jpg", "Law")
    assert read(tmp_path, content[6:-6].encode())[0].category == "Law"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf <html>", "a web page"),
        (b"\xd0\xcf\x11\xe0 ...", "an Excel workbook"),
        (b'[{"isbn": 1}]', "JSON"),
        (b"%PDF-1.4", "PDF"),
        (b"\x89PNG\r\n\x1a\n...", "an image"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(tmp_path, content, kind):
    """Not by quotes that do not match."""
    with pytest.raises(ListingError, match=f"this is {kind}, not a table"):
        read(tmp_path, content)


def test_a_workbook_is_no_archive_of_listings(tmp_path):
    """Though it is a zip file."""
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml"):
            archive.writestr(name, "x")
    with pytest.raises(ListingError, match="an Excel workbook"):
        list(read_records(tmp_path / "a.xlsx"))


def test_a_column_that_is_there_twice_is_not_guessed(tmp_path):
    """Which of two genres is meant nobody knows."""
    for header, named in {"Genre,genre": "'Genre', 'genre'", "category,Genre": "'category', 'Genre'"}.items():
        with pytest.raises(ListingError, match=rf"several columns for CATEGORY \({named}\)"):
            read(tmp_path, f"filename,{header}\n1.jpg,Law,Travel\n".encode())
    content = b"filename,category,genre,isbn,isbn13\n1.jpg,Law,Travel,1,2\n"
    assert read(tmp_path, content, columns={"category": "genre", "filename": "filename"})[0].category == "Travel"


def test_spellings_of_a_genre_are_one(tmp_path):
    """Case, blanks and composition make no other; the commonest is its name once all are read."""
    rows = [("Poe\u0301sie", 1), ("po\u00e9sie ", 2), ("Po\u00e9sie", 3), ("Po\u00e9sie", 4), ("Law", 5)]
    content = "filename,genre\n" + "".join(f"{n}.jpg,{name}\n" for name, n in rows)
    assert [record.category_id for record in read(tmp_path, content.encode())] == [*"0000", "1"]
