"""How often the intervals of a study hold the truth, against Wilson's and a bootstrap within genres.

    python benchmarks/interval_coverage.py

Accuracy is simulated for 1 to 190 test books a genre, 1 to 30 genres and accuracies from 0.02 to 0.98, the same for all
genres or drawn around that for each; with books of one group right or wrong together; paired, for two systems that are
right together more or less often; and as macro averages. An interval of 95 % should hold the truth in 95 % of the
draws; the worst of each kind is written with where it was seen. The named alternatives see the same draws.
Writes benchmarks/results/interval_coverage.json.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from scipy import stats

from bookcover_core.evaluation.intervals import Estimate, paired_difference, share_right
from bookcover_core.evaluation.metrics import Predictions
from bookcover_core.evaluation.scores import score
from bookcover_core.genres import number_genres

RESULTS = Path(__file__).parent / "results" / "interval_coverage.json"
CONFIDENCE = 0.95
BOOKS = (1, 2, 3, 4, 6, 10, 20, 40, 95, 190)
GENRES = (1, 2, 5, 30)
ACCURACIES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
DRAWS = 2_000
RESAMPLES = 400

Case = dict[str, float | int | str]


@cache
def exact(hits: int, books: int) -> tuple[float, float]:
    """The interval of a study."""
    found = Estimate.of_share(hits, books, CONFIDENCE)
    return found.low, found.high


@cache
def wilson(hits: int, books: int) -> tuple[float, float]:
    """Wilson's."""
    found = stats.binomtest(hits, books).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)


def bootstrap(hits: np.ndarray, books: int, generator: np.random.Generator) -> tuple[float, float]:
    """The percentile interval of books drawn anew within each genre, of which `hits` are right."""
    drawn = generator.binomial(books, hits / books, size=(RESAMPLES, len(hits))).sum(axis=1) / (books * len(hits))
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def holds(interval: tuple[float, float], truth: float) -> bool:
    """Whether it holds the truth, to rounding."""
    return interval[0] - 1e-12 <= truth <= interval[1] + 1e-12


