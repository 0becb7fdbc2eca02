"""Networks learn from pixels, the same from one seed, and as if they had never been cut off."""

import logging
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from bookcover_core.errors import StageOrderError, TrainingError
from bookcover_core.training.image_trainer import PixelBooks, judged, shown
from tests.bookcover_core.training.tiny import SIZE, draw_cover


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """24 covers of 3 genres, told apart by a tint."""
    folder = tmp_path_factory.mktemp("covers")
    files, labels = [], np.arange(24, dtype=np.int32) % 3
    for number, label in enumerate(labels):
        pixels = draw_cover(number, 48).astype(np.int32)
        pixels[..., label] += 110
        files.append(folder / f"{number}.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(files[-1])
    return PixelBooks([str(number) for number in range(24)], labels, files, np.empty((24, 0), np.float32))


def part(books, start, stop):
    rows = slice(start, stop)
    return PixelBooks(books.keys[rows], books.labels[rows], books.files[rows], books.measurements[rows])


def build(rate=0.3):
    """A small network with a dropout, from scratch."""
    from bookcover_core.models.tensorflow_setup import keras

    layers = keras.layers
    # Drawn with seeds of their own: a thread of another test may draw from Python's generator, which Keras uses.
    drawn = [keras.initializers.GlorotUniform(seed) for seed in (4, 5)]
    pictures = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255, name="preprocessing")(pictures)
    x = layers.Conv2D(6, 3, strides=4, activation="relu", kernel_initializer=drawn[0], name="conv")(x)
    x = layers.Dropout(rate, name="drop")(layers.Flatten()(x))
    genres = layers.Dense(3, activation="softmax", kernel_initializer=drawn[1], name="genres")
    return keras.Model(pictures, genres(x))


def fit(network, books, **changes):
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.training.image_trainer import fit_network
    from bookcover_core.training.loop import Schedule

    schedule = Schedule(epochs=3, patience=9, batch_size=5, seed=3, augmented=True, advice="Lower it.")
    options = {
        name: changes.pop(name) for name in ("start", "checkpoint", "progress", "accelerator") if name in changes
    }
    rate = changes.pop("learning_rate", 0.003)
    train, validation = part(books, 0, 16), part(books, 16, 24)
    optimizer = keras.optimizers.Adam(rate)
    return fit_network(network, optimizer, train, validation, schedule.model_copy(update=changes), **options)


def outcome(fitted):
    rows = [asdict(row) | {"seconds": None} for row in fitted.history]
    return rows, [array.tobytes() for array in fitted.weights]


@pytest.fixture(scope="module")
def whole(books):
    """A training that nothing cut off."""
    return fit(build(), books)


def test_networks_learn(whole, books):
    """The loss falls, and the best epoch's weights are those that the network is left with."""
    losses = [row.loss for row in whole.history]
    assert losses[-1] < losses[0]
    assert [row.epoch for row in whole.history] == [1, 2, 3]
    validation = part(books, 16, 24)
    probabilities = whole.predict(validation)
    assert (probabilities.argmax(axis=1) == validation.labels).mean() == pytest.approx(whole.best.val_accuracy)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert whole.best.val_accuracy == max(row.val_accuracy for row in whole.history)


def test_one_seed_gives_one_training(whole, books):
    """Order, augmentation and dropout are drawn from the seed: the same seed, the same bits; another, others."""
    assert outcome(fit(build(), books)) == outcome(whole)
    assert outcome(fit(build(), books, seed=8, epochs=1))[0] != outcome(whole)[0][:1]


