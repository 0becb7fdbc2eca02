"""How far the titles alone tell the genres of the official BookCover30 test set, all 5,700 books of it.

    python benchmarks/titles.py LISTINGS [--train FILE] [--encoder FOLDER ...] [--vectors FOLDER] [--add]

LISTINGS is the folder that holds book30-listing-test.csv; FOLDER that of a sentence encoder, such as
`benchmarks/sentence_encoder.py` writes, with which every reader is tried once more;
--vectors names a folder in which its vectors are kept, and --add keeps the rows that others have in the table.
No cover is looked at. The readers of titles (`families.text`) learn from the training listing that is at hand, less
other editions of test books (the same main title, by the same author or one that a listing leaves out), and a tenth of
it chooses the strength of the penalty; the test books choose nothing. The rows of `results/titles.csv`:

    all            every test book; `low` and `high` are Wilson's 95 % interval
    whole genres   test books of the genres whose training titles are all at hand
    other genres   the others, of which a fifth of the training titles are
    new authors    test books whose author stands in no training record (an unknown author counts as new)
    genre unnamed  test books whose title has none of the words that name its genre
    curve          every test book, learnt from a share of the training titles
    extrapolated   error = a + b n^-c through the curve, at all 51,300 training titles; the interval comes from curves
                   of test books drawn anew
"""

import argparse
import csv
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from remembered_vectors import Remembering
from scipy.optimize import least_squares

from bookcover_core.evaluation.giveaways import known_authors, unaided
from bookcover_core.evaluation.intervals import share as share_of
from bookcover_core.families.learnable_titles import HeldOut
from bookcover_core.families.text import TITLE, TITLE_AUTHOR, seen_by
from bookcover_core.families.text_classifier import TextClassifier, join_with_meaning
from bookcover_core.listings.books import BookText
from bookcover_core.listings.records import read_records
from bookcover_core.settings import StudySettings
from bookcover_core.training.stored_probabilities import validation_figures

RESULTS = Path(__file__).parents[1] / "results" / "titles.csv"
COLUMNS = ("system", "what", "titles", "books", "top1", "low", "high", "top3", "strength", "seconds")
WHOLE = 1_710  # training records of a genre: where there are fewer, its listing is not whole
ALL_TITLES = 51_300
SHARES = (0.1, 0.2, 0.4, 0.7)
DRAWS = 1_000
CONFIDENCE = 0.95


def read(file: Path) -> pd.DataFrame:
    """Key, text and genre of every record."""
    rows = [(each.key, BookText(each.title, each.author), each.category) for each in read_records(file)]
    return pd.DataFrame(rows, columns=["key", "text", "genre"])


def hits(probabilities: np.ndarray, labels: np.ndarray, most: int) -> np.ndarray:
    """(books,) whether the genre is among the first `most`."""
    return (np.argsort(-probabilities, axis=1, kind="stable")[:, :most] == labels[:, None]).any(axis=1)


def learn(
    system: str, train: pd.DataFrame, labels: dict[str, int], encoder: Remembering | None
) -> tuple[TextClassifier, float]:
    """The classifier whose strength a tenth of the records chose, and that strength."""
    generator = np.random.default_rng(2020)
    validation = generator.random(len(train)) < 0.1
    held = HeldOut(zip(train["key"][validation], train["text"][validation], strict=True), {})
    keep = np.array([not held.why(key, text) for key, text in zip(train["key"], train["text"], strict=True)])
    truth = train["genre"].map(labels).to_numpy()
    texts = np.array([*seen_by(system, train["text"].tolist()), None], dtype=object)[:-1]
    strengths = StudySettings().text.strengths
    found = TextClassifier.fit(texts[keep].tolist(), truth[keep], len(labels), strengths)
    if encoder:
        learnt, held_out = ((texts[rows].tolist(), truth[rows]) for rows in (keep, validation))
        found = join_with_meaning(found, encoder, learnt, held_out)
    losses = {
        strength: validation_figures(truth[validation], each.probabilities(texts[validation].tolist()))
        for strength, each in found.items()
    }
    strength = min(losses, key=lambda each: losses[each]["validation_loss"])
    return found[strength], strength


def extrapolate(sizes: np.ndarray, accuracies: np.ndarray, at: int) -> float:
    """What accuracy = 1 - a - b n^-c, fitted to the curve, gives at `at` titles."""

    def errors(fit: np.ndarray) -> np.ndarray:
        a, b, c = fit
        return (1 - a - b * (sizes / sizes[0]) ** -c) - accuracies

    fit = least_squares(errors, [0.3, 0.4, 0.3], bounds=([0, 0, 0.01], [1, 1, 2])).x
    return float(1 - fit[0] - fit[1] * (at / sizes[0]) ** -fit[2])


