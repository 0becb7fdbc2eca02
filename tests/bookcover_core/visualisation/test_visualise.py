"""The stage `visualise`: which network is visualised, what is left on disk, and what is not done twice."""

import csv
import logging

import pytest
from PIL import Image

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.frozen import train_backbone
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.training.features import compute_features
from bookcover_core.visualisation import activation_ascent as state_module
from bookcover_core.visualisation import visualise as module
from bookcover_core.visualisation.network_insight import COURSE, insight_folder, read_insight
from bookcover_core.visualisation.visualise import chosen_system, visualise
from tests.bookcover_core.training.tiny import SIZE, tiny_study

MODEL = "Miniature-padded"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A study of 36 books whose tiny network is trained and evaluated."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        study = tiny_study(tmp_path_factory.mktemp("judged"), monkeypatch)
        books = read_table(study.workspace.splits)
        write_table(study.workspace.splits, books.assign(title=[f"The book {key}" for key in books["key"]]))
        record(study, "split", outputs=[study.workspace.splits])
        compute_features(study, "Miniature", "padded")
        train_backbone(study, "Miniature")
        evaluate(study, "Miniature")
        yield study


def changed(study: Study, progress=lambda _done, _total: None, **visualisation) -> Study:
    """The same study with other settings of the stage, by default two genres in six steps, and without the store."""
    values = study.settings.model_dump() | {"store": False}
    values["visualisation"] |= {"genres": 2, "steps": 6, "grad_cam": 2, **visualisation}
    return Study(type(study.settings).model_validate(values), progress=progress)


def test_everything_is_left_as_files(judged):
    """An insight names a picture and a course for each genre, and each cover with its heat; all of them are there."""
    study = changed(judged)
    manifest = visualise(study)
    root, insight = study.workspace.root, read_insight(study.workspace, MODEL)
    assert manifest.label == f"visualise/{MODEL}"
    assert (insight.model, len(insight.ideals)) == (MODEL, 2)
    recalls = [ideal.recall for ideal in insight.ideals]
    assert recalls == sorted(recalls, reverse=True)
    for ideal in insight.ideals:
        with Image.open(root / ideal.picture) as picture:
            assert picture.size == (SIZE, SIZE)
        with (root / ideal.course).open() as lines:
            rows = list(csv.DictReader(lines))
        assert tuple(rows[0]) == COURSE
        assert [int(row["step"]) for row in rows] == list(range(6))
        assert (ideal.steps, ideal.converged) == (6, False)
        assert ideal.covers == 3
        assert ideal.median_cover <= ideal.best_cover
        assert 0 <= ideal.probability <= 1
    assert insight.seen
    for each in insight.seen:
        assert each.title == f"The book {each.key}"
        assert {(root / each.cover).is_file(), (root / each.picture).is_file()} == {True}
    assert sum(each.right for each in insight.seen) <= 2
    assert (insight_folder(study.workspace, MODEL) / "seen.png").is_file()
    assert visualise(study).reused


def test_an_ascent_resumes_where_it_was(judged, caplog, monkeypatch):
    """Cut off behind a stretch, it resumes and ends as if it had not been; with more steps it resumes as well."""

    class CutOffError(Exception):
        pass

    def cut_off(done, _total):
        if done > 5:
            raise CutOffError

    monkeypatch.setattr(module, "_STRETCH", 4)
    monkeypatch.setattr(module, "_REPORTED", 1)
    visualise(changed(judged, steps=8, genres=1))
    [ideal] = read_insight(judged.workspace, MODEL).ideals
    whole = (judged.workspace.root / ideal.picture).read_bytes()
    visualise(changed(judged, steps=1, genres=1))
    with pytest.raises(CutOffError):
        visualise(changed(judged, cut_off, steps=8, genres=1))
    for steps, since in ((8, 4), (9, 8)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            visualise(changed(judged, steps=steps, genres=1))
        assert f"visualise/{MODEL}: resumes at step {since}" in caplog.text
        if steps == 8:
            assert (judged.workspace.root / ideal.picture).read_bytes() == whole


def test_an_ascent_ends_on_its_plateau(judged, monkeypatch):
    """Where it has converged no further step is taken; without a plateau all are."""
    monkeypatch.setattr(module, "_STRETCH", 4)
    monkeypatch.setattr(state_module, "_LITTLE", 10)
    for plateau, steps, converged in ((3, 8, True), (0, 12, False)):
        visualise(changed(judged, steps=12, genres=1, plateau=plateau))
        [ideal] = read_insight(judged.workspace, MODEL).ideals
        assert (ideal.steps, ideal.converged) == (steps, converged)


def test_other_settings_do_not_maximise_again(judged, caplog):
    """Another number of covers explains more of them, and takes the ideal pictures as they are."""
    visualise(changed(judged, grad_cam=1))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        visualise(changed(judged, grad_cam=0))
    assert "resumes at step 6" in caplog.text
    assert "step 6 of 6" not in caplog.text
    assert read_insight(judged.workspace, MODEL).seen == []


def test_nothing_is_wanted(judged):
    """Without genres and covers there is nothing to do, and no process imports TensorFlow for it."""
    assert parts(changed(judged, genres=0, grad_cam=0), "visualise") == []
    for wanted in ({"genres": 1, "grad_cam": 0}, {"genres": 0, "grad_cam": 1}):
        assert len(parts(changed(judged, **wanted), "visualise")) == 1


def test_a_named_system_must_be_a_network_of_the_study(judged):
    """An unknown name, an ensemble, and a study without a network that is evaluated are refused."""
    with pytest.raises(SettingsError, match="Nobody"):
        chosen_system(changed(judged, model="Nobody"))
    values = changed(judged, model="Ensemble-mean").settings.model_dump()
    values["ensemble"] |= {"methods": ["mean"]}
    with pytest.raises(SettingsError, match="Ensemble-mean"):
        chosen_system(Study(type(judged.settings).model_validate(values)))
    values = judged.settings.model_dump() | {"name": "empty"}
    with pytest.raises(StageOrderError, match="no network"):
        chosen_system(Study(type(judged.settings).model_validate(values)))


def test_a_damaged_insight_is_an_error(judged, tmp_path):
    """What cannot be read is named, with what to do."""
    with pytest.raises(WorkspaceError, match="visualise"):
        read_insight(Study(judged.settings.model_copy(update={"workspace": str(tmp_path)})).workspace, MODEL)
