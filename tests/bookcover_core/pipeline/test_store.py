"""Tests of `pipeline.store`: nothing is made twice, whoever made it, and nothing wrong is ever given out."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookcover_core.errors import warn_once
from bookcover_core.pipeline import store as stores
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.store import Store, kept, prune, releasing, store_folder
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings.toml_file import parse_settings

made: list[int] = []
"""Seeds for which the stage's function was called."""


@stage("squared", "Square the seed", settings=("seed",), inputs=lambda _: Inputs("one"), kept=True)
def squared(study: Study, _: StageRun) -> Result:
    """Two files that depend on the seed, and one that does not."""
    made.append(study.settings.seed)
    folder = study.workspace.root / "squared"
    files = [folder / "square.txt", folder / "seed.txt", folder / "same.txt"]
    for file, number in zip(files, (study.settings.seed**2, study.settings.seed, 1), strict=True):
        write_text(file, f"{number}\n")
    return Result(outputs=files, counts={"square": study.settings.seed**2})


def study_in(folder: Path, name: str = "one", **settings: object) -> Study:
    study = Study(parse_settings({"name": name, "workspace": str(folder), **settings}))
    study.begin()
    return study


@pytest.fixture(autouse=True)
def _nothing_made():
    made.clear()
    warn_once.cache_clear()


def square(study: Study) -> str:
    return (study.workspace.root / "squared" / "square.txt").read_text()


def test_a_setting_there_and_back_is_made_once(tmp_path, caplog):
    """What was made by the settings before is there again, with its manifest, to the byte; the log says so."""
    caplog.set_level("INFO")
    first = squared(study_in(tmp_path, seed=2))
    squared(study_in(tmp_path, seed=3))
    study = study_in(tmp_path, seed=2)
    again = squared(study)
    assert made == [2, 3]
    assert square(study) == "4\n"
    assert again.reused
    assert again.model_copy(update={"reused": False}) == first
    assert "taken from the store" in caplog.text
    assert "seed changed from 3 to 2" in caplog.text
    assert squared.at(study).state == "sound"


def test_another_study_of_the_home_makes_nothing_again(tmp_path):
    """Its files are the first one's, by hard links; what one study does to its own, the other never sees."""
    one, two = study_in(tmp_path, "one"), study_in(tmp_path, "two")
    squared(one)
    squared(two)
    assert len(made) == 1
    file = Path("squared") / "square.txt"
    assert (one.workspace.root / file).samefile(two.workspace.root / file)
    write_text(one.workspace.root / file, "another\n")
    assert square(two) == f"{two.settings.seed**2}\n"
    squared(one)
    assert square(one) == square(two)
    assert len(made) == 1


def test_without_the_store_each_study_makes_its_own(tmp_path):
    """The setting `store` turns it off."""
    for name in ("one", "two"):
        squared(study_in(tmp_path, name, store=False))
    assert len(made) == 2
    assert not store_folder(tmp_path).exists()


def test_what_is_damaged_in_the_store_is_made_again(tmp_path):
    """A file that was written in place, in the study or the store, is never given out, and the store heals."""
    study = study_in(tmp_path, seed=2)
    squared(study)
    file = study.workspace.root / "squared" / "square.txt"
    times = file.stat()
    file.write_text("5\n")  # in place: the store's file is the same
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    squared(study_in(tmp_path, "two", seed=2))
    assert made == [2, 2]
    three = study_in(tmp_path, "three", seed=2)
    squared(three)
    assert made == [2, 2]
    assert square(three) == "4\n"


