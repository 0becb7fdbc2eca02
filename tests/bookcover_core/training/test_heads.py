"""A head is fitted as section 4.1 says, alike from run to run, and goes on where it was cut off."""

import logging

import numpy as np
import pytest

from bookcover_core.errors import TrainingError
from bookcover_core.training.features import LabelledFeatures
from bookcover_core.training.heads import Checkpoint, Schedule, fit_head, predict

CHANNELS, GENRES = 24, 4


def draw(books, seed, spread=1.5):
    """Books whose features tell their genre, but for noise."""
    centres = np.random.default_rng(1).normal(size=(GENRES, CHANNELS))
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, GENRES, books).astype(np.int32)
    features = centres[labels] + spread * generator.normal(size=(books, CHANNELS))
    return LabelledFeatures([str(book) for book in range(books)], labels, features.astype(np.float32))


TRAIN, VALIDATION = draw(150, 2), draw(80, 3)


def schedule(**changes):
    values = {"epochs": 12, "patience": 50, "batch_size": 32, "learning_rate": 0.01, "seed": 5} | changes
    return Schedule(**values)


def curve(fitted):
    return [(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy) for row in fitted.history]


def fit(**changes):
    return fit_head(TRAIN, VALIDATION, GENRES, schedule(**changes))


def test_one_seed_gives_one_head():
    """Two trainings with one seed agree to the last bit; another seed gives another."""
    one, two, other = fit(), fit(), fit(seed=6)
    assert curve(one) == curve(two)
    assert all(np.array_equal(a, b) for a, b in zip(one.head.get_weights(), two.head.get_weights(), strict=True))
    assert curve(one) != curve(other)


def test_training_is_what_keras_fit_does():
    """One full-batch epoch moves the weights as `compile` and `fit` with Adam and cross entropy do."""
    from bookcover_core.models.engine import keras
    from bookcover_core.models.networks import build_head

    ours = fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=1, batch_size=150))
    head = build_head(CHANNELS, GENRES, seed=5)
    head.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    theirs = head.fit(TRAIN.features, TRAIN.labels, batch_size=150, epochs=1, verbose=0)
    for a, b in zip(ours.head.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert ours.history[0].loss == pytest.approx(theirs.history["loss"][0], rel=1e-4)
    assert ours.history[0].accuracy == pytest.approx(theirs.history["accuracy"][0])
    val_loss, val_accuracy = head.evaluate(VALIDATION.features, VALIDATION.labels, verbose=0)
    assert ours.history[0].val_loss == pytest.approx(val_loss, rel=1e-4)
    assert ours.history[0].val_accuracy == pytest.approx(val_accuracy)


def test_every_book_counts_once_an_epoch():
    """The last, smaller batch is trained on too: 150 books in batches of 32 leave 22."""
    fitted = fit(epochs=1, learning_rate=1e-9)
    from bookcover_core.models.networks import build_head

    probabilities = predict(build_head(CHANNELS, GENRES, seed=5), TRAIN.features)
    losses = -np.log(probabilities[np.arange(150), TRAIN.labels])
    assert fitted.history[0].loss == pytest.approx(losses.mean(), rel=1e-4)


def test_the_best_epoch_is_kept():
    """The head that comes back has the best validation accuracy of the history, the earliest of equals."""
    fitted = fit(epochs=30, learning_rate=0.05)
    accuracies = [row.val_accuracy for row in fitted.history]
    assert fitted.best.epoch == 1 + accuracies.index(max(accuracies))
    hits = predict(fitted.head, VALIDATION.features).argmax(axis=1) == VALIDATION.labels
    assert hits.mean() == pytest.approx(max(accuracies))


def test_patience_ends_training():
    """Training ends when so many epochs have passed since the best one."""
    fitted = fit(epochs=500, patience=4, learning_rate=0.05)
    assert len(fitted.history) == fitted.best.epoch + 4


def test_a_training_cut_off_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    """Resumed from its checkpoint, a training gives the curve and the weights of one that was left alone."""
    from bookcover_core.training import heads

    monkeypatch.setattr(heads, "_CHECKPOINT_SECONDS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", "key")
    whole = fit()
    first_epoch = []

    def stop_after_seven(done, total):
        first_epoch.append(done)
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_head(TRAIN, VALIDATION, GENRES, schedule(), progress=stop_after_seven, checkpoint=checkpoint)
    first_epoch.clear()
    resumed = fit_head(
        TRAIN,
        VALIDATION,
        GENRES,
        schedule(),
        progress=lambda done, _: first_epoch.append(done),
        checkpoint=checkpoint,
    )
    assert first_epoch[0] == 7
    assert curve(resumed) == curve(whole)
    assert resumed.best.epoch == whole.best.epoch
    assert all(np.array_equal(a, b) for a, b in zip(resumed.head.get_weights(), whole.head.get_weights(), strict=True))


@pytest.mark.parametrize("damage", ["another key", "cut short", "no archive"])
def test_a_checkpoint_that_does_not_fit_is_passed_over(tmp_path, monkeypatch, damage):
    """State of another training, or half a file, starts training from the beginning."""
    from bookcover_core.training import heads

    monkeypatch.setattr(heads, "_CHECKPOINT_SECONDS", 0.0)
    file = tmp_path / "checkpoint.npz"
    fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=4), checkpoint=Checkpoint(file, "key"))
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-200])
    elif damage == "no archive":
        file.write_bytes(b"nothing")
    epochs = []
    fit_head(
        TRAIN,
        VALIDATION,
        GENRES,
        schedule(epochs=4),
        progress=lambda done, _: epochs.append(done),
        checkpoint=Checkpoint(file, "other" if damage == "another key" else "key"),
    )
    assert epochs[0] == 1


def test_a_loss_that_is_no_number_is_an_error():
    """Features that are no numbers end training with advice, not with a head of no use."""
    spoilt = LabelledFeatures(TRAIN.keys, TRAIN.labels, np.full_like(TRAIN.features, np.nan))
    with pytest.raises(TrainingError, match="no longer a number in epoch 1"):
        fit_head(spoilt, VALIDATION, GENRES, schedule())


def test_no_books_is_an_error():
    """An empty split is named before anything is trained."""
    with pytest.raises(TrainingError, match="no books"):
        fit_head(TRAIN, draw(0, 3), GENRES, schedule())


def test_every_epoch_has_a_line_in_the_log(caplog):
    """Whoever watches a training sees each epoch, in order."""
    with caplog.at_level(logging.INFO, logger="bookcover_core.training.heads"):
        fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=40), label="compare/padded")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("bookcover_core")]
    assert [line.split(",")[0] for line in lines] == [f"compare/padded: epoch {n} of 40" for n in range(1, 41)]
    assert lines[-1].startswith("compare/padded: epoch 40 of 40, loss ")
