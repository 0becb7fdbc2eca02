"""How fast pooled features come from prepared pictures: both engines, beside the network alone.

    python benchmarks/feature_extraction.py --weights mobilenet_v2_1.0_224_imagenet_no_top.h5

Measured in one process, by turns, with MobileNetV2 at 224:

- predict: `model.predict` of Keras on the pictures in memory, decoded, scaled and preprocessed beforehand;
- the rest: `Extractor.extract` of this project, from JPEG files of 299x299 to features, by TensorFlow in float32 and by
  OpenVINO in float32, in bfloat16 where the processor has it, and in int8 (the extra of that name), calibrated on 300
  other pictures.

Speed depends on neither the weights nor what the pictures show, so the pictures are drawn: noise at several scales, so
that files are as large as those of prepared covers. How far features differ depends on the weights; without a file they
are random.
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

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

PICTURES = 512
CALIBRATION = 300
WAYS = (("tensorflow", "float32"), ("openvino", "float32"), ("openvino", "bfloat16"), ("openvino", "int8"))
ROUNDS = 5
RESULTS = Path(__file__).parent / "results" / "feature_extraction.json"


def draw_pictures(folder: Path, count: int = PICTURES, seed: int = 0) -> list[Path]:
    """Prepared pictures as the stage `prepare` leaves them: JPEG, quality 95, 4:4:4."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(seed)
    files = []
    for number in range(count):
        pixels = np.zeros((299, 299, 3), np.float32)
        for cells, strength in ((2, 60), (12, 30), (100, 15), (299, 4)):
            noise = generator.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
            pixels += np.asarray(Image.fromarray(noise).resize((299, 299), Image.Resampling.BICUBIC), np.float32) - 128
        file = folder / f"{number:04d}.jpg"
        Image.fromarray((pixels + 128).clip(0, 255).astype(np.uint8)).save(file, quality=95, subsampling="4:4:4")
        files.append(file)
    return files


def main() -> None:
    """Measure, print, and write the results."""
    from bookcover_core.errors import SettingsError
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.inference_engine import check_engine, check_quantiser
    from bookcover_core.models.input_pipeline import read_pictures
    from bookcover_core.models.networks import build_pooled, build_preprocessing
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.reading.openvino_runtime import load_openvino
    from bookcover_core.settings import StudySettings
    from bookcover_core.training.feature_extraction import Extractor
    from bookcover_core.training.quantise import quantise_network

    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, help="MobileNetV2's, without the top; default: random ones")
    parser.add_argument("--note", default="", help="what else the machine was doing, for the results")
    asked = parser.parse_args()
    weights = {"weight_files": {"MobileNetV2": str(asked.weights)}} if asked.weights else {"weights": "random"}
    backbone, ways = find_backbone("MobileNetV2"), {}
    with tempfile.TemporaryDirectory() as folder:
        files = draw_pictures(Path(folder) / "pictures")
        calibration = draw_pictures(Path(folder) / "calibration", CALIBRATION, seed=1)
        for engine, precision in WAYS:
            models = {"engine": engine, "precision": precision, **weights}
            settings = StudySettings.model_validate({"models": models})
            quantised = None
            try:
                check_engine(settings.models)
                check_quantiser(settings.models)
            except SettingsError as error:
                print(error)
                continue
            if precision == "int8":
                quantised = Path(folder) / "quantised.xml"
                quantise_network(settings, backbone, calibration, quantised, quantised.with_suffix(".bin"))
            ways[f"{engine}, {precision}"] = Extractor(settings, backbone, quantised=quantised)
        network = build_backbone(settings, backbone)
        pooled = build_pooled(backbone, network)
        size = statistics.mean(file.stat().st_size for file in files)
        # The bare network: what stands behind the preprocessing, on arrays that are ready for it.
        bare = type(pooled)(network.input, pooled.get_layer("pooling")(network.output))
        ready = np.asarray(build_preprocessing(backbone)(read_pictures(files, backbone.size)))
        memory, features = [], {}
        seconds: dict[str, list[float]] = {name: [] for name in ("predict", *ways)}
        for turn in range(ROUNDS + 1):
            for name, taken in seconds.items():
                started = time.perf_counter()
                if name == "predict":
                    features[name] = bare.predict(ready, batch_size=32, verbose=0)
                else:
                    features[name] = ways[name].extract(files, lambda _: None)
                if turn:  # the first warms up
                    taken.append(time.perf_counter() - started)
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    expected = features["tensorflow, float32"]
    differences = {name: np.abs(found - expected) for name, found in features.items()}

    def ratios(name: str, to: str) -> dict[str, object]:
        found = [one / other for one, other in zip(seconds[to], seconds[name], strict=True)]
        return {"median": round(statistics.median(found), 3), "by round": [round(ratio, 3) for ratio in found]}

    result = {
        "command": "python benchmarks/feature_extraction.py"
        + (f" --weights {asked.weights.name}" if asked.weights else ""),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "processor_computes_in": sorted(load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "note": asked.note,
        "versions": {name: version(name) for name in ("tensorflow", "openvino", "nncf", "keras", "numpy")},
        "pictures": PICTURES,
        "mean_bytes": round(size),
        "rounds": ROUNDS,
        "pictures_per_second": {name: round(PICTURES / statistics.median(each), 1) for name, each in seconds.items()},
        "times_the_rate_of_predict": {name: ratios(name, "predict") for name in ways},
        "times_the_rate_of_tensorflow": {name: ratios(name, "tensorflow, float32") for name in ways},
        "largest_feature": float(expected.max()),
        "largest_difference_from_tensorflow": {name: float(each.max()) for name, each in differences.items()},
        "mean_difference_by_mean_feature": {
            name: float(each.mean() / np.abs(expected).mean()) for name, each in differences.items()
        },
        "peak_memory_mib": {"first round": round(memory[0]), "last round": round(memory[-1])},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
