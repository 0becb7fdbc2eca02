"""Manifests, and whether they still stand."""

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.pipeline import manifests
from bookcover_core.pipeline.manifests import (
    INDEX_COLUMNS,
    Manifest,
    Output,
    digest_of,
    digest_outputs,
    file_digest,
    is_unaltered,
    known_digest,
    read_manifest,
)
from bookcover_core.pipeline.workspace import write_table


@pytest.fixture
def file(tmp_path):
    """A file with some content."""
    path = tmp_path / "folder" / "file.bin"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


def touch(file, seconds=100):
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime + seconds))


def manifest(**fields):
    plain = {"stage": "split", "key": "k", "code": "c", "settings": {}, "inputs": {}, "digest": "d", "seconds": 1}
    return Manifest(**plain | {"finished": datetime(2020, 9, 1, tzinfo=UTC)} | fields)


def test_an_output_is_known_by_content(tmp_path, file):
    """An output names its file relative to the study, with size and SHA-256."""
    output = Output.of(file, tmp_path)
    assert (output.path, output.bytes) == ("folder/file.bin", 7)
    assert output.sha256 == sha256(b"content").hexdigest() == file_digest(file)
    assert output.stands(tmp_path)


def test_a_known_file_is_read_once(file, monkeypatch):
    """What people bring is read again only when it has another time of change, size or inode."""
    read: list[Path] = []
    monkeypatch.setattr(manifests, "file_digest", lambda path: read.append(path) or file_digest(path))
    assert known_digest(file) == known_digest(file) == sha256(b"content").hexdigest()
    assert read == [file]
    other = file.with_name("other.bin")
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert known_digest(file) == sha256(b"CONTENT").hexdigest(), "another inode"
    file.write_bytes(b"contents")
    assert known_digest(file) == sha256(b"contents").hexdigest(), "another size"


def test_missing_and_altered_files_do_not_stand(tmp_path, file):
    """A file that is gone, longer, or of another content is not believed."""
    output = Output.of(file, tmp_path)
    file.write_bytes(b"content and more")
    assert not output.stands(tmp_path)
    file.write_bytes(b"CONTENT")
    touch(file)
    assert not output.stands(tmp_path)
    file.unlink()
    assert not output.stands(tmp_path)


def test_a_touched_file_stands(tmp_path, file):
    """A file of another time of change is read, and stands if its content is the same: a study can be copied."""
    output = Output.of(file, tmp_path)
    touch(file)
    assert file.stat().st_mtime_ns != output.mtime_ns
    assert output.stands(tmp_path)


def test_a_folder_in_a_files_place_does_not_stand(tmp_path):
    """A folder where the file was is no file."""
    (tmp_path / "folder").mkdir()
    assert not is_unaltered(tmp_path / "folder", 7, 1, "x")


@pytest.fixture
def indexed(tmp_path):
    """A manifest with an index of three files and a row that names none."""
    rows = [("none", "", "", "", "")]
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
        output = Output.of(tmp_path / name, tmp_path)
        rows.append((name, output.path, output.bytes, output.mtime_ns, output.sha256))
    write_table(tmp_path / "index.csv", pd.DataFrame(rows, columns=["key", *INDEX_COLUMNS]))
    return manifest(outputs=[Output.of(tmp_path / "index.csv", tmp_path)], indexes=["index.csv"])


def test_files_of_an_index_are_checked(tmp_path, indexed):
    """A manifest stands only while every file that its index names does; the damaged ones are named."""
    assert indexed.stands(tmp_path)
    touch(tmp_path / "c")
    assert indexed.stands(tmp_path)
    (tmp_path / "a").write_text("x")
    touch(tmp_path / "a")
    (tmp_path / "b").unlink()
    assert [each.path for each in indexed.files(tmp_path) if not each.stands(tmp_path)] == ["a", "b"]
    assert not indexed.stands(tmp_path)


def test_a_missing_index_does_not_stand(tmp_path, indexed):
    """Without its index nothing is known of the files."""
    (tmp_path / "index.csv").unlink()
    assert not indexed.stands(tmp_path)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    """A manifest survives its JSON; whether it was reused is not stored."""
    made = manifest(part="shard-0001", counts={"books": 3, "splits": {"train": 2}}, reused=True)
    (tmp_path / "m.json").write_text(made.model_dump_json())
    read = read_manifest(tmp_path / "m.json")
    assert read == made.model_copy(update={"reused": False})
    assert (read.label, manifest().label) == ("split/shard-0001", "split")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stage": "x"}', b"\xff"])
def test_what_is_no_manifest_is_none(tmp_path, content):
    """A manifest that was cut off or damaged is no manifest, and its stage runs again."""
    (tmp_path / "m.json").write_bytes(content)
    assert read_manifest(tmp_path / "m.json") is None
    assert read_manifest(tmp_path / "missing.json") is None


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(values=st.dictionaries(st.text(), JSON, max_size=5))
def test_a_digest_does_not_hang_on_the_order_of_keys(values):
    """The same JSON value has the same digest, however its keys are ordered."""
    assert digest_of(values) == digest_of(dict(reversed(values.items())))


def test_a_digest_tells_values_apart():
    """Text and number, list and element, and the order of a list count."""
    values = [1, "1", [1], [1, 2], [2, 1], {"a": 1}, {"a": "1"}, None, [], {}]
    assert len({digest_of(value) for value in values}) == len(values)


def test_outputs_are_known_by_path_and_content(tmp_path, file):
    """What stages behind see of outputs does not depend on their order or their times of change."""
    other = file.with_name("other")
    other.write_text("x")
    before = [Output.of(path, tmp_path) for path in (file, other)]
    touch(file)
    after = [Output.of(path, tmp_path) for path in (other, file)]
    assert digest_outputs(before) == digest_outputs(after)
    other.write_text("y")
    assert digest_outputs([Output.of(path, tmp_path) for path in (file, other)]) != digest_outputs(before)
