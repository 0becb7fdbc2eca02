"""What each choice brings, measured on real covers: `results/real_covers.csv`.

    python benchmarks/real_covers DATA WORK [--only NAME ...]

DATA holds `listings/real-covers-listing.csv`, `listings/real-covers-manifest.csv`, `covers/`, and `weights/` with
MobileNetV2's ImageNet weights. WORK keeps everything that is made on the way: a measurement that was cut off goes on.

Every system is trained five times, on four fifths of the covers, and judges the fifth that it has not seen: see
`folds`. Whatever is chosen within a fold (epochs, hyperparameters, weights of an ensemble) is chosen on validation
books. What is a setting of the project goes through its own stages; what no setting should offer, such as pixels that
are scaled wrongly (`inputs`), is done here with the same networks and heads.
"""

import argparse
import logging
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from folds import groups_of, make_folds
from table import summarise
from training import base_settings, measure, prepare_all

from bookcover_core.pipeline.workspace import read_table

logger = logging.getLogger("real_covers")


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of listings, covers and weights.")
    parser.add_argument("work", type=Path, help="Folder for what is made on the way.")
    parser.add_argument("--only", action="append", default=[], help="Measure this system; can be given more than once.")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    arguments.work.mkdir(parents=True, exist_ok=True)
    whole = prepare_all(base_settings(arguments.data.resolve(), arguments.work.resolve()))
    labels = read_table(whole.workspace.selection, label="int32")["label"].to_numpy()
    logger.info("%d covers of %d genres", len(labels), len(set(labels)))
    groups = groups_of(whole)
    folds = make_folds(labels.astype(np.int64), groups, whole.settings.seed)
    summarise(measure(whole, folds, labels, arguments.only), folds, labels, groups)


if __name__ == "__main__":
    main()
