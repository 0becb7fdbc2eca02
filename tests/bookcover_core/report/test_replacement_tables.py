"""Books that left the study, in the report."""

import re

import pandas as pd
from PIL import Image

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import REPLACEMENTS, curate
from bookcover_core.curation.decisions import append_decision
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.report.curation_section import exchanged_covers, reasons_table, replaced_markdown
from bookcover_core.report.findings import gather
from bookcover_core.report.report_files import make_tables
from bookcover_core.report.write_report import write_report
from tests.bookcover_core.invented import Record, invented_study


def curated(tmp_path):
    """A study in which box sets were rejected, one cover is missing, and the pool has enough."""
    official = [
        Record(f"{genre}{role}{number}", category=genre, role=role, title="Box Set" if number < 2 else "")
        for genre in ("Arts", "Law")
        for role in ("train", "test")
        for number in range(4)
    ]
    pool = [
        Record(f"{genre}pool{number}", category=genre, role="pool") for genre in ("Arts", "Law") for number in range(4)
    ]
    study = invented_study(tmp_path, [*official, *pool, Record("gone", role="train", outcome="missing")])
    for book in (*official, *pool):
        file = study.workspace.root / book.path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 90), "navy").save(file)
    find_candidates(study)
    find_twins(study)
    for key in ("Lawtest0", "Artstrain1"):
        append_decision(study, key, "reject", by="Ada")
    curate(study)
    return study


def test_reasons_are_counted_by_genre():
    """A row for each genre that lost books and one for all, reasons from the commonest on, what was replaced beside."""
    rows = [
        ("a", "Law", "train", "missing", "p", ""),
        ("b", "Law", "test", "box set", "", ""),
        ("c", "Arts", "train", "missing", "q", ""),
    ]
    table = reasons_table(pd.DataFrame(rows, columns=list(REPLACEMENTS)), ["Arts", "Cooking", "Law"])
    assert [column.title for column in table.columns] == ["Genre", "Left", "Replaced", "Missing", "Box set"]
    assert [[cell.value for cell in row] for row in table.rows] == [
        ["Arts", 1, 1, 1, 0],
        ["Law", 2, 1, 1, 1],
        ["All genres", 3, 2, 2, 1],
    ]
    assert table.foot == 1
    assert table.notes == ("Replaced: by a book of its genre from the pool, while that had one.",)
    assert not reasons_table(pd.DataFrame(rows[1:2], columns=list(REPLACEMENTS)), ["Law"]).notes


def test_covers_that_left_are_shown_beside_those_that_came(tmp_path):
    """Rejected books with their replacements, by genre; a book without a cover has nothing to show."""
    study = curated(tmp_path)
    covers = exchanged_covers(study)
    assert [cover.caption for cover in covers[::2]] == [
        ("Arts", "Artstrain1", "left: box set"),
        ("Law", "Lawtest0", "left: box set"),
    ]
    assert [cover.caption[2] for cover in covers[1::2]] == ["came in its place"] * 2
    assert all(cover.caption[1].startswith(f"{cover.caption[0]}pool") for cover in covers[1::2])
    assert all(cover.file.is_file() for cover in covers)
    said = replaced_markdown(study)
    assert "| Law | 2 | 2 | 1 | 1 |" in said
    assert re.search(r"!\[2 of 2 covers that left.*\]\(data:image/jpeg;base64,", said)
    assert "gone" not in said


def test_a_study_that_nobody_left_says_so(tmp_path):
    """There is no empty table."""
    study = invented_study(tmp_path, [Record(f"b{number}") for number in range(4)])
    find_candidates(study)
    find_twins(study)
    curate(study)
    assert replaced_markdown(study) == "### No book left the study"
    assert "replaced" not in make_tables(gather(study))


def test_the_report_shows_them(tmp_path):
    """The table is a CSV and part of the page; the pairs are pictures in it, and a contact sheet."""
    study = curated(tmp_path)
    write_report(study)
    report = study.workspace.report
    assert (report / "tables" / "replaced.csv").read_text("utf-8").splitlines()[
        0
    ] == "Genre,left,replaced,box set,missing"
    assert (report / "figures" / "replaced.png").is_file()
    page = (report / "index.html").read_text("utf-8")
    assert "Books that left, and what came" in page
    assert "came in its place" in page
