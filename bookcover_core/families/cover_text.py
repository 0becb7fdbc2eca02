"""CoverText: reads the words off a cover (`reading`), and looks at nothing else of it.

It learns from what was read on the training books' covers, and from all titles and authors that may be learnt from,
with letters and spaces lost as readers lose them. Where no known word was read, all genres are alike to it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.families.family import Evidence, System
from bookcover_core.families.learnable_titles import learnable_titles
from bookcover_core.families.prediction import PredictorInput
from bookcover_core.families.text import TextPredictor, Texts, fetch_listings, keep_classifier, text_inputs
from bookcover_core.families.text_classifier import TextClassifier
from bookcover_core.listings.books import BookText
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.reading.cover_words import texts_of_covers
from bookcover_core.settings import StudySettings

COVER_TEXT = "CoverText"
_NAME = "cover-text"
_READ = "read"  # stands for the preparation: the words as they are read
_LETTERS_LOST, _SPACES_LOST = 0.03, 0.2  # shares that a reader loses


@stage(
    _NAME,
    "Learn from words read off covers",
    step="evaluate",
    settings=("seed", "text.strengths", "books.columns", "reading.min_confidence"),
    inputs=lambda study, name: text_inputs(
        study, name, _READ, [f"read/shard-{each:04d}" for each in shard_keys(study)]
    ),
    parts=lambda study: [(system.name,) for system in CoverTexts().systems(study.settings)],
    fetch=fetch_listings,
    kept=True,
    apart=True,
)
def fit_cover_text(study: Study, run: StageRun, system: str) -> Result:  # noqa: ARG001 - there is one such system
    """The reader of covers, learnt as `fit_text` says from what was read as well."""
    learnt = learnable_titles(study)
    read = texts_of_covers(study, study.settings.reading.min_confidence)
    learnable = [*zip(learnt.keys, learnt.labels, strict=True), *learnt.untitled]
    known = [(read[key], label) for key, label in learnable if read.get(key)]
    printed, own = learnt.texts, [BookText(text) for text, _ in known]
    learnt.texts = [*as_read(printed, study.settings.seed), *own]
    learnt.labels += [label for _, label in known]
    learnt.counts["covers read"] = len(known)
    seen = {key: BookText(text) for key, text in read.items()}
    return keep_classifier(run, learnt, seen, kind=_NAME, form=CoverTextClassifier, meant=[*printed, *own])


def as_read(texts: Iterable[BookText], seed: int) -> list[BookText]:
    """Title and author of each book as they might be read off a cover: some letters are lost, some words joined."""
    draws, found = np.random.default_rng(seed), []
    for text in texts:
        lost = [_SPACES_LOST if each == " " else _LETTERS_LOST for each in text.joined]
        kept = draws.random(len(lost)) >= lost
        found.append(BookText("".join(each for each, is_kept in zip(text.joined, kept, strict=True) if is_kept)))
    return found


class CoverTextClassifier(TextClassifier):
    """A classifier to which all genres are alike where a text has no known n-gram."""

    def judge(self, inputs: Any) -> npt.NDArray[np.float32]:
        """(texts, genres), float32."""
        found = super().judge(inputs)
        found[inputs.getnnz(axis=1) == 0] = 1 / found.shape[1]
        return found


class _CoverTextPredictor(TextPredictor):
    """The reader of covers of a folder, at work on covers from outside."""

    form = CoverTextClassifier

    def sees(self, covers: Sequence[PredictorInput]) -> list[BookText]:
        """What was read on the covers."""
        return [BookText(cover.read) for cover in covers]


class CoverTexts(Texts):
    """The system that reads covers."""

    name = _NAME
    stage = _NAME
    evidence = frozenset({Evidence.READ})
    unprepared = _READ
    predictor = _CoverTextPredictor

    def systems(self, settings: StudySettings) -> list[System]:
        """One, where the settings name it."""
        return [System(COVER_TEXT, self, COVER_TEXT)] if COVER_TEXT in settings.text.systems else []
