"""What became of a download: tables by genre with link rot, and Markdown on a chunk with a sample of its covers."""

import base64
import csv
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows, write_rows
from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.study import Study
from bookcover_core.report.download_outcomes import (
    ROTTEN,
    SAMPLE,
    cover_table,
    link_rot_markdown,
    outcome_table,
    outcomes_markdown,
    read_outcomes,
    sample_covers,
    sample_markdown,
)
from bookcover_core.report.findings import gather
from tests.bookcover_core.invented import invented_study, records
from tests.bookcover_core.report.specimen import draw_cover


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two chunks of Law and Travel, and a category of the pool, with every outcome."""
    books = records(6, "a", category="Law")
    books += [
        record for outcome in CoverOutcome for record in records(2, outcome.name, category="Travel", outcome=outcome)
    ]
    books += records(3, "b", category="Law", chunk=2, outcome=CoverOutcome.MISSING)
    books += records(1, "c", category="Education", role="pool", chunk=2)
    return invented_study(tmp_path, books, training={"preparation": "padded"}, evaluation={"confidence": 0.9})


def test_every_record_stands_in_its_genre_and_outcome(study: Study):
    """Study genres in their order, further categories behind them, totals at the end; only outcomes that occur."""
    table = outcome_table("outcomes", study, ["chunk-0001", "chunk-0002"])
    assert [row[0].value for row in table.rows] == ["Law", "Travel", "Education", "All records"]
    assert [column.name or column.title for column in table.columns[2:]] == [outcome.value for outcome in CoverOutcome]
    values = {row[0].value: [cell.value for cell in row[1:]] for row in table.rows}
    assert values["Law"] == [9, 6, 3, *[0] * 7]
    assert values["Travel"] == [18, *[2] * 9]
    assert values["All records"] == [28, 9, 5, *[2] * 7]
    alone = outcome_table("outcomes", study, ["chunk-0002"])
    assert [column.title for column in alone.columns] == ["Genre", "Records", "Ok", "Missing"]


def test_link_rot_is_what_is_gone_among_what_is_known(study: Study):
    """What failed for now is left out, what is too large is there; the interval is that of a share."""
    table = outcome_table("link-rot", study, ["chunk-0001", "chunk-0002"])
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
    table = outcome_table("link-rot", invented_study(tmp_path, books), ["chunk-0001"])
    assert [cell.value for cell in table.rows[1]] == ["Travel", 0, 0, None]


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


# Bytes of a Markdown text with its picture, at most.
MOST = 400_000


@pytest.fixture
def sampled(tmp_path: Path) -> Study:
    """Two chunks; the first has more covers than a sample, and some that are missing."""
    books = records(80, "a", category="Law") + records(40, "b", category="Travel")
    books += records(8, "m", category="Travel", outcome=CoverOutcome.MISSING)
    books += records(3, "z", category="Law", chunk=2)
    sampled = invented_study(tmp_path, books)
    for number, book in enumerate(books):
        if book.path:
            file = sampled.workspace.root / book.path
            file.parent.mkdir(parents=True, exist_ok=True)
            draw_cover(number % 7, number).save(file, "JPEG", quality=95)
    return sampled


def rewrite(sampled: Study, change: dict[str, LedgerRow]) -> None:
    file = sampled.workspace.ledger / "chunk-0001.csv"
    write_rows(file, [change.get(row.key, row) for row in read_rows(file)])


def test_outcomes_are_shown_by_genre_with_the_first_failures(sampled: Study):
    """A row for each genre and the total, then a few records of each outcome that is not ok."""
    rewrite(sampled, {"m0000": LedgerRow("m0000", "missing", 404, 1, "http://x.example/a.jpg", detail="HTTP 404")})
    shown = outcomes_markdown(sampled, 1)
    assert "| Law | 80 | 80 | 0 |" in shown
    assert "| **All records** | **128** | **120** | **8** |" in shown
    assert "**missing**: 5 of 8" in shown
    assert "- m0000: HTTP 404 `http://x.example/a.jpg`" in shown
    assert shown.count("\n- ") == 5
    assert "not ok" not in outcomes_markdown(sampled, 2)
    assert outcomes_markdown(sampled, 3) == ""


def test_nothing_from_outside_becomes_markup(sampled: Study):
    """Addresses and reasons may hold anything; they are shown as they are, on their line."""
    nasty = "http://x/`<script>alert(1)</script>|\n# [a](javascript:b)" + "y" * 500
    rewrite(sampled, {"m0000": LedgerRow("m0000", "missing", 404, 1, nasty, detail="*bold* | <b>\n- item [a](b)")})
    line = next(line for line in outcomes_markdown(sampled, 1).splitlines() if line.startswith("- m0000"))
    said, code, end = re.fullmatch(r"- m0000: (.*?) `([^`]*)`(.*)", line).groups()
    assert said == r"\*bold\* | \<b\> - item \[a\](b)"
    assert code.startswith("http://x/'<script>")
    assert len(code) < 120
    assert end == ""


def test_link_rot_is_shown_over_the_chunks_that_are_done(sampled: Study):
    """The heading says how many are done; the table has the share with its interval."""
    shown = link_rot_markdown(sampled)
    assert "Link rot in 2 of 2 chunks" in shown
    assert "| Travel | 48 | 8 | 16.7 (7.5\N{EN DASH}30.2) |" in shown
    sampled.manifest_file("download/chunk-0001").unlink()
    assert "Link rot in 1 of 2 chunks" in link_rot_markdown(sampled)
    sampled.manifest_file("download/chunk-0002").unlink()
    assert link_rot_markdown(sampled) == ""


def test_no_link_of_a_local_source_rots(sampled: Study):
    """Covers from a folder or archive are usable or not."""
    covers = sampled.settings.covers.model_copy(update={"source": "archive", "location": "covers.zip"})
    shown = link_rot_markdown(Study(sampled.settings.model_copy(update={"covers": covers})))
    assert "Covers not usable in 2 of 2 chunks" in shown
    assert "rot" not in shown.lower()


def test_a_sample_is_a_function_of_seed_and_chunk(sampled: Study):
    """The same seed draws the same covers, another draws others; they come by genre and key, and all have covers."""
    sample = sample_covers(sampled, 1)
    keys = [book.key for book, _ in sample]
    assert len(keys) == len(set(keys)) == SAMPLE
    assert [(book.category, book.key) for book, _ in sample] == sorted((book.category, book.key) for book, _ in sample)
    assert all((sampled.workspace.root / row.path).is_file() for _, row in sample)
    assert keys == [book.key for book, _ in sample_covers(sampled, 1)]
    other = Study(sampled.settings.model_copy(update={"seed": 5}))
    assert keys != [book.key for book, _ in sample_covers(other, 1)]


def test_a_cover_that_comes_later_changes_the_sample_little(sampled: Study):
    """Without one of its covers, the sample is the same but for the one that takes its place."""
    before = {book.key for book, _ in sample_covers(sampled, 1)}
    lost = min(before)
    rewrite(sampled, {lost: LedgerRow(lost, CoverOutcome.FAILED.value)})
    after = {book.key for book, _ in sample_covers(sampled, 1)}
    assert before - after == {lost}
    assert len(after) == SAMPLE


def test_a_sample_is_a_picture_in_the_text(sampled: Study):
    """A JPEG of all covers with their captions, small enough for a page and a database."""
    shown = sample_markdown(sampled, 1)
    assert len(shown) < MOST
    content = base64.b64decode(re.search(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)\)", shown)[1])
    with Image.open(io.BytesIO(content)) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width > 8 * 120
    assert "3 covers of chunk-0002" in sample_markdown(sampled, 2)


def test_a_chunk_without_covers_has_no_sample(tmp_path: Path):
    """Nothing came, nothing is shown."""
    assert sample_markdown(invented_study(tmp_path, records(4, "a", outcome=CoverOutcome.MISSING)), 1) == ""
