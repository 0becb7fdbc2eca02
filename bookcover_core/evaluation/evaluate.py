"""The stage `evaluate`: a trained system, judged on the test books (section 5.1).

models/<model>/, splits/books.csv  ->  evaluation/<model>/predictions.csv   what it predicts
                                                         metrics.json      scores.Scores
                                                         genres.csv        a row for each genre
                                                         confusion.csv     true genre by predicted genre
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.predictions import Predictions, write_predictions
from bookcover_core.evaluation.scores import Scores, score
from bookcover_core.families.systems import find_system, systems
from bookcover_core.listings.books import read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_json, write_table
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import predict_split

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

Predict = Callable[[Study, str, str], tuple[Sequence[str], NDArray[np.integer], NDArray[np.floating]]]
"""(study, model, split) -> keys, labels (n,), probabilities (n, genres)."""


def _inputs(study: Study, system: str, **_: object) -> Inputs:
    found = find_system(study.settings, system)
    return Inputs(found.model(study), after=[found.label(study), "split"])


@stage(
    "evaluate",
    "Evaluate on the test books",
    run_title="evaluate {system}",
    settings=("evaluation.confidence",),
    inputs=_inputs,
    parts=lambda study: [(system.name,) for system in systems(study.settings)],
    kept=True,
)
def evaluate(study: Study, run: StageRun, system: str, *, predict: Predict | None = None) -> Result:
    """Predict the test books with a trained system ("Ensemble-mean"), or with `predict` if given, and score it."""
    model = run.part
    genres = read_genres(study.workspace)
    keys, labels, probabilities = (predict or predict_split)(study, model, "test")
    groups = read_table(study.workspace.splits, ("key", "group")).set_index("key")["group"]
    predictions = Predictions.checked(
        keys,
        labels.astype(np.int64),
        probabilities.astype(np.float64),
        groups.loc[list(keys)].tolist(),
        len(genres),
        where=run.label,
    )
    confidence = study.settings.evaluation.confidence
    scores = score(predictions, genres, system, split_model_name(model)[1], confidence)
    value, low, high = (100 * each for each in (scores.accuracy.value, *scores.accuracy.ends))
    logger.info("%s: accuracy %.1f %% (%.1f to %.1f) on %d test books", model, value, low, high, scores.books)
    folder = study.workspace.evaluation / model
    write_predictions(folder / "predictions.csv", predictions, genres)
    write_json(folder / "metrics.json", scores.model_dump(mode="json"))
    _write_tables(folder, scores)
    return Result(
        outputs=[folder / name for name in ("predictions.csv", "metrics.json", "genres.csv", "confusion.csv")],
        counts={"test_books": scores.books, **{name: round(each.value, 6) for name, each in scores.totals.items()}},
    )


def sound_models(study: Study) -> dict[str, str]:
    """The models whose evaluation is of the study as it is now, by the name of their system, in the study's order."""
    made = [each for each in systems(study.settings) if Part(evaluate, (each.name,)).is_sound(study)]
    return {system.name: system.model(study) for system in made}


def _write_tables(folder: Path, scores: Scores) -> None:
    """Write genres.csv and confusion.csv."""
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    recalls = " ".join(f"top{k}_recall=recall.{k}*" for k in TOP)
    columns = f"label genre=name slug test_books=books {recalls} precision* f1 predicted"
    table = tabulated([genre.model_dump() for genre in scores.genres], columns)
    write_table(folder / "genres.csv", table.round({column: 6 for column in table if column != "f1"}))
    slugs = [genre.slug for genre in scores.genres]
    confusion = pd.DataFrame(scores.confusion, columns=slugs)
    confusion.insert(0, "true genre", slugs)
    write_table(folder / "confusion.csv", confusion)


def tabulated(rows: list[dict[str, Any]], columns: str, slugs: Sequence[str] = ()) -> "pd.DataFrame":
    """A table of nested rows. `columns` are names, and after "=" where a row has it, if not under that name.

    A star stands for three columns, a number and both ends of its interval; "#" marks labels of genres, which become
    `slugs`. A column that no row has stays empty.
    """
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    table = pd.json_normalize(rows)
    wanted: dict[str, str] = {}
    for each in columns.split():
        name, _, path = each.strip("#*").partition("=")
        parts = {"": ".value", "_low": ".low", "_high": ".high"} if each.endswith("*") else {"": ""}
        wanted |= {f"{path or name}{part}": f"{name}{end}" for end, part in parts.items()}
        if each.startswith("#") and len(table):
            table[path or name] = [slugs[label] for label in table[path or name]]
    return table.reindex(columns=list(wanted)).set_axis(list(wanted.values()), axis=1)
