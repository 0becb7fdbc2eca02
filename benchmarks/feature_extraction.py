"""How fast pooled features come from prepared pictures, beside the network alone.

    python benchmarks/feature_extraction.py

Measured in one process, by turns, with MobileNetV2 at 224:

- predict: `model.predict` of Keras on the pictures in memory, decoded, scaled and preprocessed beforehand;
- extract: `Extractor.extract` of this project, from JPEG files of 299x299 to features.

Reading, decoding and scaling are paid for when extract reaches predict's rate. Speed depends on neither the weights nor
what the pictures show, so the weights are random and the pictures drawn: noise at several scales, so that files are as
large as those of prepared covers.
"""

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
ROUNDS = 5
RESULTS = Path(__file__).parent / "results" / "feature_extraction.json"


def draw_pictures(folder: Path, count: int = PICTURES) -> list[Path]:
    """Prepared pictures as the stage `prepare` leaves them: JPEG, quality 95, 4:4:4."""
    generator = np.random.default_rng(0)
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
    from bookcover_core.models.backbones import find_backbone
    from bookcover_core.models.input_pipeline import read_pictures
    from bookcover_core.models.networks import build_pooled, build_preprocessing
    from bookcover_core.models.weights import build_backbone
    from bookcover_core.settings import StudySettings
    from bookcover_core.training.feature_extraction import Extractor

    settings = StudySettings.model_validate({"models": {"weights": "random"}})
    backbone = find_backbone("MobileNetV2")
    network = build_backbone(settings, backbone)
    pooled = build_pooled(backbone, network)
    extractor = Extractor(settings, backbone)
    with tempfile.TemporaryDirectory() as folder:
        files = draw_pictures(Path(folder))
        size = statistics.mean(file.stat().st_size for file in files)
        # The bare network: what stands behind the preprocessing, on arrays that are ready for it.
        bare = type(pooled)(network.input, pooled.get_layer("pooling")(network.output))
        ready = np.asarray(build_preprocessing(backbone)(read_pictures(files, backbone.size)))
        memory = []
        seconds: dict[str, list[float]] = {"predict": [], "extract": []}
        for turn in range(ROUNDS + 1):
            started = time.perf_counter()
            expected = bare.predict(ready, batch_size=32, verbose=0)
            between = time.perf_counter()
            features = extractor.extract(files, lambda _: None)
            ended = time.perf_counter()
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            if turn:  # the first warms up
                seconds["predict"].append(between - started)
                seconds["extract"].append(ended - between)
    rates = {name: round(PICTURES / statistics.median(each), 1) for name, each in seconds.items()}
    ratios = [predict / extract for predict, extract in zip(seconds["predict"], seconds["extract"], strict=True)]
    result = {
        "command": "python benchmarks/feature_extraction.py",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "pictures": PICTURES,
        "mean_bytes": round(size),
        "rounds": ROUNDS,
        "pictures_per_second": rates,
        "extract_to_predict": round(statistics.median(ratios), 3),
        "extract_to_predict_by_round": [round(ratio, 3) for ratio in ratios],
        "largest_difference_of_features": float(np.abs(features - expected).max()),
        "peak_memory_mib": {"first round": round(memory[0]), "last round": round(memory[-1])},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
