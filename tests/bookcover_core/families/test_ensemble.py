"""Systems that judge together. Their members' probabilities are invented; no network is trained here."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.families.ensemble import combine
from bookcover_core.families.family import System
from bookcover_core.families.joining import fit_product, fit_weights, join
from bookcover_core.families.systems import find_system
from bookcover_core.genres import number_genres
from bookcover_core.listings.books import write_genres
from bookcover_core.pipeline.engine import State, record
from bookcover_core.pipeline.graph import prospects
from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.stored_probabilities import predict_split, write_probabilities

GENRES = ("Law", "Travel", "Romance")
BOOKS = 60

# How well each member knows the true genre.
SKILL = {"LeNet": 0.5, "AlexNet": 2.5}


def invent(labels: np.ndarray, skill: float, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(len(labels), len(GENRES)))
    logits[np.arange(len(labels)), labels] += skill
    exponents = np.exp(logits)
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def study(tmp_path) -> Study:
    """A study of two networks that are trained, whose books they name in different orders."""
    settings = {
        "name": "joined",
        "workspace": str(tmp_path),
        "training": {"backbones": list(SKILL), "preparation": "padded"},
        "ensemble": {"methods": ["mean", "weighted"]},
    }
    study = Study(parse_settings(settings))
    write_genres(study.workspace.genres, number_genres(GENRES), "012", [20] * 3)
    splits = ["validation" if row % 2 else "test" for row in range(BOOKS)]
    keys = [f"{row:03d}" for row in range(BOOKS)]
    books = pd.DataFrame({"key": keys, "label": np.arange(BOOKS) % 3, "split": splits, "group": keys})
    write_table(study.workspace.splits, books)
    record(study, "split", outputs=[study.workspace.splits])
    for seed, (name, skill) in enumerate(SKILL.items()):
        run = partial(record, study, f"scratch/{name}-padded", after=["split"])
        files = []
        for split in ("validation", "test"):
            of_split = books[books["split"] == split].sample(frac=1, random_state=seed)
            probabilities = invent(of_split["label"].to_numpy(), skill, seed)
            files.append(
                write_probabilities(
                    study.workspace.models / f"{name}-padded", split, of_split["key"].tolist(), probabilities
                )
            )
        run(outputs=files)
    return study


@pytest.fixture
def _members_are_made(monkeypatch) -> None:
    monkeypatch.setattr(System, "is_made", lambda _system, _study: True)


def told(study: Study, name: str) -> dict:
    return json.loads((study.workspace.models / f"{name}-padded" / "card.json").read_text("utf-8"))


@pytest.mark.usefixtures("_members_are_made")
def test_the_mean_is_the_mean_book_by_book(study):
    """Members name their books in any order; what is joined is what they say of one book."""
    assert combine(study, "Ensemble-mean").label == "ensemble/Ensemble-mean-padded"
    for split in ("validation", "test"):
        keys, labels, joined = predict_split(study, "Ensemble-mean-padded", split)
        expected = 0
        for name in SKILL:
            own, own_labels, probabilities = predict_split(study, f"{name}-padded", split)
            order = [own.index(key) for key in keys]
            np.testing.assert_array_equal(own_labels[order], labels)
            expected = expected + probabilities[order] / 2
        np.testing.assert_allclose(joined, expected, atol=1e-7)
    assert combine(study, "Ensemble-mean").reused


@pytest.mark.usefixtures("_members_are_made")
def test_the_weighted_mean_trusts_those_who_know_more(study):
    """The weights add up to 1, lean to the better member, and validate no worse than equal ones; all is on record."""
    combine(study, "Ensemble-mean")
    combine(study, "Ensemble-weighted")
    weighted, mean = told(study, "Ensemble-weighted"), told(study, "Ensemble-mean")
    weights = {member["model"]: member["weight"] for member in weighted["members"]}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["AlexNet-padded"] > weights["LeNet-padded"] >= 0
    assert weighted["metrics"]["validation_loss"] <= mean["metrics"]["validation_loss"]
    assert [member["weight"] for member in mean["members"]] == [0.5, 0.5]
    assert weighted["members"][0]["digest"] == study.manifest("scratch/LeNet-padded").digest
    assert 0 < weighted["members"][1]["validation_accuracy"] <= 1


def test_a_member_that_is_not_trained_is_named(study):
    """What lies in the folder of a network that today's settings did not train is not joined."""
    with pytest.raises(StageOrderError, match=r"Ensemble-mean: not all of its members .*: LeNet and AlexNet"):
        combine(study, "Ensemble-mean")
    with pytest.raises(SettingsError, match="Ensemble-median"):
        combine(study, "Ensemble-median")
    with pytest.raises(SettingsError, match="no ensemble called 'LeNet'"):
        combine(study, "LeNet")