def accuracies(spread: bool) -> Iterator[tuple[str, Case, float]]:
    """Coverage of each kind of interval of an accuracy."""
    for genres in GENRES:
        for books in BOOKS:
            generator = np.random.default_rng([genres, books])
            for accuracy in ACCURACIES:
                of_genre = np.full(genres, accuracy)
                if spread:
                    of_genre = generator.beta(2 * accuracy, 2 * (1 - accuracy), size=genres)
                truth = float(of_genre.mean())
                drawn = generator.binomial(books, of_genre, size=(DRAWS, genres))
                totals = drawn.sum(axis=1)
                case: Case = {"genres": genres, "books a genre": books, "accuracy": round(truth, 3)}
                for name, interval in (("exact", exact), ("wilson", wilson)):
                    found = [holds(interval(int(hits), books * genres), truth) for hits in totals]
                    yield name, case, float(np.mean(found))
                few = drawn[: DRAWS // 10]
                found = [holds(bootstrap(hits, books, generator), truth) for hits in few]
                yield "bootstrap within genres", case, float(np.mean(found))


def clusters() -> Iterator[tuple[str, Case, float]]:
    """Coverage where books of one group are right together, always or sometimes; groups of many sizes."""
    for groups in (2, 5, 20, 100):
        for largest in (2, 6):
            for together in (0.5, 1.0):
                generator = np.random.default_rng([groups, largest])
                sizes = generator.integers(1, largest + 1, groups)
                names = np.repeat(np.arange(groups), sizes)
                for accuracy in ACCURACIES:
                    found = {"exact": [], "counted as independent": []}
                    for _ in range(DRAWS // 4):
                        whole = np.repeat(generator.random(groups) < accuracy, sizes)
                        own = generator.random(len(names)) < accuracy
                        right = np.where(np.repeat(generator.random(groups) < together, sizes), whole, own)
                        estimate = share_right(right, names, CONFIDENCE)
                        found["exact"].append(holds((estimate.low, estimate.high), accuracy))
                        alone = exact(int(right.sum()), len(right))
                        found["counted as independent"].append(holds(alone, accuracy))
                    case: Case = {"groups": groups, "largest": largest, "together": together, "accuracy": accuracy}
                    for name, each in found.items():
                        yield name, case, float(np.mean(each))


def pairs() -> Iterator[tuple[str, Case, float]]:
    """Coverage of the difference of two systems on the same books."""
    for books in (1, 3, 6, 20, 60, 190, 900):
        for first, second in ((0.02, 0.02), (0.02, 0.1), (0.2, 0.25), (0.5, 0.5), (0.5, 0.6), (0.9, 0.98)):
            for correlation in (-0.3, 0.0, 0.5, 0.9):
                both = first * second + correlation * (first * (1 - first) * second * (1 - second)) ** 0.5
                both = min(max(both, 0.0, first + second - 1), first, second)
                shares = np.clip([both, first - both, second - both, 1 - first - second + both], 0, 1)
                counts = np.random.default_rng(books).multinomial(books, shares, size=DRAWS)
                kinds, times = np.unique(counts, axis=0, return_counts=True)
                held = 0
                for kind, often in zip(kinds, times, strict=True):
                    answers = np.repeat(np.arange(4), kind)
                    found = paired_difference(answers < 2, answers % 2 == 0, np.arange(books), CONFIDENCE)
                    held += int(often) * holds((found.low, found.high), first - second)
                yield (
                    "exact",
                    {"books": books, "first": first, "second": second, "correlation": correlation},
                    held / DRAWS,
                )


def macros() -> Iterator[tuple[str, Case, float]]:
    """Coverage of macro averages, of what they are on average over test sets of that size."""
    for genres in (3, 30):
        names = number_genres([f"genre {number}" for number in range(genres)])
        for books in (1, 2, 3, 4, 30, 190):
            for accuracy in (0.05, 0.3, 0.8):
                generator = np.random.default_rng([genres, books])
                skills = generator.beta(2 * accuracy, 2 * (1 - accuracy), size=genres)
                labels = np.repeat(np.arange(genres), books)
                keys = [str(place) for place in range(len(labels))]
                found = []
                for _ in range(DRAWS if books < 30 else DRAWS // 10):
                    knows = generator.random(len(labels)) < skills[labels]
                    predicted = np.where(knows, labels, generator.integers(0, genres, len(labels)))
                    predictions = Predictions(keys, labels, np.eye(genres)[predicted], keys)
                    found.append(score(predictions, names, "x", "y", CONFIDENCE).totals)
                for name in ("macro_recall", "macro_precision", "macro_f1"):
                    truth = float(np.mean([each[name].value for each in found]))
                    held = np.mean([holds((each[name].low, each[name].high), truth) for each in found])
                    yield name, {"genres": genres, "books a genre": books, "skill": accuracy}, float(held)


def summary(coverage: Iterator[tuple[str, Case, float]]) -> dict[str, object]:
    """The least and the mean coverage of each kind, and where the least was seen."""
    found: dict[str, list[tuple[float, Case]]] = {}
    for name, case, share in coverage:
        found.setdefault(name, []).append((share, case))
    return {
        name: {
            "cases": len(each),
            "least": round(min(each, key=lambda one: one[0])[0], 4),
            "where": min(each, key=lambda one: one[0])[1],
            "mean": round(float(np.mean([share for share, _ in each])), 4),
        }
        for name, each in found.items()
    }


def main() -> None:
    """Measure all kinds, and write what was found."""
    kinds: dict[str, Callable[[], Iterator[tuple[str, Case, float]]]] = {
        "accuracy, the same in all genres": lambda: accuracies(spread=False),
        "accuracy, different from genre to genre": lambda: accuracies(spread=True),
        "accuracy, in groups": clusters,
        "difference of two systems": pairs,
        "macro averages": macros,
    }
    results = {}
    for kind, measure in kinds.items():
        results[kind] = summary(measure())
        print(kind, json.dumps(results[kind], indent=1), flush=True)
    RESULTS.write_text(json.dumps({"confidence": CONFIDENCE, "draws": DRAWS, "coverage": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
