"""WAME takes the steps that its rule gives, and trains heads as Adam does."""

import numpy as np
import pytest

from bookcover_core.models.networks import build_head
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.training.head_trainer import fit_head
from bookcover_core.training.loop import Checkpoint
from bookcover_core.training.wame import Wame
from tests.bookcover_core.training.test_head_trainer import CHANNELS, GENRES, TRAIN, VALIDATION, curve, draw, schedule


def steps(gradients, **options):
    """What one weight is moved by, down the gradient, for each of `gradients`; and the optimiser."""
    optimizer, weight = Wame(**options), keras.Variable(np.zeros(1, np.float32))
    optimizer.build([weight])
    places = [0.0]
    for gradient in gradients:
        optimizer.apply([tf.constant([gradient], tf.float32)], [weight])
        places.append(float(weight.numpy()[0]))
    return -np.diff(places), optimizer


def zeta(optimizer):
    return float(optimizer._zetas[0].numpy()[0])


def test_steps_are_those_worked_out_by_hand():
    """Three steps down f(w) = w^2 from w = 1, at a learning rate of 1.

    1. g = 2. No last gradient: zeta = 1, Z = 0.1 x 1 = 0.1, theta = 0.1 x 4 = 0.4.
       step = 0.1 x 2 / 0.632456 = 0.316228; w = 0.683772.
    2. g = 1.367544, the same sign: zeta = 1.2, Z = 0.09 + 0.12 = 0.21, theta = 0.36 + 0.187018 = 0.547018.
       step = 0.21 x 1.367544 / 0.739606 = 0.388292; w = 0.295480.
    3. g = 0.590960, the same sign: zeta = 1.44, Z = 0.189 + 0.144 = 0.333, theta = 0.492316 + 0.034923 = 0.527239.
       step = 0.333 x 0.590960 / 0.726113 = 0.271017; w = 0.024463.
    """
    weight, optimizer = keras.Variable(1.0), Wame(learning_rate=1.0)
    optimizer.build([weight])
    places = []
    for _ in range(3):
        optimizer.apply([2 * weight.value], [weight])
        places.append(float(weight.numpy()))
    assert places == pytest.approx([0.683772, 0.295480, 0.024463], abs=2e-6)


def test_a_flip_shrinks_zeta_as_worked_out_by_hand():
    """Gradients 1, -1 and 0: a flip divides zeta by ten, a gradient of 0 leaves it and moves nothing.

    1. zeta = 1, Z = 0.1, theta = 0.1:                    step = 0.1 / 0.316228 = 0.316228.
    2. zeta = 0.1, Z = 0.09 + 0.01 = 0.1, theta = 0.19:   step = -0.1 / 0.435890 = -0.229416.
    3. zeta = 0.1, Z = 0.09 + 0.01 = 0.1, theta = 0.171:  step = 0.
    4. The last gradient was 0, so zeta = 0.1; Z = 0.1; theta = 0.1539 + 0.1 = 0.2539: step = 0.1 / 0.503885 = 0.198458.
    """
    moved, optimizer = steps([1, -1, 0, 1], learning_rate=1.0)
    assert moved == pytest.approx([0.316228, -0.229416, 0, 0.198458], abs=2e-6)
    assert zeta(optimizer) == pytest.approx(0.1)


def test_a_weight_that_keeps_its_direction_speeds_up():
    """A constant gradient, however small, makes each step longer than the last; a flipping one, shorter."""
    kept, _ = steps([1e-15] * 20, learning_rate=1.0, epsilon=0.0)
    assert (np.diff(kept) > 0).all()
    flipped, _ = steps([1, -1] * 10, learning_rate=1.0)
    assert (np.diff(np.abs(flipped)) < 0).all()


def test_the_scale_of_the_loss_does_not_count():
    """A loss a thousand times as large gives the same steps."""
    gradients = [1.0, 0.5, -0.2, 0.7, 0.9]
    small, _ = steps(gradients)
    large, _ = steps([1000 * gradient for gradient in gradients])
    np.testing.assert_allclose(small, large, rtol=1e-3)


@pytest.mark.parametrize(("gradients", "bound"), [([1.0] * 60, 100.0), ([1.0, -1.0] * 10, 0.01)])
def test_zeta_stays_within_its_bounds(gradients, bound):
    """However long a gradient keeps its sign or flips, zeta ends at its bound."""
    _, optimizer = steps(gradients)
    assert zeta(optimizer) == pytest.approx(bound)


def test_it_comes_back_from_its_config():
    """`from_config` of `get_config` is the same optimiser."""
    optimizer = Wame(0.02, alpha=0.8, eta_plus=1.3, eta_minus=0.5, zeta_min=0.1, zeta_max=10.0, epsilon=1e-6)
    assert Wame.from_config(optimizer.get_config()).get_config() == optimizer.get_config()


def test_it_works_in_compile_and_fit():
    """Keras trains a model with it, and `fit_head` takes the same step as `compile` and `fit`."""
    head = build_head(CHANNELS, GENRES, seed=5)
    head.compile(Wame(0.01), "sparse_categorical_crossentropy")
    history = head.fit(TRAIN.features, TRAIN.labels, batch_size=150, epochs=1, verbose=0).history
    ours = fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=1, batch_size=150, optimizer="wame"))
    for a, b in zip(ours.head.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert ours.history[0].loss == pytest.approx(history["loss"][0], rel=1e-4)
    assert head.fit(TRAIN.features, TRAIN.labels, epochs=20, verbose=0).history["loss"][-1] < history["loss"][0]


def test_heads_learn_with_it():
    """On books that a linear head can tell apart, nine of ten validation books are right, as with Adam."""
    train, validation = draw(400, 2, spread=0.8), draw(200, 3, spread=0.8)
    best = {
        name: fit_head(train, validation, GENRES, schedule(epochs=40, optimizer=name)).best.val_accuracy
        for name in ("adam", "wame")
    }
    assert best["wame"] > 0.9
    assert best["wame"] > best["adam"] - 0.05


def test_a_training_cut_off_ends_as_if_it_had_not_been(tmp_path):
    """Its state is in the checkpoint: one seed gives one curve, cut off or not, and not that of Adam."""
    wanted = schedule(epochs=8, optimizer="wame")
    whole = fit_head(TRAIN, VALIDATION, GENRES, wanted)
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", "key", every=0)
    seen = []

    def stop_after_five(done, _):
        seen.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_head(TRAIN, VALIDATION, GENRES, wanted, progress=stop_after_five, checkpoint=checkpoint)
    resumed = fit_head(
        TRAIN, VALIDATION, GENRES, wanted, progress=lambda done, _: seen.append(done), checkpoint=checkpoint
    )
    assert seen[5] == 5
    assert curve(resumed) == curve(whole)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.head.get_weights(), whole.head.get_weights(), strict=True))
    assert curve(whole) != curve(fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=8)))