def test_a_training_that_was_cut_off_ends_as_if_it_had_not_been(whole, books, tmp_path, monkeypatch, caplog):
    """Killed in an epoch, it goes on after the last one that it finished, and ends bit for bit the same."""
    from bookcover_core.training import image_trainer
    from bookcover_core.training.loop import Checkpoint

    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", "key", every=0)
    run_epoch = image_trainer._PixelLearner.run_epoch

    def killed(self, epoch, progress):
        if epoch > 2:
            raise KeyboardInterrupt
        return run_epoch(self, epoch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(image_trainer._PixelLearner, "run_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            fit(build(), books, checkpoint=checkpoint)
    with caplog.at_level(logging.INFO, "bookcover_core.training"):
        assert outcome(fit(build(), books, checkpoint=checkpoint)) == outcome(whole)
    assert "going on after epoch 2" in caplog.text


def test_a_state_that_does_not_fit_is_passed_over(whole, books, tmp_path):
    """The state of another training, or half a file, is no beginning."""
    from bookcover_core.training.loop import Checkpoint

    file = tmp_path / "checkpoint.npz"
    fit(build(), books, epochs=1, seed=8, checkpoint=Checkpoint(file, "other", every=0))
    for content in (file.read_bytes(), file.read_bytes()[:200]):
        file.write_bytes(content)
        fitted = fit(build(), books, epochs=1, checkpoint=Checkpoint(file, "key", every=0))
        assert outcome(fitted)[0] == outcome(whole)[0][:1]


def test_the_start_competes(books):
    """A network that judges already is epoch 0; where nothing validates better, it is kept bit for bit."""
    network = build()
    before = network.get_weights()
    fitted = fit(network, books, start={"loss": 1.5, "accuracy": 0.5}, learning_rate=1e-9, patience=2)
    assert [row.epoch for row in fitted.history] == [0, 1, 2]
    assert (fitted.best.epoch, fitted.history[0].loss, fitted.history[0].accuracy) == (0, 1.5, 0.5)
    assert all((a == b).all() for a, b in zip(before, network.get_weights(), strict=True))


def test_the_weights_with_the_least_loss_are_kept(books, tmp_path):
    """Told to go by the loss, the network is left at its least, after a cut too."""
    from bookcover_core.training.loop import Checkpoint

    options = {
        "monitor": "loss",
        "learning_rate": 0.1,
        "checkpoint": Checkpoint(tmp_path / "checkpoint.npz", "key", every=0),
    }
    fit(build(), books, epochs=2, **options)
    fitted = fit(build(), books, epochs=30, patience=4, **options)
    least = min(fitted.history, key=lambda row: row.val_loss)
    assert fitted.best is least
    assert fitted.history[-1].epoch == least.epoch + 4
    validation = part(books, 16, 24)
    given = fitted.predict(validation)[np.arange(8), validation.labels]
    assert -np.log(given).mean() == pytest.approx(least.val_loss, rel=1e-4)


def test_a_loss_that_is_no_number_is_an_error(books):
    """A learning rate that is far too high ends the training with what to do."""
    with pytest.raises(TrainingError, match=r"no longer a number.*Lower it\."):
        fit(build(), books, learning_rate=1e30)


def test_nothing_to_learn_from_is_an_error(books):
    """Without books there is no training."""
    with pytest.raises(TrainingError, match="no books"):
        fit(build(), part(books, 0, 16))


def test_a_damaged_picture_is_named(books, tmp_path):
    """A picture that cannot be read stops the training with its name."""
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    files = [*books.files[:7], bad, *books.files[8:]]
    with pytest.raises(StageOrderError, match=r"bad\.png"):
        fit(build(), replace(books, files=files))


def test_an_epoch_shows_every_book_once_in_its_own_order(books):
    """Each epoch shuffles anew, from its number and the seed; without augmentation pictures are as prepared."""

    def epoch(number):
        stream = shown(books, SIZE, 5, seed=3, epoch=number, augmented=False)
        pictures, _, labels = (np.concatenate(parts) for parts in zip(*stream.as_numpy_iterator(), strict=True))
        return pictures, labels

    plain = np.concatenate([pictures for pictures, _, _ in judged(books, SIZE, 7).as_numpy_iterator()])
    orders = []
    for number in (1, 1, 2):
        pictures, labels = epoch(number)
        orders.append([int(np.abs(plain - picture).sum(axis=(1, 2, 3)).argmin()) for picture in pictures])
        assert sorted(orders[-1]) == list(range(24))
        assert (books.labels[orders[-1]] == labels).all()
    assert orders[0] == orders[1] != orders[2]


def test_progress_counts_steps(books, monkeypatch):
    """Whoever watches hears how many steps of all are done, the last of each epoch at least."""
    from bookcover_core.training import image_trainer

    told = []
    monkeypatch.setattr(image_trainer, "_REPORT_SECONDS", 0.0)
    fit(build(), books, epochs=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (8, 8)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {8}
