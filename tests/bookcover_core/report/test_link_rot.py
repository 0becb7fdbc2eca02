"""Covers by genre and outcome: every record is counted once, and link rot counts what is gone for good."""

import csv
from pathlib import Path

import pytest

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.study import Study
from bookcover_core.report.findings import gather
from bookcover_core.report.link_rot import ROTTEN, cover_table, outcome_table, read_outcomes, rot_table
from tests.bookcover_core.invented import invented_study, records

GENRES = ["Travel", "Law"]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two chunks of Law and Travel, and a category of the pool, with every outcome."""
    books = records(6, "a", category="Law")
    books += [
        record for outcome in CoverOutcome for record in records(2, outcome.name, category="Travel", outcome=outcome)
    ]
    books += records(3, "b", category="Law", chunk=2, outcome=CoverOutcome.MISSING)
    books += records(1, "c", category="Education", role="pool", chunk=2)
    return invented_study(tmp_path, books, training={"preparation": "padded"})


def test_every_record_stands_in_its_genre_and_outcome(study: Study):
    """Study genres in their order, further categories behind them, totals at the end; only outcomes that occur."""
    table = outcome_table(read_outcomes(study, ["chunk-0001", "chunk-0002"]), GENRES)
    assert [row[0].value for row in table.rows] == ["Travel", "Law", "Education", "All records"]
    assert [column.name or column.title for column in table.columns[2:]] == [outcome.value for outcome in CoverOutcome]
    values = {row[0].value: [cell.value for cell in row[1:]] for row in table.rows}
    assert values["Law"] == [9, 6, 3, *[0] * 7]
    assert values["Travel"] == [18, *[2] * 9]
    assert values["All records"] == [28, 9, 5, *[2] * 7]
    alone = outcome_table(read_outcomes(study, ["chunk-0002"]), GENRES)
    assert [column.title for column in alone.columns] == ["Genre", "Records", "Ok", "Missing"]


def test_link_rot_is_what_is_gone_among_what_is_known(study: Study):
    """What failed for now is left out, what is too large is there; the interval is that of a share."""
    table = rot_table(read_outcomes(study, ["chunk-0001", "chunk-0002"]), GENRES, 0.9)
    rows = {row[0].value: row for row in table.rows}
    assert [cell.value for cell in rows["Travel"][1:3]] == [14, 10]
    assert len(ROTTEN) == 5
    rot = rows["Travel"][3]
    interval = share(10, 14, 0.9)
    assert interval is not None
    assert (rot.value, rot.low, rot.high) == (10 / 14, interval.low, interval.high)
    assert rows["Education"][3].value == 0


def test_a_genre_of_which_nothing_is_known_has_no_link_rot(tmp_path: Path):
    """A share of nothing is no share."""
    books = records(3, "a", category="Law") + records(3, "b", category="Travel", outcome=CoverOutcome.FAILED)
    table = rot_table(read_outcomes(invented_study(tmp_path, books), ["chunk-0001"]), GENRES, 0.95)
    assert [cell.value for cell in table.rows[0]] == ["Travel", 0, 0, None]


def test_a_ledger_of_another_way_of_cutting_counts_no_record_twice(study: Study):
    """Rows of records that stand in another chunk today, and chunks without a ledger, are passed over."""
    ledger = study.workspace.ledger
    (ledger / "chunk-0003.csv").write_bytes((ledger / "chunk-0001.csv").read_bytes())
    assert len(read_outcomes(study, ["chunk-0001", "chunk-0002", "chunk-0003", "chunk-0009"])) == 28
    assert read_outcomes(study, []).empty


def test_the_report_has_the_table_with_its_intervals(study: Study, tmp_path: Path):
    """In the CSV: a row for each genre, its outcomes, link rot and both ends of the interval."""
    table = cover_table(gather(study))
    assert table is not None
    with table.write(tmp_path).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert table.name == "covers"
    assert [row["Genre"] for row in rows][-1] == "All records"
    law = next(row for row in rows if row["Genre"] == "Law")
    assert (law["ok"], law["missing"], law["too large"]) == ("6", "3", "0")
    assert float(law["link rot low"]) < float(law["link rot"]) == round(3 / 9, 6) < float(law["link rot high"])


def test_there_is_no_table_before_the_download(tmp_path: Path):
    """A study with listings alone has nothing to say of covers."""
    study = invented_study(tmp_path, records(3, "a"), training={"preparation": "padded"})
    study.manifest_file("download/chunk-0001").unlink()
    assert cover_table(gather(study)) is None
