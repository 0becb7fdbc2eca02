"""The stage `read`: the words on every selected cover, shard by shard."""

import pytest
from PIL import Image

from bookcover_core.demo_data.typesetting import set_text
from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline import graph
from bookcover_core.pipeline.manifests import read_manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.reading import read_covers
from bookcover_core.reading.cover_words import Word, read_words, texts_of_covers, words_file
from bookcover_core.reading.read_covers import read_shard
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.preparation.test_prepare import KEYS, draw, select

WORD = Word("soup", 0.9, (0.1, 0.1, 0.5, 0.2))


def study_in(folder, name="s", **reading) -> Study:
    groups = {"preparation": {"shard_records": 20}, "text": {"systems": ["CoverText"]}, "reading": reading}
    return Study(parse_settings({"name": name, "workspace": str(folder), **groups}))


class Invented:
    """A reader that finds one word on every cover, and fails on those of one height."""

    def __init__(self):
        self.read_covers: list[int] = []
        self.fails_at = -1

    def read(self, covers):
        if self.fails_at in [cover.height for cover in covers]:
            raise RuntimeError("no\ncontour")
        self.read_covers += [cover.height for cover in covers]
        return [(WORD,) for _ in covers]


@pytest.fixture
def invented(monkeypatch) -> Invented:
    reader = Invented()
    monkeypatch.setattr(read_covers, "text_reader", lambda _settings, _threads: reader)
    monkeypatch.setattr(read_covers, "cpu_count", lambda: 1)
    return reader


@pytest.fixture
def study(tmp_path) -> Study:
    """Twenty selected covers in one shard."""
    study = study_in(tmp_path)
    select(study, KEYS)
    return study


def test_covers_are_read_by_processes_of_their_own(tmp_path):
    """The reader itself, in two processes: what a cover says stands in a line of JSON, under its book's key."""
    study = study_in(tmp_path, side=160)
    for number, key in enumerate(KEYS):
        draw(study, key, number)
    file = study.workspace.covers / "law" / f"{KEYS[7]}.jpg"
    cover = Image.new("RGB", (240, 320), "white")
    set_text(cover, (10, 60, 230, 160), "Soup", "sans", (0, 0, 0))
    cover.save(file, quality=95)
    select(study, KEYS)
    manifest = read_shard(study, 1)
    assert texts_of_covers(study, 0.5) == {key: "Soup" if key == KEYS[7] else "" for key in KEYS}
    assert manifest.counts["without words"] == 19
    assert "PP-OCRv6" in manifest.counts["reader"]


def test_it_is_wanted_where_something_asks_for_words_alone(tmp_path):
    """A study of networks reads nothing; one with CoverText reads each shard."""
    silent = Study(parse_settings({"name": "n", "workspace": str(tmp_path), "preparation": {"shard_records": 20}}))
    for study in (silent, study_in(tmp_path)):
        select(study, KEYS)
    assert graph.parts(silent, "read") == []
    assert [part.words for part in graph.parts(study_in(tmp_path), "read")] == [(1,)]


def test_a_cover_that_cannot_be_read_stops_no_other(study, invented):
    """It has a row that says why; so has one whose file is gone. All others of its batch are read."""
    invented.fails_at = 93
    (study.workspace.covers / "law" / f"{KEYS[5]}.jpg").unlink()
    manifest = read_shard(study, 1)
    rows = {row.key: row for row in read_words(words_file(study, "shard-0001"))}
    assert {key for key, row in rows.items() if row.error} == {KEYS[3], KEYS[5]}
    assert rows[KEYS[3]].error == "no contour"
    assert rows[KEYS[4]].words == (WORD,)
    assert manifest.counts["not readable"] == 2
    assert manifest.counts["without words"] == 0


def test_full_memory_is_no_fault_of_a_cover(study, invented, monkeypatch):
    """It ends the run, which can be taken up, and leaves no row behind."""

    def fail(_covers):
        raise MemoryError

    monkeypatch.setattr(invented, "read", fail)
    with pytest.raises(MemoryError):
        read_shard(study, 1)
    assert not words_file(study, "shard-0001").exists()


def test_nothing_is_read_twice(study, invented, tmp_path):
    """Not by a second run, not for a book that joins others, not in another study, not for another confidence."""
    assert read_shard(study, 1).counts["read anew"] == 20
    assert read_shard(study, 1).reused
    other = study_in(tmp_path, name="other", min_confidence=0.9)
    select(other, KEYS)
    assert read_shard(other, 1).reused
    select(study, [*KEYS[1:], "k020"])
    assert read_shard(study, 1).counts["read anew"] == 1
    assert invented.read_covers == [*range(90, 110), 110]


@pytest.mark.parametrize("change", [{"side": 320}, {"enlarge": False}, {"precision": "bfloat16"}])
def test_another_way_of_reading_reads_anew(study, invented, tmp_path, change):
    """Size and precision count."""
    read_shard(study, 1)
    changed = study_in(tmp_path, **change)
    assert read_shard.at(changed, 1).done is None
    assert read_shard(changed, 1).counts["read anew"] == 20


def test_what_was_read_before_a_kill_is_not_read_again(study, invented, monkeypatch):
    """Nor what a second run had read that was killed too; nothing but the words is left of it."""
    monkeypatch.setattr(read_covers, "BATCH", 6)

    def cut_off(after):
        def in_processes(work, batches, processes):
            yield from map(work, batches[:after])
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(read_covers, "in_processes", in_processes)
            with pytest.raises(KeyboardInterrupt):
                read_shard(study, 1)

    cut_off(2)
    cut_off(1)
    assert read_shard(study, 1).counts["read anew"] == 2
    assert invented.read_covers == [*range(90, 110)]
    assert [*study.workspace.texts.iterdir()] == [words_file(study, "shard-0001")]


def test_two_books_with_one_picture_are_read_once(study, invented):
    """Each has its line."""
    one, other = (study.workspace.covers / "law" / f"{key}.jpg" for key in KEYS[:2])
    other.write_bytes(one.read_bytes())
    select(study, KEYS)
    assert read_shard(study, 1).counts["read anew"] == 19
    assert len(read_words(words_file(study, "shard-0001"))) == 20


def test_damaged_words_are_told_and_read_again(study, invented):
    """Whoever needs them hears what to do; the stage notices by itself."""
    read_shard(study, 1)
    words_file(study, "shard-0001").write_text("{")
    with pytest.raises(StageOrderError, match="Run the stage `read` again"):
        texts_of_covers(study, 0.5)
    assert read_shard.at(study, 1).done is None
    read_shard(study, 1)
    assert read_manifest(study.manifest_file("read/shard-0001")).stands(study.workspace.root)
    assert len(texts_of_covers(study, 0.5)) == 20
