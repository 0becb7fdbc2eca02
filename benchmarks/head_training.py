"""How long 200 epochs of a head take at the dissertation's size, beside plain Keras.

    python benchmarks/head_training.py

46,170 training and 5,130 validation books, 1,280 channels (MobileNetV2), 30 genres, batches of 32:

- fit_head: this project's training, all 200 epochs;
- fit: `model.fit` on the same arrays with Keras' defaults, three epochs before and three behind, scaled to 200.

Time does not depend on what the features say, so they are drawn.
"""

import json
import os
import platform
import resource
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

TRAIN, VALIDATION, CHANNELS, GENRES = 46_170, 5_130, 1_280, 30
EPOCHS = 200
RESULTS = Path(__file__).parent / "results" / "head_training.json"


def main() -> None:
    """Measure, print, and write the results."""
    from bookcover_core.models.networks import build_head
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.training.feature_store import LabelledFeatures
    from bookcover_core.training.head_trainer import fit_head
    from bookcover_core.training.loop import Schedule

    generator = np.random.default_rng(0)
    centres = generator.normal(size=(GENRES, CHANNELS)).astype(np.float32)

    def draw(books: int) -> LabelledFeatures:
        labels = generator.integers(0, GENRES, books).astype(np.int32)
        features = generator.standard_normal((books, CHANNELS), dtype=np.float32)
        features += 0.05 * centres[labels]
        return LabelledFeatures([], labels, np.maximum(features, 0, out=features))

    train, validation = draw(TRAIN), draw(VALIDATION)
    schedule = Schedule(epochs=EPOCHS, patience=EPOCHS, batch_size=32, learning_rate=0.001, seed=0)

    def fit() -> list[float]:
        """Seconds of three epochs, behind one that warms up."""
        times = [time.perf_counter()]
        head = build_head(CHANNELS, GENRES)
        head.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        tick = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter()))
        held_out = (validation.features, validation.labels)
        head.fit(train.features, train.labels, epochs=4, verbose=0, validation_data=held_out, callbacks=[tick])
        return list(np.diff(times)[1:])

    before = fit()
    started = time.perf_counter()
    fitted = fit_head(train, validation, GENRES, schedule)
    seconds = time.perf_counter() - started
    plain = statistics.median(before + fit())
    again = fit_head(train, validation, GENRES, Schedule(epochs=3, patience=3, seed=0))
    result = {
        "command": "python benchmarks/head_training.py",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "books": {"train": TRAIN, "validation": VALIDATION},
        "channels": CHANNELS,
        "batch_size": 32,
        "epochs": EPOCHS,
        "fit_head_seconds": round(seconds, 1),
        "fit_head_seconds_per_epoch": round(statistics.median(row.seconds for row in fitted.history), 3),
        "keras_fit_seconds_per_epoch": round(plain, 3),
        "keras_fit_seconds_for_all_epochs": round(plain * EPOCHS, 1),
        "times_faster": round(plain * EPOCHS / seconds, 1),
        "same_seed_same_curve": [row.loss for row in again.history] == [row.loss for row in fitted.history[:3]],
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
