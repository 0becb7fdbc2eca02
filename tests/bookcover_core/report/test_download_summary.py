"""What people see of a chunk: outcomes, what went wrong, link rot, a sample of covers; nothing of it is markup."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows, write_rows
from bookcover_core.pipeline.study import Study
from bookcover_core.report.download_summary import (
    SAMPLE,
    link_rot_markdown,
    outcomes_markdown,
    sample_covers,
    sample_markdown,
)
from tests.bookcover_core.invented import invented_study, records
from tests.bookcover_core.report.specimen import draw_cover

# Bytes of a Markdown text with its picture, at most.
MOST = 400_000


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two chunks; the first has more covers than a sample, and some that are missing."""
    books = records(80, "a", category="Law") + records(40, "b", category="Travel")
    books += records(8, "m", category="Travel", outcome=CoverOutcome.MISSING)
    books += records(3, "z", category="Law", chunk=2)
    study = invented_study(tmp_path, books)
    for number, book in enumerate(books):
        if book.path:
            file = study.workspace.root / book.path
            file.parent.mkdir(parents=True, exist_ok=True)
            draw_cover(number % 7, number).save(file, "JPEG", quality=95)
    return study


def rewrite(study: Study, change: dict[str, LedgerRow]) -> None:
    file = study.workspace.ledger / "chunk-0001.csv"
    write_rows(file, [change.get(row.key, row) for row in read_rows(file)])


def test_outcomes_are_shown_by_genre_with_the_first_failures(study: Study):
    """A row for each genre and the total, then a few records of each outcome that is not ok."""
    rewrite(study, {"m0000": LedgerRow("m0000", "missing", 404, 1, "http://x.example/a.jpg", detail="HTTP 404")})
    shown = outcomes_markdown(study, 1)
    assert "| Law | 80 | 80 | 0 |" in shown
    assert "| **All records** | **128** | **120** | **8** |" in shown
    assert "**missing**: 5 of 8" in shown
    assert "- m0000: HTTP 404 `http://x.example/a.jpg`" in shown
    assert shown.count("\n- ") == 5
    assert "not ok" not in outcomes_markdown(study, 2)
    assert outcomes_markdown(study, 3) == ""


def test_nothing_from_outside_becomes_markup(study: Study):
    """Addresses and reasons may hold anything; they are shown as they are, on their line."""
    nasty = "http://x/`<script>alert(1)</script>|\n# [a](javascript:b)" + "y" * 500
    rewrite(study, {"m0000": LedgerRow("m0000", "missing", 404, 1, nasty, detail="*bold* | <b>\n- item [a](b)")})
    line = next(line for line in outcomes_markdown(study, 1).splitlines() if line.startswith("- m0000"))
    said, code, end = re.fullmatch(r"- m0000: (.*?) `([^`]*)`(.*)", line).groups()
    assert said == r"\*bold\* | \<b\> - item \[a\](b)"
    assert code.startswith("http://x/'<script>")
    assert len(code) < 120
    assert end == ""


def test_link_rot_is_shown_over_the_chunks_that_are_done(study: Study):
    """The heading says how many are done; the table has the share with its interval."""
    shown = link_rot_markdown(study)
    assert "Link rot in 2 of 2 chunks" in shown
    assert "| Travel | 48 | 8 | 16.7 (7.5\N{EN DASH}30.2) |" in shown
    study.manifest_file("download/chunk-0001").unlink()
    assert "Link rot in 1 of 2 chunks" in link_rot_markdown(study)
    study.manifest_file("download/chunk-0002").unlink()
    assert link_rot_markdown(study) == ""


def test_no_link_of_a_local_source_rots(study: Study):
    """Covers from a folder or archive are usable or not."""
    covers = study.settings.covers.model_copy(update={"source": "archive", "location": "covers.zip"})
    shown = link_rot_markdown(Study(study.settings.model_copy(update={"covers": covers})))
    assert "Covers not usable in 2 of 2 chunks" in shown
    assert "rot" not in shown.lower()


def test_a_sample_is_a_function_of_seed_and_chunk(study: Study):
    """The same seed draws the same covers, another draws others; they come by genre and key, and all have covers."""
    sample = sample_covers(study, 1)
    keys = [book.key for book, _ in sample]
    assert len(keys) == len(set(keys)) == SAMPLE
    assert [(book.category, book.key) for book, _ in sample] == sorted((book.category, book.key) for book, _ in sample)
    assert all((study.workspace.root / row.path).is_file() for _, row in sample)
    assert keys == [book.key for book, _ in sample_covers(study, 1)]
    other = Study(study.settings.model_copy(update={"seed": 5}))
    assert keys != [book.key for book, _ in sample_covers(other, 1)]


def test_a_cover_that_comes_later_changes_the_sample_little(study: Study):
    """Without one of its covers, the sample is the same but for the one that takes its place."""
    before = {book.key for book, _ in sample_covers(study, 1)}
    lost = min(before)
    rewrite(study, {lost: LedgerRow(lost, CoverOutcome.FAILED.value)})
    after = {book.key for book, _ in sample_covers(study, 1)}
    assert before - after == {lost}
    assert len(after) == SAMPLE


def test_a_sample_is_a_picture_in_the_text(study: Study):
    """A JPEG of all covers with their captions, small enough for a page and a database."""
    shown = sample_markdown(study, 1)
    assert len(shown) < MOST
    content = base64.b64decode(re.search(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)\)", shown)[1])
    with Image.open(io.BytesIO(content)) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width > 8 * 120
    assert "3 covers of chunk-0002" in sample_markdown(study, 2)


def test_a_chunk_without_covers_has_no_sample(tmp_path: Path):
    """Nothing came, nothing is shown."""
    assert sample_markdown(invented_study(tmp_path, records(4, "a", outcome=CoverOutcome.MISSING)), 1) == ""
