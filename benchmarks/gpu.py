"""What a GPU gains over the processor beside it, and over a bare `model.predict` on the same GPU.

    python benchmarks/gpu.py                  # all of it: on the GPU, then on the processor of the same machine
    python benchmarks/gpu.py --only features  # of: features, fine-tuning, scratch, maximisation

Every measurement runs in a process of its own, the processor's with no GPU to be seen. Weights are random and pictures
drawn: neither changes the speed. Rates are the median of the rounds after the first, which warms up.

- features: `Extractor.extract`, from JPEG files of 299x299 to features, with the batch and the precision that are
  chosen for the device; beside it `model.predict` of the same network, batch and precision on pictures that lie decoded
  and scaled in memory, and the input alone, without a network. Keras' predict would have XLA compile the network, which
  takes minutes for the large ones: it is told not to, as the stage does not;
- fine-tuning: an epoch of the top two blocks and the head in batches of 32, and the same in float32;
- scratch: an epoch of LeNet and of AlexNet;
- maximisation: a step of the pictures of 30 genres, together.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

GENRES = 30
ROUNDS = 3
BACKBONES = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")
SECTIONS = ("features", "fine-tuning", "scratch", "maximisation")
RESULTS = Path(__file__).parent / "results" / "gpu.json"

# Pictures that are drawn; longer lists name them again.
DRAWN = 256

# Pictures of a measurement: on a GPU, on a processor.
FEATURES = {"MobileNetV2": (8192, 512), "InceptionResNetV2": (4096, 64), "ResNeXt50": (4096, 96)}
TUNED = {"MobileNetV2": (2048, 128), "InceptionResNetV2": (1024, 32), "ResNeXt50": (1024, 32)}
SCRATCH = {"LeNet": (8192, 2048), "AlexNet": (4096, 128)}
STEPS = (40, 2)


def rate(pictures: int, work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Pictures a second of `work`, the median of the rounds after the first."""
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(pictures / statistics.median(seconds[1:]), 1)


