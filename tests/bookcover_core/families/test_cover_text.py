"""The system that reads covers, and those that look and read."""

import json

import numpy as np
import pytest

from bookcover_core.errors import SettingsError, TrainingError
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families import cover_text
from bookcover_core.families.cover_text import CoverTextClassifier, as_read, fit_cover_text
from bookcover_core.families.ensemble import combine
from bookcover_core.families.family import Evidence, System
from bookcover_core.families.prediction import PredictorInput
from bookcover_core.families.systems import find_system, load_predictor, systems
from bookcover_core.families.text import fit_text
from bookcover_core.families.text_classifier import join_with_meaning
from bookcover_core.inference.model_choice import candidates
from bookcover_core.listings.books import BookText, each_book, write_books
from bookcover_core.models.sentence_encoder import SentenceEncoder
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.reading.cover_words import CoverWords, Word, words_file, write_words
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings
from bookcover_core.training.stored_probabilities import predict_split, read_probabilities
from tests.bookcover_core.families.test_text import WORDS, make_titled
from tests.bookcover_core.models.tiny_encoders import write_sentence_encoder

BOX = (0.1, 0.1, 0.9, 0.2)

# The test book on whose cover nothing was read.
BLANK = "0000000010"


def words(text: str) -> tuple[Word, ...]:
    return (*(Word(each, 0.9, BOX) for each in text.split()), Word("smudge", 0.2, BOX))


def make_read(root, **ensemble) -> Study:
    """The study of `make_titled`, whose covers have been read: each says what its title begins with, as readers do."""
    study = make_titled(root)
    settings = study.settings.model_dump(mode="json")
    settings["text"]["systems"] = ["TitleAuthor", "CoverText"]
    settings["ensemble"] = {"fusions": ["CoverAlone", "CoverAndTitle"], **ensemble}
    study = Study(StudySettings.model_validate(settings))
    labels = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"]
    for shard, keys in shard_keys(study).items():
        rows = [
            CoverWords(key=key, sha256=key, words=() if key == BLANK else words(WORDS[labels[key]].upper()))
            for key in keys
        ]
        file = words_file(study, f"shard-{shard:04d}")
        write_words(file, rows)
        record(study, f"read/{file.stem}", outputs=[file])
    return study


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Study:
    study = make_read(tmp_path_factory.mktemp("study"))
    fit_cover_text(study, "CoverText")
    fit_text(study, "TitleAuthor")
    evaluate(study, "CoverText")
    return study


def test_it_learns_from_covers_and_from_titles_that_are_not_tested_on(fitted):
    """Every training book's cover beside all titles; validation and test books teach nothing."""
    card = json.loads((fitted.workspace.models / "CoverText-read" / "card.json").read_text())
    counts = json.loads(fitted.manifest_file("cover-text/CoverText-read").read_text())["counts"]
    train = (read_table(fitted.workspace.splits, ("split",))["split"] == "train").sum()
    assert counts["titles covers read"] == train
    assert card["hyperparameters"]["texts"] == counts["titles learnt from"] + train


def test_where_nothing_has_a_title_it_learns_from_covers_alone(tmp_path):
    """A listing without titles and authors: the words on covers teach it; readers of titles say what is missing."""
    study = make_read(tmp_path)
    bare = [book._replace(title="", author="") for book in each_book(study.workspace)]
    write_books(study.workspace.books, bare)
    record(study, "listings", outputs=[study.workspace.books, study.workspace.genres])
    counts = fit_cover_text(study, "CoverText").counts
    train = (read_table(study.workspace.splits, ("split",))["split"] == "train").sum()
    assert (counts["titles covers read"], counts.get("titles learnt from", 0)) == (train, 0)
    keys, labels, probabilities = predict_split(study, "CoverText-read", "test")
    read = [row for row, key in enumerate(keys) if key != BLANK]
    assert (probabilities.argmax(axis=1) == labels)[read].all()
    with pytest.raises(TrainingError, match="no training book has a word in its title"):
        fit_text(study, "TitleAuthor")


