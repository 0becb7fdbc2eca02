"""What a study will need is looked for before any of its work."""

import os
import re
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.local_sources import FolderSource
from bookcover_core.errors import (
    DiskFullError,
    FolderError,
    InputError,
    ListingError,
    PreflightError,
    SettingsError,
    WeightsError,
)
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.preflight import bytes_needed, check, describe_books, faults, seconds_to_fetch
from bookcover_core.reading import text_reader
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings


@pytest.fixture
def make(tmp_path):
    """Settings of a study of a folder with two genres; further ones are laid over them."""
    for genre in ("a", "b"):
        for number in (1, 2, 3):
            write_text(tmp_path / "covers" / genre / f"{number}.jpg", "")
    mine = {"name": "s", "workspace": str(tmp_path / "studies"), "models": {"weights": "random"}}
    return lambda **others: parse_settings(
        mine | {"books": {"source": "folder", "folder": str(tmp_path / "covers")}} | others
    )


def test_a_study_that_lacks_nothing_passes(make):
    """Nothing is written for it."""
    settings = make()
    check(settings)
    assert not settings.root.exists()


def test_what_reads_is_looked_for_where_covers_are_to_be_read(make, monkeypatch):
    """Before anything is downloaded, and only then; it is the person's to install."""
    monkeypatch.setattr(text_reader, "_PACKAGES", ("no-such-reader",))
    check(make())
    with pytest.raises(SettingsError, match=r"no-such-reader is not installed.*bookcover\[text\]"):
        check(make(text={"systems": ["CoverText"]}))


def test_titles_are_looked_for_where_they_are_learnt_from(make, tmp_path):
    """Authors are enough for the system that reads both; another listing may bring titles."""

    def of(rows, system="TitleAuthor", **text):
        listing = tmp_path / "listing.csv"
        write_text(listing, f"filename,category,title,author\n{rows}")
        covers = {"source": "folder", "location": str(tmp_path / "covers")}
        books = {"source": "listing", "listing": str(listing)}
        return make(books=books, covers=covers, text={"systems": [system], **text})

    bare = "".join(f"{genre}/{number}.jpg,{genre},,{{author}}\n" for genre in "ab" for number in (1, 2, 3))
    with pytest.raises(SettingsError, match=r"text\.systems: TitleAuthor is to learn from titles, and none of 6 books"):
        check(of(bare.format(author="")))
    check(of(bare.format(author="Somebody")))
    with pytest.raises(SettingsError, match="Title is to learn"):
        check(of(bare.format(author="Somebody"), "Title"))
    check(of(bare.format(author=""), listings=[str(tmp_path / "listing.csv")]))


def test_one_fault_is_raised_as_it_is_and_several_as_a_list(make, tmp_path):
    """Faults that others found are among them."""
    missing = {"source": "folder", "folder": str(tmp_path / "gone")}
    with pytest.raises(FolderError, match="no such folder of pictures"):
        check(make(books=missing))
    with pytest.raises(PreflightError, match=r"(?s)2 things are to be mended.*  1\. .*  2\. .*no such folder"):
        check(make(books=missing), WeightsError("no cluster"))


def test_each_listing_is_looked_for_but_those_at_an_address_or_copied_before(make, tmp_path):
    """The setting to correct is named; an address is asked when it is read."""
    settings = make(
        books={
            "source": "bookcover30",
            "train_listing": str(tmp_path / "train.csv"),
            "test_listing": "HTTPS://example.org/test.csv",
            "pool_listing": str(tmp_path / "pool.csv"),
            "groups": "http://example.org/groups.csv",
        }
    )
    listings = [str(each) for each in faults(settings) if isinstance(each, ListingError)]
    assert ["books.train_listing" in listings[0], "books.pool_listing" in listings[1], len(listings)] == [True, True, 2]
    write_text(Study(settings).workspace.listings / "raw" / "train.csv", "")
    (left,) = [str(each) for each in faults(settings) if isinstance(each, ListingError)]
    assert "books.pool_listing" in left
    groups = make(books={**make().books.model_dump(), "groups": str(tmp_path / "groups.csv")})
    assert "no such file of groups" in str(next(faults(groups)))
    more = make(text={"systems": ["Title"], "listings": [str(tmp_path / "titles.csv"), "https://example.org/more.csv"]})
    (titles,) = [str(each) for each in faults(more) if isinstance(each, ListingError)]
    assert "titles.csv: there is no such listing. Correct text.listings" in titles