def measure_features(files: list[Path], gpu: bool) -> Iterator[dict[str, Any]]:
    """Rates of the stage's way, of `model.predict`, and of the input alone, for each backbone."""
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.input_pipeline import picture_batches, read_pictures
    from bookcover_core.models.networks import build_pooled, build_preprocessing
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.settings import StudySettings
    from bookcover_core.training.accelerator import PROCESSOR, find_accelerator, set_precision
    from bookcover_core.training.feature_extraction import Extractor

    settings = StudySettings.model_validate({"models": {"weights": "random"}})
    chosen = find_accelerator()
    for name in BACKBONES:
        backbone, count = find_backbone(name), FEATURES[name][0 if gpu else 1]
        named = (files * (count // len(files) + 1))[:count]
        row: dict[str, Any] = {"backbone": name, "pictures": count}
        extractor = Extractor(settings, backbone)
        found: list[Any] = [None]

        def extract(extractor: Extractor = extractor, named: list[Path] = named, found: list[Any] = found) -> None:
            found[0] = extractor.extract(named, lambda _: None)

        row["extract"] = rate(count, extract)

        def read(named: list[Path] = named, size: int = backbone.size) -> None:
            for _ in picture_batches(named, size, chosen.batch, chosen.device):
                pass

        row["input_alone"] = rate(count, read)
        distinct = np.asarray(build_preprocessing(backbone)(read_pictures(files[: min(count, DRAWN)], backbone.size)))
        ready = np.tile(distinct, (-(-count // len(distinct)), 1, 1, 1))[:count]
        network = build_backbone(settings, backbone)
        set_precision(network, chosen.precision)
        pooled = build_pooled(backbone, network)
        bare = keras.Model(network.input, pooled.get_layer("pooling")(network.output))
        bare.jit_compile = False

        def predict(bare: keras.Model = bare, ready: Any = ready) -> None:
            bare.predict(ready, batch_size=chosen.batch, verbose=0)

        row["predict"] = rate(count, predict)
        set_precision(network, "float32")
        row["extract_to_predict"] = round(row["extract"] / row["predict"], 3)
        if gpu:
            plain = Extractor(settings, backbone, replace(PROCESSOR, folds=False)).extract(files[:64], lambda _: None)
            row["largest_difference"] = float(np.abs(found[0][:64] - plain).max())
            row["largest_feature"] = float(np.abs(plain).max())
        yield row


def measure_tuning(files: list[Path], gpu: bool) -> Iterator[dict[str, Any]]:
    """Rates of an epoch of fine-tuning, in the precision that is chosen and in float32."""
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.network_blocks import unfreeze_top
    from bookcover_core.models.networks import assemble, build_head
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.settings import StudySettings
    from bookcover_core.training.accelerator import find_accelerator

    settings = StudySettings.model_validate({"models": {"weights": "random"}})
    chosen = find_accelerator()
    for name in BACKBONES:
        backbone, count = find_backbone(name), TUNED[name][0 if gpu else 1]
        row: dict[str, Any] = {"backbone": name, "pictures": count}
        for label in {chosen.precision, "float32"}:
            network = build_backbone(settings, backbone)
            whole = assemble(backbone, network, build_head(backbone.channels, GENRES))
            unfreeze_top(whole.get_layer(name), 2)
            where = replace(chosen, precision=label)
            row[label] = _epoch_rate(whole, keras.optimizers.Adam(1e-5), files, count, where, augmented=True)
        row["network"] = row[chosen.precision]
        yield row


def measure_scratch(files: list[Path], gpu: bool) -> Iterator[dict[str, Any]]:
    """Rates of an epoch of LeNet and AlexNet."""
    from bookcover_core.models.lenet_alexnet import SCRATCH
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.training.accelerator import find_accelerator

    for name in SCRATCH:
        count = SCRATCH[name][0 if gpu else 1]
        network = SCRATCH[name].build(GENRES, 0)
        row: dict[str, Any] = {"network": name, "pictures": count}
        row["rate"] = _epoch_rate(network, keras.optimizers.SGD(1e-4, 0.9), files, count, find_accelerator())
        yield row


def _epoch_rate(
    network: Any, optimizer: Any, files: list[Path], count: int, where: Any, *, augmented: bool = False
) -> float:
    """Pictures a second of an epoch, the validation of 32 books included: the median of the epochs after the first."""
    from bookcover_core.training.image_trainer import PixelBooks, fit_network
    from bookcover_core.training.loop import Schedule

    def books(number: int) -> PixelBooks:
        named = (files * (number // len(files) + 1))[:number]
        labels = (np.arange(number) % GENRES).astype(np.int32)
        return PixelBooks([str(row) for row in range(number)], labels, named, np.empty((number, 0), np.float32))

    schedule = Schedule(
        epochs=ROUNDS + 1, patience=ROUNDS + 1, batch_size=32, seed=0, augmented=augmented, advice="", monitor="loss"
    )
    fitted = fit_network(network, optimizer, books(count), books(32), schedule, accelerator=where)
    return round(count / statistics.median(row.seconds for row in fitted.history if row.epoch > 1), 1)


def measure_maximisation(_: list[Path], gpu: bool) -> Iterator[dict[str, Any]]:
    """Steps a second of activation maximisation, a picture for each genre."""
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.networks import assemble, build_head
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.settings import StudySettings
    from bookcover_core.visualisation.activation_ascent import ActivationMaximiser, MaximisationState

    settings = StudySettings.model_validate({"models": {"weights": "random"}})
    backbone, steps, genres = find_backbone("MobileNetV2"), STEPS[0 if gpu else 1], list(range(GENRES))
    whole = assemble(backbone, build_backbone(settings, backbone), build_head(backbone.channels, GENRES))
    maximiser = ActivationMaximiser(whole, total_variation=1e-4, l2=1e-3, seed=0)
    state = MaximisationState.start(maximiser.size, genres, 0)
    per_second = rate(steps, lambda: maximiser.ascend(state, genres, steps), 2)
    yield {"backbone": backbone.name, "pictures": GENRES, "steps": steps, "steps_per_second": per_second}


MEASURES = dict(zip(SECTIONS, (measure_features, measure_tuning, measure_scratch, measure_maximisation), strict=True))


def measure(section: str) -> None:
    """Measure one section on what TensorFlow sees, a line of JSON for each row."""
    from benchmarks.feature_extraction import draw_pictures
    from bookcover_core.models.machine_info import this_machine
    from bookcover_core.models.tensorflow_setup import tf

    gpu = bool(tf.config.list_physical_devices("GPU"))
    print(json.dumps({"machine": this_machine().model_dump()}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for row in MEASURES[section](draw_pictures(Path(folder), DRAWN), gpu):
            print(json.dumps(row), flush=True)


def main() -> None:
    """Measure on both, compare, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--measure", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    result: dict[str, Any] = {
        "command": "python benchmarks/gpu.py",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "python": platform.python_version(),
    }
    for section in arguments.only:
        for device in ("gpu", "processor"):
            hidden = {} if device == "gpu" else {"CUDA_VISIBLE_DEVICES": "-1"}
            command = [sys.executable, __file__, "--measure", section]
            started = time.perf_counter()
            done = subprocess.run(command, env=os.environ | hidden, stdout=subprocess.PIPE, text=True, check=False)
            machine, *rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")] or [{}]
            seconds = round(time.perf_counter() - started, 1)
            result[f"{section}, {device}"] = {"exit": done.returncode, "seconds": seconds, **machine, "rows": rows}
            print(json.dumps({section: device, **result[f"{section}, {device}"]}, indent=1), flush=True)
            arguments.results.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
