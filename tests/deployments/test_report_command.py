"""The commands `bookcover report`, `bookcover compare` and `bookcover run --sweep`."""

import shutil
from contextlib import nullcontext
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
from deployments import sweep_command
from deployments.command_line import app
from deployments.pages.start import Shown
from deployments.sweep_command import swept_settings
from tests.bookcover_core.report.specimen import Specimen, make_study


def report(*arguments, command="report"):
    """Runs the command; errors of ours are raised."""
    ended = CliRunner().invoke(app, [command, *map(str, arguments)], env={"COLUMNS": "100"})
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


def test_a_comparison_replaces_no_page_of_another_kind(begun, tmp_path):
    """Nor is anything read or written then: the folder may be that of somebody's website."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"site/index\.html: a page lies there that is no comparison"):
        report(begun.workspace.root, begun.workspace.root, "--output", tmp_path / "site", command="compare")
    assert [(each.name, each.read_text("utf-8")) for each in (tmp_path / "site").iterdir()] == [("index.html", "mine")]


def test_one_study_alone_is_not_compared(begun, tmp_path):
    """That is said first, whatever folder its page would go to."""
    for given in ((), ("--output", tmp_path), ("--output", begun.workspace.root)):
        with pytest.raises(SettingsError, match=r"nothing to compare the study with\. Name two studies or more"):
            report(begun.workspace.root, *given, command="compare")


def test_two_studies_get_a_page_beside_them(tmp_path, begun):
    """Folders or settings files; the headline and the page's place are printed, and a moved study is found."""
    wanted = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), covers_per_genre=0, compared=False)
    studies = [make_study(tmp_path, wanted, name=name, seed=seed) for name, seed in (("one", 1), ("two", 2))]
    for study in studies:
        study.begin()
    file = tmp_path / "one.toml"
    file.write_text(to_toml(studies[0].settings), encoding="utf-8")
    moved = studies[1].workspace.root.rename(tmp_path / "moved")
    ended = report(file, moved, command="compare")
    page = tmp_path / "one-moved" / "index.html"
    assert page.is_file()
    headline, place = ended.output.splitlines()
    assert headline.startswith("A tie. Best against best: MobileNetV2 of one is right on ")
    assert place == f"Side by side: {page}"
    with pytest.raises(StageOrderError, match="'begun' has no results yet"):
        report(file, begun.workspace.root, command="compare")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.toml"], r"nowhere\.toml: the settings cannot be read"),
        (["."], "no study's"),
    ],
)
def test_wrong_input_is_named(arguments, words):
    """What was given wrongly is said, with what to do."""
    with pytest.raises(SettingsError, match=words):
        report(*arguments)


def test_a_sweep_runs_a_study_for_each_value_and_compares_them(tmp_path, monkeypatch):
    """Each has the value in its settings and in its name; all are checked before the first begins."""
    wanted = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), covers_per_genre=0, compared=False)
    told = []

    def run_study(settings):
        make_study(tmp_path, wanted, name=settings.name, head={"dropout": settings.head.dropout})
        told.append(settings.name)

    monkeypatch.setattr(sweep_command, "check_all", lambda settings: told.append(f"check {settings.name}"))
    monkeypatch.setattr(sweep_command, "dashboard", nullcontext)
    monkeypatch.setattr(sweep_command, "run_study", run_study)
    file = tmp_path / "drawn.toml"
    base = parse_settings(
        {"name": "drawn", "workspace": str(tmp_path)},
        ["training.preparation=padded", 'training.backbones=["MobileNetV2"]'],
    )
    file.write_text(to_toml(base), encoding="utf-8")
    ended = report(file, "--sweep", "head.dropout=0.5,0,0.3", command="run")
    names = ["drawn-dropout-0.5", "drawn-dropout-0", "drawn-dropout-0.3"]
    assert told == [*(f"check {name}" for name in names), *names]
    assert f"Side by side: {tmp_path / '-'.join(names) / 'index.html'}" in ended.output
    assert [each.head.dropout for each in swept_settings(file, [], "head.dropout=0.5,0")] == [0.5, 0]


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("head.dropout=0.5", "not one setting with several values"),
        ("name=a,b", "not one setting with several values"),
        ("head.dropout=0.5,0.5", "would be called 'bookcover30-dropout-0.5'"),
        ("head.dropout=0.5,2", "head.dropout"),
        ("head.nothing=1,2", "head.nothing"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(sweep, words):
    """Nothing is run; what is wrong is named."""
    with pytest.raises(SettingsError, match=words):
        report("--sweep", sweep, command="run")


@pytest.mark.parametrize("option", [("--next",), ("--chunk", "2"), ("--only", "train"), ("--stay",), ("--dry-run",)])
def test_what_a_sweep_cannot_do_is_refused(option):
    """Rather than left out without a word."""
    with pytest.raises(SettingsError, match=r"--sweep|chunks are chosen for the download alone"):
        report("--sweep", "head.dropout=0.5,0", *option, command="run")


def test_values_of_a_sweep_are_lists_and_texts_too():
    """Values are read as TOML; texts need no quotes."""
    texts = swept_settings(None, [], "training.preparation=padded, cropped")
    assert [each.name for each in texts] == ["bookcover30-preparation-padded", "bookcover30-preparation-cropped"]
    lists = swept_settings(None, [], 'training.backbones=["MobileNetV2"],["MobileNetV2", "ResNeXt50"]')
    assert [len(each.training.backbones) for each in lists] == [1, 2]


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
    told = " ".join(told.split())  # a narrow terminal's table folds what is wrong
    assert "good" in told
    for name, reason in (("one (copy)", "Rename the folder: one-copy"), ("broken", "this file of a study is damaged")):
        assert name in told
        assert reason in told
    with pytest.raises(SettingsError, match=r"cannot be called 'one \(copy\)'.*Rename"):
        report(folder / "one (copy)")
