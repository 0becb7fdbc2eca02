"""Systems that read titles: what they may learn from, and their way through a study."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from bookcover_core.curation.label_marks import LabelMark, save_mark
from bookcover_core.curation.near_duplicates import Duplicate
from bookcover_core.errors import WeightsError
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.ensemble import combine
from bookcover_core.families.learnable_titles import HeldOut, learnable_titles
from bookcover_core.families.prediction import PredictorInput
from bookcover_core.families.systems import load_predictor, systems
from bookcover_core.families.text import fetch_listings, fit_text
from bookcover_core.inference.model_choice import candidates
from bookcover_core.listings.books import POOL, TEST, TRAIN, Book, BookText, write_books
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.stored_probabilities import predict_split
from tests.bookcover_core.models.tiny_encoders import write_sentence_encoder
from tests.bookcover_core.training.conftest import BOOKS, GENRES, make_study

WORDS = ("pasta and soup", "ghosts at night", "the long war")


def make_titled(root, **text) -> Study:
    """A study of 36 books whose titles tell their genre, six more in the pool, and no picture of use."""
    study = make_study(root, preparation="padded")
    settings = study.settings.model_dump(mode="json") | {"text": {"systems": ["Title", "TitleAuthor"], **text}}
    study = Study(StudySettings.model_validate(settings))
    splits = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    rows = [
        (key, f"{WORDS[label]} {number}: a tale", f"Author {number}", label, TEST if split == TEST else TRAIN)
        for number, (key, label, split) in enumerate(splits[["key", "label", "split"]].itertuples(index=False))
    ]
    rows += [(f"pool{number}", f"{WORDS[number % 3]} again {number}", "", number % 3, POOL) for number in range(6)]
    write_books(
        study.workspace.books,
        [
            Book(key, f"{key}.jpg", "", title, author, str(label), GENRES[label], role, key, 1)
            for key, title, author, label, role in rows
        ],
    )
    write_table(study.workspace.curation / "twins.csv", _no_twins())
    record(study, "listings", outputs=[study.workspace.books, study.workspace.genres])
    record(study, "twins", outputs=[study.workspace.curation / "twins.csv"])
    return study


def _no_twins():
    return pd.DataFrame(columns=list(Duplicate._fields))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Study:
    study = make_titled(tmp_path_factory.mktemp("study"))
    for name in ("Title", "TitleAuthor"):
        fit_text(study, name)
        evaluate(study, name)
    return study


def test_nothing_is_learnt_that_gives_a_held_out_book_away():
    """Not the book, not its other editions, however their authors are spelt, not what shows the same cover."""
    held = HeldOut(
        [
            ("emma", BookText("Emma: A Novel", "Jane Austen")),
            ("bare", BookText("Solo", "")),
            ("accents", BookText("Perfumé", "Patrick Süskind")),
            ("initials", BookText("The Screwtape Letters", "Clive Staples Lewis")),
        ],
        {"emma": "c1", "twin": "c1", "other": "c2"},
    )
    asked = {
        "emma": BookText("Emma", "Jane Austen"),
        "edition": BookText("Emma (Classics)", "JANE AUSTEN"),
        "unsigned": BookText("Emma", ""),
        "namesake": BookText("Emma", "Alexander McCall Smith"),
        "signed": BookText("Solo", "Anybody"),
        "plain": BookText("Perfume: The Story of a Murderer", "Patrick Suskind, Ph.D."),
        "short": BookText("Screwtape Letters (Signature Classics)", "C. S. Lewis"),
        "twin": BookText("Persuasion", "Jane Austen"),
        "other": BookText("Sanditon", "Jane Austen"),
    }
    assert {key: held.why(key, text) for key, text in asked.items()} == {
        "emma": "held out",
        "edition": "other editions",
        "unsigned": "other editions",
        "namesake": "",
        "signed": "other editions",
        "plain": "other editions",
        "short": "other editions",
        "twin": "twins",
        "other": "",
    }


def test_they_learn_from_every_record_that_is_not_tested_on(fitted):
    """Training books and the pool; the split's validation and test books are held out."""
    counts = learnable_titles(fitted).counts
    held = (read_table(fitted.workspace.splits, ("split",))["split"] != "train").sum()
    assert counts == {"learnt from": BOOKS - held + 6, "held out": held}


def _line(key: str, title: str, genre: str = GENRES[0]) -> str:
    number = GENRES.index(genre) if genre in GENRES else 9
    return f'"{key}","{key}.jpg","http://a/{key}.jpg","{title}","","{number}","{genre}"\n'


def test_more_listings_teach_titles_alone(tmp_path):
    """Records of the study's genres are taken, others are counted; a book of the study is not taken twice."""
    file = tmp_path / "more.csv"
    lines = [_line("a", "New soups"), _line("0000000000", "A book of the study"), _line("b", "Tax law", "Order")]
    file.write_text("".join(lines))
    study = make_titled(tmp_path / "studies", listings=[str(file)])
    fit_text(study, "Title")
    counts = json.loads(next(study.workspace.manifests.rglob("Title-printed.json")).read_text())["counts"]
    assert counts["titles of other genres"] == 1
    assert counts["titles learnt from"] == learnable_titles(make_titled(tmp_path / "without")).counts["learnt from"] + 1