def zip_of(file: Path, *names: str, content: bytes = b"\xff\xd8\xff cover" * 400, method: int = 8) -> bytes:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.read_bytes()


def closed(content: bytes, offset: int, value: int) -> bytes:
    """The archive with a byte of each entry of its directory changed: 8 has the flags, 10 the method."""
    changed, at = bytearray(content), -1
    while (at := changed.find(b"PK\x01\x02", at + 1)) >= 0:
        changed[at + offset] = value
    return bytes(changed)


NAMES = [f"{number}.jpg" for number in range(6)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) * 2 // 3], "is cut off or damaged"),
        (lambda content: content[:0], "it is empty"),
        (lambda content: b"Rar!" + content[4:100], "it is of another kind"),
        (lambda content: closed(content, 8, 1), "6 of 6 files of the archive cannot be unpacked: '0.jpg' needs a pass"),
        (lambda content: closed(content, 10, 9), "'0.jpg' is packed by Deflate64"),
        (lambda content: closed(content, 10, 93), "'0.jpg' is packed by Zstandard"),
        (lambda content: closed(content, 10, 55), "'0.jpg' is packed by method 55"),
        (lambda content: content.replace(b"PK\x03\x04", b"PK\x03\xff"), "'0.jpg' cannot be read: damaged"),
    ],
)
def test_an_archive_that_a_run_would_refuse_is_refused(make, tmp_path, damage, message):
    """It is opened as the run opens it, of each packing a few files; archive and file are named, and what to do."""
    file = tmp_path / "covers.zip"
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    rows = [f'"{n}","{n}.jpg","","Title {n}","","{n % 2}","{"AB"[n % 2]}"' for n in range(6)]
    write_text(tmp_path / "books.csv", "\n".join(rows))
    settings = make(books=books, covers={"source": "archive", "location": str(file)})
    whole = zip_of(file, *NAMES)
    check(settings)
    file.write_bytes(damage(whole))
    with pytest.raises(FolderError) as raised:
        check(settings)
    assert message in str(raised.value)
    assert str(file) in str(raised.value)
    assert "npack it" in raised.value.advice
    if "cannot be read" not in message:  # whose files are damaged one by one is known when all are unpacked
        study = Study(settings)
        read_listings(study)
        with pytest.raises(FolderError, match=re.escape(message)):
            download_chunk(study, 1)


def test_a_source_that_holds_no_image_is_refused(make, tmp_path):
    """Such as a zip file in a zip file, and a folder of them; a file without suffix is told by its content."""
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    write_text(tmp_path / "books.csv", "".join(f"{n},000{n},,T {n},,{n % 2},{'AB'[n % 2]}\n" for n in range(1, 7)))
    (tmp_path / "outer").mkdir()
    zip_of(tmp_path / "outer" / "covers.zip", "inner.zip", content=b"PK\x03\x04 ...")
    zip_of(tmp_path / "plain.zip", *(f"000{n}" for n in range(1, 7)))
    for source, location in (("archive", "outer/covers.zip"), ("folder", "outer")):
        settings = make(books=books, covers={"source": source, "location": str(tmp_path / location)})
        with pytest.raises(FolderError, match=r"no image in it \(1 files lie there.*such as .*zip', which are not op"):
            check(settings)
    check(make(books=books, covers={"source": "archive", "location": str(tmp_path / "plain.zip")}))


