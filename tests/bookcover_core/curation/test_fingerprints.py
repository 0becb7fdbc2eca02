"""What covers look like: hashes and colours, taken once."""

import errno
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.covers.ledger import LedgerRow, rows_digest, write_rows
from bookcover_core.curation import fingerprints
from bookcover_core.curation.fingerprints import (
    Fingerprint,
    compute_fingerprints,
    fingerprints_file,
    hash_chunk,
    read_fingerprints,
)
from bookcover_core.curation.near_duplicates import near_pairs
from bookcover_core.errors import FolderError, WorkerError
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.invented import settings_in


def draw(number: int, size: tuple[int, int] = (160, 240)) -> Image.Image:
    """A picture of its own: blurred blocks of colour."""
    chance = np.random.default_rng(number)
    return Image.fromarray(chance.integers(0, 256, (6, 4, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


def shelve(study: Study, covers: dict[str, Image.Image | None]) -> None:
    """Leave behind what the download of chunk 1 would: covers, by key (None: there is none), and their ledger."""
    rows = []
    for key, cover in covers.items():
        file = study.workspace.covers / "law" / f"{key}.jpg"
        if cover is None:
            rows.append(LedgerRow(key, "missing"))
            continue
        content = io.BytesIO()
        cover.save(content, "JPEG", quality=90)
        if not file.exists() or file.read_bytes() != content.getvalue():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.getvalue())
        rows.append(LedgerRow(key, "ok", path=study.workspace.relative(file), sha256=file_digest(file)))
    ledger = study.workspace.ledger / "chunk-0001.csv"
    write_rows(ledger, rows)
    record(study, "download/chunk-0001", outputs=[ledger], digest=rows_digest(rows))


@pytest.fixture
def study(tmp_path) -> Study:
    return Study(settings_in(tmp_path))


@pytest.fixture
def looked_at(monkeypatch) -> list[str]:
    """Names of the files that were looked at."""
    names = []

    def look(files):
        names.extend(file.stem for file in files)
        return compute_fingerprints(files)

    monkeypatch.setattr(fingerprints, "compute_fingerprints", look)
    return names


def differ(one: Fingerprint, other: Fingerprint) -> int:
    """In how many bits two hashes differ."""
    return (int(one.hash, 16) ^ int(other.hash, 16)).bit_count()


def test_every_cover_of_the_chunk_has_a_look(study):
    """Books with a cover are listed by key, with its path and digest; those without are not."""
    shelve(study, {"b": draw(1), "a": draw(2), "c": None})
    manifest = hash_chunk(study, 1)
    found = read_fingerprints(study, ["chunk-0001"], {"a", "b", "c"})
    assert [(look.key, look.path) for look in found] == [("a", "covers/law/a.jpg"), ("b", "covers/law/b.jpg")]
    assert [look.sha256 for look in found] == [file_digest(study.workspace.root / look.path) for look in found]
    assert all((len(look.hash), len(look.colours)) == (16, 96) for look in found)
    assert manifest.counts == {"covers": 2, "pictures": 2, "pictures known": 0}
    assert hash_chunk(study, 1).reused


def test_one_file_is_looked_at_once(study, looked_at):
    """Books with one file share one look, for which one of them is read."""
    shelve(study, {"a": draw(1), "b": draw(1), "c": draw(2)})
    hash_chunk(study, 1)
    assert len(looked_at) == 2
    one, other, third = read_fingerprints(study, ["chunk-0001"], {"a", "b", "c"})
    assert one[2:] == other[2:] != third[2:]


def test_a_cover_that_is_known_is_not_looked_at_again(study, looked_at):
    """When a chunk changes only what is new in it is looked at; the file is as if all had been."""
    shelve(study, {"a": draw(1), "b": draw(2)})
    hash_chunk(study, 1)
    looked_at.clear()
    shelve(study, {"a": draw(1), "b": draw(3), "c": draw(2)})
    assert hash_chunk(study, 1).counts == {"covers": 3, "pictures": 3, "pictures known": 2}
    assert looked_at == ["b"]
    after = fingerprints_file(study.workspace, "chunk-0001").read_bytes()
    study.manifest_file("hashes/chunk-0001").unlink()
    hash_chunk(study, 1)
    assert fingerprints_file(study.workspace, "chunk-0001").read_bytes() == after


@pytest.mark.parametrize("damage", ["library", "code", "table"])
def test_looks_of_other_code_are_not_believed(study, looked_at, monkeypatch, damage):
    """With another library or other code, or where the table was altered, every cover is looked at again."""
    shelve(study, {"a": draw(1), "b": draw(2)})
    hash_chunk(study, 1)
    looked_at.clear()
    if damage == "library":
        monkeypatch.setattr(fingerprints, "version", lambda _: "99")
    elif damage == "code":
        monkeypatch.setattr(fingerprints.hash_chunk, "code", {"another": "code"})
    else:
        file = fingerprints_file(study.workspace, "chunk-0001")
        file.write_bytes(file.read_bytes().replace(b"law/a", b"law/c"))
    hash_chunk(study, 1)
    assert sorted(looked_at) == ["a", "b"]


def test_many_covers_are_looked_at_in_processes(study, monkeypatch):
    """Several batches give the same table as one."""
    shelve(study, {f"k{number}": draw(number) for number in range(5)})
    hash_chunk(study, 1)
    alone = fingerprints_file(study.workspace, "chunk-0001").read_bytes()
    study.manifest_file("hashes/chunk-0001").unlink()
    monkeypatch.setattr(fingerprints, "_BATCH", 2)
    hash_chunk(study, 1)
    assert fingerprints_file(study.workspace, "chunk-0001").read_bytes() == alone


def test_a_cover_that_is_gone_is_named(study):
    """A cover that vanished after its download stops the stage by its name."""
    shelve(study, {"a": draw(1)})
    (study.workspace.covers / "law" / "a.jpg").unlink()
    with pytest.raises(FolderError, match=r"a\.jpg: .*Run `download` again"):
        hash_chunk(study, 1)


def near(one: Fingerprint, other: Fingerprint, distance: int = 6) -> bool:
    """Whether two covers are twins."""
    hashes = np.array([int(one.hash, 16), int(other.hash, 16)], dtype=np.uint64)
    colours = np.array([list(bytes.fromhex(look.colours)) for look in (one, other)], dtype=np.uint8)
    return any(len(pairs.one) for pairs in near_pairs(hashes, colours, distance))


def looks_of(folder, *covers: Image.Image) -> list[Fingerprint]:
    """The looks of covers."""
    files = [folder / f"{number}.png" for number in range(len(covers))]
    for file, cover in zip(files, covers, strict=True):
        cover.save(file)
    return [Fingerprint("", "", "", *look) for look in compute_fingerprints(files)]


def test_blank_covers_of_different_colours_are_no_twins(tmp_path):
    """A hash says nothing of colour: all flat pictures have the same; the colours part them."""
    white, black, red, again = looks_of(
        tmp_path, *(Image.new("RGB", (100, 150), colour) for colour in ("white", "black", "red", "#fdfdfd"))
    )
    assert near(white, again)
    assert not any(near(one, other) for one, other in ((white, black), (white, red), (black, red)))


def test_the_same_design_in_another_colour_is_no_twin(tmp_path):
    """A series that changes only its colour is not one picture, though its hashes may be equal."""
    red, _, blue = draw(1).split()
    one, other = looks_of(tmp_path, draw(1), Image.merge("RGB", (blue, draw(1).getchannel("G"), red)))
    assert not near(one, other)


def test_real_covers_keep_their_look_when_shops_scale_and_compress_them(real_data, tmp_path):
    """Of 200 real covers, halved and compressed hard, 99 % and more are found again, and none is taken for another."""
    files = sorted((real_data / "covers").glob("*.jpg"))[::19][:200]
    scans = []
    for file in files:
        with Image.open(file) as cover:
            scans.append(tmp_path / file.name)
            cover.convert("RGB").resize((cover.width // 2, cover.height // 2)).save(scans[-1], quality=50)
    originals, copies = (
        pd.DataFrame(compute_fingerprints(group), columns=["hash", "colours"]) for group in (files, scans)
    )
    both = pd.concat([originals, copies])
    hashes = np.array([int(text, 16) for text in both["hash"]], dtype=np.uint64)
    colours = np.array([list(bytes.fromhex(text)) for text in both["colours"]], dtype=np.uint8)
    found = {
        (int(one), int(other))
        for pairs in near_pairs(hashes, colours, 6)
        for one, other in zip(pairs.one, pairs.other, strict=True)
    }
    again = {(number, number + len(files)) for number in range(len(files))}
    assert len(found & again) >= 0.99 * len(files)
    assert found <= again


def test_a_shortage_does_not_blame_the_cover(tmp_path, monkeypatch):
    """Without a free descriptor nothing is wrong with the download."""

    def fail(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(fingerprints, "read_rgb", fail)
    with pytest.raises(WorkerError, match="a shortage on this machine"):
        compute_fingerprints([tmp_path / "cover.jpg"])
