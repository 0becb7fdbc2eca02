"""The catalogue on disk: listings with the real files' quirks, covers that are drawn once."""

import csv
import re
from pathlib import Path

import pytest

from bookcover_core.demo_data import catalogue as module
from bookcover_core.demo_data.catalogue import publish
from bookcover_core.demo_data.publisher import Publisher
from bookcover_core.errors import FolderError
from bookcover_core.genres import BOOK32, BOOKCOVER30
from bookcover_core.settings import CurationSettings

SMALL = {"train_per_genre": 1, "test_per_genre": 1, "pool_per_genre": 1}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("publisher"), seed=3, **SMALL)


def _records(listing: Path) -> list[list[str]]:
    with listing.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        return list(csv.reader(lines))


def test_listings_have_the_real_format(published):
    """Seven quoted columns, no header; the pool holds train, test and further books of all 32 categories."""
    train, test, pool = (_records(file) for file in (published.train, published.test, published.pool))
    assert (len(train), len(test), len(pool)) == (30, 30, 92)
    assert len(published.books) == 92
    for row in pool:
        assert len(row) == 7
        assert row[0] == row[1].removesuffix(".jpg").lstrip("0")
        assert row[2].startswith("http://ecx.images-amazon.com/images/I/")
        assert row[6] == BOOK32[int(row[5])]
    assert {row[6] for row in train} == {row[6] for row in test} == set(BOOKCOVER30)
    assert {row[6] for row in pool} == set(BOOK32)
    assert {row[1] for row in train}.isdisjoint(row[1] for row in test)
    assert {row[1] for row in [*train, *test]} <= {row[1] for row in pool}


def test_listings_have_the_real_quirks(published):
    """Every quirk of the official listings occurs, in numbers that the seed decides."""
    content = published.pool.read_bytes()
    rows = _records(published.pool)
    urls = [row[2] for row in rows]
    assert {
        "leading zeros lost": sum(f"{row[0]}.jpg" != row[1] for row in rows),
        "no ISBN": sum(row[0].startswith("B") for row in rows),
        "empty author": sum(not row[4] for row in rows),
        "doubled quotes": len(re.findall(rb'\(""', content)),
        "newline": content.count(b"\n") - len(rows),
        "not UTF-8": sum(b"\x81E" in line for line in content.splitlines()),
        "percent-encoded": sum("%2B" in url for url in urls),
        "gif": sum(url.endswith(".gif") for url in urls),
        "shared address": len(urls) - len(set(urls)),
    } == {
        "leading zeros lost": 37,
        "no ISBN": 7,
        "empty author": 6,
        "doubled quotes": 3,
        "newline": 1,
        "not UTF-8": 3,
        "percent-encoded": 9,
        "gif": 3,
        "shared address": 1,
    }
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


def test_box_sets_are_found_by_the_dissertations_terms():
    """The titles that the settings' terms find are those of the publisher's box sets, and no others."""
    books = Publisher(2020, train_per_genre=16, test_per_genre=5, pool_per_genre=5).books
    terms = "|".join(re.escape(term).replace(r"\#", r"\d+") for term in CurationSettings().title_terms)
    found = {book.key for book in books if re.search(terms, book.listed_title, re.IGNORECASE)}
    assert found == {book.key for book in books if book.candidate}
    assert 10 < len(found) < 50
    assert 0 < sum(book.volumes > 1 for book in books) < len(found)


def test_main_titles_and_keys_are_unique():
    """No two books share a key or a main title, which would bind them into a group."""
    books = Publisher(5, train_per_genre=40, test_per_genre=10, pool_per_genre=10).books
    assert len({book.key for book in books}) == len(books)
    assert len({book.title.partition(":")[0] for book in books if not book.candidate}) == sum(
        not book.candidate for book in books
    )


def test_isbns_have_their_check_digit():
    """A key is an ISBN-10 that a check finds right, or an Amazon number."""
    for book in Publisher(5, train_per_genre=5, test_per_genre=0, pool_per_genre=0).books:
        if not book.key.startswith("B"):
            digits = [10 if digit == "X" else int(digit) for digit in book.key]
            assert len(digits) == 10
            assert sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0


def test_every_book_has_its_cover_and_twins_share_one(published):
    """Every FILENAME is drawn; the two books with one address have one picture, all others their own."""
    contents = {book.key: (published.covers / book.filename).read_bytes() for book in published.books}
    twins = [book for book in published.books if book.twin]
    assert len(twins) == 1
    assert contents[twins[0].key] == contents[twins[0].twin]
    assert len(set(contents.values())) == len(contents) - 1
    assert published.drawn == len(contents)


def test_publishing_twice_draws_nothing_and_changes_nothing(published):
    """A second call with the same numbers draws no cover and leaves every file as it was."""
    before = {file: file.stat().st_mtime_ns for file in published.folder.rglob("*") if file.is_file()}
    again = publish(published.folder, seed=3, **SMALL)
    assert again.drawn == 0
    assert again.books == published.books
    assert {file: file.stat().st_mtime_ns for file in published.folder.rglob("*") if file.is_file()} == before


def test_an_interrupted_publication_goes_on_where_it_stopped(tmp_path, published, monkeypatch):
    """What was drawn before the interruption stays; the rest is drawn, to the same bytes."""
    draw, drawn = module.draw_cover, []

    def draw_some(*arguments, **options):
        if len(drawn) == 10:
            raise KeyboardInterrupt
        drawn.append(arguments)
        return draw(*arguments, **options)

    monkeypatch.setattr(module, "draw_cover", draw_some)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, seed=3, **SMALL)
    monkeypatch.setattr(module, "draw_cover", draw)
    assert publish(tmp_path, seed=3, **SMALL).drawn == 92 - 10
    for book in published.books:
        assert (tmp_path / "covers" / book.filename).read_bytes() == (published.covers / book.filename).read_bytes()


def test_another_seed_redraws(tmp_path):
    """With another seed, no cover of the earlier edition is left."""
    numbers = {"train_per_genre": 0, "test_per_genre": 0, "pool_per_genre": 1}
    first = publish(tmp_path, seed=1, **numbers)
    second = publish(tmp_path, seed=2, **numbers)
    assert second.drawn == 32
    assert {file.name for file in second.covers.iterdir()} == {book.filename for book in second.books}
    assert {book.key for book in first.books}.isdisjoint(book.key for book in second.books)


def test_pictures_of_somebody_else_are_never_removed(tmp_path):
    """A folder with pictures that `publish` has not drawn is refused and left alone."""
    stranger = tmp_path / "covers" / "holiday.jpg"
    stranger.parent.mkdir()
    stranger.write_bytes(b"precious")
    with pytest.raises(FolderError, match="has not drawn"):
        publish(tmp_path, seed=1, **SMALL)
    assert stranger.read_bytes() == b"precious"


@pytest.mark.slow
def test_processes_draw_what_one_process_draws(tmp_path, published, monkeypatch):
    """Covers drawn in several processes have the same bytes."""
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    spread = publish(tmp_path, seed=3, **SMALL)
    assert spread.drawn == published.drawn
    for book in spread.books:
        assert (spread.covers / book.filename).read_bytes() == (published.covers / book.filename).read_bytes()