def test_covers_are_looked_for_before_and_after_the_listings_are_read(make, tmp_path):
    """A source that lacks more of them than the settings allow is refused, as the download refuses it."""
    rows = [f'"{n}","{n}.jpg","","Title {n}","","{n % 2}","{"AB"[n % 2]}"' for n in range(6)]
    write_text(tmp_path / "books.csv", "\n".join(rows))
    zip_of(tmp_path / "covers.zip", "a.jpg", "b.jpg")
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    settings = make(books=books, covers={"source": "archive", "location": str(tmp_path / "covers.zip")})
    with pytest.raises(FolderError, match="6 of 6 covers are not found"):
        check(settings)
    read_listings(Study(settings))
    with pytest.raises(FolderError, match="6 of 6 covers are not found"):
        check(settings)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) // 2], "the listing cannot be unpacked"),
        (lambda content: closed(content, 8, 1), "books.csv needs a password"),
        (lambda content: closed(content, 10, 9), "books.csv is packed by Deflate64"),
    ],
)
def test_a_listing_that_cannot_be_unpacked_is_refused(make, tmp_path, damage, message):
    """Before anything is done; so is one of two archives around it."""
    file = tmp_path / "books.zip"
    settings = make(books={"source": "listing", "listing": str(file)})
    content = zip_of(
        file, "books.csv", content="".join(f"{n},{n}.jpg,,T,A,{n % 2},{n % 2}B\n" for n in range(50)).encode()
    )
    check(settings)
    file.write_bytes(damage(content))
    with pytest.raises(ListingError, match=message):
        check(settings)
    zip_of(file, "books.csv", content=content)
    with pytest.raises(ListingError, match="an archive in the archive"):
        check(settings)


def test_weights_are_looked_for_in_the_cache_then_at_their_address(make, tmp_path, monkeypatch):
    """A host that does not answer, or not with them, is told with the file, its digest and where to put it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings = make(models={"weights": "imagenet"}, training={"backbones": ["MobileNetV2"], "preparation": "padded"})
    answers = iter([httpx.Response(200), httpx.Response(404), httpx.ConnectError("no route")])

    def head(*_: object, **__: object) -> httpx.Response:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(httpx, "head", head)
    check(settings)
    for why in ("answers 404", "no route"):
        with pytest.raises(WeightsError, match=f"(?s)MobileNetV2 cannot be had.*{why}.*models.weight_files") as raised:
            check(settings)
    write_text(Path(raised.value.where), "")
    check(settings)


def test_weights_that_only_the_comparison_wants_are_told_with_the_way_to_do_without(make, tmp_path, monkeypatch):
    """A study of LeNet alone trains no network that has published weights."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(httpx, "head", lambda *_, **__: httpx.Response(404))
    training = {"backbones": ["LeNet"], "preparation": "best"}
    with pytest.raises(WeightsError, match=r"as training\.preparation is \"best\": .*comparison\.backbone"):
        check(make(models={"weights": "imagenet"}, training=training))
    check(make(models={"weights": "imagenet"}, training=training | {"preparation": "padded"}))


def test_books_are_counted_before_anything_is_fetched(make, tmp_path):
    """By genre; and, once the listings are read, which covers a local source lacks."""
    assert list(describe_books(make())) == ["6 books in 2 genres: a 3, b 3."]
    rows = [f'"{n}","{n}.jpg","","Title {n}","","{n % 2}","{"AB"[n % 2]}"' for n in range(6)]
    write_text(tmp_path / "books.csv", "\n".join(rows))
    write_text(tmp_path / "some" / "3.jpg", "")
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    settings = make(books=books, covers={"source": "folder", "location": str(tmp_path / "some")})
    assert list(describe_books(settings)) == ["6 books in 2 genres: A 3, B 3."]
    read_listings(Study(settings))
    assert list(describe_books(settings)) == [
        "6 books in 2 genres: A 3, B 3.",
        f"Covers that are not in {tmp_path / 'some'}: 5, such as 0.jpg.",
    ]


def test_a_pool_fetched_as_needed_takes_less_time_and_room(make):
    """The dissertation's three hours of download are fifty minutes, and covers at hand take none."""
    whole, few = (StudySettings.model_validate({"covers": {"pool": pool}}) for pool in ("all", "as-needed"))
    assert seconds_to_fetch(whole) == 207_572 / 20
    assert 57_000 / 20 < seconds_to_fetch(few) < 50 * 60
    assert bytes_needed(whole) - bytes_needed(few) > 5e9
    assert seconds_to_fetch(make()) == 0


