"""Tables that people open in a spreadsheet: nothing in them is run, and all that is read from them is as it was."""

import csv

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.pipeline.csv_cells import as_cell, from_cell
from bookcover_core.pipeline.workspace import read_csv, read_table, write_csv, write_table

FORMULAS = ["=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(1)", "\tx", "'=1", "''@x", "＝1"]  # noqa: RUF001
PLAIN = ["Emma", "", "'tis", "-5", "+1.5e3", "'", "a=b", "日本の本"]


@given(text=st.one_of(st.text(), st.text("'=+-@\t1a", max_size=6)))
def test_every_text_comes_back(text):
    """Whatever a text is, also behind apostrophes of its own."""
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text(text):
    """A spreadsheet shows what stands behind an apostrophe."""
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_anything_else_is_left_alone(text):
    """Numbers too, negative ones among them."""
    assert as_cell(text) == text


def test_tables_are_written_and_read_by_this(tmp_path):
    """Both ways of writing and both of reading, column names of genres too; numbers stay numbers."""
    table = pd.DataFrame({"title": [*FORMULAS, *PLAIN], "=Cooking": -1.5, "label": -3})
    write_table(tmp_path / "a.csv", table)
    write_csv(tmp_path / "b.csv", table.columns, table.itertuples(index=False))
    for file in (tmp_path / "a.csv", tmp_path / "b.csv"):
        with file.open(newline="") as lines:
            header, *rows = csv.reader(lines)
        assert header == ["title", "'=Cooking", "label"]
        assert {tuple(row[1:]) for row in rows} == {("-1.5", "-3")}
        assert not any(row[0].startswith(("=", "@", "\t", "+1+", "-1+")) for row in rows)
        again = read_table(file, label="int64")
        assert again.columns.tolist() == table.columns.tolist()
        assert again["title"].tolist() == table["title"].tolist()
        assert again["label"].tolist() == [-3] * len(table)
        assert [row[0] for row in read_csv(file)] == ["title", *table["title"]]