def test_copies_do_where_files_cannot_be_shared(tmp_path, monkeypatch, caplog):
    """That is said once; results are found all the same."""

    def refuse(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    squared(study_in(tmp_path, "one"))
    two = study_in(tmp_path, "two")
    squared(two)
    assert len(made) == 1
    assert square(two)
    assert squared.at(two).state == "sound"
    assert sum("copy them" in line for line in caplog.messages) == 1
    assert {name for each in kept(tmp_path) for name in each.studies} == {"one", "two"}


def test_a_store_that_cannot_be_written_stops_no_study(tmp_path, monkeypatch, caplog):
    """It is said once, and what it has is still given."""
    squared(study_in(tmp_path, "one", seed=2))

    def refuse(*_, **__):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(stores, "write_text", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    squared(study_in(tmp_path, "one", seed=3))
    squared(study_in(tmp_path, "one", seed=4))
    squared(study_in(tmp_path, "two", seed=2))
    assert made == [2, 3, 4]
    assert sum("cannot be written" in line for line in caplog.messages) == 1


KILLED_AT = """
import os, signal, sys
from pathlib import Path
from bookcover_core.pipeline import engine, store, workspace
from tests.bookcover_core.pipeline.test_store import squared, study_in
step, seed = int(sys.argv[2]), int(sys.argv[3])
done = 0
def counted(function):
    def call(*args, **kwargs):
        global done
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call
for name in ("link", "replace", "unlink", "utime", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
squared(study_in(Path(sys.argv[1]), sys.argv[4], seed=seed))
"""


# One process imports what `KILLED_AT` needs; its forks run it, side by side those that stand in one line.
FORKING = f"""
import json, os, sys
import tests.bookcover_core.pipeline.test_store
for line in sys.stdin:
    children = []
    for arguments in json.loads(line):
        if (child := os.fork()) == 0:
            os.dup2(2, 1)
            sys.argv[1:] = arguments
            exec({KILLED_AT!r})
            os._exit(0)
        children.append(child)
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children], flush=True)
"""


@pytest.fixture
def ends() -> Iterator[Callable[..., list[int]]]:
    """Runs `KILLED_AT` with each of these lists of arguments, side by side; gives how each run ended."""
    command = [sys.executable, "-c", FORKING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as forking:

        def run(*programs: list[str]) -> list[int]:
            forking.stdin.write(json.dumps(programs) + "\n")
            return json.loads(forking.stdout.readline())

        yield run


def test_a_kill_at_any_step_costs_at_most_the_work(tmp_path, ends):
    """Of keeping (the first run) and of giving (a second study's), at each call of the system that changes the disk."""
    for before in (False, True):
        step, ended = 0, False
        while not ended:
            step += 1
            folder = tmp_path / f"{before}-{step}"
            if before:
                squared(study_in(folder, "first", seed=2))
            [how] = ends([str(folder), str(step), "2", "killed"])
            ended = how == 0
            assert ended or how == -signal.SIGKILL
            for name in ("killed", "after"):
                study = study_in(folder, name, seed=2)
                squared(study)
                assert square(study) == "4\n"
                assert squared.at(study).state == "sound"
            for record in store_folder(folder).glob("records/*/*.json"):
                for output in json.loads(record.read_text())["outputs"]:
                    assert Store(store_folder(folder)).object(squared.at(study).last.outputs[0])
                    assert (store_folder(folder) / "objects" / output["sha256"][:2] / output["sha256"]).is_file()
        assert step > 3


def test_two_runs_side_by_side_keep_one_result(tmp_path, ends):
    """Whoever comes second finds the record whole, and both studies are sound."""
    seeds = {f"study-{number}-{seed}": seed for number in range(2) for seed in (2, 3)}
    assert ends(*([str(tmp_path), "-1", str(seed), name] for name, seed in seeds.items())) == [0, 0, 0, 0]
    for name, seed in seeds.items():
        assert squared.at(study_in(tmp_path, name, seed=seed)).state == "sound"
    assert len(list(store_folder(tmp_path).glob("records/squared/*.json"))) == 2


def test_only_what_no_study_holds_is_pruned(tmp_path):
    """By age, by size, and never what a study holds; what is left is sound."""
    for seed in (5, 6, 7):
        squared(study_in(tmp_path, seed=seed))
    [told] = kept(tmp_path)
    assert (told.stage, told.records, told.studies) == ("squared", 3, {"one"})
    assert 0 < told.unused < told.bytes
    assert prune(tmp_path, days=1) == 0
    assert prune(tmp_path, most=1_000_000) == 0
    for record in store_folder(tmp_path).glob("records/squared/*.json"):
        os.utime(record, (0, 0) if '"seed": 5' in record.read_text() else None)
    assert prune(tmp_path, days=1) == len("25\n5\n")
    assert prune(tmp_path) == len("36\n6\n")
    [told] = kept(tmp_path)
    assert (told.records, told.unused) == (1, 0)
    squared(study_in(tmp_path, "two", seed=7))
    assert made == [5, 6, 7]


def test_what_a_study_gives_up_the_store_gives_up_unless_another_holds_it(tmp_path):
    """So the disk has the space again."""
    one = study_in(tmp_path, "one", seed=2)
    squared(one)
    squared(study_in(tmp_path, "two", seed=2))
    squared(study_in(tmp_path, "one", seed=3))
    files = list((one.workspace.root / "squared").iterdir())
    with releasing(tmp_path, files):
        for file in files:
            file.unlink()
    left = [file.read_text() for file in store_folder(tmp_path).glob("objects/*/*")]
    assert sorted(left) == ["1\n", "2\n", "4\n"]


def test_nothing_that_a_study_keeps_is_written_in_place():
    """A file that the store shares is replaced: what is opened to be written lies beside what it takes the place of.

    Left out are files that no stage gives for its own: ledgers' and locks', and those of the invented publisher.
    """
    elsewhere = {"covers/ledger.py", "pipeline/file_lock.py", "listings/raw_files.py"}
    core = Path(stores.__file__).parents[1]
    found = []
    for module in sorted(core.rglob("*.py")):
        name = module.relative_to(core).as_posix()
        if name in elsewhere or name.startswith("demo_data/"):
            continue
        for line in module.read_text(encoding="utf-8").splitlines():
            opens = re.search(r"open\(\"[wax+rb]*[wax+]|open\(.*mode=|\.write_(text|bytes)\(", line)
            if opens and "atomic(" not in line:
                found.append(f"{name}: {line.strip()}")
    assert not found
