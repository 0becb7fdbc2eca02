"""The stage `label-noise`: books whose genre is most likely wrong, by confident learning.

repeats/<model>/fold-*/probabilities-test.npz  ->  evaluation/label_noise.json, doubtful_labels.csv

A label is doubtful where cross-validation speaks for another genre more than it does for the books of that genre on
average (Northcutt et al. 2021, JAIR 70; cleanlab). What that is worth is measured on labels that are changed at random.
"""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from bookcover_core.evaluation.metrics import Floats
from bookcover_core.evaluation.repeats import repeated_models
from bookcover_core.listings.books import read_genres
from bookcover_core.models.backbones import pretrained
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_result, read_table, write_json, write_table
from bookcover_core.training.repeated_training import fold_variants
from bookcover_core.training.stored_probabilities import read_probabilities

_PLANTED = 0.05  # share of the labels that are changed to measure how many wrong labels are found
_NUMBERS = "label_noise.json"
_PLANT = 423  # purpose of the generator that changes them

Labels = npt.NDArray[np.int64]


class LabelNoise(BaseModel, frozen=True):
    """How many labels of a study are doubtful, and what that is worth."""

    models: list[str] = Field(description="The frozen networks whose mean probabilities judge.")
    books: int
    accuracy: float = Field(description="Share of the books that are judged as their label says.")
    doubtful: int = Field(description="Books whose label is doubtful.")
    planted: int = Field(description="Labels that were changed at random.")
    found: int = Field(description="Of those, the doubtful ones.")
    found_first: int
    """Of those, the ones among as many most doubtful books: what the top of the list is worth."""
    mistakes: int = Field(description="Books that are judged otherwise than their label says.")
    doubtful_mistakes: int = Field(description="Of those, the ones with a doubtful label.")

    @property
    def most(self) -> float:
        """Share of wrong labels, at most: that of the doubtful ones, over the share of planted ones that is found."""
        return min(1.0, self.doubtful / self.books / (self.found / self.planted)) if self.found else 1.0


def _inputs(study: Study) -> Inputs:
    models = repeated_models(study)
    folds = [f"repeat/{model}/{variant}" for model in models for variant in fold_variants(study.settings)]
    return Inputs(after=["listings", "split", *folds], given={"models": " ".join(models)})


@stage(
    "label-noise",
    "Find doubtful labels",
    step="analyse",
    settings=("seed",),
    inputs=_inputs,
    parts=lambda study: [()] if fold_variants(study.settings) and pretrained(study.settings) else [],
)
def find_doubtful_labels(study: Study, run: StageRun) -> Result:
    """The books whose label is doubtful by the mean of all frozen networks' cross-validated probabilities."""
    models = run.inputs["models"].split()
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    by_model = []
    for model in models:  # each book is judged by the training of the fold that tested it
        folder = study.workspace.repeats / model
        folds = [read_probabilities(folder / fold, "test") for fold in fold_variants(study.settings)]
        tested = pd.concat([pd.DataFrame(probabilities, index=keys) for keys, probabilities in folds])
        by_model.append(tested.loc[books["key"]].to_numpy(np.float64))
    judged = np.mean(by_model, axis=0)
    labels = books["label"].to_numpy(np.int64)
    wrong = judged.argmax(axis=1) != labels
    doubtful = doubtful_labels(labels, judged)
    changed, places = plant(labels, study.settings.seed)
    again = doubtful_labels(changed, judged)
    found = LabelNoise(
        models=models,
        books=len(books),
        accuracy=float(1 - wrong.mean()),
        doubtful=len(doubtful),
        planted=len(places),
        found=len(np.intersect1d(again, places)),
        found_first=len(np.intersect1d(again[: len(places)], places)),
        mistakes=int(wrong.sum()),
        doubtful_mistakes=int(wrong[doubtful].sum()),
    )
    names = np.array([genre.name for genre in read_genres(study.workspace)])
    selection = read_table(study.workspace.selection, ("key", "title", "author", "path")).set_index("key")
    rows = books.iloc[doubtful]
    table = pd.DataFrame(
        {
            "key": rows["key"],
            "genre": names[labels[doubtful]],
            "probability": judged[doubtful, labels[doubtful]].round(6),
            "suggested": names[judged[doubtful].argmax(axis=1)],
            "suggested_probability": judged[doubtful].max(axis=1).round(6),
            "split": rows["split"],
        }
    ).join(selection, on="key")
    file = study.workspace.evaluation / _NUMBERS
    write_json(file, found.model_dump(mode="json"))
    write_table(doubtful_file(study.workspace), table)
    return Result(outputs=[file, doubtful_file(study.workspace)], counts={"doubtful": found.doubtful})


def doubtful_file(workspace: Workspace) -> Path:
    """Where the books with doubtful labels lie."""
    return workspace.evaluation / "doubtful_labels.csv"


def read_label_noise(workspace: Workspace) -> LabelNoise:
    """What the stage found."""
    return read_result(workspace.evaluation / _NUMBERS, LabelNoise, "what is known of doubtful labels")


def doubtful_labels(labels: Labels, probabilities: Floats) -> Labels:
    """Places of the books whose label is doubtful, the one with the least probability of its label first.

    Labels are (books,), probabilities (books, genres) of networks that were trained without the book.
    """
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 - slow to import

    seen, given = np.unique(labels, return_inverse=True)
    if len(seen) < 2:
        return np.empty(0, np.int64)
    among = np.maximum(probabilities[:, seen], np.finfo(np.float32).tiny)
    among = among / among.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all")  # a genre of few books keeps one of them
        found: Labels = find_label_issues(given, among, return_indices_ranked_by="self_confidence", n_jobs=1)
    return found


def plant(labels: Labels, seed: int) -> tuple[Labels, Labels]:
    """The labels with a twentieth of them changed, each to any other genre of the study; and the changed places."""
    generator = np.random.default_rng([seed, _PLANT])
    seen, changed = np.unique(labels), labels.copy()
    places = np.sort(generator.permutation(len(labels))[: round(_PLANTED * len(labels))])
    for place in places if len(seen) > 1 else ():
        changed[place] = generator.choice(seen[seen != labels[place]])
    return changed, places
