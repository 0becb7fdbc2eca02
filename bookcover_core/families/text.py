"""Title and TitleAuthor: systems that read what a listing says of a book, and never look at its cover.

Each is a linear classifier of n-grams, learnt from every record that nothing is tested on.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bookcover_core.families.family import Evidence, Family, System
from bookcover_core.families.finished_system import finish_rule
from bookcover_core.families.learnable_titles import LearnableTitles, learnable_titles, more_listings
from bookcover_core.families.prediction import Floats, PredictorInput, Square
from bookcover_core.families.text_classifier import TextClassifier, join_with_meaning
from bookcover_core.listings.books import BookText, each_book, read_genres
from bookcover_core.listings.raw_files import bring_listing, digest_of_source
from bookcover_core.models.model_cards import read_card, whole_file
from bookcover_core.models.sentence_encoder import SentenceEncoder
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import model_name
from bookcover_core.training.stored_probabilities import validation_figures

logger = logging.getLogger(__name__)

_NAME = "text"

WORDS = "text.npz"
"""File of what a reader learnt."""

_PRINTED = "printed"  # stands for the preparation: the words as the listing prints them
TITLE, TITLE_AUTHOR = "Title", "TitleAuthor"


def seen_by(system: str, texts: Sequence[BookText]) -> list[BookText]:
    """The texts as a system sees them."""
    return [BookText(text.title) for text in texts] if system == TITLE else list(texts)


def fetch_listings(study: Study, system: str) -> None:
    """Bring the listings that only titles are taken from into the study's folder."""
    del system
    for name, source in more_listings(study.settings):
        bring_listing(study, name, source)


def sentence_encoder(settings: StudySettings) -> SentenceEncoder | None:
    """The sentence encoder of the settings, if they name one."""
    folder = settings.text.encoder
    return SentenceEncoder(Path(folder).expanduser()) if folder else None


def text_inputs(study: Study, system: str, preparation: str = _PRINTED, after: Sequence[str] = ()) -> Inputs:
    """What a system that learns from titles is made from."""
    given = {name: digest_of_source(study, name, source) for name, source in more_listings(study.settings)}
    if encoder := sentence_encoder(study.settings):
        given["encoder"] = encoder.digest
    before = ["listings", "twins", "split", *after]
    return Inputs(model_name(system, preparation), after=before, given={"reads": system, **given})


@stage(
    _NAME,
    "Learn from titles",
    step="evaluate",
    run_title="learn {system} from titles",
    settings=("text.strengths", "books.columns"),
    inputs=text_inputs,
    parts=lambda study: [(system.name,) for system in Texts().systems(study.settings)],
    fetch=fetch_listings,
    kept=True,
    apart=True,
)
def fit_text(study: Study, run: StageRun, system: str) -> Result:
    """One reader of titles, of which the strength of its penalty is chosen on the validation books.

    Raises `ListingError` where a listing of `text.listings` cannot be read, `TrainingError` where no training book has
    a word.
    """
    learnt = learnable_titles(study)
    learnt.texts = seen_by(system, learnt.texts)
    printed = {book.key: BookText(book.title, book.author) for book in each_book(study.workspace)}
    texts = dict(zip(printed, seen_by(system, list(printed.values())), strict=True))
    return keep_classifier(run, learnt, texts, kind=_NAME)


def keep_classifier(
    run: StageRun,
    learnt: LearnableTitles,
    texts: Mapping[str, BookText],
    *,
    kind: str,
    form: type[TextClassifier] = TextClassifier,
    meant: Sequence[BookText] = (),
) -> Result:
    """The result of a stage that fits a classifier of texts, `form`, on what is `learnt` as the system sees it.

    `texts` is what it sees of the validation and test books, by key; `meant` what a sentence encoder sees of `learnt`,
    where that is something else.
    """
    workspace, strengths = run.study.workspace, sorted(run.study.settings.text.strengths)
    labels, file = np.array(learnt.labels, np.int32), workspace.models / run.part / WORDS
    classifiers = form.fit(learnt.texts, labels, len(read_genres(workspace)), strengths)
    books = read_table(workspace.splits, ("key", "label", "split"), label="int32")
    held = books[books["split"] == "validation"]
    validation, read = held["label"].to_numpy(), [texts[key] for key in held["key"]]
    if encoder := sentence_encoder(run.study.settings):
        classifiers = join_with_meaning(classifiers, encoder, (meant or learnt.texts, labels), (read, validation))
    inputs = next(iter(classifiers.values())).inputs(read)  # the same for all strengths
    figures = {strength: validation_figures(validation, each.judge(inputs)) for strength, each in classifiers.items()}
    chosen = min(figures, key=lambda strength: figures[strength]["validation_loss"])
    tried = ", ".join(f"{figure['validation_loss']:.4f} at {strength:g}" for strength, figure in figures.items())
    logger.info("%s: C is %g; validation losses: %s", run.label, chosen, tried)
    classifier = classifiers[chosen]
    classifier.save(file)
    return finish_rule(
        run,
        books,
        lambda _, held: classifier.probabilities([texts[key] for key in held["key"]]),
        file=file,
        beside=encoder.copy_to(file.parent) if encoder else (),
        kind=kind,
        parameters={"trainable": classifier.rule.weights.size + classifier.rule.bias.size},
        metrics=figures[chosen],
        counts={f"titles {what}": count for what, count in sorted(learnt.counts.items())},
        hyperparameters={"strength": chosen, "texts": len(labels)},
    )


class TextPredictor:
    """A reader of a folder, at work on books from outside."""

    squares: frozenset[Square] = frozenset()
    form: type[TextClassifier] = TextClassifier

    def __init__(self, folder: Path) -> None:
        card = read_card(folder)
        for name in card.digests:
            whole_file(folder, name, card)
        self._name, self.classifier = card.backbone, self.form.load(folder / WORDS)
        if self.classifier.meaning:
            self.classifier.meaning.encoder.check_packages()

    def sees(self, covers: Sequence[PredictorInput]) -> list[BookText]:
        """The covers as it sees them."""
        return seen_by(self._name, [cover.text for cover in covers])

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, None]:
        """Probabilities (n, genres)."""
        return self.classifier.probabilities(self.sees(covers)), None


class Texts(Family):
    """Systems that read what a listing says of a book."""

    name = _NAME
    stage = _NAME
    competes = False
    explains = False
    unprepared = _PRINTED
    evidence = frozenset({Evidence.LISTING})
    predictor = TextPredictor

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each name of the settings."""
        return [System(name, self, name) for name in settings.text.systems if name in {TITLE, TITLE_AUTHOR}]
