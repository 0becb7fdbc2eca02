"""The stage `analyse`: all systems on the same books, done once, and done again when anything under it changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.analyse import ANALYSIS, analyse, evaluated_models, read_analysis
from bookcover_core.evaluation.scores import evaluate, read_scores
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.report.analysed import invented_validation, make_analysed_study
from tests.bookcover_core.report.specimen import Specimen, invented_predictions, make_study

SMALL = Specimen(
    genres=("Law", "Travel", "Romance", "History"),
    backbones=("MobileNetV2", "ResNeXt50"),
    test_per_genre=12,
    train_per_genre=30,
    covers_per_genre=0,
    twins=False,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small analysed study that no test changes."""
    return make_analysed_study(tmp_path_factory.mktemp("small"), SMALL)


def test_the_analysis_tells_of_all_systems_and_books(study):
    """Every system of the settings, all books with their colours, and the numbers of the scores again."""
    found = read_analysis(study.workspace)
    assert list(found.systems) == ["MobileNetV2", "ResNeXt50"]
    assert (found.books, found.test_books, found.chance) == (4 * 42, 48, 0.25)
    assert sorted(found.order) == [0, 1, 2, 3]
    measured = pd.read_csv(study.workspace.prepared / "measurements" / "shard-0001.csv", dtype={"key": str})
    books = pd.read_csv(study.workspace.splits, dtype={"key": str}).merge(measured, on="key")
    for colour in found.colours:
        assert colour.green == pytest.approx(books[books["label"] == colour.label]["green"].mean(), rel=1e-5)
    for name, system in found.systems.items():
        scores = read_scores(study.workspace.evaluation / f"{name}-padded" / "metrics.json")
        assert system.calibration.accuracy == pytest.approx(scores.accuracy.value, rel=1e-5)
        assert [point.recall for point in system.colour.points] == pytest.approx(
            [genre.recall[1].value for genre in scores.genres], rel=1e-5
        )
        assert sum(pair.books for pair in system.confused) == round(48 * (1 - scores.accuracy.value))
    [pair] = found.pairs
    assert found.together is not None
    assert found.together.right_by == [pair.neither, pair.only_first + pair.only_second, pair.both]


def test_a_temperature_is_fitted_where_validation_books_can_be_judged(study, tmp_path: Path):
    """One system has predictions for them, the other none; weights that are gone are no error."""
    found = read_analysis(study.workspace)
    assert found.systems["MobileNetV2"].calibration.tempered is not None
    assert found.systems["ResNeXt50"].calibration.tempered is None
    other = make_study(tmp_path, SMALL)

    def gone(*_):
        raise WeightsError("the weights are gone")

    analyse(other, predict=gone)
    assert read_analysis(other.workspace).systems["MobileNetV2"].calibration.tempered is None


def test_tables_stand_beside_it(study):
    """Every table has its rows: genres, pairs of genres, systems, bins."""
    folder = study.workspace.evaluation / "analysis"
    rows = {file.stem: len(pd.read_csv(file)) for file in folder.glob("*.csv")}
    assert rows["measures"] == 6 * 4
    assert rows["colours"] == 4
    assert rows["colour-distance"] == 2 * 4
    assert rows["overlap"] == 2 * 6
    assert (rows["pairs"], rows["calibration"]) == (1, 2)
    assert {"confused-pairs", "colour-correlation", "reliability"} <= set(rows)


def test_it_is_done_once_and_again_when_predictions_or_the_file_change(tmp_path: Path):
    """Unchanged: reused. Altered: made anew to the byte. Another outcome of a system, or another threshold: again."""
    study = make_analysed_study(tmp_path, SMALL)

    def refuse(*_):
        raise AssertionError("analysed again")

    assert analyse(study, predict=refuse).reused
    file = study.workspace.evaluation / ANALYSIS
    content = file.read_bytes()
    file.write_text("{}", "utf-8")
    with pytest.raises(WorkspaceError, match=r"analysis\.json"):
        read_analysis(study.workspace)
    assert not analyse(study, predict=invented_validation).reused
    assert file.read_bytes() == content

    lower = study.settings.evaluation.model_copy(update={"overlap_threshold": 0.2})
    lowered = Study(study.settings.model_copy(update={"evaluation": lower}))
    assert evaluate(lowered, "MobileNetV2", predict=refuse).reused
    assert not analyse(lowered, predict=invented_validation).reused
    pairs = read_analysis(lowered.workspace).systems["MobileNetV2"].overlap.pairs
    assert all(pair.overlap.value > 0.2 for pair in pairs)

    def turned(study, model, split):
        keys, labels, probabilities = invented_predictions(study, model, split)
        return keys, labels, probabilities[:, ::-1]

    study.manifest_file("evaluate/ResNeXt50-padded").unlink()
    evaluate(study, "ResNeXt50", predict=turned)
    assert not analyse(study, predict=invented_validation).reused


def test_only_systems_of_the_settings_that_are_evaluated_take_part(tmp_path: Path):
    """One that failed is left out; with none, the stage is out of order."""
    study = make_study(tmp_path, Specimen(**{**vars(SMALL), "failed": ("ResNeXt50",)}))
    assert evaluated_models(study) == {"MobileNetV2": "MobileNetV2-padded"}
    analyse(study, predict=invented_validation)
    found = read_analysis(study.workspace)
    assert found.pairs == []
    assert found.together is None
    study.manifest_file("evaluate/MobileNetV2-padded").unlink()
    with pytest.raises(StageOrderError, match="no network has been evaluated"):
        analyse(study)


def test_predictions_of_other_books_are_refused(tmp_path: Path):
    """A system that judged other books cannot be set beside the rest."""
    study = make_study(tmp_path, SMALL)

    def fewer(study, model, split):
        keys, labels, probabilities = invented_predictions(study, model, split)
        return keys[1:], labels[1:], np.asarray(probabilities[1:])

    study.manifest_file("evaluate/ResNeXt50-padded").unlink()
    evaluate(study, "ResNeXt50", predict=fewer)
    with pytest.raises(WorkspaceError, match="not of the same books"):
        analyse(study, predict=invented_validation)
