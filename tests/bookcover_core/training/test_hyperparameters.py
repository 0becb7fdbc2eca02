"""Trials begin with the settings' own, and are drawn from the ranges, alike for a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bookcover_core.settings import StudySettings
from bookcover_core.training.hyperparameter_search import Hyperparameters, draw_trials


def study_settings(seed=1, **search):
    return StudySettings.model_validate(
        {
            "seed": seed,
            "head": {"hidden_units": [8, 4], "dropout": 0.3},
            "training": {"learning_rate": 0.5, "batch_size": 7, "weight_decay": 0.25, "label_smoothing": 0.4},
            "search": search,
        }
    )


@given(trials=st.integers(1, 12), more=st.integers(0, 5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_more_trials_leave_the_first_as_they_were(trials, more, seed):
    """The first is the settings' own; a longer search begins with the heads of a shorter one."""
    few, many = (draw_trials(study_settings(seed, trials=count)) for count in (trials, trials + more))
    assert few[0] == Hyperparameters.of(study_settings())
    assert few[0].hidden_units == (8, 4)
    assert len(many) == trials + more
    assert many[:trials] == few


def test_trials_fill_their_ranges():
    """Rates are even on a logarithmic scale between their bounds, choices are all made, other seeds draw others."""
    wanted = {
        "trials": 400,
        "learning_rate": (1e-4, 1e-2),
        "weight_decay": (0.01, 1.0),
        "hidden_units": (0, 16),
        "dropout": (0.0, 0.5),
        "batch_size": (32, 256),
        "label_smoothing": (0.0, 0.1),
    }
    drawn = draw_trials(study_settings(**wanted))[1:]
    for name, middle in (("learning_rate", 1e-3), ("weight_decay", 0.1)):
        values = np.array([getattr(trial, name) for trial in drawn])
        low, high = wanted[name]
        assert low <= values.min() < 2 * low
        assert high / 2 < values.max() <= high
        assert 0.4 < (values < middle).mean() < 0.6
    assert {trial.hidden_units for trial in drawn} == {(), (16,)}
    for name in ("dropout", "batch_size", "label_smoothing"):
        assert {getattr(trial, name) for trial in drawn} == set(wanted[name])
    assert draw_trials(study_settings(seed=2, **wanted))[1:] != drawn


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
def test_a_range_begins_with_its_least_value(name):
    """A range that is named the wrong way round is an impossible setting, not an empty one."""
    with pytest.raises(ValidationError, match=f"{name} names its least value, 0.5, before a smaller one, 0.1"):
        study_settings(**{name: (0.5, 0.1)})