def test_it_judges_by_what_is_read(fitted):
    """Covers that tell their genre are judged right; where nothing was read, all genres are alike."""
    keys, labels, probabilities = predict_split(fitted, "CoverText-read", "test")
    blank = keys.index(BLANK)
    others = [row for row in range(len(keys)) if row != blank]
    assert (probabilities.argmax(axis=1) == labels)[others].all()
    np.testing.assert_allclose(probabilities[blank], 1 / 3)


def test_words_that_the_reader_is_not_sure_of_are_not_used(fitted, monkeypatch):
    """`reading.min_confidence` is of its key, and decides what it sees."""
    seen = []
    monkeypatch.setattr(cover_text, "keep_classifier", lambda _run, _learnt, texts, **_: seen.append(texts))
    settings = fitted.settings.model_dump(mode="json") | {"reading": {"min_confidence": 0.1}}
    sure = Study(StudySettings.model_validate(settings))
    assert fit_cover_text.at(sure, "CoverText").key != fit_cover_text.at(fitted, "CoverText").key
    for study in (fitted, sure):
        fit_cover_text.function(study, fit_cover_text.at(study, "CoverText"), "CoverText")
    assert ["smudge" in texts["0000000000"].title for texts in seen] == [False, True]


def test_titles_are_learnt_as_a_reader_would_read_them():
    """Some letters are lost, some words joined; the same seed loses the same."""
    titles = [BookText("The Complete Book of Vegetable Soups", "Ada Byron")] * 40
    read = as_read(titles, 7)
    assert read == as_read(titles, 7)
    assert read != as_read(titles, 8)
    spaces = np.mean([text.title.count(" ") for text in read]) / 7
    letters = np.mean([len(text.title.replace(" ", "")) for text in read]) / 38
    assert 0.6 < spaces < 0.95
    assert 0.9 < letters < 1
    assert {text.author for text in read} == {""}


def test_what_it_is_joined_with_decides_where_nothing_known_was_read():
    """A text without a known n-gram, of another script say, says nothing of the genre, whatever the others are."""
    texts = [BookText(text) for text in (*WORDS, WORDS[0])]
    [fitted] = CoverTextClassifier.fit(texts, np.array([0, 1, 2, 0]), 3, [4.0]).values()
    np.testing.assert_allclose(fitted.probabilities([BookText(""), BookText("КНИГА")]), 1 / 3)


def test_nothing_read_says_nothing_to_a_sentence_encoder_either(tmp_path):
    """Words that no cover had are judged by their meaning; a cover without words is not."""
    meanings = {word: np.eye(3)[label].tolist() for label, words in enumerate(WORDS) for word in words.split()}
    encoder = SentenceEncoder(write_sentence_encoder(tmp_path, meanings | {"ghoul": [0.0, 1.0, 0.0]}))
    texts, labels = [BookText(text) for text in WORDS] * 100, np.arange(300) % 3
    found = CoverTextClassifier.fit(texts, labels, 3, [4.0])
    held = [BookText("ghoul night"), BookText("soup"), BookText("war")], np.array([1, 0, 2])
    [fitted] = join_with_meaning(found, encoder, (texts, labels), held).values()
    nothing, ghoul = fitted.probabilities([BookText(""), BookText("ghoul")])
    np.testing.assert_allclose(nothing, 1 / 3)
    assert ghoul[1] > 0.5


def test_each_system_tells_what_it_judges_by(fitted):
    """Networks by the picture, readers by what is printed or read, whoever joins them by all of it."""
    evidence = {system.name: system.evidence for system in systems(fitted.settings)}
    assert evidence["MobileNetV2"] == {Evidence.PICTURE}
    assert evidence["CoverText"] == {Evidence.READ}
    assert evidence["TitleAuthor"] == {Evidence.LISTING}
    assert evidence["CoverAlone"] == {Evidence.PICTURE, Evidence.READ}
    assert evidence["CoverAndTitle"] == set(Evidence)
    assert not any(each for name, each in evidence.items() if name.startswith("Baseline"))


