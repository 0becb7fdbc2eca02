"""LeNet and AlexNet are the networks of their papers, and are built from a seed."""

import numpy as np
import pytest

from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.tensorflow_setup import keras

# Weights and biases, layer by layer, worked out from the shapes of kernels in the papers.
LENET = (5 * 5 * 3 + 1) * 20 + (5 * 5 * 20 + 1) * 50 + (11 * 11 * 50 + 1) * 500 + 501 * 30
ALEXNET = (
    (11 * 11 * 3 + 1) * 96
    + (5 * 5 * 96 + 1) * 256
    + (3 * 3 * 256 + 1) * 384
    + (3 * 3 * 384 + 1) * 384
    + (3 * 3 * 384 + 1) * 256
    + (6 * 6 * 256 + 1) * 4_096
    + 4_097 * 4_096
    + 4_097 * 30
)


def test_every_network_that_settings_may_name_can_be_built():
    """The registry holds the names that systems are told apart by."""
    assert tuple(SCRATCH) == ("LeNet", "AlexNet")


@pytest.mark.parametrize(("name", "size", "weights"), [("LeNet", 56, LENET), ("AlexNet", 227, ALEXNET)])
def test_networks_have_the_weights_that_their_layers_need(monkeypatch, name, size, weights):
    """Each has as many weights as its layers call for, and gives probabilities of the genres from its last layer."""
    monkeypatch.setattr(keras.initializers, "HeNormal", lambda **_: "zeros")
    network = SCRATCH[name]
    model = network.build(genres=30, seed=1)
    assert (network.size, model.count_params()) == (size, weights)
    assert (model.input_shape, model.output_shape) == ((None, size, size, 3), (None, 30))
    assert (model.layers[1].name, model.layers[-1].name) == ("preprocessing", "genres")


def test_pixels_become_probabilities():
    """Pictures of 0..255 give probabilities that add up to 1."""
    probabilities = np.asarray(SCRATCH["LeNet"].build(genres=30, seed=1)(np.full((2, 56, 56, 3), 128, np.uint8)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_seed_draws_the_first_weights():
    """One seed gives one network, another gives another, and no two layers begin alike."""
    build = SCRATCH["LeNet"].build
    first, again, other = (build(genres=3, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((a != b).any() for a, b in zip(first, other, strict=True) if a.ndim > 1)
    assert (first[0].ravel()[:100] != first[4].ravel()[:100]).any()


def test_responses_are_normalised_by_their_neighbours():
    """A value is divided by (2 + 1e-4 times the squares of five channels around it) to the power of 0.75."""
    from bookcover_core.models.lenet_alexnet import normalise_locally

    maps = np.random.default_rng(3).normal(0, 100, (1, 2, 2, 7)).astype(np.float32)
    squares = sum(np.pad(maps**2, ((0, 0),) * 3 + ((2, 2),))[..., shift : shift + 7] for shift in range(5))
    np.testing.assert_allclose(normalise_locally(maps), maps / (2 + 1e-4 * squares) ** 0.75, rtol=1e-4)
