"""Tests of `pipeline.shared_store`: homes that share nothing else find each other's results, and nothing wrong."""

import sys
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import pytest
from pydantic import ValidationError

from bookcover_core.errors import SettingsError, SharedStoreError
from bookcover_core.pipeline import shared_store
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Manifest, Output
from bookcover_core.pipeline.shared_store import SharedStore
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.store import store_folder
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_csv, write_text
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings

made: list[str] = []
"""Workspaces for which a stage's function was called."""

COLUMNS = ("path", "bytes", "mtime_ns", "sha256")


@stage("counted", "Count to the seed", settings=("seed",), kept=True, inputs=lambda _: Inputs())
def counted(study: Study, _: StageRun) -> Result:
    """Two files, one in a folder below the other's."""
    made.append(study.settings.workspace)
    files = [study.workspace.root / "counted" / name for name in ("numbers.txt", "more/last.txt")]
    for file in files:
        write_text(file, "".join(f"{number}\n" for number in range(study.settings.seed)))
    return Result(outputs=files, counts={"numbers": study.settings.seed})


@stage("drawn", "Draw pictures", settings=("seed",), inputs=lambda _: Inputs(), spreads=lambda _: ())
def drawn(study: Study, _: StageRun) -> Result:
    """An index of two files: the store beside the studies does not keep such a stage."""
    made.append(study.settings.workspace)
    root, index = study.workspace.root, study.workspace.root / "drawn" / "index.csv"
    files = [root / "drawn" / "pictures" / f"{number}.txt" for number in (1, 2)]
    for file in files:
        write_text(file, f"{study.settings.seed} {file.stem}\n")
    write_csv(index, COLUMNS, [[getattr(Output.of(file, root), name) for name in COLUMNS] for file in files])
    return Result(indexes=[index])


numbers = count()


@pytest.fixture(params=["file", "memory"])
def address(request, tmp_path) -> str:
    """Of a store that is empty, in a folder that is not there yet or in memory."""
    made.clear()
    shared_store._paused.clear()
    return f"file://{tmp_path}/shared/store" if request.param == "file" else f"memory://bucket-{next(numbers)}/store"


def study_in(home: Path, address: str | None, **settings: object) -> Study:
    study = Study(parse_settings({"name": "one", "workspace": str(home), "shared_store": address, **settings}))
    study.begin()
    return study


def files_of(study: Study) -> dict[str, bytes]:
    """What a stage left behind, but its manifest's own times."""
    root = study.workspace.root
    found = {
        file.relative_to(root).as_posix(): file for name in ("counted", "drawn") for file in root.glob(f"{name}/**/*")
    }
    return {name: file.read_bytes() for name, file in found.items() if file.is_file() and file.name != "index.csv"}


def bundles(address: str) -> list[str]:
    from fsspec.core import url_to_fs

    there, place = url_to_fs(address)
    return [str(name) for name in there.find(place)]


def rewrite(address: str, change) -> None:
    """Change the bytes of the only bundle."""
    from fsspec.core import url_to_fs

    there, _ = url_to_fs(address)
    [name] = bundles(address)
    there.pipe_file(name, change(there.cat_file(name)))


@pytest.mark.parametrize("each", [counted, drawn])
def test_another_home_makes_nothing_again(each, address, tmp_path, caplog):
    """It has the same files, sound by size and time, and the same manifest; the log says where they came from."""
    caplog.set_level("INFO")
    one, two = study_in(tmp_path / "a", address), study_in(tmp_path / "b", address)
    first, second = each(one), each(two)
    assert made == [one.settings.workspace]
    assert second.reused
    assert second.model_copy(update={"reused": False}) == first
    assert files_of(two) == files_of(one)
    for output in second.files(two.workspace.root):
        assert (two.workspace.root / output.path).stat().st_mtime_ns == output.mtime_ns
    assert each.at(two).state == "sound"
    assert f"taken from {address}, made" in caplog.text


def test_what_came_is_kept_in_the_home_too(address, tmp_path):
    """Another study of that home asks nobody."""
    counted(study_in(tmp_path / "a", address))
    counted(study_in(tmp_path / "b", address))
    counted(study_in(tmp_path / "b", None, name="two"))
    assert len(made) == 1
    assert list(store_folder(tmp_path / "b").glob("records/counted/*.json"))


def test_other_settings_are_another_bundle(address, tmp_path):
    """A key names one result; what is there is not sent again."""
    for seed in (3, 4, 3):
        counted(study_in(tmp_path / f"{seed}", address, seed=seed))
    assert len(made) == len(bundles(address)) == 2


def flip(content: bytes) -> bytes:
    """One bit of the numbers, which are stored as they are."""
    place = content.rindex(b"0\n1\n2\n")
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def empty_archive(_: bytes) -> bytes:
    from io import BytesIO

    with ZipFile(file := BytesIO(), "w"):
        pass
    return file.getvalue()