def test_those_that_look_and_read_join_all_networks_with_the_readers(fitted):
    """They are combined after their members, and stand behind the networks, which the study is about."""
    members = {name: [each.name for each in find_system(fitted.settings, name).members] for name in FUSIONS}
    assert members == {
        "CoverAlone": ["MobileNetV2", "CoverText"],
        "CoverAndTitle": ["MobileNetV2", "TitleAuthor", "CoverText"],
    }
    assert [part.words for part in parts(fitted, "ensemble")] == [(name,) for name in FUSIONS]
    assert not any(find_system(fitted.settings, name).competes for name in FUSIONS)
    assert FUSIONS[0] not in [each.name for each in find_ensemble(fitted, "mean").members]


FUSIONS = ("CoverAlone", "CoverAndTitle")


def find_ensemble(study: Study, how: str):
    settings = study.settings.model_dump(mode="json")
    settings["ensemble"]["methods"] = [how]
    return find_system(StudySettings.model_validate(settings), f"Ensemble-{how}")


def test_a_cover_without_words_is_judged_by_its_picture(fitted, monkeypatch):
    """Joined, the reader adds nothing there; elsewhere it decides where the network does not know."""
    monkeypatch.setattr(System, "is_made", lambda _system, _study: True)
    invent_network(fitted)
    combine(fitted, "CoverAlone")
    keys, labels, joined = predict_split(fitted, "CoverAlone-mixed", "test")
    _, network = read_probabilities(fitted.workspace.models / "MobileNetV2-padded", "test")
    blank = keys.index(BLANK)
    assert joined[blank].argmax() == network[blank].argmax() == 1
    others = [row for row in range(len(keys)) if row != blank]
    assert (joined.argmax(axis=1) == labels)[others].all()
    told = json.loads((fitted.workspace.models / "CoverAlone-mixed" / "card.json").read_text())
    assert told["how"] == "product"


def invent_network(study: Study) -> None:
    """Leave behind what a network would that says Law of every cover, and is not sure."""
    from bookcover_core.training.stored_probabilities import STORED_SPLITS, write_probabilities

    books = read_table(study.workspace.splits, ("key", "split"))
    files = []
    for split in STORED_SPLITS:
        keys = books["key"][books["split"] == split].tolist()
        probabilities = np.tile(np.float32([0.3, 0.4, 0.3]), (len(keys), 1))
        files.append(write_probabilities(study.workspace.models / "MobileNetV2-padded", split, keys, probabilities))
    record(study, "train/MobileNetV2-padded", outputs=files)


def test_what_is_kept_judges_covers_from_outside(fitted):
    """By what was read on them, never by title or picture; and not without being named."""
    assert {each.name: each.competes for each in candidates(fitted)}["CoverText-read"] is False
    predictor = load_predictor(fitted.workspace.models / "CoverText-read")
    assert not predictor.squares
    asked = [PredictorInput({}, None, BookText("ghosts"), read) for read in ("PASTAANDSOUP", "")]
    probabilities, _ = predictor.predict(asked)
    assert probabilities[0].argmax() == 0
    np.testing.assert_allclose(probabilities[1], 1 / 3)


@pytest.mark.parametrize(
    ("readers", "fusion", "missing"),
    [
        ([], "CoverAlone", "CoverText"),
        (["Title"], "CoverAndTitle", "CoverText"),
        (["CoverText"], "CoverAndTitle", "Title"),
    ],
)
def test_a_fusion_without_its_readers_is_refused(readers, fusion, missing):
    """Before anything is done, with what is to be added."""
    with pytest.raises(SettingsError, match=missing):
        parse_settings({"name": "n", "text": {"systems": readers}, "ensemble": {"fusions": [fusion]}})