def test_what_becomes_of_an_ensemble_is_told_as_of_any_system(trained):
    """It waits for the members that would be trained anew, and its evaluation waits for it; nothing joins old ones."""
    training = trained.settings.training.model_copy(update={"epochs": trained.settings.training.epochs + 1})
    later = Study(trained.settings.model_copy(update={"training": training}))
    told = {each.label: (each.state, each.reasons) for each in prospects(later)}
    assert told["train/Small-padded"][0] is State.OTHER_SETTINGS
    assert told["ensemble/Ensemble-mean-padded"] == (State.WAITING, ("it builds on train/Small-padded",))
    assert told["evaluate/Ensemble-mean-padded"] == (State.WAITING, ("it builds on ensemble/Ensemble-mean-padded",))
    ensemble = find_system(later.settings, "Ensemble-mean")
    assert not ensemble.is_made(later)
    for make in (combine, lambda study, *words: run_apart(study, combine, *words)):
        with pytest.raises(StageOrderError, match=r"not all of its members .*: Tiny and Small"):
            make(later, "Ensemble-mean")


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 10_000))
def test_fitted_weights_are_the_optimum(members, books, seed):
    """No weight is below 0, they add up to 1, and no member deserves more weight than it has (Karush-Kuhn-Tucker)."""
    given_to_truth = np.random.default_rng(seed).uniform(0.01, 1, (members, books))
    weights = fit_weights(given_to_truth)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    gains = (given_to_truth / (weights @ given_to_truth)).mean(axis=1)
    assert gains.max() < 1 + 1e-3


def test_a_member_that_knows_nothing_gets_no_weight():
    """Beside one that is always right, one that is always wrong only harms."""
    weights = fit_weights(np.array([[0.9, 0.8, 0.95], [0.0, 0.0, 0.0]]))
    assert weights[0] == pytest.approx(1)


def test_a_product_adds_what_each_of_its_members_knows():
    """Two members, one of which tells the first genre and the other the last two apart: together they tell all."""
    labels = np.arange(60) % 3
    one, other = np.full((60, 3), 1 / 3), np.full((60, 3), 1 / 3)
    one[labels == 0], one[labels != 0] = (0.8, 0.1, 0.1), (0.1, 0.45, 0.45)
    other[labels == 1], other[labels == 2] = (0.34, 0.56, 0.1), (0.34, 0.1, 0.56)
    members = np.stack([one, other])
    weights = fit_product(members, labels)
    joined = join("product", weights, members)
    np.testing.assert_allclose(joined.sum(axis=1), 1)
    assert (joined.argmax(axis=1) == labels).all()
    mean = join("weighted", fit_weights(members[:, np.arange(60), labels]), members)
    assert -np.log(joined[np.arange(60), labels]).mean() < -np.log(mean[np.arange(60), labels]).mean()


def test_the_weights_of_a_product_are_the_best_there_are():
    """No other weights fit the validation books better; a member that knows nothing is left out."""
    labels = np.arange(300) % 3
    members = np.stack([invent(labels, skill, seed) for seed, skill in enumerate((1.0, 2.0, 0.0))])
    weights = fit_product(members, labels)

    def loss(tried):
        return -np.log(join("product", tried, members)[np.arange(300), labels]).mean()

    assert all(loss(weights) <= loss(np.abs(weights + step)) + 1e-6 for step in 0.1 * np.eye(3))
    assert weights[2] < 0.15
    assert loss(weights) < min(loss(one) for one in np.eye(3))


def test_a_product_of_one_member_is_as_sure_as_it_is_right():
    """Its weight is what its logarithms are to be divided by: temperature scaling (Guo et al. 2017)."""
    labels = np.arange(600) % 3
    sure = invent(labels, 1.0, 3).astype(np.float64) ** 4
    sure /= sure.sum(axis=1, keepdims=True)
    assert fit_product(sure[None], labels)[0] == pytest.approx(0.25, abs=0.06)


@pytest.mark.usefixtures("_members_are_made")
def test_the_product_of_a_study_names_its_weights(study):
    """It is kept as the others are, with weights that need not sum to 1."""
    wanted = study.settings.model_dump(mode="json") | {"ensemble": {"methods": ["product"]}}
    combine(joined := Study(parse_settings(wanted)), "Ensemble-product")
    members = told(joined, "Ensemble-product")["members"]
    assert [member["model"] for member in members] == [f"{name}-padded" for name in SKILL]
    assert all(0 <= member["weight"] <= 10 for member in members)
    _, labels, probabilities = predict_split(joined, "Ensemble-product-padded", "test")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.8
