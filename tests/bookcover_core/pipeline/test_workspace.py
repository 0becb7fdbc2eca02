"""Where files lie, and how they are written."""

import csv
import errno
import io
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.errors import DiskFullError, WorkspaceError
from bookcover_core.pipeline.workspace import (
    Workspace,
    as_cell,
    atomic,
    from_cell,
    make_folder,
    read_csv,
    read_table,
    safe_name,
    sync,
    write_bytes,
    write_csv,
    write_json,
    write_table,
    write_text,
)

NAMES = st.text(max_size=40) | st.text(alphabet="./ %a\\", max_size=8) | st.text(alphabet="aé/.", max_size=400)


@given(name=NAMES)
def test_a_safe_name_never_leaves_its_folder(name):
    """Whatever the name, it is one plain component of a path, not hidden, and short enough for file systems."""
    safe = safe_name(name)
    assert Path("folder", safe).parent == Path("folder")
    assert safe not in ("", ".", "..")
    assert not safe.startswith(".")
    assert safe == safe.strip()
    assert len(safe.encode()) == len(safe) <= 200


@given(one=NAMES, other=NAMES)
def test_different_names_stay_different(one, other):
    """Two names that are short enough to be kept whole never become one."""
    if one != other and max(len(one.encode()), len(other.encode())) <= 200 // 3:
        assert safe_name(one) != safe_name(other)


@pytest.mark.parametrize("name", ["a ", " a", "a"])
def test_spaces_at_the_ends_count(name):
    """Spaces at the ends of a name, which some file systems drop, are not simply lost."""
    assert [other for other in ("a ", " a", "a") if safe_name(other) == safe_name(name)] == [name]


@pytest.mark.parametrize("name", ["000647988X.jpg", "My Cover-2_b.png", "0006479227.jpg"])
def test_ordinary_names_stay_as_they_are(name):
    """Letters, digits, hyphens, underscores, full stops and spaces within stay."""
    assert safe_name(name) == name


def test_a_long_name_keeps_its_suffix_and_stays_its_own():
    """A cut name has its suffix, and differs from others that begin alike; 60 Cyrillic letters are too many."""
    assert safe_name("x" * 300 + ".jpg").endswith(".jpg")
    names = [f"{start * 60}{end}.jpg" for start in ("x" * 5, "\u0416", "\u672c") for end in "ab"]
    cut = [safe_name(name) for name in names]
    assert len(set(cut)) == len(names)
    assert max(map(len, cut)) <= 200


def write_half(file, error):
    """Begin to write a file, and fail."""
    with atomic(file) as temporary:
        temporary.write_text("ne")
        raise error


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole(tmp_path):
    """Until the block has ended the file is not there; afterwards it is, and nothing else."""
    file = tmp_path / "new" / "file.txt"
    with atomic(file) as temporary:
        temporary.write_text("content")
        assert not file.exists()
        assert temporary.parent == file.parent
        assert temporary.suffix == ".txt"
    assert file.read_text() == "content"
    assert files(file.parent) == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    """When writing fails the file is as it was before, and no half of a new one lies beside it."""
    file = tmp_path / "file.txt"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(file, ZeroDivisionError())
    assert file.read_text() == "old"
    assert files(tmp_path) == ["file.txt"]


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    """A disk that fills up while a file is written leaves the old file, and the error says what to do."""
    file = tmp_path / "file.txt"
    file.write_text("old")
    with pytest.raises(DiskFullError, match=r"file\.txt: no space"):
        write_half(file, OSError(errno.ENOSPC, "No space left on device"))
    assert file.read_text() == "old"
    assert files(tmp_path) == ["file.txt"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """A file where a folder should be, or a folder where a file should be, is an error of the workspace."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "file" / "new.txt", tmp_path / "file" / "deep" / "new.txt", tmp_path / "folder"):
        with pytest.raises(WorkspaceError):
            write_bytes(place, b"x")
    assert files(tmp_path) == ["file", "folder"]


def test_written_files_can_be_read_by_others(tmp_path):
    """A written file has the rights of an ordinary one, so that a report can be shared."""
    write_bytes(tmp_path / "file", b"x")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_bytes_that_cannot_be_written_leave_nothing(tmp_path, monkeypatch):
    """When the disk fills up while a picture is written, the old one stays, and nothing lies beside it."""

    class FullDisk(io.BytesIO):
        def write(self, _content):
            raise OSError(errno.ENOSPC, "No space left on device")

    def full_disk(descriptor, _mode):
        os.close(descriptor)
        return FullDisk()

    file = tmp_path / "file.jpg"
    write_bytes(file, b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", full_disk)
        with pytest.raises(DiskFullError, match=r"file\.jpg: no space"):
            write_bytes(file, b"new")
    assert file.read_bytes() == b"old"
    assert files(tmp_path) == ["file.jpg"]


def test_folders_are_made_where_they_are_missing(tmp_path):
    """A file deep in folders that are not there yet is written all the same; a second one beside it too."""
    for name in ("one", "two"):
        write_bytes(tmp_path / "a" / "b" / name, name.encode())
    assert files(tmp_path / "a" / "b") == ["one", "two"]


def test_json_is_readable(tmp_path):
    """JSON is indented, and keeps letters of all alphabets."""
    write_json(tmp_path / "a.json", {"title": "Études"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "title": "Études"\n}\n'
    assert json.loads(text) == {"title": "Études"}


def test_tables_keep_text_as_it_is(tmp_path):
    """Leading zeros, "NA", empty text, quotes and line ends inside a field come back; numbers where they are named."""
    table = pd.DataFrame(
        {
            "key": ["0006479227", "NA", ""],
            "title": ['say "no"', "two\nlines", "None"],
            "count": [1, 2, 3],
            "share": [0.1, None, 0.3],
        }
    )
    write_table(tmp_path / "t.csv", table)
    read = read_table(tmp_path / "t.csv", count="int64", share="float64")
    assert read["key"].tolist() == ["0006479227", "NA", ""]
    assert read["title"].tolist() == ['say "no"', "two\nlines", "None"]
    assert read["count"].sum() == 6
    assert read["share"].isna().tolist() == [False, True, False]


def test_an_empty_table_keeps_its_columns(tmp_path):
    """A table without rows is read again with its columns."""
    write_table(tmp_path / "t.csv", pd.DataFrame([], columns=["a", "b"]))
    assert list(read_table(tmp_path / "t.csv", a="int64").columns) == ["a", "b"]


def test_everything_of_a_study_lies_in_its_folder(tmp_path):
    """All places of a workspace are below its root, and are named relative to it with forward slashes."""
    workspace = Workspace(tmp_path)
    places = [place for place in vars(workspace).values() if isinstance(place, Path) and place != tmp_path]
    assert len(places) > 12
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert len(set(places)) == len(places)
    assert workspace.relative(workspace.splits) == "splits/books.csv"


def test_syncing_takes_each_file_and_each_folder_once(tmp_path, monkeypatch):
    """Every file is synced, and every folder that names one; a file that is missing is an error."""
    files = [tmp_path / "a" / "1", tmp_path / "a" / "2", tmp_path / "b" / "1"]
    for file in files:
        write_text(file, "x")
    synced = []
    monkeypatch.setattr("os.fsync", synced.append)
    sync(files)
    assert len(synced) == 5
    with pytest.raises(FileNotFoundError):
        sync([tmp_path / "c"])


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


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    """A file of that name, and a file system that takes none."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/exported")):
        with pytest.raises(WorkspaceError, match="the folder cannot be written"):
            make_folder(folder, "Name another one.")