def test_genres_of_more_listings_may_be_spelt_otherwise_and_malformed_records_are_counted(tmp_path):
    """Case and blanks make no other genre, as in the study's own listings; nothing is left out in silence."""
    file = tmp_path / "more.csv"
    lines = [_line("a", "New soups"), _line("b", "Old soups")]
    file.write_text("".join(lines).replace(GENRES[0], f" {GENRES[0].upper()} ") + "one field\n")
    found = learnable_titles(fetched(make_titled(tmp_path / "studies", listings=[str(file)])))
    assert found.counts["learnt from"] == learnable_titles(make_titled(tmp_path / "without")).counts["learnt from"] + 2
    assert (found.counts["malformed"], found.counts["of other genres"]) == (1, 0)


def fetched(study: Study) -> Study:
    fetch_listings(study, "Title")
    return study


def test_labels_that_people_marked_as_wrong_are_learnt_as_the_study_uses_them(tmp_path):
    """Corrected, a book is of the genre that people named; left out, nothing is learnt from it."""
    study = make_titled(tmp_path)
    books = read_table(study.workspace.splits, label="int64")
    key, label = next((row.key, row.label) for row in books.itertuples() if row.split == "train")
    write_table(study.workspace.splits, books.assign(label=books["label"].where(books["key"] != key, (label + 1) % 3)))
    found = learnable_titles(study)
    assert found.labels[found.keys.index(key)] == (label + 1) % 3
    save_mark(study, LabelMark(key=key, verdict="wrong"), None)
    write_table(study.workspace.splits, books[books["key"] != key])
    curation = study.settings.curation.model_copy(update={"labels": "leave-out"})
    left = learnable_titles(Study(study.settings.model_copy(update={"curation": curation})))
    assert key not in left.keys
    assert left.counts["marked wrong"] == 1


def test_a_changed_listing_of_titles_is_learnt_anew(tmp_path):
    """Its content is an input of the stage."""
    file = tmp_path / "more.csv"
    file.write_text(_line("a", "Soup"))
    study = make_titled(tmp_path / "studies", listings=[str(file)])
    fit_text(study, "Title")
    assert fit_text.at(study, "Title").done is not None
    file.write_text(_line("a", "Soups"))
    assert fit_text.at(study, "Title").done is None


def test_a_sentence_encoder_is_kept_with_what_learnt_from_it(tmp_path):
    """Another encoder is learnt from anew; judging needs the copy alone, and trusts no other file."""
    words = {word: [place / 9, 1 - place / 9] for place, word in enumerate(" ".join(WORDS).split())}
    encoder = write_sentence_encoder(tmp_path / "tiny", words)
    study = make_titled(tmp_path / "studies", encoder=str(encoder))
    fit_text(study, "Title")
    assert fit_text.at(study, "Title").done is not None
    asked = [PredictorInput({}, None, BookText("Ghosts"))]
    [card] = study.workspace.models.rglob("card.json")
    found, _ = load_predictor(card.parent).predict(asked)
    assert found.argmax() == 1
    write_sentence_encoder(encoder, words | {"ghosts": [9.0, -9.0]})
    assert fit_text.at(study, "Title").done is None
    shutil.rmtree(encoder)
    again, _ = load_predictor(card.parent).predict(asked)
    np.testing.assert_array_equal(again, found)
    (card.parent / "model.onnx").write_bytes(b"another")
    with pytest.raises(WeightsError, match="not as its card says"):
        load_predictor(card.parent)


def test_they_are_evaluated_joined_and_shown_behind_all_that_compete(fitted):
    """Titles that tell the genre are read right; the systems stand in every table, and never are the best network."""
    names = [system.name for system in systems(fitted.settings)]
    assert names[:1] == ["MobileNetV2"]
    assert {"Title", "TitleAuthor"} < set(names)
    assert not any(system.competes for system in systems(fitted.settings) if system.name.startswith("Title"))
    _, labels, probabilities = predict_split(fitted, "Title-printed", "test")
    assert (probabilities.argmax(axis=1) == labels).mean() == 1
    wanted = fitted.settings.model_dump(mode="json")
    wanted["ensemble"] = {"methods": ["weighted"], "members": ["Title", "TitleAuthor"]}
    study = Study(StudySettings.model_validate(wanted))
    combine(study, "Ensemble-weighted")
    _, labels, joined = predict_split(study, "Ensemble-weighted-printed", "test")
    assert (joined.argmax(axis=1) == labels).mean() == 1


def test_what_is_kept_judges_books_from_outside(fitted):
    """By title and author, never by picture."""
    assert {"Title-printed", "TitleAuthor-printed"} <= {each.name for each in candidates(fitted)}
    predictor = load_predictor(fitted.workspace.models / "Title-printed")
    assert not predictor.squares
    asked = [PredictorInput({}, None, BookText(title)) for title in WORDS]
    probabilities, features = predictor.predict(asked)
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert features is None
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
