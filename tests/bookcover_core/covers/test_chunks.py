"""Tests of which chunks there are, and which comes next."""

from collections.abc import Callable

import pytest

from bookcover_core.covers import download
from bookcover_core.covers.chunks import chunks
from bookcover_core.covers.download import choose_chunks, download_chunk, next_chunk
from bookcover_core.errors import DownloadError, SettingsError, StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

MakeStudy = Callable[..., Study]


@pytest.fixture
def study(make_study: MakeStudy) -> Study:
    """Six books that are well, in three chunks of two."""
    return make_study({}, books={"chunk_records": 2})


def with_covers(study: Study, **changes: object) -> Study:
    covers = study.settings.covers.model_copy(update=changes)
    return Study(study.settings.model_copy(update={"covers": covers}))


def test_chunks_are_those_wanted(make_study: MakeStudy):
    """All chunks are downloaded, or those that are named; one that there is not is an error."""
    study = make_study({}, books={"chunk_records": 4})
    assert chunks(study) == [1, 2]
    assert download_chunk(study, 2).counts["records"] == 2
    assert chunks(make_study({}, books={"chunk_records": 4, "chunks": [2]})) == [2]
    with pytest.raises(SettingsError, match="no chunk 3"):
        download_chunk(study, 3)
    with pytest.raises(SettingsError, match=r"books\.chunks: there is no chunk 3"):
        chunks(make_study({}, books={"chunk_records": 4, "chunks": [1, 3]}))


def test_chunks_are_chosen_by_number_all_or_next(study: Study):
    """Numbers come in their order, each once; a number that there is not is an error that says how many there are."""
    assert choose_chunks(study, "all") == [1, 2, 3]
    assert choose_chunks(study, "next") == [1]
    assert choose_chunks(study, "3, 1-2,3") == [1, 2, 3]
    for wrong in (0, 4):
        with pytest.raises(SettingsError, match=f"no chunk {wrong}: the listings give 3"):
            choose_chunks(study, f"1, {wrong}")


def test_the_next_chunk_is_the_first_that_is_not_finished(study: Study):
    """One after the other comes next, one that was done out of turn is passed over, and then there is none."""
    download_chunk(study, 2)
    visited = []
    while (chunk := next_chunk(study)) is not None:
        download_chunk(study, chunk)
        visited.append(chunk)
    assert visited == [1, 3]
    assert choose_chunks(study, "next") == []


def test_the_next_chunk_is_one_of_those_that_the_settings_name(make_study: MakeStudy):
    """A study of chunks 2 and 3 is finished when these two are."""
    study = make_study({}, books={"chunk_records": 2, "chunks": [2, 3]})
    for chunk in (2, 3):
        assert next_chunk(study) == chunk
        download_chunk(study, chunk)
    assert next_chunk(study) is None


def test_a_chunk_done_under_other_settings_or_without_its_ledger_is_unfinished(study: Study):
    """What counts as a cover has changed, or the ledger is gone: the chunk is run again."""
    for chunk in chunks(study):
        download_chunk(study, chunk)
    assert next_chunk(with_covers(study, min_side=70)) == 1
    assert next_chunk(with_covers(study, concurrency=3)) is None
    (study.workspace.ledger / "chunk-0002.csv").unlink()
    assert next_chunk(study) == 2


def test_a_chunk_that_failed_comes_next_again(host: LoopbackHost, make_study: MakeStudy):
    """A chunk with too many failures is not finished."""
    bad = host.add("/bad.jpg", *[reply(503)] * 3, reply(200, picture()))
    study = make_study({"bad": bad}, books={"chunk_records": 6}, max_failed_share=0.1)
    download_chunk(study, 1)
    with pytest.raises(DownloadError):
        download_chunk(study, 2)
    assert next_chunk(study) == 2


def test_covers_that_failed_for_now_wait_until_every_chunk_was_visited_and_take_turns(
    host: LoopbackHost, make_study: MakeStudy
):
    """Two chunks with a cover that always fails keep no third from its turn, and neither keeps the other from its."""
    urls = {f"bad{number}": host.add(f"/bad{number}.jpg", reply(503)) for number in range(2)}
    wells = {f"more{number}": host.add(f"/more{number}.jpg", reply(200, picture())) for number in range(2)}
    named = dict(zip(("bad0", "more0", "bad1", "more1"), range(4), strict=True))
    books = {key: (urls | wells)[key] for key in named}
    study = make_study(books, books={"chunk_records": 2}, attempts=1)
    visited = []
    for _ in range(9):
        chunk = next_chunk(study)
        assert chunk is not None
        download_chunk(study, chunk)
        visited.append(chunk)
    assert visited == [1, 2, 3, 4, 5, 4, 5, 4, 5]


def test_what_is_missing_keeps_a_listing_open_only_where_it_is_asked_for_again(
    host: LoopbackHost, make_study: MakeStudy
):
    """A 404 finishes a chunk, unless covers.retry_missing is set."""
    study = make_study({"gone": host.add("/gone.jpg", reply(404))})
    download_chunk(study, 1)
    assert next_chunk(study) is None
    assert next_chunk(with_covers(study, retry_missing=True)) == 1


def test_looking_for_the_next_chunk_looks_at_no_cover(study: Study, monkeypatch: pytest.MonkeyPatch):
    """Whether a chunk of 20,000 is done is read from its manifest and ledger alone."""
    for chunk in chunks(study):
        download_chunk(study, chunk)
    for cover in study.workspace.covers.rglob("*.jpg"):
        cover.unlink()
    monkeypatch.setattr(download, "each_book", lambda _: pytest.fail("the records were read"))
    assert next_chunk(study) is None


def test_a_picture_that_changes_in_its_folder_opens_its_chunk(tmp_path, make_study: MakeStudy):
    """Covers at hand are compared with what their chunk was made from."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        (folder / f"well{number}.jpg").write_bytes(picture())
    study = make_study({}, books={"chunk_records": 2}, source="folder", location=str(folder))
    for chunk in chunks(study):
        download_chunk(study, chunk)
    assert next_chunk(study) is None
    (folder / "well3.jpg").write_bytes(picture(size=(100, 140)))
    assert next_chunk(study) == 2


def test_there_are_no_chunks_before_the_listings_are_read(tmp_path):
    """Which chunks there are, and which comes next, is asked too early: the message says what to do first."""
    values = {"name": "early", "workspace": str(tmp_path), "books": {"source": "listing", "listing": "x.csv"}}
    study = Study(parse_settings(values))
    for ask in (chunks, next_chunk, lambda study: download_chunk(study, 1)):
        with pytest.raises(StageOrderError, match="listings"):
            ask(study)
