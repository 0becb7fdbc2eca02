"""A head is fitted as section 4.1 says, alike from run to run, and goes on where it was cut off."""

import logging

import numpy as np
import pytest

from bookcover_core.errors import TrainingError
from bookcover_core.settings import HeadSettings
from bookcover_core.training import head_trainer
from bookcover_core.training.feature_store import LabelledFeatures
from bookcover_core.training.head_trainer import Windows, fit_head, predict
from bookcover_core.training.loop import Checkpoint, Schedule

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
    assert all(np.array_equal(a, b) for a, b in zip(one.network.get_weights(), two.network.get_weights(), strict=True))
    assert curve(one) != curve(other)


def test_training_is_what_keras_fit_does():
    """One full-batch epoch moves the weights as `compile` and `fit` with Adam and cross entropy do."""
    from bookcover_core.models.networks import build_head
    from bookcover_core.models.tensorflow_setup import keras

    ours = fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=1, batch_size=150))
    head = build_head(CHANNELS, GENRES, seed=5)
    head.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    theirs = head.fit(TRAIN.features, TRAIN.labels, batch_size=150, epochs=1, verbose=0)
    for a, b in zip(ours.network.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert ours.history[0].loss == pytest.approx(theirs.history["loss"][0], rel=1e-4)
    assert ours.history[0].accuracy == pytest.approx(theirs.history["accuracy"][0])
    val_loss, val_accuracy = head.evaluate(VALIDATION.features, VALIDATION.labels, verbose=0)
    assert ours.history[0].val_loss == pytest.approx(val_loss, rel=1e-4)
    assert ours.history[0].val_accuracy == pytest.approx(val_accuracy)


def test_a_deep_head_is_what_keras_fit_does():
    """With a hidden layer, dropout, weight decay and label smoothing, three steps are those of `compile` and `fit`."""
    from bookcover_core.models.networks import build_head
    from bookcover_core.models.tensorflow_setup import keras

    shape = HeadSettings(hidden_units=(16,), dropout=0.3)
    changes = {"epochs": 1, "batch_size": 50, "weight_decay": 0.5, "label_smoothing": 0.2}
    ours = fit_head(TRAIN, VALIDATION, GENRES, schedule(**changes), shape=shape)
    head = build_head(CHANNELS, GENRES, seed=5, shape=shape)
    optimizer = keras.optimizers.Adam(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    head.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=0.2), jit_compile=False)
    order = np.random.default_rng([5, 401, 1]).permutation(150)
    aims = np.eye(GENRES, dtype=np.float32)[TRAIN.labels[order]]
    head.fit(TRAIN.features[order], aims, batch_size=50, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(ours.network.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    val_loss = keras.losses.sparse_categorical_crossentropy(VALIDATION.labels, head(VALIDATION.features)).numpy().mean()
    assert ours.best.val_loss == pytest.approx(val_loss, rel=1e-4)


def blank(books, label=0):
    """Books of one genre that show nothing at all."""
    return LabelledFeatures([], np.full(books, label, np.int32), np.zeros((books, CHANNELS), np.float32))


@pytest.mark.parametrize("optimizer", ["adam", "wame"])
def test_weight_decay_shrinks_kernels_alone(optimizer):
    """Books that show nothing give a kernel no gradient: each of two steps takes 0.01 x 0.5 of it, of no bias."""
    from bookcover_core.models.networks import build_head

    first, _ = build_head(CHANNELS, GENRES, seed=5).get_weights()
    wanted = schedule(epochs=1, batch_size=10, optimizer=optimizer, weight_decay=0.5)
    decayed, bias = fit_head(blank(20), blank(5), GENRES, wanted).network.get_weights()
    np.testing.assert_allclose(decayed, first * (1 - 0.01 * 0.5) ** 2, rtol=1e-5)
    plain, same = fit_head(
        blank(20), blank(5), GENRES, schedule(epochs=1, batch_size=10, optimizer=optimizer)
    ).network.get_weights()
    assert np.array_equal(plain, first)
    assert np.array_equal(bias, same)


def test_label_smoothing_aims_at_less_than_certainty():
    """Of four genres and a smoothing of 0.2, the head learns 0.8 + 0.05 for the true one and 0.05 for the others.

    The losses on record are those of the true genre alone: -ln 0.85.
    """
    wanted = schedule(epochs=250, patience=250, learning_rate=0.05, label_smoothing=0.2, batch_size=4)
    fitted = fit_head(blank(4), blank(2), GENRES, wanted)
    assert fitted.history[-1].loss == pytest.approx(-np.log(0.85), abs=1e-3)
    assert fitted.history[-1].val_loss == pytest.approx(-np.log(0.85), abs=1e-3)


def test_extra_inputs_tell_what_features_do_not():
    """Where shape alone tells the genre, a head that is told of it learns it; statistics are the training books'."""
    labels = (np.arange(60) % 2).astype(np.int32)
    shapes = (0.6 + 0.8 * labels + 0.01 * np.arange(60)[::-1] / 60).astype(np.float32)[:, None]
    nothing = np.zeros((60, CHANNELS), np.float32)
    train = LabelledFeatures([], labels, nothing, shapes)
    validation = LabelledFeatures([], labels, nothing, shapes + 0.05)
    shape = HeadSettings(extra_inputs=("aspect_ratio",))
    told = fit_head(train, validation, 2, schedule(epochs=20, learning_rate=0.05), shape=shape)
    assert told.best.val_accuracy == 1
    layer = told.network.get_layer("standardised")
    np.testing.assert_allclose(
        [*layer.adapt_mean.numpy(), *layer.adapt_variance.numpy()], [shapes.mean(), shapes.var()], rtol=1e-4
    )
    assert predict(told.network, train).argmax(axis=1).tolist() == labels.tolist()
    assert fit_head(train, validation, 2, schedule(epochs=20)).best.val_accuracy == 0.5


def test_windows_change_nothing(tmp_path, monkeypatch):
    """Mapped from shards and gathered batch by batch, features give the same training to the last bit."""
    from bookcover_core.training.feature_store import MappedRows

    monkeypatch.setattr(head_trainer, "_JUDGED", 16)
    shape, wanted = HeadSettings(hidden_units=(8,), dropout=0.2), schedule(epochs=4)
    whole = fit_head(TRAIN, VALIDATION, GENRES, wanted, shape=shape)
    shards = []
    for number, start in enumerate(range(0, 150, 40)):
        np.save(tmp_path / f"{number}.npy", TRAIN.features[start : start + 40])
        shards.append(np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    mapped = LabelledFeatures(TRAIN.keys, TRAIN.labels, MappedRows(shards, np.arange(150)))
    monkeypatch.setattr(head_trainer, "WINDOW_BYTES", 1)
    streamed = fit_head(mapped, VALIDATION, GENRES, wanted, shape=shape)
    assert curve(streamed) == curve(whole)
    assert all(
        np.array_equal(a, b) for a, b in zip(streamed.network.get_weights(), whole.network.get_weights(), strict=True)
    )
    assert np.array_equal(predict(streamed.network, mapped), predict(whole.network, TRAIN))


def test_every_book_counts_once_an_epoch():
    """The last, smaller batch is trained on too: 150 books in batches of 32 leave 22."""
    fitted = fit(epochs=1, learning_rate=1e-9)
    from bookcover_core.models.networks import build_head

    probabilities = predict(build_head(CHANNELS, GENRES, seed=5), TRAIN)
    losses = -np.log(probabilities[np.arange(150), TRAIN.labels])
    assert fitted.history[0].loss == pytest.approx(losses.mean(), rel=1e-4)


def test_the_best_epoch_is_kept():
    """The head that comes back has the best validation accuracy of the history, the earliest of equals."""
    fitted = fit(epochs=30, learning_rate=0.05)
    accuracies = [row.val_accuracy for row in fitted.history]
    assert fitted.best.epoch == 1 + accuracies.index(max(accuracies))
    hits = predict(fitted.network, VALIDATION).argmax(axis=1) == VALIDATION.labels
    assert hits.mean() == pytest.approx(max(accuracies))


def test_the_head_with_the_least_loss_is_kept_where_that_is_wanted():
    """Told to go by the loss, it keeps another epoch than by accuracy; patience counts from there, after a cut too."""
    by_accuracy = fit(epochs=60)
    by_loss = fit(epochs=60, monitor="loss")
    losses = [row.val_loss for row in by_loss.history]
    assert by_loss.best.epoch == 1 + losses.index(min(losses)) != by_accuracy.best.epoch
    given = predict(by_loss.network, VALIDATION)[np.arange(len(VALIDATION.labels)), VALIDATION.labels]
    assert -np.log(given).mean() == pytest.approx(min(losses), rel=1e-4)
    assert len(fit(epochs=60, monitor="loss", patience=3).history) == by_loss.best.epoch + 3


def test_patience_ends_training():
    """Training ends when so many epochs have passed since the best one."""
    fitted = fit(epochs=500, patience=4, learning_rate=0.05)
    assert len(fitted.history) == fitted.best.epoch + 4


@pytest.mark.parametrize(
    "shape", [HeadSettings(), HeadSettings(hidden_units=(8,), dropout=0.3)], ids=["plain", "dropout"]
)
def test_a_training_cut_off_ends_as_if_it_had_not_been(tmp_path, shape):
    """Resumed from its checkpoint, a training gives the curve and the weights of one that was left alone."""
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", "key", every=0)
    whole = fit_head(TRAIN, VALIDATION, GENRES, schedule(), shape=shape)
    first_epoch = []

    def stop_after_seven(done, total):
        first_epoch.append(done)
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_head(TRAIN, VALIDATION, GENRES, schedule(), shape=shape, progress=stop_after_seven, checkpoint=checkpoint)
    first_epoch.clear()
    resumed = fit_head(
        TRAIN,
        VALIDATION,
        GENRES,
        schedule(),
        shape=shape,
        progress=lambda done, _: first_epoch.append(done),
        checkpoint=checkpoint,
    )
    assert first_epoch[0] == 7
    assert curve(resumed) == curve(whole)
    assert resumed.best.epoch == whole.best.epoch
    assert all(
        np.array_equal(a, b) for a, b in zip(resumed.network.get_weights(), whole.network.get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    "shape", [HeadSettings(), HeadSettings(hidden_units=(8,), dropout=0.3)], ids=["plain", "dropout"]
)
def test_more_epochs_go_on_from_the_last(tmp_path, shape, caplog):
    """To the byte what as many epochs give at once; fewer epochs, or less patience, begin anew, and the log says so."""
    caplog.set_level("INFO")
    checkpoint, seen = Checkpoint(tmp_path / "checkpoint.npz", "key"), []

    def train(epochs, patience=100, kept=checkpoint):
        seen.clear()
        wanted = schedule(epochs=epochs, patience=patience)
        tell = lambda done, _: seen.append(done)  # noqa: E731 - called with two numbers
        return fit_head(TRAIN, VALIDATION, GENRES, wanted, shape=shape, progress=tell, checkpoint=kept)

    def same(one, other):
        weights = zip(one.network.get_weights(), other.network.get_weights(), strict=True)
        return curve(one) == curve(other) and all(np.array_equal(a, b) for a, b in weights)

    train(5)
    more = train(12)
    assert seen == list(range(6, 13))
    assert "going on after epoch 5" in caplog.text
    assert same(more, train(12, kept=None))
    fewer = train(4)
    assert seen == [1, 2, 3, 4]
    assert "begins anew" in caplog.text
    assert same(fewer, train(4, kept=None))
    impatient = train(60, patience=2)
    assert same(impatient, train(60, patience=2, kept=None))
    patient = train(60, patience=6)
    assert seen[0] == len(impatient.history) + 1
    assert same(patient, train(60, patience=6, kept=None))


@pytest.mark.parametrize("damage", ["another key", "cut short", "no archive"])
def test_a_checkpoint_that_does_not_fit_is_passed_over(tmp_path, damage):
    """State of another training, or half a file, starts training from the beginning."""
    file = tmp_path / "checkpoint.npz"
    fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=4), checkpoint=Checkpoint(file, "key", every=0))
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
    with caplog.at_level(logging.INFO, logger="bookcover_core.training.loop"):
        fit_head(TRAIN, VALIDATION, GENRES, schedule(epochs=40), label="compare/padded")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("bookcover_core")]
    assert [line.split(",")[0] for line in lines] == [f"compare/padded: epoch {n} of 40" for n in range(1, 41)]
    assert lines[-1].startswith("compare/padded: epoch 40 of 40, loss ")


ROWS, WIDTH, BATCH = 50, 4, 8


class Asked:
    """Features that remember which of their rows were asked for."""

    def __init__(self):
        self.shape = (ROWS, WIDTH)
        self.asked = []

    def __getitem__(self, places):
        self.asked.append(places)
        return np.repeat(np.arange(ROWS, dtype=np.float32)[places][:, None], WIDTH, axis=1)


def books(features):
    return LabelledFeatures([], np.arange(ROWS, dtype=np.int32), features, np.arange(ROWS, dtype=np.float32)[:, None])


def test_what_fits_one_window_is_read_once():
    """Features that fit are taken as they are, however often and in whatever order they are gone through."""
    features = Asked()
    whole = Windows(books(features), BATCH)
    for order in (np.arange(ROWS), np.arange(ROWS)[::-1]):
        (window,) = whole.over(order.astype(np.int32))
        assert window.order.numpy().tolist() == order.tolist()
    assert features.asked == [slice(None)]


def test_windows_hold_whole_batches_in_the_wanted_order(monkeypatch):
    """Each window but the last is a multiple of the batch; features, measurements and labels belong together."""
    monkeypatch.setattr(head_trainer, "WINDOW_BYTES", 21 * 4 * WIDTH)
    features = Asked()
    order = np.random.default_rng(1).permutation(ROWS).astype(np.int32)
    seen = list(Windows(books(features), BATCH).over(order))
    assert [len(window.labels) for window in seen] == [16, 16, 16, 2]
    for window in seen:
        assert window.order.numpy().tolist() == list(range(len(window.labels)))
        assert np.array_equal(window.features[:, 0], window.labels)
        assert np.array_equal(window.measurements[:, 0], window.labels)
    assert np.concatenate([window.labels for window in seen]).tolist() == order.tolist()


def test_no_more_than_the_next_window_is_gathered(monkeypatch):
    """While one window is in use, one more is gathered and no third; what fails there fails here."""
    monkeypatch.setattr(head_trainer, "WINDOW_BYTES", 1)
    features = Asked()
    stream = Windows(books(features), BATCH).over(np.arange(ROWS, dtype=np.int32))
    for taken in range(1, 4):
        next(stream)
        assert len(features.asked) <= taken + 1
    monkeypatch.setattr(Asked, "__getitem__", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(Windows(books(Asked()), BATCH).over(np.arange(ROWS, dtype=np.int32)))
