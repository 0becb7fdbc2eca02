"""A study at work: what runs again, and what is believed."""

import json
import logging

import pytest

from bookcover_core.errors import DownloadError, StageOrderError
from bookcover_core.pipeline import engine
from bookcover_core.pipeline.engine import Declaration, Inputs, Result, StageRun, State, record
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings.toml_file import parse_settings

SPLIT = Declaration("split", "Split")


def study_in(folder, **settings) -> Study:
    return Study(parse_settings({"name": "s", "workspace": str(folder), **settings}))


@stage("candidates", "Find", settings=("curation.title_terms",))
def candidates(study: Study, _: StageRun, content: str = "a, b") -> Result:
    """A stage without others before it that writes `content`."""
    file = study.workspace.curation / "candidates.csv"
    write_text(file, content)
    return Result(outputs=[file], counts={"lines": 1})


@stage(
    "curate",
    "Choose",
    settings=("seed", "curation.undecided", "curation.pool_exhausted"),
    inputs=lambda _, given=None: Inputs(after=["candidates"], given=given or {}),
)
def curate(study: Study, _: StageRun, given: dict | None = None) -> Result:
    """A stage behind `candidates`."""
    write_text(study.workspace.selection, "selection")
    return Result(outputs=[study.workspace.selection])


@stage("fails", "Fail")
def fails(study: Study, _: StageRun) -> Result:
    """A stage that cannot be done."""
    raise DownloadError("no network")


def test_an_unchanged_stage_is_not_run_again(tmp_path):
    """A second run, in another process's study too, finds the first's outcome, and says that it was reused."""
    first = candidates(study_in(tmp_path))
    assert not first.reused
    again = candidates(study_in(tmp_path), "something else")
    assert again.reused
    assert again == first.model_copy(update={"reused": True})
    assert study_in(tmp_path).workspace.curation.joinpath("candidates.csv").read_text() == "a, b"


def test_a_changed_setting_runs_the_stages_that_depend_on_it(tmp_path):
    """A setting reruns the stages that name it; a setting that they do not name reruns nothing."""
    candidates(study_in(tmp_path))
    curate(study_in(tmp_path))
    other = study_in(tmp_path, training={"epochs": 3}, covers={"concurrency": 2})
    assert candidates(other).reused
    assert curate(other).reused
    other = study_in(tmp_path, curation={"undecided": "reject"})
    assert candidates(other).reused
    assert not curate(other).reused
    assert curate(other).settings["curation.undecided"] == "reject"


@pytest.mark.parametrize("damage", ["deleted", "altered"])
def test_a_lost_output_is_made_again(tmp_path, damage):
    """A manifest is not believed when a file that it names is gone or altered."""
    study = study_in(tmp_path)
    first = candidates(study)
    file = study.workspace.curation / "candidates.csv"
    if damage == "deleted":
        file.unlink()
    else:
        file.write_text("A, B.")
    again = candidates(study)
    assert not again.reused
    assert again.digest == first.digest
    assert file.read_text() == "a, b"


def test_the_same_outcome_upstream_stops_the_wave(tmp_path):
    """A stage that runs again with the same outcome leaves the stages behind it done."""
    study = study_in(tmp_path)
    candidates(study)
    curate(study)
    changed = study_in(tmp_path, curation={"title_terms": ["omnibus"]})
    assert not candidates(changed).reused
    assert curate(changed).reused


def test_another_outcome_upstream_runs_the_stages_behind(tmp_path):
    """A stage that runs again with another outcome reruns what builds on it."""
    study = study_in(tmp_path)
    candidates(study)
    curate(study)
    changed = study_in(tmp_path, curation={"title_terms": ["omnibus"]})
    candidates(changed, "a, b, c")
    assert not curate(changed).reused


def test_what_is_given_counts(tmp_path):
    """A file from outside, known by its digest, is an input like any other."""
    study = study_in(tmp_path)
    candidates(study)
    curate(study, {"decisions": "none"})
    assert curate(study, {"decisions": "none"}).reused
    assert not curate(study, {"decisions": "0a1b"}).reused


