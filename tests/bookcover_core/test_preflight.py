"""What a study will need is looked for before any of its work."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from bookcover_core.errors import DiskFullError, FolderError, ListingError, PreflightError, WeightsError
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.preflight import bytes_needed, check, describe_books, faults
from bookcover_core.settings.toml_file import parse_settings


@pytest.fixture
def make(tmp_path):
    """Settings of a study of a folder with two genres; further ones are laid over them."""
    for genre in ("a", "b"):
        write_text(tmp_path / "covers" / genre / "1.jpg", "")
    mine = {"name": "s", "workspace": str(tmp_path / "studies"), "models": {"weights": "random"}}
    return lambda **others: parse_settings(
        mine | {"books": {"source": "folder", "folder": str(tmp_path / "covers")}} | others
    )


def test_a_study_that_lacks_nothing_passes(make):
    """Nothing is written for it."""
    settings = make()
    check(settings)
    assert not settings.root.exists()


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


def test_books_are_counted_before_anything_is_fetched(make, tmp_path):
    """By genre; and, once the listings are read, which covers a local source lacks."""
    assert list(describe_books(make())) == ["2 books in 2 genres: a 1, b 1."]
    rows = [f'"{n}","{n}.jpg","","Title {n}","","{n % 2}","{"AB"[n % 2]}"' for n in range(6)]
    write_text(tmp_path / "books.csv", "\n".join(rows))
    write_text(tmp_path / "some" / "3.jpg", "")
    books = {"source": "listing", "listing": str(tmp_path / "books.csv")}
    settings = make(books=books, covers={"source": "folder", "location": str(tmp_path / "some")})
    assert list(describe_books(settings)) == []
    read_listings(Study(settings))
    assert list(describe_books(settings)) == [
        "6 books in 2 genres: A 3, B 3.",
        f"Covers that are not in {tmp_path / 'some'}: 5, such as 0.jpg.",
    ]


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