@pytest.mark.parametrize(
    "change", [flip, lambda content: content[: len(content) // 2], lambda _: b"", empty_archive, lambda _: b"not a zip"]
)
def test_what_is_damaged_is_made_again(change, address, tmp_path, caplog):
    """A bit that flipped, half an upload, another file: it is told, nothing of it is taken, and the store heals."""
    one, two, three = (study_in(tmp_path / name, address, seed=9) for name in "abc")
    counted(one)
    rewrite(address, change)
    counted(two)
    assert made == [one.settings.workspace, two.settings.workspace]
    assert "is damaged" in caplog.text
    assert files_of(two) == files_of(one)
    counted(three)
    assert len(made) == 2
    assert files_of(three) == files_of(one)


@pytest.mark.parametrize("path", ["../outside.txt", "/tmp/outside.txt", "settings.json", "counted/../../outside.txt"])
def test_nothing_is_written_outside_a_stages_folders(path, tmp_path):
    """Whoever may write to the store changes no settings, and no file outside the study."""
    store, root = SharedStore(f"file://{tmp_path}/store"), tmp_path / "a" / "one"
    write_text(root / "counted" / "evil.txt", "evil\n")
    output = Output.of(root / "counted" / "evil.txt", root)
    about = {"code": "", "settings": {}, "inputs": {}, "digest": "", "seconds": 0, "finished": "2020-01-01T00:00:00Z"}
    store.put(Manifest(stage="counted", key="k", outputs=[output], **about), root)
    [bundle] = (tmp_path / "store").rglob("*.zip")
    with ZipFile(bundle) as archive:
        manifest, content = Manifest.model_validate_json(archive.read("manifest.json")), archive.read(output.sha256)
    moved = manifest.model_copy(update={"outputs": [output.model_copy(update={"path": path})]})
    with ZipFile(bundle, "w") as archive:
        archive.writestr("manifest.json", moved.model_dump_json())
        archive.writestr(output.sha256, content)
    assert store.bring("counted", "k", tmp_path / "b" / "one") is None
    assert not list(tmp_path.rglob("outside.txt"))
    assert not (tmp_path / "b").exists()


def test_a_store_that_cannot_be_used_costs_no_work(tmp_path, caplog):
    """It is told once what was wrong, and not asked again for each part; the study has all that it made."""
    made.clear()
    (tmp_path / "file").write_text("no folder")
    study = study_in(tmp_path / "a", f"file://{tmp_path}/file")
    counted(study)
    drawn(study)
    assert len(made) == 2
    assert counted.at(study).state == drawn.at(study).state == "sound"
    told = [line for line in caplog.messages if "The study goes on without it" in line]
    assert len(told) == 1
    assert f"file://{tmp_path}/file" in told[0]
    shared_store._paused.clear()


def test_what_a_worker_reads_is_asked_for_by_its_content(address, tmp_path):
    """The same files are put once; one that is missing is left out."""
    store, root = SharedStore(address), tmp_path / "one"
    files = [root / "covers" / f"{number}.txt" for number in range(3)]
    for file in files[:2]:
        write_text(file, file.stem)
    key = store.put_inputs(files, root)
    assert store.put_inputs(files[:2], root) == key
    assert len(bundles(address)) == 1
    assert store.bring(shared_store.INPUTS, key, tmp_path / "two") is not None
    assert sorted(file.read_text() for file in (tmp_path / "two").rglob("*.txt")) == ["0", "1"]
    assert store.bring(shared_store.INPUTS, "another", tmp_path / "two") is None


def test_a_worker_is_told_what_was_wrong(tmp_path):
    """Where a part cannot do without the store, its error names the address and what to look at."""
    (tmp_path / "file").write_text("no folder")
    store = SharedStore(f"file://{tmp_path}/file")
    with pytest.raises(SharedStoreError, match=r"file: the shared store cannot be used \(.*See that the address"):
        store.put_inputs([], tmp_path)


@pytest.mark.parametrize(
    ("address", "said"), [("nosuch://x/y", "Protocol not known"), ("gs://bucket/x", "gcsfs"), ("s3://bucket/x", "s3fs")]
)
def test_what_opens_the_address_is_looked_for_beforehand(address, said, monkeypatch):
    """The message names the package that is missing."""
    from fsspec.registry import _registry

    for protocol, missing in (("gs", "gcsfs"), ("s3", "s3fs")):
        monkeypatch.delitem(_registry, protocol, raising=False)  # what another test opened
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match=rf"shared_store: the shared store '{address}' cannot be opened .*{said}"):
        SharedStore(address).check()


@pytest.mark.parametrize("address", ["bucket/x", "/mnt/store", "ftp://anna:secret@example.org/store"])
def test_an_address_is_one_and_holds_no_password(address):
    """Settings are stored with the study, and shown."""
    with pytest.raises(ValidationError, match="stands in the environment"):
        StudySettings(shared_store=address)


def test_it_costs_nothing_when_off(tmp_path):
    """Without an address fsspec is not even imported."""
    import subprocess

    program = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.bookcover_core.pipeline.test_shared_store import counted, study_in\n"
        "counted(study_in(Path(sys.argv[1]), None))\n"
        "assert 'fsspec' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=Path(__file__).parents[3])
