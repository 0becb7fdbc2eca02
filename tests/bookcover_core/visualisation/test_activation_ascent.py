"""Activation maximisation, on a network whose ideal picture is known."""

import numpy as np
import pytest

from bookcover_core.visualisation.activation_ascent import Climber
from bookcover_core.visualisation.maximisation_state import Climb
from tests.bookcover_core.visualisation.known import SIZE, cornered


@pytest.fixture(scope="module")
def climber():
    return Climber(cornered()[0], total_variation=0.01, l2=0.001, seed=3)


def start(*labels: int) -> Climb:
    return Climb.start(SIZE, labels, 3)


def test_a_picture_becomes_what_the_network_looks_for(climber):
    """The corner that a genre's score comes from grows brighter than the one that it does not see."""
    climb = climber.climb(start(0, 1), (0, 1), 30)
    pictures = climb.in_place.astype(float)
    half = SIZE // 2
    assert climb.scores.shape == (30, 2)
    assert (climb.scores[-1] > climb.scores[0] + 0.5).all()
    assert pictures[0, :half, :half].mean() > pictures[0, half:, half:].mean() + 20
    assert pictures[1, half:, half:].mean() > pictures[1, :half, :half].mean() + 20
    assert climb.pictures.min() >= 0
    assert climb.pictures.max() <= 255


def test_a_climb_that_was_cut_off_ends_where_it_would_have_ended(climber, tmp_path):
    """Kept after any step and taken up again, pictures, course and what the optimiser remembers are the same."""
    file = tmp_path / "climb.npz"
    whole = climber.climb(start(0, 2), (0, 2), 7)
    climber.climb(start(0, 2), (0, 2), 3).write(file, "key")
    again = climber.climb(Climb.read(file, "key"), (0, 2), 4)
    assert again.step == whole.step == 7
    assert again.moved == whole.moved
    for name in ("pictures", "scores", "penalties"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert all(np.array_equal(one, other) for one, other in zip(again.moments, whole.moments, strict=True))


def test_pictures_that_climb_together_climb_alone(climber):
    """Another genre beside it does not change a picture."""
    together, alone = climber.climb(start(0, 1), (0, 1), 5), climber.climb(start(1), (1,), 5)
    np.testing.assert_allclose(together.pictures[1], alone.pictures[0], atol=0.01)


def test_a_climb_that_hangs_on_something_else_is_not_taken_up(climber, tmp_path):
    """A file with another key, a damaged one and none at all are no climb."""
    file = tmp_path / "climb.npz"
    start(0).write(file, "key")
    assert Climb.read(file, "key").step == 0
    assert Climb.read(file, "another key") is None
    file.write_bytes(file.read_bytes()[:500])
    assert Climb.read(file, "key") is None
    assert Climb.read(tmp_path / "none.npz", "key") is None


def test_pictures_are_printed_in_their_place():
    """How far jitter moved a picture is taken back."""
    climb = start(0)
    moved = Climb(**{**vars(climb), "pictures": np.roll(climb.pictures, (3, -5), axis=(1, 2)), "moved": (3, -5)})
    assert np.array_equal(moved.in_place, climb.in_place)


def test_extra_inputs_are_held():
    """A network with extra inputs climbs as well, with those of the average cover at every step."""
    network, _ = cornered(extra=2)
    genres = network.get_layer("genres")
    kernel, bias = genres.get_weights()
    kernel[2:] = 100
    genres.set_weights([kernel, bias])
    told, plain = (Climber(each, total_variation=0.01, l2=0.001, seed=3) for each in (network, cornered()[0]))
    np.testing.assert_allclose(told.climb(start(0), (0,), 4).scores, plain.climb(start(0), (0,), 4).scores, atol=1e-4)
    np.testing.assert_allclose(told.look(start(0).pictures), plain.look(start(0).pictures), atol=1e-4)
