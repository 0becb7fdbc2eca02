"""Tables that pages write and people edit: both are read as spreadsheets save them, and extended."""

from pathlib import Path

import pytest

from bookcover_core.curation.decisions import Decision, append_decisions, decisions_file, standing_decisions
from bookcover_core.curation.edited_table import read_edited
from bookcover_core.curation.label_marks import LabelMark, labels_file, read_marks, save_mark
from bookcover_core.errors import DecisionsError
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.invented import invented_study, records

BOOKS = [*records(3, "a", category="Law"), *records(3, "t", category="Travel")]


def decide(study: Study, key: str) -> None:
    append_decisions(study, [Decision(key=key, decision="reject", why="box; set")], standing_decisions(study))


def mark(study: Study, key: str) -> None:
    save_mark(study, LabelMark(key=key, verdict="wrong", note="box; set"), read_marks(study).get(key))


TABLES = [
    pytest.param(decisions_file, "decision", "keep", standing_decisions, decide, id="decisions"),
    pytest.param(labels_file, "verdict", "right", read_marks, mark, id="labels"),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("first", "delimiter"), [("", ","), ("", ";"), ("", "\t"), ("sep=;\n", ";"), ("SEP=,\r\n", ",")]
)
@pytest.mark.parametrize(("file", "column", "said", "read", "add"), TABLES)
def test_both_tables_are_read_as_spreadsheets_save_them(
    tmp_path: Path, file, column, said, read, add, first, delimiter, encoding
):
    """And extended so that the next reader finds the old rows and the new one, and what a person wrote beside them."""
    study = invented_study(tmp_path, BOOKS)
    header, row = delimiter.join([column.title(), "shelf", "Key"]), delimiter.join([said.upper(), "é", "a0001"])
    place = file(study)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"{first}{header}\n{row}\n", encoding=encoding, newline="")
    assert list(read(study)) == ["a0001"]
    add(study, "a0002")
    add(study, "a0000")
    assert set(read(study)) == {"a0000", "a0001", "a0002"}
    assert "é" in place.read_text("utf-8")


@pytest.mark.parametrize(("file", "column", "said", "read", "add"), TABLES)
def test_an_empty_file_says_nothing_and_is_begun(tmp_path: Path, file, column, said, read, add):
    """As if it were not there."""
    study = invented_study(tmp_path, BOOKS)
    place = file(study)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    assert read(study) == {}
    add(study, "a0001")
    assert place.read_text("utf-8").startswith(f"key,{column},")
    assert said not in place.read_text("utf-8")
    assert list(read(study)) == ["a0001"]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path):
    """The line that names the delimiter, blank ones, and those of a quoted field among them."""
    file = tmp_path / "table.csv"
    file.write_text('sep=;\n\nkey;said\na;"two\nlines"\n\nb;x;y\n')
    with pytest.raises(DecisionsError, match="line 7: there are more fields"):
        read_edited(file, ("key", "said"))
