"""The command `bookcover report`."""

import shutil
from functools import partial

import pandas as pd
import pytest
from typer.testing import CliRunner

from bookcover_core.errors import BookcoverError, SettingsError, StageOrderError, WorkspaceError
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings, to_toml
from deployments.command_line import app
from deployments.pages.start import Shown
from tests.bookcover_core.report.specimen import Specimen, make_study


def report(*arguments):
    """Runs the command; errors of ours are raised."""
    ended = CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "100"})
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended


@pytest.fixture
def begun(tmp_path):
    """A study whose listings have been read, and nothing else."""
    study = Study(parse_settings({"name": "begun", "workspace": str(tmp_path), "training": {"preparation": "padded"}}))
    study.begin()
    run = partial(record, study, "listings")
    genres = pd.DataFrame([(0, "A", "a", 0, 3), (1, "B", "b", 1, 3)])
    write_table(study.workspace.genres, genres.set_axis(["label", "name", "slug", "category_id", "records"], axis=1))
    run(outputs=[study.workspace.genres])
    return study


def test_one_study_gets_its_own_report(begun, tmp_path):
    """By its settings file or its folder; where the report is, is printed."""
    file = tmp_path / "begun.toml"
    file.write_text(to_toml(begun.settings), encoding="utf-8")
    page = begun.workspace.report / "index.html"
    for given in (file, begun.workspace.root):
        assert f"Report: {page}" in report(given).output
        assert "No answer yet." in page.read_text("utf-8")
    with pytest.raises(StageOrderError, match=r"nothing to report on yet.*`bookcover run .*--set name=other`"):
        report(file, "--set", "name=other")


def test_two_studies_get_a_page_beside_them(tmp_path, begun):
    """Folders or settings files; the headline and the page's place are printed, and a moved study is found."""
    wanted = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), covers_per_genre=0, compared=False)
    studies = [make_study(tmp_path, wanted, name=name, seed=seed) for name, seed in (("one", 1), ("two", 2))]
    for study in studies:
        study.begin()
    file = tmp_path / "one.toml"
    file.write_text(to_toml(studies[0].settings), encoding="utf-8")
    moved = studies[1].workspace.root.rename(tmp_path / "moved")
    ended = report(file, moved)
    page = tmp_path / "one-moved" / "index.html"
    assert page.is_file()
    headline, place = ended.output.splitlines()
    assert headline.startswith("A tie. Best against best: MobileNetV2 of one is right on ")
    assert place == f"Side by side: {page}"
    with pytest.raises(StageOrderError, match="'begun' has no results yet"):
        report(file, begun.workspace.root)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "b", "c"], "3 studies are given"),
        (["a.toml", "--output", "there"], "--output"),
        (["nowhere.toml"], r"nowhere\.toml: the settings cannot be read"),
        (["."], "no study's"),
    ],
)
def test_wrong_input_is_named(arguments, words):
    """What was given wrongly is said, with what to do."""
    with pytest.raises(SettingsError, match=words):
        report(*arguments)


@pytest.mark.parametrize("lost", ["listings", "ledger", "curation", "comparison", "evaluation", "splits"])
def test_a_study_that_has_lost_a_folder_says_so(tmp_path, lost):
    """The missing file and the command that makes it again are named; no page breaks, and nobody is told to delete."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), covers_per_genre=1))
    study.begin()
    shutil.rmtree(study.workspace.root / lost)
    for stage in ("listings", "curate", "compare"):  # as a study that ran has them
        if not study.manifest_file(stage).exists():
            record(study, stage)
    try:
        report(study.workspace.root)
    except BookcoverError as error:
        told = str(error)
        assert f"{study.workspace.root}" in told
        assert lost in told
        assert "bookcover run" in told or "Run the study again" in told
        assert "elete" not in told
    CliRunner().invoke(app, ["status", str(study.workspace.root)], catch_exceptions=False)
    assert Shown.of(study, None).name == study.settings.name


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n"])
def test_a_file_that_is_not_as_it_was_left_is_named(tmp_path, content):
    """Whichever table is cut off or overwritten: its place, the stage that wrote it, and what makes it anew."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), covers_per_genre=1))
    study.begin()
    tables = ["listings/genres", "listings/books", "ledger/chunk-0001", "curation/twins", "curation/replacements"]
    for table in [*tables, "comparison/comparison", "splits/books", "prepared/measurements/shard-0001"]:
        file = study.workspace.root / f"{table}.csv"
        sound = file.read_bytes()
        file.write_text(content, "utf-8")
        with pytest.raises(WorkspaceError, match=r"is not as the stage '.*' left it.*`bookcover run ") as told:
            report(study.workspace.root)
        assert str(file) in str(told.value)
        file.write_bytes(sound)


def test_the_studies_of_a_home_are_named_with_what_is_wrong_with_them(begun, tmp_path, monkeypatch):
    """A folder that cannot be a study's by its name, or whose settings cannot be read, is listed with the reason."""
    monkeypatch.setenv("BOOKCOVER_HOME", str(tmp_path))
    folder = StudySettings().root.parent
    for name in ("good", "one (copy)", "broken"):
        shutil.copytree(begun.workspace.root, folder / name)
    (folder / "broken" / "settings.json").write_text("{", encoding="utf-8")
    told = CliRunner().invoke(app, ["status"], env={"COLUMNS": "100"}, catch_exceptions=False).output
    assert "good" in told
    for name, reason in (("one (copy)", "Rename the folder: one-copy"), ("broken", "no settings.json that can be")):
        assert name in told
        assert reason in told
    with pytest.raises(SettingsError, match=r"cannot be called 'one \(copy\)'.*Rename"):
        report(folder / "one (copy)")
