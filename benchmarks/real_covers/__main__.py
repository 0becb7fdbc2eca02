"""What each choice brings, measured on real covers: `results/real_covers.csv`.

    python benchmarks/real_covers DATA WORK [--encoder FILE] [--sentences FOLDER ...] [--only NAME ...]

DATA holds `listings/real-covers-listing.csv`, `listings/real-covers-manifest.csv`, the titles of
`listings/book30-listing-train-partial.csv`, `covers/`, and `weights/` with MobileNetV2's ImageNet weights. FILE is
what `benchmarks/efficientnet_lite2.py` writes, FOLDER what `benchmarks/sentence_encoder.py` does, called like the
encoder; without them, systems that want them are left out. WORK is a folder of studies, `fold-1` to `fold-5`, and
their store; a measurement that was cut off goes on.

Every system is trained five times, on four fifths of the covers, and judges the fifth that it has not seen
(`splits.fold`). Whatever is chosen within a fold (epochs, hyperparameters, weights) is chosen on validation books.
"""

import argparse
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import base_settings, measure
from table import RESULTS, summarise


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of listings, covers and weights.")
    parser.add_argument("work", type=Path, help="Folder for what is made on the way.")
    parser.add_argument("--encoder", type=Path, help="EfficientNet-lite2 as ONNX.")
    parser.add_argument("--sentences", type=Path, action="append", default=[], help="Folder of a sentence encoder.")
    parser.add_argument("--only", action="append", default=[], help="Measure this system; can be given more than once.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="Folder of the tables.")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    data, work = arguments.data.resolve(), arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    encoder = arguments.encoder.resolve() if arguments.encoder else None
    sentences = {folder.name: folder.resolve() for folder in arguments.sentences}
    folder = measure(base_settings(data, work, encoder), work, arguments.only, sentences)
    summarise(folder, work, arguments.results)


if __name__ == "__main__":
    main()
