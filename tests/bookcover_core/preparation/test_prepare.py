"""Covers measured and prepared, shard by shard."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.errors import FolderError, StageOrderError
from bookcover_core.genres import number_genres
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.manifests import INDEX_COLUMNS, file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.preparation import prepare, prepared_images
from bookcover_core.preparation.prepare import INDEX, MEASUREMENTS, prepare_shard, shard_keys, shards
from bookcover_core.settings.toml_file import parse_settings

GENRES = number_genres(["Law", "Children's Books"])


def draw(study: Study, key: str, number: int) -> str:
    """Write a cover of its own colour, and give its path in the study."""
    cover = study.workspace.covers / "law" / f"{key}.jpg"
    cover.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 90 + number), (number * 5 % 256, 40, 200)).save(cover, quality=100, subsampling=0)
    return study.workspace.relative(cover)


def select(study: Study, keys: list[str]) -> None:
    """Leave behind what curation would."""
    rows = []
    for key in sorted(keys):
        path = study.workspace.covers / "law" / f"{key}.jpg"
        if not path.exists():
            draw(study, key, int(key[1:]))
        rows.append((key, str(int(key[1:]) % 2), study.workspace.relative(path), file_digest(path)))
    write_table(study.workspace.genres, pd.DataFrame([genre.model_dump() for genre in GENRES]))
    write_table(study.workspace.selection, pd.DataFrame(rows, columns=["key", "label", "path", "sha256"]))
    record(study, "curate", outputs=[study.workspace.selection])


def study_in(folder, **preparation) -> Study:
    values = {"size": 32, "shard_records": 20, **preparation}
    return Study(parse_settings({"name": "s", "workspace": str(folder), "preparation": values}))


KEYS = [f"k{number:03d}" for number in range(20)]


@pytest.fixture
def study(tmp_path) -> Study:
    """Twenty selected covers in one shard."""
    study = study_in(tmp_path)
    select(study, KEYS)
    return study


def test_shards_cover_the_selection(tmp_path):
    """Twenty covers are two shards where one takes 16; together they prepare each cover once in every way."""
    study = study_in(tmp_path, shard_records=16)
    select(study, KEYS)
    assert shards(study) == [1, 2]
    counts = [prepare_shard(study, shard).counts for shard in shards(study)]
    assert [count["covers"] for count in counts] == [len(keys) for keys in shard_keys(study).values()]
    assert sum(count["pictures"] for count in counts) == 60
    files = [study.workspace.prepared / "index" / f"shard-000{shard}.csv" for shard in (1, 2)]
    index = pd.concat([read_table(file) for file in files])
    assert tuple(index.columns) == INDEX
    assert set(INDEX_COLUMNS) <= set(INDEX)
    assert sorted(zip(index["key"], index["method"], strict=True)) == sorted(
        (key, method) for key in KEYS for method in ("noprep", "padded", "cropped")
    )
    assert {"prepared/noprep/law/k000.jpg", "prepared/noprep/childrens-books/k001.jpg"} <= set(index["path"])


def test_a_book_that_comes_changes_one_shard(tmp_path):
    """Whether its key sorts first or last: all other books stay where they are, until each shard parts in two."""
    study = study_in(tmp_path, shard_records=16)
    select(study, [f"k{number:03d}" for number in range(100, 200)])
    before = shard_keys(study)
    assert set(before) == set(range(1, 9))
    for added in ("k000", "k999"):
        select(study, [added, *(f"k{number:03d}" for number in range(100, 200))])
        now = shard_keys(study)
        changed = [number for number in now if now[number] != before[number]]
        assert len(changed) == 1
        assert set(now[changed[0]]) - set(before[changed[0]]) == {added}
        assert all(keys == sorted(keys) for keys in now.values())
    select(study, [f"k{number:03d}" for number in range(100, 250)])
    parted = shard_keys(study)
    for number, keys in before.items():
        assert set(keys) <= {*parted.get(number, ()), *parted.get(number + 8, ())}


def test_another_study_of_the_home_prepares_nothing_again(study, tmp_path, monkeypatch):
    """What the store has of the same covers and settings is taken, under other keys and with fewer methods, too."""
    first = prepare_shard(study, 1)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    other = Study(study.settings.model_copy(update={"name": "other"}))
    shutil.copytree(study.workspace.covers, other.workspace.covers)
    select(other, KEYS)
    again = prepare_shard(other, 1)
    assert again.counts["covers kept"] == 20
    assert again.digest == first.digest
    for methods in (["padded"], ["noprep"], ["padded"], ["cropped", "noprep"]):
        other = study_in(tmp_path, methods=methods)
        assert prepare_shard(other, 1).counts["covers kept"] == 20


def test_methods_that_come_one_by_one_are_all_kept(study, tmp_path):
    """What is kept of a cover by one method is not lost when another is asked for."""
    wanted = (["padded"], ["noprep"], ["padded"], ["padded", "noprep"])
    kept = [prepare_shard(study_in(tmp_path, methods=methods), 1).counts["covers kept"] for methods in wanted]
    assert kept == [0, 0, 20, 20]


def test_measurements_are_of_the_cover_as_it_came(study):
    """Shape and colour are measured before the cover is prepared."""
    prepare_shard(study, 1)
    table = read_table(study.workspace.prepared / "measurements" / "shard-0001.csv")
    assert tuple(table.columns) == MEASUREMENTS
    assert table["key"].tolist() == KEYS
    assert table["height"].tolist() == [str(90 + number) for number in range(20)]
    assert abs(float(table["blue"][0]) - 200) < 3


def test_pictures_keep_full_colour_resolution(study):
    """Prepared JPEGs are RGB, of the size asked for, and 4:4:4; no unfinished file is left beside them."""
    prepare_shard(study, 1)
    folder = study.workspace.prepared / "padded" / "law"
    assert sorted(file.name for file in folder.iterdir()) == [f"{key}.jpg" for key in KEYS[::2]]
    with Image.open(folder / "k000.jpg") as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (32, 32))
        assert [component[1:3] for component in picture.layer] == [(1, 1)] * 3
        assert np.asarray(picture)[16, 1].min() >= 250, "a border, near the edge of what is dark"


def test_png_loses_nothing(tmp_path):
    """With PNG the pictures are PNG, by name and content, and of the cover's very colour."""
    study = study_in(tmp_path, image_format="png", methods=["noprep"])
    select(study, KEYS[:1])
    manifest = prepare_shard(study, 1)
    assert manifest.counts["pictures"] == 1
    with Image.open(study.workspace.prepared / "noprep" / "law" / "k000.png") as picture:
        assert picture.format == "PNG"
        with Image.open(study.workspace.covers / "law" / "k000.jpg") as cover:
            assert picture.getpixel((3, 3)) == cover.convert("RGB").getpixel((3, 3))