def test_stages_run_in_order(tmp_path):
    """A stage before those that it builds on is refused, by the name of the one that is missing."""
    with pytest.raises(StageOrderError, match="'candidates' has not been run"):
        curate(study_in(tmp_path))
    with pytest.raises(StageOrderError, match="'prepare/shard-0003'"):
        study_in(tmp_path).manifest("prepare/shard-0003")


def test_a_stage_that_fails_is_not_done(tmp_path):
    """A stage that raises an error leaves no manifest, and the next run begins again."""
    study = study_in(tmp_path)
    with pytest.raises(DownloadError):
        fails(study)
    assert fails.at(study).state is State.NOT_RUN


def test_parts_are_done_apart(tmp_path):
    """Each part of a stage has a manifest of its own; all are found in the order of their names."""
    study = study_in(tmp_path)
    for part in ("shard-0002", "shard-0001"):
        record(study, f"prepare/{part}", digest=part)
    assert [manifest.part for manifest in study.manifests("prepare")] == ["shard-0001", "shard-0002"]
    assert study.manifest("prepare/shard-0002").digest == "shard-0002"
    assert study.manifests("features") == []


def test_a_manifest_names_what_it_depends_on(tmp_path):
    """The stored manifest names inputs, settings, counts, outputs and time, as readable JSON."""
    study = study_in(tmp_path)
    candidates(study)
    curate(study, {"decisions": "none"})
    stored = json.loads(study.manifest_file("curate").read_text())
    assert stored["inputs"] == {"candidates": study.manifest("candidates").digest, "decisions": "none"}
    assert stored["settings"] == {"seed": 2020, "curation.undecided": "ask", "curation.pool_exhausted": "short"}
    assert stored["outputs"][0]["path"] == "curation/selection.csv"
    assert stored["seconds"] >= 0
    assert "reused" not in stored


def test_an_earlier_manifest_with_the_same_key_is_known(tmp_path):
    """A stage whose file was lost still knows what it did, but not with other settings."""
    study = study_in(tmp_path)
    candidates(study)
    (study.workspace.curation / "candidates.csv").unlink()
    run = candidates.at(study)
    assert run.done is None
    assert run.earlier.counts == {"lines": 1}
    assert candidates.at(study_in(tmp_path, curation={"title_terms": []})).earlier is None


def test_a_stage_logs_one_line(tmp_path, caplog):
    """A stage that is done says so with its counts; one that is reused says since when it stands."""
    caplog.set_level(logging.INFO)
    candidates(study_in(tmp_path))
    candidates(study_in(tmp_path))
    done, reused = [record.message for record in caplog.records]
    assert done.startswith("candidates: done in ")
    assert done.endswith("(lines 1)")
    assert reused.startswith("candidates: unchanged since ")


def test_the_settings_are_stored_when_a_study_begins(tmp_path):
    """A study's folder holds the settings of its last run."""
    study = study_in(tmp_path, seed=7)
    study.begin()
    assert parse_settings(json.loads(study.workspace.settings.read_text())) == study.settings


def test_asking_does_nothing(tmp_path):
    """A stage that is asked says what it would be called and how it stands, and does none of its work."""
    study = study_in(tmp_path)
    asked = candidates.at(study)
    assert (asked.label, asked.state, asked.standing) == ("candidates", State.NOT_RUN, None)
    assert not study.workspace.root.exists()
    with pytest.raises(StageOrderError, match="candidates"):
        curate.at(study)
    candidates(study)
    assert candidates.at(study).state is State.SOUND
    assert curate.at(study).state is State.NOT_RUN


