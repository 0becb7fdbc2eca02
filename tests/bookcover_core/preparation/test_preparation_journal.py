"""The journal of a shard."""

import pytest

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.manifests import Output
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.preparation_journal import PreparationJournal, PreparedCover


def cover(key: str, **pictures: Output) -> PreparedCover:
    return PreparedCover(key=key, cover="c", measurements=Measurements(3, 4, 1.5, 2.0, 3.125), pictures=pictures)


def test_what_is_added_is_read_again(tmp_path):
    """Covers come back as they were, those it was started with and those added."""
    journal = PreparationJournal(tmp_path / "a" / "shard.jsonl", "settings")
    assert journal.read() == {}
    output = Output(path="prepared/ä.jpg", bytes=1, mtime_ns=2, sha256="s")
    journal.start([cover("one", padded=output)])
    journal.append([cover("two"), cover("three")])
    journal.append([])
    assert journal.read() == {"one": cover("one", padded=output), "two": cover("two"), "three": cover("three")}


def test_other_settings_make_another_journal(tmp_path):
    """What other settings made is not read."""
    PreparationJournal(tmp_path / "j", "old").start([cover("one")])
    assert PreparationJournal(tmp_path / "j", "new").read() == {}


def test_a_line_that_was_cut_off_ends_the_journal(tmp_path):
    """After a power cut what was written whole is believed, the rest is not."""
    journal = PreparationJournal(tmp_path / "j", "s")
    journal.start([cover("one"), cover("two")])
    whole = journal.file.read_bytes()
    for length in range(len(whole)):
        journal.file.write_bytes(whole[:length])
        assert set(journal.read()) <= {"one", "two"}
    journal.file.write_bytes(whole[:-20])
    assert set(journal.read()) == {"one"}


def test_pictures_of_another_cover_do_not_stand(tmp_path):
    """A cover stands if it is the same and every wanted picture is there, unaltered."""
    (tmp_path / "p.jpg").write_bytes(b"picture")
    made = cover("one", padded=Output.of(tmp_path / "p.jpg", tmp_path))
    assert made.stands(tmp_path, "c", ["padded"])
    assert not made.stands(tmp_path, "d", ["padded"])
    assert not made.stands(tmp_path, "c", ["padded", "noprep"])
    (tmp_path / "p.jpg").write_bytes(b"altered")
    assert not made.stands(tmp_path, "c", ["padded"])


def test_a_journal_that_cannot_be_written_is_named(tmp_path):
    """An error of the file system is told as one of this project's."""
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError):
        PreparationJournal(tmp_path / "file" / "j", "s").append([cover("one")])