@dataclass(frozen=True)
class Trial:
    """What one reader of titles, learnt from so many of them, made of the test books."""

    system: str
    titles: int
    strength: float
    first: np.ndarray
    """(books,) whether the first guess was right."""
    third: np.ndarray
    """(books,) whether one of the first three was."""
    seconds: float

    def row(self, what: str, chosen: np.ndarray) -> tuple[object, ...]:
        """A row of the table, for the chosen test books."""
        estimate = share_of(int(self.first[chosen].sum()), int(chosen.sum()), CONFIDENCE)
        shares = (estimate.value, estimate.low, estimate.high, float(self.third[chosen].mean()))
        figures = (round(each, 4) for each in shares)
        return self.system, what, self.titles, int(chosen.sum()), *figures, self.strength, round(self.seconds, 1)


def try_out(
    system: str, train: pd.DataFrame, test: pd.DataFrame, labels: dict[str, int], encoder: Remembering | None
) -> Trial:
    """Learn from `train`, and read the titles of `test`."""
    started = time.perf_counter()
    classifier, strength = learn(system, train, labels, encoder)
    probabilities = classifier.probabilities(seen_by(system, test["text"].tolist()))
    seconds, truth = time.perf_counter() - started, test["genre"].map(labels).to_numpy()
    name = f"{system}, {encoder.folder.name}" if encoder else system
    return Trial(name, len(train), strength, hits(probabilities, truth, 1), hits(probabilities, truth, 3), seconds)


def at_full_size(curve: list[Trial]) -> tuple[object, ...]:
    """The row of what all training titles would give."""
    sizes, right = np.array([each.titles for each in curve]), np.array([each.first for each in curve])
    generator, books = np.random.default_rng(3), right.shape[1]
    draws = [right[:, generator.integers(books, size=books)].mean(axis=1) for _ in range(DRAWS)]
    low, high = np.quantile([extrapolate(sizes, each, ALL_TITLES) for each in draws], [0.025, 0.975])
    figures = (extrapolate(sizes, right.mean(axis=1), ALL_TITLES), float(low), float(high))
    return curve[0].system, "extrapolated", ALL_TITLES, books, *(round(each, 4) for each in figures), "", "", ""


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listings", type=Path)
    parser.add_argument("--train", type=Path, help="training listing (default: the partial one in LISTINGS)")
    parser.add_argument("--encoder", type=Path, action="append", default=[], help="folder of a sentence encoder")
    parser.add_argument("--vectors", type=Path, help="folder in which vectors of titles are kept")
    parser.add_argument("--add", action="store_true", help="try the encoders alone, and keep the table's other rows")
    options = parser.parse_args()
    test = read(options.listings / "book30-listing-test.csv")
    train = read(options.train or options.listings / "book30-listing-train-partial.csv")
    counts = train["genre"].value_counts()
    held = HeldOut(zip(test["key"], test["text"], strict=True), {})
    away = np.array([bool(held.why(key, text)) for key, text in zip(train["key"], train["text"], strict=True)])
    print(f"{away.sum():,} of {len(train):,} training records are other editions of test books, and left out")
    train = train[~away].reset_index(drop=True)
    labels = {genre: label for label, genre in enumerate(sorted(test["genre"].unique()))}
    whole = test["genre"].map(counts).to_numpy() >= WHOLE
    groups = {
        "all": np.ones(len(test), bool),
        "whole genres": whole,
        "other genres": ~whole,
        **unaided(test["text"].tolist(), test["genre"].tolist(), known_authors(train["text"])),
    }
    rows = []
    files = [options.vectors and options.vectors / f"{folder.name}.npz" for folder in options.encoder]
    encoders = [*([] if options.add else [None]), *map(Remembering, options.encoder, files)]
    for system, encoder in product((TITLE, TITLE_AUTHOR), encoders):
        curve = []
        for share in (*SHARES, 1.0):
            kept = train[np.random.default_rng(1).random(len(train)) < share].reset_index(drop=True)
            curve.append(try_out(system, kept, test, labels, encoder))
            rows.append(curve[-1].row("curve", groups["all"]))
            print(*rows[-1], flush=True)
        rows += [curve[-1].row(what, chosen) for what, chosen in groups.items()]
        rows.append(at_full_size(curve))
        print(*rows[-6:], sep="\n", flush=True)
    if options.add:
        with RESULTS.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in list(csv.reader(stream))[1:] if row[0] not in {each[0] for each in rows}] + rows
        rows.sort(key=lambda row: row[0])
    with RESULTS.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(rows)


if __name__ == "__main__":
    main()
