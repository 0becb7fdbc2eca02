"""Activation maximisation, on a network whose ideal picture is known."""

from dataclasses import replace

import numpy as np
import pytest

from bookcover_core.settings.training_settings import VisualisationSettings
from bookcover_core.visualisation.activation_ascent import ActivationMaximiser, MaximisationState
from tests.bookcover_core.visualisation.known import SIZE, cornered


@pytest.fixture(scope="module")
def maximiser():
    return ActivationMaximiser(cornered()[0], total_variation=0.01, l2=0.001, seed=3)


def start(*labels: int) -> MaximisationState:
    return MaximisationState.start(SIZE, labels, 3)


def test_a_picture_becomes_what_the_network_responds_to(maximiser):
    """The corner that a genre's score comes from grows brighter than the one that it does not see."""
    state = maximiser.ascend(start(0, 1), (0, 1), 30)
    pictures = state.in_place.astype(float)
    half = SIZE // 2
    assert state.scores.shape == (30, 2)
    assert (state.scores[-1] > state.scores[0] + 0.5).all()
    assert pictures[0, :half, :half].mean() > pictures[0, half:, half:].mean() + 20
    assert pictures[1, half:, half:].mean() > pictures[1, :half, :half].mean() + 20
    assert state.pictures.min() >= 0
    assert state.pictures.max() <= 255


def test_the_objective_rises_from_the_start():
    """With the settings' penalties the score less the penalties is higher after any ten steps than before them."""
    settings = VisualisationSettings()
    maximiser = ActivationMaximiser(cornered()[0], total_variation=settings.total_variation, l2=settings.l2, seed=3)
    state = maximiser.ascend(start(0, 1), (0, 1), 40)
    objective = (state.scores - state.penalties.sum(axis=2)).reshape(4, 10, 2).mean(axis=1)
    assert (np.diff(objective, axis=0) > 0).all()


def test_a_plateau_is_where_the_objective_no_longer_rises():
    """A course that levels off has converged, one that rises evenly has not, nor has one that is shorter than two."""
    steps = np.arange(100, dtype=np.float32)
    scores = np.stack([1 - np.exp(-steps / 5), steps], axis=1)
    state = replace(start(0, 1), step=100, scores=scores, penalties=np.zeros((100, 2, 2), np.float32))
    assert state.converged(20).tolist() == [True, False]
    assert state.converged(60).tolist() == state.converged(0).tolist() == [False, False]


def test_an_ascent_that_was_cut_off_ends_where_it_would_have_ended(maximiser, tmp_path):
    """Kept after any step and resumed, pictures, course and the optimiser's state are the same."""
    file = tmp_path / "climb.npz"
    whole = maximiser.ascend(start(0, 2), (0, 2), 7)
    maximiser.ascend(start(0, 2), (0, 2), 3).write(file, "key")
    again = maximiser.ascend(MaximisationState.read(file, "key"), (0, 2), 4)
    assert again.step == whole.step == 7
    assert again.moved == whole.moved
    for name in ("pictures", "velocity", "scores", "penalties"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name


def test_pictures_maximised_together_are_as_if_alone(maximiser):
    """Another genre beside it does not change a picture."""
    together, alone = maximiser.ascend(start(0, 1), (0, 1), 5), maximiser.ascend(start(1), (1,), 5)
    np.testing.assert_allclose(together.pictures[1], alone.pictures[0], atol=0.01)


def test_a_state_that_depends_on_something_else_is_not_resumed(maximiser, tmp_path):
    """A file with another key, a damaged one and none at all give no state."""
    file = tmp_path / "climb.npz"
    start(0).write(file, "key")
    assert MaximisationState.read(file, "key").step == 0
    assert MaximisationState.read(file, "another key") is None
    file.write_bytes(file.read_bytes()[:500])
    assert MaximisationState.read(file, "key") is None
    assert MaximisationState.read(tmp_path / "none.npz", "key") is None


def test_pictures_are_printed_in_their_place():
    """How far jitter moved a picture is taken back."""
    state = start(0)
    moved = MaximisationState(
        **{**vars(state), "pictures": np.roll(state.pictures, (3, -5), axis=(1, 2)), "moved": (3, -5)}
    )
    assert np.array_equal(moved.in_place, state.in_place)


def test_extra_inputs_are_held():
    """A network with extra inputs is maximised too, with those of the average cover at every step."""
    network, _ = cornered(extra=2)
    genres = network.get_layer("genres")
    kernel, bias = genres.get_weights()
    kernel[2:] = 100
    genres.set_weights([kernel, bias])
    extended, plain = (
        ActivationMaximiser(each, total_variation=0.01, l2=0.001, seed=3) for each in (network, cornered()[0])
    )
    np.testing.assert_allclose(
        extended.ascend(start(0), (0,), 4).scores, plain.ascend(start(0), (0,), 4).scores, atol=1e-4
    )
    np.testing.assert_allclose(extended.score(start(0).pictures), plain.score(start(0).pictures), atol=1e-4)