def test_a_stage_says_how_it_stands_and_why_it_runs_again(tmp_path, caplog):
    """Another setting, input or code, and a lost file, are each told apart and named in one line of the log."""
    study = study_in(tmp_path)
    candidates(study)
    curate(study)
    rejecting = study_in(tmp_path, curation={"undecided": "reject"})
    asked = curate.at(rejecting)
    assert asked.state is State.OTHER_SETTINGS
    assert asked.reasons() == ['curation.undecided changed from "ask" to "reject"']
    given = curate.at(study, {"decisions": "none"})
    assert (given.state, given.reasons()) == (State.OTHER_INPUTS, ["input new: decisions"])
    study.workspace.selection.unlink()
    assert curate.at(study).state is State.DAMAGED
    with caplog.at_level(logging.INFO):
        curate(study)
    assert "curate: runs again: its files are missing or altered" in caplog.messages
    other = StageRun(study, curate, Inputs(after=["candidates"]), {"bookcover_core.a.b": "1"})
    assert other.state is State.OTHER_CODE
    assert "code: a/b.py" in other.reasons()


def test_of_many_modules_that_changed_their_number_is_said(tmp_path):
    """A line that names sixty files tells a person nothing."""
    study = study_in(tmp_path)
    modules = [f"bookcover_core.a.{name}" for name in "bcdefg"]
    StageRun(study, SPLIT, Inputs(), dict.fromkeys(modules, "1")).finish(Result())
    assert StageRun(study, SPLIT, Inputs(), dict.fromkeys(modules, "2")).reasons() == [
        "code: a/b.py",
        "code: a/c.py",
        "code: a/d.py",
        "code of 3 more modules",
    ]


def test_an_input_that_changed_is_named_with_both_values_or_numbers(tmp_path):
    """A value stands in the reason; of covers and books, how many there were and are, or that others are among them."""
    study = study_in(tmp_path)

    def built(steps, pictures, books):
        record(study, "split", digest=books, counts={"train": len(books), "seconds": 0.5})
        given = {"scratch.lenet_steps": steps, "pictures": digest_of(pictures), "weights": digest_of(steps)}
        inputs = Inputs(after=["split"], given=given, sizes={"pictures": len(pictures)})
        return StageRun(study, Declaration("scratch", "Train"), inputs)

    before = digest_of("books")
    built("8", ["a", "b"], before).finish(Result())
    assert built("9", ["a", "b", "c"], before + "!").reasons() == [
        "input changed: pictures (2 to 3)",
        "scratch.lenet_steps changed from 8 to 9",
        "input changed: split (train 64 to 65)",
        "inputs changed beside these: 1",
    ]
    assert built("8", ["a", "x"], before).reasons() == ["input changed: pictures (others, as many as before)"]


def test_a_setting_within_a_group_is_named(tmp_path):
    """Where a stage depends on a whole group of settings, the one that changed is named, not the group."""
    study = study_in(tmp_path)
    splitting = Declaration("split", "Split", settings=["splits"])
    StageRun(study, splitting, Inputs()).finish(Result())
    changed = study_in(tmp_path, splits={"test_share": 0.2})
    assert StageRun(changed, splitting, Inputs()).reasons() == ["splits.test_share changed from 0.1 to 0.2"]


def test_what_is_spent_goes_when_the_manifest_is_there(tmp_path):
    """A journal that a cut-off run would need is kept until the manifest is written."""
    study = study_in(tmp_path)
    journal = study.workspace.root / "journal"
    write_text(journal, "rows")
    StageRun(study, SPLIT, Inputs()).finish(Result(spent=[journal]))
    assert not journal.exists()
    assert study.manifest("split")


def test_files_are_on_the_disk_before_the_manifest_that_names_them(tmp_path, monkeypatch):
    """Outputs and their folders are synced, then the manifest is written and synced: no power cut leaves it alone."""
    study = study_in(tmp_path)
    events = []
    monkeypatch.setattr(engine, "sync", lambda files: events.append([file.name for file in files]))
    write = engine.write_json
    monkeypatch.setattr(engine, "write_json", lambda file, value: events.append("written") or write(file, value))
    candidates(study)
    assert events == [["candidates.csv"], "written", ["candidates.json"]]
