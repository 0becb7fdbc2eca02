"""Baselines: rules that never look at a picture, whose accuracies are known before anything is run."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bookcover_core.errors import WeightsError
from bookcover_core.evaluation.scores import evaluate, read_scores
from bookcover_core.families.baselines import (
    draw_genres,
    fit_baseline,
    fit_frequencies,
    fit_logistic,
    fit_nearest_mean,
    select_columns,
)
from bookcover_core.families.ensemble import combine
from bookcover_core.families.systems import find_system, load_predictor, systems
from bookcover_core.inference.model_choice import candidates, choose
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.cover_measurements import measure
from bookcover_core.settings import StudySettings
from bookcover_core.training.stored_probabilities import predict_split
from tests.bookcover_core.training.conftest import make_study
from tests.bookcover_core.training.test_measurement_inputs import write_measurements

GENRES = 3
NAMES = [f"Baseline-{name}" for name in StudySettings().baselines.names]


def with_settings(study: Study, **changes: dict) -> Study:
    groups = {name: getattr(study.settings, name).model_copy(update=change) for name, change in changes.items()}
    return Study(study.settings.model_copy(update=groups))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Study:
    """A study of 36 books in 3 genres whose baselines are fitted and evaluated; no network is trained."""
    study = make_study(tmp_path_factory.mktemp("study"), preparation="padded")
    write_measurements(study)
    for name in NAMES:
        fit_baseline(study, name)
        evaluate(study, name)
    return study


def draw_books(books: int = 300):
    """Genres that differ in their first measure and in nothing else: (inputs, labels)."""
    generator = np.random.default_rng(8)
    labels = np.arange(books) % GENRES
    inputs = generator.normal(100, 5, size=(books, 3))
    inputs[:, 0] += 60.0 * labels
    return inputs, labels


def test_they_stand_behind_all_that_compete():
    """Every study has them unless its settings name none; no ensemble joins them unless it names them."""
    wanted = {"training": {"backbones": ["MobileNetV2"]}, "ensemble": {"methods": ["mean"]}}
    found = systems(StudySettings.model_validate(wanted))
    assert [system.name for system in found] == ["MobileNetV2", "Ensemble-mean", *NAMES]
    assert [system.name for system in found if system.competes] == ["MobileNetV2", "Ensemble-mean"]
    assert [member.name for member in found[1].members] == ["MobileNetV2"]
    wanted |= {"baselines": {"names": []}}
    assert [system.name for system in systems(StudySettings.model_validate(wanted))] == ["MobileNetV2", "Ensemble-mean"]


def test_chance_is_right_as_often_as_its_share_says():
    """Drawn by the frequencies, a genre is named as often as it occurs: the expected accuracy is their squares' sum."""
    shares = np.array([0.5, 0.3, 0.2])
    labels = np.random.default_rng(1).choice(3, size=40_000, p=shares)
    rule = fit_frequencies(np.empty((len(labels), 0)), labels, 3)
    given = rule.probabilities(np.empty((len(labels), 0)))
    np.testing.assert_allclose(given[0], np.bincount(labels) / len(labels))
    drawn = draw_genres(given, seed=4)
    named = drawn.argmax(axis=1)
    np.testing.assert_allclose(np.bincount(named) / len(named), shares, atol=0.01)
    assert (named == labels).mean() == pytest.approx((shares**2).sum(), abs=0.01)
    np.testing.assert_allclose(np.sort(drawn, axis=1), np.sort(given, axis=1), rtol=1e-3)
    np.testing.assert_array_equal(draw_genres(given, seed=4), drawn)
    assert (draw_genres(given, seed=5) != drawn).any()


def test_equal_frequencies_are_drawn_too():
    """Where all genres are equally frequent, each is named as often as the others, and no two probabilities tie."""
    drawn = draw_genres(np.full((9_000, 3), 1 / 3), seed=4).astype(np.float32)
    np.testing.assert_allclose(np.bincount(drawn.argmax(axis=1)) / 9_000, [1 / 3] * 3, atol=0.02)
    assert all((a > b).all() for a, b in pairwise(np.sort(drawn, axis=1)[:, ::-1].T))


