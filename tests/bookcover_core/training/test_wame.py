"""WAME takes the steps that its rule gives, and trains heads as Adam does."""

import numpy as np
import pytest

from bookcover_core.models.networks import build_head
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.training.head_trainer import Wame, fit_head
from bookcover_core.training.loop import Checkpoint
from tests.bookcover_core.training.test_head_trainer import CHANNELS, GENRES, TRAIN, VALIDATION, curve, draw, schedule


def steps(gradients, learning_rate=0.01):
    """What one weight is moved by, down the gradient, for each of `gradients`; and the optimiser."""
    optimizer, weight = Wame(learning_rate), keras.Variable(np.zeros(1, np.float32))
    optimizer.build([weight])
    places = [0.0]
    for gradient in gradients:
        optimizer.apply([tf.constant([gradient], tf.float32)], [weight])
        places.append(float(weight.numpy()[0]))
    return -np.diff(places), optimizer


def zeta(optimizer):
    return float(optimizer._zetas[0].numpy()[0])


def test_steps_are_those_worked_out_by_hand():
    """Three steps down f(w) = w^2 from w = 1, at a learning rate of 0.01; the corrected rate is r.

    1. g = 2. No last gradient: zeta = 1, Z = 1, v = 0.004, r = 0.01 x 0.0316228 / 0.1 = 0.0031623.
       step = r x 1 x 2 / 0.0632456 = 0.100000; w = 0.900000.
    2. g = 1.8, the same sign: zeta = 1.2, Z = 0.9 + 0.12 = 1.02, v = 0.003996 + 0.00324 = 0.007236, r = 0.0023532.
       step = r x 1.2 / 1.02 x 1.8 / 0.0850647 = 0.058581; w = 0.841419.
    3. g = 1.682838, the same sign: zeta = 1.44, Z = 0.918 + 0.144 = 1.062, v = 0.0100607, r = 0.0020201.
       step = r x 1.44 / 1.062 x 1.682838 / 0.1003031 = 0.045956; w = 0.795463.
    """
    weight, optimizer = keras.Variable(1.0), Wame(learning_rate=0.01)
    optimizer.build([weight])
    places = []
    for _ in range(3):
        optimizer.apply([2 * weight.value], [weight])
        places.append(float(weight.numpy()))
    assert places == pytest.approx([0.9, 0.841419, 0.795463], abs=2e-6)


def test_a_flip_shrinks_zeta_as_worked_out_by_hand():
    """Gradients 1, -1, 0 and 1: a flip divides zeta by ten, a gradient of 0 leaves it and moves nothing.

    1. zeta = 1, Z = 1, v = 0.001, r = 0.0031623:                   step = r / 0.0316228 = 0.100000.
    2. zeta = 0.1, Z = 0.9 + 0.01 = 0.91, v = 0.001999, r = 0.0023532:
                                                                    step = -r x 0.1 / 0.91 / 0.0447102 = -0.005784.
    3. zeta = 0.1, Z = 0.829, v = 0.001997:                         step = 0.
    4. The last gradient was 0, so zeta = 0.1; Z = 0.7561, v = 0.002995, r = 0.0018377:
                                                                    step = r x 0.1 / 0.7561 / 0.0547266 = 0.004441.
    """
    moved, optimizer = steps([1, -1, 0, 1], learning_rate=0.01)
    assert moved == pytest.approx([0.1, -0.005784, 0, 0.004441], abs=2e-6)
    assert zeta(optimizer) == pytest.approx(0.1)


def test_a_weight_that_keeps_its_direction_goes_further():
    """Of two weights whose gradients are as large, the one that keeps its direction takes the longer steps."""
    kept, _ = steps([1.0] * 20)
    flipped, _ = steps([1.0, -1.0] * 10)
    assert (np.abs(flipped[1:]) < kept[1:]).all()


def test_the_scale_of_the_loss_does_not_count():
    """A loss a thousand times as large gives the same steps, and so does one a million times as small."""
    gradients = [1.0, 0.5, -0.2, 0.7, 0.9]
    plain, _ = steps(gradients)
    for scale in (1e3, 1e-6):
        scaled, _ = steps([scale * gradient for gradient in gradients])
        np.testing.assert_allclose(plain, scaled, rtol=1e-3)


@pytest.mark.parametrize(("gradients", "bound"), [([1.0] * 40, 100.0), ([1.0, -1.0] * 10, 0.01)])
def test_zeta_stays_within_its_bounds(gradients, bound):
    """However long a gradient keeps its sign or flips, zeta ends at its bound, and can leave it."""
    _, optimizer = steps(gradients)
    assert zeta(optimizer) == pytest.approx(bound)
    _, optimizer = steps([*gradients, -gradients[-1]] if bound > 1 else [*gradients, gradients[-1]])
    assert zeta(optimizer) == pytest.approx(bound * (0.1 if bound > 1 else 1.2))


def test_it_works_in_compile_and_fit():
    """Keras trains a model with it, and `fit_head` takes the same step as `compile` and `fit`."""
    head = build_head(CHANNELS, GENRES, seed=5)
    head.compile(Wame(0.01), "sparse_categorical_crossentropy")
    history = head.fit(TRAIN.features, TRAIN.labels, batch_size=150, epochs=1, verbose=0).history
    ours = fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=1, batch_size=150, optimizer="wame"))
    for a, b in zip(ours.network.get_weights(), head.get_weights(), strict=True):
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
    assert all(
        np.array_equal(a, b) for a, b in zip(resumed.network.get_weights(), whole.network.get_weights(), strict=True)
    )
    assert curve(whole) != curve(fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=8)))
