"""How long the dissertation's training takes, done its way and done ours: seconds, extrapolated to its size.

    python benchmarks/dissertation_way.py [--pictures 384]

Its way (sections 4.1 and 4.2): the frozen network stands inside `model.fit`, and every epoch sends every picture
through it again, the validation pictures too. Ours: every picture goes through the network once, and the epochs train
the head on the features. Both see the same pictures, as JPEG files of 299x299, and both end with the same head.

Measured in one process, by turns, on as many pictures as are asked for (a tenth of them for validation): one epoch of
`fit` behind one that warms up; `Extractor.extract`; and the epochs of `fit_head` at the dissertation's size, 46,170 and
5,130 books, on drawn features. Its way is extrapolated in proportion to pictures and epochs: 104, the most that any of
its networks took, and 200, the limit.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from feature_extraction import draw_pictures

TRAIN, VALIDATION, GENRES = 46_170, 5_130, 30
EPOCHS = (104, 200)
HEAD_EPOCHS = 20
ROUNDS = 3
RESULTS = Path(__file__).parent / "results" / "dissertation_way.json"


def measure(name: str, files: list[Path], labels: np.ndarray) -> dict[str, Any]:
    """Seconds and ratios of one backbone."""
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.input_pipeline import picture_batches
    from bookcover_core.models.networks import assemble, build_head
    from bookcover_core.models.tensorflow_setup import keras, tf
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.settings import StudySettings
    from bookcover_core.training.feature_extraction import Extractor

    settings = StudySettings.model_validate({"models": {"weights": "random"}})
    backbone = find_backbone(name)
    model = assemble(backbone, build_backbone(settings, backbone), build_head(backbone.channels, GENRES))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    held_out = len(files) // 11

    def dataset(chosen: slice) -> Any:
        wanted = tf.data.Dataset.from_tensor_slices(labels[chosen]).batch(32)
        return tf.data.Dataset.zip(picture_batches(files[chosen], backbone.size), wanted)

    train, validation = dataset(slice(held_out, None)), dataset(slice(held_out))
    extractor = Extractor(settings, backbone)
    seconds: dict[str, list[float]] = {"fit": [], "extract": []}
    for turn in range(ROUNDS + 1):
        started = time.perf_counter()
        model.fit(train, validation_data=validation, epochs=1, verbose=0)
        between = time.perf_counter()
        extractor.extract(files, lambda _: None)
        if turn:  # the first warms up
            seconds["fit"].append(between - started)
            seconds["extract"].append(time.perf_counter() - between)
    keras.backend.clear_session()
    # The quickest of the rounds: whatever else a machine does makes a round slower, never quicker.
    a_picture = {way: min(times) / len(files) for way, times in seconds.items()}
    epoch = head_epoch(backbone.channels)
    books = TRAIN + VALIDATION
    theirs = {epochs: a_picture["fit"] * books * epochs for epochs in EPOCHS}
    ours = {epochs: a_picture["extract"] * books + epoch * epochs for epochs in EPOCHS}
    return {
        "pictures_per_second": {way: round(1 / value, 1) for way, value in a_picture.items()},
        "head_seconds_per_epoch": round(epoch, 3),
        "one_epoch_hours": {
            "theirs": _hours(a_picture["fit"] * books),
            "ours": _hours(a_picture["extract"] * books + epoch),
        },
        **{
            f"{epochs}_epochs": {
                "theirs_hours": _hours(theirs[epochs]),
                "ours_hours": _hours(ours[epochs]),
                "times_faster": round(theirs[epochs] / ours[epochs], 1),
            }
            for epochs in EPOCHS
        },
    }


def head_epoch(channels: int) -> float:
    """Median seconds of an epoch of the head at the dissertation's size."""
    from bookcover_core.training.features import LabelledFeatures
    from bookcover_core.training.head_trainer import fit_head
    from bookcover_core.training.loop import Schedule

    generator = np.random.default_rng(0)

    def draw(books: int) -> LabelledFeatures:
        labels = generator.integers(0, GENRES, books).astype(np.int32)
        return LabelledFeatures([], labels, generator.random((books, channels), dtype=np.float32))

    schedule = Schedule(epochs=HEAD_EPOCHS, patience=HEAD_EPOCHS, batch_size=32, learning_rate=0.001, seed=0)
    fitted = fit_head(draw(TRAIN), draw(VALIDATION), GENRES, schedule)
    return statistics.median(row.seconds for row in fitted.history)


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 3)


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=384, help="Pictures that are measured on.")
    parser.add_argument(
        "--backbone", action="append", help="Networks; all three of the dissertation when none is named."
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = draw_pictures(Path(folder), arguments.pictures)
        labels = np.random.default_rng(0).integers(0, GENRES, len(files))
        networks = {
            name: measure(name, files, labels)
            for name in arguments.backbone or ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")
        }
    result = {
        "command": " ".join(["python benchmarks/dissertation_way.py", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "books": {"train": TRAIN, "validation": VALIDATION},
        "pictures_measured": len(files),
        "networks": networks,
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
