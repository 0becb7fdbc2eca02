"""Tests of the ledger's journal and table."""

import errno
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.covers.ledger import LedgerJournal, LedgerRow, read_journal, read_rows, rows_digest, write_rows
from bookcover_core.errors import DiskFullError
from bookcover_core.pipeline.manifests import INDEX_COLUMNS
from bookcover_core.pipeline.workspace import read_table

ROW = LedgerRow(
    "0001", "ok", 200, 1, "http://a/b%2Bc.jpg", "covers/law/0001.jpg", 10, 20, "ab", "JPEG", "RGB", 90, 120, 0.5
)


def test_the_table_has_the_columns_of_an_index():
    """A chunk's table lists its covers in the form that manifests check, in the order of the design."""
    assert set(INDEX_COLUMNS) < set(LedgerRow._fields)
    assert LedgerRow._fields[:5] == ("key", "outcome", "status", "attempts", "address")


def test_a_table_is_read_as_it_was_written(tmp_path: Path):
    """Rows survive their table, leading zeros, commas, quotes and line ends included."""
    rows = [ROW, LedgerRow("0002", "missing", 404, 1, "http://a/", detail='said "no",\nand left')]
    write_rows(tmp_path / "chunk.csv", rows)
    assert read_rows(tmp_path / "chunk.csv") == rows
    assert read_table(tmp_path / "chunk.csv", width="int64")["key"].tolist() == ["0001", "0002"]
    assert read_rows(tmp_path / "none.csv") == []


def test_a_table_of_another_form_is_no_table(tmp_path: Path):
    """A table that was damaged, or made by another version, is read as none: its covers are fetched again."""
    (tmp_path / "chunk.csv").write_text("key,outcome\n1,ok\n")
    assert read_rows(tmp_path / "chunk.csv") == []
    (tmp_path / "chunk.csv").write_text(
        ",".join(LedgerRow._fields) + "\n" + ",".join("x" for _ in LedgerRow._fields) + "\n"
    )
    assert read_rows(tmp_path / "chunk.csv") == []


def test_the_last_row_of_a_book_counts(tmp_path: Path):
    """A journal that several runs appended to tells of each book what the last one found."""
    file = tmp_path / "chunk.jsonl"
    for run, outcome in (("first", "failed for now"), ("second", "ok")):
        with LedgerJournal(file, run) as journal:
            journal.append(ROW._replace(outcome=outcome))
    known = read_journal(file)
    assert known["0001"].row == ROW
    assert known["0001"].run == "second"
    assert read_journal(tmp_path / "none.jsonl") == {}


@given(cut=st.integers(min_value=1, max_value=200))
def test_a_torn_line_costs_one_row(tmp_path_factory: pytest.TempPathFactory, cut: int):
    """Wherever a kill tears the last line, the rows before and those appended afterwards are read."""
    file = tmp_path_factory.mktemp("torn") / "chunk.jsonl"
    with LedgerJournal(file, "run") as journal:
        journal.append(ROW)
        whole = file.stat().st_size
        journal.append(ROW._replace(key="0002"))
    with file.open("r+b") as content:
        content.truncate(whole + cut)
    with LedgerJournal(file, "run") as journal:
        journal.append(ROW._replace(key="0003"))
    assert {"0001", "0003"} <= set(read_journal(file))


def test_noise_in_a_journal_is_passed_over(tmp_path: Path):
    """Lines that are no rows (JSON of another form, bytes that are no text) harm no other line."""
    file = tmp_path / "chunk.jsonl"
    file.write_bytes(b'[1]\n{"run": "x"}\n{"run": "x", "key": 1, "colour": 2}\n\xff\xfe\n')
    with LedgerJournal(file, "run") as journal:
        journal.append(ROW)
    assert list(read_journal(file)) == ["0001"]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A journal without space says so, with the file."""
    full = Mock(write=Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with LedgerJournal(tmp_path / "chunk.jsonl", "run") as journal:
        monkeypatch.setattr(journal, "_lines", full)
        with pytest.raises(DiskFullError, match=r"chunk\.jsonl"):
            journal.append(ROW)


def test_the_digest_is_that_of_what_came():
    """Key, outcome and content count; order, time and address do not."""
    other = LedgerRow("0002", "missing")
    later = ROW._replace(seconds=9.0, mtime_ns=99, address="http://elsewhere/b%2Bc.jpg", attempts=3)
    assert rows_digest([ROW, other]) == rows_digest([other, later])
    assert rows_digest([ROW]) != rows_digest([ROW._replace(sha256="cd")])
    assert rows_digest([ROW]) != rows_digest([ROW._replace(outcome="placeholder")])