def test_the_nearest_mean_is_scikit_learns_nearest_centroid():
    """Trained on the same books, both name the same genre for every other."""
    inputs, labels = draw_books()
    rule = fit_nearest_mean(inputs[::2], labels[::2], GENRES)
    wanted = NearestCentroid().fit(inputs[::2], labels[::2]).predict(inputs[1::2])
    np.testing.assert_array_equal(rule.probabilities(inputs[1::2]).argmax(axis=1), wanted)


@pytest.mark.parametrize("genres", [2, 3])
def test_the_regression_is_scikit_learns(genres):
    """Folded into one linear function, it gives the probabilities of the pipeline that was fitted."""
    inputs, labels = draw_books()
    inputs, labels = inputs[labels < genres], labels[labels < genres]
    rule = fit_logistic(inputs, labels, genres)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)).fit(inputs, labels)
    np.testing.assert_allclose(rule.probabilities(inputs), pipeline.predict_proba(inputs), atol=1e-9)


@pytest.mark.parametrize("fit", [fit_nearest_mean, fit_logistic, fit_frequencies])
def test_a_genre_without_training_books_is_never_named(fit):
    """Of three genres one has no training book, then two: they get no probability."""
    inputs = np.array([[0.0], [1.0], [10.0], [11.0]])
    two = fit(inputs, np.array([0, 0, 2, 2]), GENRES).probabilities(inputs)
    if fit is not fit_frequencies:
        np.testing.assert_array_equal(two.argmax(axis=1), [0, 0, 2, 2])
    assert (two[:, 1] == 0).all()
    one = fit(inputs[:2], np.array([1, 1]), GENRES).probabilities(inputs)
    np.testing.assert_array_equal(one, [[0, 1, 0]] * 4)


def test_they_go_the_whole_way(fitted):
    """Evaluated by what they stored, without a network; the constant answer is right on its genre's share of books."""
    for name in NAMES:
        scores = read_scores(fitted.workspace.evaluation / f"{name}-original" / "metrics.json")
        assert (scores.backbone, scores.preparation, scores.books) == (name, "original", 9)
        assert fit_baseline(fitted, name).reused
        assert find_system(fitted.settings, name).is_made(fitted)
    constant = read_scores(fitted.workspace.evaluation / "Baseline-commonest-original" / "metrics.json")
    assert constant.accuracy.value == pytest.approx(1 / 3) == pytest.approx(constant.chance)
    assert [genre.predicted for genre in constant.genres] == [9, 0, 0]
    for split in ("validation", "test"):
        _, _, probabilities = predict_split(fitted, "Baseline-frequencies-original", split)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(np.sort(probabilities, axis=1), 1 / 3, rtol=1e-3)


def test_an_ensemble_joins_them_where_it_names_them(fitted):
    """They are candidates like any other system."""
    study = with_settings(
        fitted,
        training={"backbones": ()},
        ensemble={"methods": ("mean",), "members": ("Baseline-commonest", "Baseline-mean-colour")},
    )
    combine(study, "Ensemble-mean")
    told = json.loads((study.workspace.models / "Ensemble-mean-original" / "card.json").read_text())
    assert [member["model"] for member in told["members"]] == [
        "Baseline-commonest-original",
        "Baseline-mean-colour-original",
    ]


def test_covers_from_outside_are_judged_by_name_alone(fitted):
    """Asked for by name a baseline predicts covers by their measurements; no study's judge is one by itself."""
    assert choose(fitted, "baseline-mean-colour").name == "Baseline-mean-colour-original"
    assert not any(each.competes for each in candidates(fitted) if each.system in NAMES)
    folder = fitted.workspace.models / "Baseline-colour-and-shape-original"
    covers = [measure(Image.new("RGB", (200 + step, 300), (10 * step, 90, 40))) for step in range(5)]

    given = [SimpleNamespace(pictures={}, measurements=each) for each in covers]
    probabilities, features = load_predictor(folder).predict(given)
    assert features is None
    assert probabilities.shape == (5, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert select_columns(covers, ("aspect_ratio",))[0, 0] == pytest.approx(2 / 3)
    (folder / "rule.npz").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"rule\.npz"):
        load_predictor(folder)