def test_an_unchanged_shard_is_not_prepared_again(study):
    """A second run finds the shard done; its digest is that of the first."""
    first = prepare_shard(study, 1)
    again = prepare_shard(study, 1)
    assert again.reused
    assert again.digest == first.digest


def test_a_lost_picture_is_made_again_alone(study):
    """A deleted picture is put back as it was, from the store, with no other cover touched."""
    first = prepare_shard(study, 1)
    lost = study.workspace.prepared / "cropped" / "law" / "k002.jpg"
    content = lost.read_bytes()
    lost.unlink()
    again = prepare_shard(study, 1)
    assert not again.reused
    assert again.counts["covers kept"] == 20
    assert again.digest == first.digest
    assert lost.read_bytes() == content


def test_a_replaced_book_redoes_its_own_cover(tmp_path):
    """When a book is replaced, its shard prepares the new cover alone, and other shards stay done."""
    study = study_in(tmp_path, shard_records=16)
    select(study, KEYS)
    for shard in shards(study):
        prepare_shard(study, shard)
    before = shard_keys(study)
    draw(study, "k900", 77)
    select(study, [*KEYS, "k900"])
    for shard, keys in shard_keys(study).items():
        manifest = prepare_shard(study, shard)
        assert manifest.reused == ("k900" not in keys)
        assert manifest.reused or manifest.counts["covers kept"] == len(before[shard])


def test_an_altered_cover_under_the_same_name_is_prepared_again(study):
    """A cover that was fetched anew, with another content, is not taken for the old one."""
    before = prepare_shard(study, 1)
    draw(study, "k003", 99)
    select(study, KEYS)
    after = prepare_shard(study, 1)
    assert after.counts["covers kept"] == 19
    assert after.digest != before.digest


@pytest.mark.parametrize("change", [{"size": 48}, {"jpeg_quality": 80}, {"interpolation": "lanczos"}])
def test_other_settings_prepare_everything_again(study, tmp_path, change):
    """A setting that every picture depends on keeps none of them."""
    prepare_shard(study, 1)
    manifest = prepare_shard(study_in(tmp_path, **change), 1)
    assert not manifest.reused
    assert manifest.counts["covers kept"] == 0


def test_a_stopped_shard_goes_on_where_it_was(study, monkeypatch):
    """What was prepared before the process was stopped is not prepared again."""
    done = []
    plain = prepared_images._prepare_cover

    def die(book, root, settings, paths):
        if book.key == "k009":
            raise KeyboardInterrupt
        done.append(book.key)
        return plain(book, root, settings, paths)

    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setattr(prepare, "_BATCH", 4)
    monkeypatch.setattr(prepared_images, "_prepare_cover", die)
    with pytest.raises(KeyboardInterrupt):
        prepare_shard(study, 1)
    with pytest.raises(StageOrderError):
        study.manifest("prepare/shard-0001")
    assert set(KEYS[:8]) <= set(done)
    monkeypatch.setattr(prepared_images, "_prepare_cover", plain)
    assert prepare_shard(study, 1).counts["covers kept"] == 9