def test_room_on_the_disk_is_needed_until_the_covers_are_prepared(make, monkeypatch):
    """It grows with books, preparations and networks; a network trained from scratch needs no features."""
    settings = make()
    few = make(training={"backbones": ["LeNet"], "preparation": "padded"}, preparation={"methods": ["padded"]})
    assert bytes_needed(settings) > bytes_needed(few) > 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=bytes_needed(settings) - 1))
    with pytest.raises(DiskFullError, match="GB are free"):
        check(settings)
    Study(settings).begin()
    write_text(
        Study(settings).manifest_file("prepare/shard-0001"),
        '{"stage": "prepare", "part": "shard-0001", "key": "", "code": "", "settings": {}, "inputs": {}, "digest": "",'
        ' "seconds": 0, "finished": "2026-01-01T00:00:00Z"}',
    )
    check(settings)


LISTED = [f"{n}.jpg,Title {n},{('Art', 'Law')[n % 2]}" for n in range(8)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("books", "", "the listing is empty"),
        ("books", "<html>404</html>", "this is a web page"),
        ("books", "filename,title\n1.jpg,T", "2 fields where 7 are expected|names no column"),
        ("books", "\n".join(["filename,title,genre", *LISTED[:5]]), "fewer than 3 books in Law"),
        ("groups", "nobody.jpg,g", "name no book"),
        ("groups", "", "names no group"),
        ("decisions", "key,decision\n1,perhaps", "'perhaps' is no decision"),
        ("decisions", "key,decision\nnobody,reject", "1 decisions name no book"),
    ],
)
def test_listings_groups_and_decisions_are_read_ahead(make, tmp_path, name, text, message):
    """What would stop a stage stops the study before its first; nothing is written for it."""
    texts = {"books": "\n".join(["filename,title,genre", *LISTED]), "groups": "1.jpg,g", name: text}
    for each in ("books", "groups"):
        write_text(tmp_path / f"{each}.csv", texts[each])
    files = {"listing": str(tmp_path / "books.csv"), "groups": str(tmp_path / "groups.csv")}
    settings = make(books={"source": "listing", **files})
    if name == "decisions":
        write_text(Study(settings).workspace.curation / "decisions.csv", text)
    with pytest.raises(InputError, match=message):
        check(settings)
    assert not Study(settings).workspace.listings.exists()


def test_a_folder_of_too_few_books_is_refused_with_all_else(make, tmp_path):
    """As the listings' stage refuses it."""
    (tmp_path / "covers" / "b" / "3.jpg").unlink()
    with pytest.raises(PreflightError, match=r"(?s)fewer than 3 books in b.*no backbone called 'x'|'x'.*fewer than 3"):
        check(make(training={"backbones": ["x"], "preparation": "padded"}))


def test_few_of_many_covers_are_looked_for(make, tmp_path, monkeypatch):
    """The listing is read once; of its covers some thousands tell whether the names match."""
    rows = [f"{n}.jpg,Title {n},{n % 2} genre" for n in range(9_000)]
    write_text(tmp_path / "books.csv", "\n".join(["filename,title,genre", *rows]))
    write_text(tmp_path / "some" / "other.jpg", "")
    looked = []
    monkeypatch.setattr(FolderSource, "find", lambda _, book: looked.append(book))
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    with pytest.raises(FolderError, match="covers are not found"):
        check(make(books=books, covers={"source": "folder", "location": str(tmp_path / "some")}))
    assert 1_000 < len(looked) < 3_000


@pytest.mark.parametrize("name", ["listing", "groups"])
def test_a_pipe_is_refused_and_not_waited_for(make, tmp_path, name):
    """Nothing of the check opens it: not the listings, nor what counts their lines for the disk."""
    write_text(tmp_path / "listing.csv", "\n".join(["filename,title,genre", *LISTED]))
    (tmp_path / f"{name}.csv").unlink(missing_ok=True)
    os.mkfifo(tmp_path / f"{name}.csv")
    groups = str(tmp_path / "groups.csv") if name == "groups" else None
    with pytest.raises(ListingError, match="not a file"):
        check(make(books={"source": "listing", "listing": str(tmp_path / "listing.csv"), "groups": groups}))
