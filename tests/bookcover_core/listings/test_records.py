"""Tests of reading records from listing files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.errors import ListingError
from bookcover_core.listings.records import Categories, MalformedRecord, Record, read_records
from bookcover_core.listings.text_decoding import encode

GOOD = '"60750715","0060750715.jpg","http://shop.example/I/51p5aUY%2BOKL.jpg","Title","Author","1","Law"\n'


def line(number: int, **fields: str) -> str:
    """A record of a listing with some fields of its own."""
    record = {
        "asin": str(number),
        "filename": f"{number:010d}.jpg",
        "url": f"http://shop.example/{number}.jpg",
        "title": f"Title {number}",
        "author": "",
        "category_id": "1",
        "category": "Law",
    } | fields
    return ",".join('"' + value.replace('"', '""') + '"' for value in record.values()) + "\n"


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "listing.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def read(folder: Path, content: str | bytes) -> list[Record]:
    return list(read_records(write(folder, content), name="listing.csv"))


def skip(folder: Path, content: str | bytes) -> tuple[list[Record], list[MalformedRecord]]:
    skipped: list[MalformedRecord] = []
    return list(read_records(write(folder, content), name="listing.csv", skipped=skipped)), skipped


def test_a_key_is_the_stem_of_filename(tmp_path: Path):
    """The key keeps the leading zeros that the ASIN column has lost."""
    record = read(tmp_path, GOOD)[0]
    assert (record.asin, record.key) == ("60750715", "0060750715")
    assert record.url == "http://shop.example/I/51p5aUY%2BOKL.jpg"
    assert [record._replace(filename=name).key for name in ("a.b.jpg", "name", ".jpg")] == ["a.b", "name", ".jpg"]


field = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)


@given(titles=st.lists(st.tuples(field, field), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, titles: list[tuple[str, str]]):
    """Quotes, commas, line ends and letters of any script come back as they were written."""
    content = "".join(line(number, title=title, author=author) for number, (title, author) in enumerate(titles))
    records = read(tmp_path_factory.mktemp("any"), content)
    assert [encode(record.title).decode() for record in records] == [title for title, _ in titles]
    assert [encode(record.author).decode() for record in records] == [author for _, author in titles]


def test_layout_does_not_matter(tmp_path: Path):
    """A byte order mark, Windows line ends, blank lines and a missing last line end are taken as they come."""
    content = b"\xef\xbb\xbf" + (line(1) + "\n" + line(2)).replace("\n", "\r\n").encode().rstrip()
    assert [record.asin for record in read(tmp_path, content)] == ["1", "2"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('"1","2"\n', "2 fields where 7 are expected"),
        ("1;2;3;4;5;6;7\n", "1 field where 7 are expected"),
        (line(2).replace("\n", ',"more"\n'), "8 fields where 7 are expected"),
        (line(2, filename=" "), "FILENAME is empty"),
        (line(2, filename="x" * 1_001), "FILENAME is too long"),
        (line(2, category_id="Law"), "CATEGORY ID is 'Law', not a number"),
        (line(2, category_id="-1"), "CATEGORY ID is '-1', not a number"),
        (line(2, category_id="2", category=""), "CATEGORY is empty"),
        (line(2, category="History"), "category 1 is 'History' here and 'Law' before"),
        (line(2, category_id="2"), "category 'Law' has the id 2 here and 1 before"),
        (line(2, url="ftp://shop.example/a.jpg"), "IMAGE URL is no http or https address"),
        (line(2, url="javascript:alert(1)"), "IMAGE URL is no http or https address"),
        (line(2, url="shop.example/a.jpg"), "IMAGE URL is no http or https address"),
        (line(2, url="http://"), "IMAGE URL is no http or https address"),
        (line(2, url="http://shop.example/a\nX: y"), "IMAGE URL is no http or https address"),
        (line(2, filename="0000000000.jpg"), "the book '0000000000' stands on line 1 already"),
        (line(2, filename="0000000000.png"), "the book '0000000000' stands on line 1 already"),
        ('"2","2.jpg","http://a/b","Title "quoted" badly","","1","Law"\n', "quotes that do not match"),
        ('"2","2.jpg","http://a/b","Title never closed,"","1","Law"\n', "quotes that do not match"),
    ],
)
def test_a_malformed_record_is_refused_with_its_line(tmp_path: Path, record: str, reason: str):
    """The message names file, line (of the file, not of the records) and reason; skipping loses that record only."""
    content = line(0, title="over\ntwo lines") + line(1) + record + line(3) + line(4)
    with pytest.raises(ListingError) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"listing.csv, line 4: {reason}")
    records, skipped = skip(tmp_path, content)
    assert [entry.asin for entry in records] == ["0", "1", "3", "4"]
    assert [(entry.file, entry.line) for entry in skipped] == [("listing.csv", 4)]
    assert skipped[0].reason.startswith(reason)


def test_a_file_that_ends_in_the_middle_of_a_record(tmp_path: Path):
    """A listing that was cut is refused with the line that it was cut on."""
    with pytest.raises(ListingError, match="line 2: quotes that do not match"):
        read(tmp_path, line(1) + line(2)[:40])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the listing is empty"),
        ("\n\n", "the listing is empty"),
        ("asin,filename\n1,2\n", "line 1: the header names no column for the genre"),
        ("title,genre\n1,2\n", "line 1: the header names no column for the image"),
        ("<!DOCTYPE html>\n<html></html>\n", "this is a web page, not a table"),
    ],
)
def test_what_is_no_listing_is_one_message(tmp_path: Path, content: str, reason: str):
    """Empty files, headers, other columns and web pages are refused with what is wrong."""
    with pytest.raises(ListingError, match=reason):
        read(tmp_path, content)


def test_a_listing_without_one_usable_record_is_refused_even_when_skipping(tmp_path: Path):
    """Going on without malformed records needs others; the message says what is wrong with the first."""
    with pytest.raises(ListingError, match="no record can be used; line 1: 2 fields where 7"):
        skip(tmp_path, "a,b\nc,d\n")


def test_a_file_that_is_not_there_is_one_message(tmp_path: Path):
    """A missing file, or a folder in its place, is named."""
    with pytest.raises(ListingError, match=r"none\.csv: the listing cannot be read \(No such file"):
        list(read_records(tmp_path / "none.csv"))
    with pytest.raises(ListingError, match="cannot be read"):
        list(read_records(tmp_path))


def test_categories_agree_between_listings(tmp_path: Path):
    """A pool whose ids mean other categories is refused: replacements would be of another genre."""
    categories = Categories()
    file = write(tmp_path, line(1))
    assert len(list(read_records(file, categories=categories))) == 1
    file = write(tmp_path, line(2, category="Travel"))
    with pytest.raises(ListingError, match="category 1 is 'Travel' here and 'Law' before"):
        list(read_records(file, categories=categories))


# Counts of the quirks of the two real files: the table in the real data's README.
REAL = {
    "book30-listing-test.csv": (5_700, 2_640, 126, 397, 24, 1, 19, 648, 15, 1),
    "book30-listing-train-partial.csv": (29_451, 13_250, 802, 1_598, 109, 0, 40, 3_184, 115, 7),
}


@pytest.mark.parametrize("name", REAL)
def test_the_real_listings_lose_and_alter_nothing(real_data: Path, name: str):
    """Every quirk of the real files is met as often as it is known to be, and every field has the bytes of the file."""
    file = real_data / "listings" / name
    records = list(read_records(file))
    urls = [record.url for record in records]
    counts = (
        len(records),
        sum(record.asin != record.key for record in records),
        sum(record.asin.startswith("B") for record in records),
        sum(not record.author for record in records),
        sum(any('"' in text for text in record[:7]) for record in records),
        sum("\n" in text for record in records for text in record),
        sum(any(map(is_no_utf8, record)) for record in records),
        sum("%" in url for url in urls),
        sum(url[-4:] != record.filename[-4:] for url, record in zip(urls, records, strict=True)),
        len(urls) - len(set(urls)),
    )
    assert counts == REAL[name]
    assert len({record.category for record in records}) == 30
    # Latin-1 gives each byte a character of its own, so that this reading of the file knows nothing of UTF-8.
    independent = csv.reader(io.StringIO(file.read_bytes().decode("latin-1"), newline=""))
    expected = [[text.encode("latin-1") for text in row] for row in independent]
    assert [[encode(text) for text in record] for record in records] == expected


def is_no_utf8(text: str) -> bool:
    try:
        encode(text).decode()
    except UnicodeDecodeError:
        return True
    return False


def test_written_again_the_real_listings_are_the_same_bytes(real_data: Path):
    """Records quoted again make the real file again, byte for byte."""
    for name in REAL:
        file = real_data / "listings" / name
        again = "".join(
            ",".join('"' + text.replace('"', '""') + '"' for text in record) + "\n" for record in read_records(file)
        )
        assert encode(again) == file.read_bytes()


def test_a_large_file_of_another_kind_is_not_read_to_its_end(tmp_path: Path):
    """Ten thousand records of which none can be used tell enough."""
    file = tmp_path / "log.txt"
    file.write_text("a line of a log\n" * 50_000)
    skipped: list[MalformedRecord] = []
    with pytest.raises(ListingError, match="no record can be used; line 1: 1 field where 7"):
        list(read_records(file, skipped=skipped))
    assert len(skipped) == 10_000