SLOW_STAGE = """
    import sys
    from bookcover_core.preparation import prepare
    from bookcover_core.settings.toml_file import parse_settings
    from bookcover_core.pipeline.study import Study
    prepare._BATCH = 2
    values = {"size": 32, "shard_records": 400}
    settings = parse_settings({"name": "s", "workspace": sys.argv[1], "preparation": values})
    told = lambda done, total: print(done, flush=True)
    print(prepare.prepare_shard(Study(settings, progress=told), 1).digest)
"""


def test_a_killed_shard_goes_on_where_it_was(tmp_path, monkeypatch):
    """After kill -9 the store has what was prepared, and the outcome is that of a run that nobody killed."""
    keys = [f"k{number:03d}" for number in range(400)]
    study = study_in(tmp_path / "killed", shard_records=400)
    select(study, keys)
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLOW_STAGE), str(tmp_path / "killed")],
        env={**os.environ, "LOKY_MAX_CPU_COUNT": "2"},
        stdout=subprocess.PIPE,
        text=True,
    )
    while int(program.stdout.readline()) < 20:
        pass
    program.kill()
    program.communicate()
    assert program.returncode == -signal.SIGKILL
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    manifest = prepare_shard(study, 1)
    assert 20 <= manifest.counts["covers kept"] < 400
    whole = study_in(tmp_path / "whole", shard_records=400)
    select(whole, keys)
    assert prepare_shard(whole, 1).digest == manifest.digest


def test_processes_give_what_one_process_gives(study, tmp_path, monkeypatch):
    """Pictures, tables and digest are the same whether batches are shared among processes or not; all are counted."""
    told = []
    monkeypatch.setattr(prepare, "_BATCH", 2)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    manifest = prepare_shard(Study(study.settings, progress=lambda done, total: told.append((done, total))), 1)
    assert told == [(done, 20) for done in range(0, 21, 2)]
    alone = study_in(tmp_path / "alone")
    select(alone, KEYS)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert prepare_shard(alone, 1).digest == manifest.digest
    names = ["prepared/measurements/shard-0001.csv", "prepared/cropped/law/k004.jpg"]
    assert all(
        (alone.workspace.root / name).read_bytes() == (study.workspace.root / name).read_bytes() for name in names
    )


def test_all_damaged_covers_are_counted(study, monkeypatch):
    """Damaged covers of any batch are counted, the first is named, and every other cover is prepared."""
    monkeypatch.setattr(prepare, "_BATCH", 2)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    for key in ("k003", "k004", "k011"):
        (study.workspace.covers / "law" / f"{key}.jpg").unlink()
    with pytest.raises(FolderError, match=r"k003\.jpg.*and so are 2 others"):
        prepare_shard(study, 1)
    select(study, KEYS)
    assert prepare_shard(study, 1).counts["covers kept"] == 17


def test_a_cover_that_is_no_picture_is_named(study):
    """A cover with the right digest that cannot be decoded is named as well, and so is what is wrong with it."""
    (study.workspace.covers / "law" / "k002.jpg").write_bytes(b"no picture")
    select(study, KEYS)
    with pytest.raises(FolderError, match=r"k002\.jpg.*cannot identify"):
        prepare_shard(study, 1)


def test_a_selection_is_read_as_it_was_written(tmp_path):
    """Titles with quotes and line ends do not shift the shards: each has its own books, and no book is lost."""
    study = study_in(tmp_path, shard_records=16)
    select(study, KEYS)
    selection = read_table(study.workspace.selection)
    selection.insert(0, "title", ['A "quoted"\ntitle, in two lines'] * len(KEYS))
    write_table(study.workspace.selection, selection)
    assert shards(study) == [1, 2]
    assert sorted(book.key for shard in (1, 2) for book in prepare.selected_covers(study, shard)) == KEYS


@pytest.mark.parametrize("damage", ["deleted", "altered"])
def test_a_damaged_cover_is_named_and_the_others_prepared(study, damage):
    """A cover that is gone or altered is named, with the advice to download again; the others are prepared and kept."""
    cover = study.workspace.covers / "law" / "k005.jpg"
    content = cover.read_bytes()
    if damage == "deleted":
        cover.unlink()
    else:
        cover.write_bytes(content[:-40])
    with pytest.raises(FolderError, match=r"k005\.jpg.*`download`"):
        prepare_shard(study, 1)
    cover.write_bytes(content)
    assert prepare_shard(study, 1).counts["covers kept"] == 19


def test_progress_counts_covers(tmp_path):
    """The progress told goes from 0 to all covers of the shard."""
    told = []
    settings = study_in(tmp_path).settings
    study = Study(settings, progress=lambda done, total: told.append((done, total)))
    select(study, KEYS)
    prepare_shard(study, 1)
    assert told[0] == (0, 20)
    assert told[-1] == (20, 20)


def test_preparation_comes_after_curation(study, tmp_path):
    """Without a selection there are no shards; a shard that the selection does not have is named."""
    with pytest.raises(StageOrderError, match="curate"):
        shards(study_in(tmp_path / "empty"))
    with pytest.raises(StageOrderError, match="no shard 3"):
        prepare_shard(study, 3)
