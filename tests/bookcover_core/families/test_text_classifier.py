"""The classifier of texts, on words whose genres are known."""

import numpy as np
import pytest

from bookcover_core.errors import TrainingError, WeightsError
from bookcover_core.families.text_classifier import TextClassifier, join_with_meaning
from bookcover_core.listings.books import BookText
from bookcover_core.models.sentence_encoder import SentenceEncoder
from tests.bookcover_core.models.tiny_encoders import write_sentence_encoder

TITLES = ["Easy pasta dinners", "A dinner of soups", "The haunted house", "Ghosts of the house"] * 6
LABELS = np.array([0, 0, 1, 1] * 6)


def fit(texts=None, labels=LABELS, genres=2) -> TextClassifier:
    texts = [BookText(title) for title in TITLES] if texts is None else texts
    return TextClassifier.fit(texts, labels, genres, [4.0])[4.0]


def test_it_tells_genres_by_their_words_and_their_spelling():
    """A word that was learnt decides, and so does one that is misspelt or has an accent: its characters are known."""
    found = fit().probabilities([BookText(title) for title in ("DINNER!", "A haunted town", "hauntedd", "dínner")])
    assert found.argmax(axis=1).tolist() == [0, 1, 1, 0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_many_texts_are_fitted_alike_each_time():
    """From a thousand texts on the fit is stochastic; its draws are fixed, and it tells the genres all the same."""
    texts, labels = [BookText(title) for title in TITLES] * 50, np.tile(LABELS, 50)
    asked = [BookText("DINNER!"), BookText("A haunted town")]
    one, other = (fit(texts, labels).probabilities(asked) for _ in range(2))
    assert one.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_array_equal(one, other)


def test_it_names_the_words_that_speak_for_a_genre():
    """The words that stand in the titles of one genre alone."""
    classifier = fit()
    assert "house" in classifier.telling_words(1, 3)
    assert "pasta" in classifier.telling_words(0, 5)
    assert not set(classifier.telling_words(0, 9)) & set(classifier.telling_words(1, 9))


def test_an_author_is_one_word_and_no_characters():
    """Two authors of one surname are told apart."""
    texts = [BookText("", "Ann Lee"), BookText("", "Bob Lee")] * 8
    classifier = fit(texts, np.array([0, 1] * 8))
    assert "author_annlee" in classifier.terms["words"]
    assert not any("author" in term for term in classifier.terms["characters"])
    assert classifier.probabilities([BookText("", "Bob Lee")]).argmax() == 1


@pytest.mark.parametrize("texts", [[BookText()], [BookText("東京")]])
def test_a_text_without_a_known_word_has_the_genres_that_all_have(texts):
    """Genres weigh the same, so none of two is far ahead."""
    assert abs(fit().probabilities(texts)[0, 0] - 0.5) < 0.2


def test_a_genre_without_texts_is_never_predicted():
    """Its probability is 0, and those of the others are not touched."""
    found = fit(genres=3).probabilities([BookText("dinner")])
    assert found[0, 2] == 0
    assert found[0, 0] > 0.6


def test_no_words_at_all_is_an_error():
    """It says what to leave out."""
    with pytest.raises(TrainingError, match=r"text\.systems: no training book has a word in its title"):
        fit([BookText("...")] * 4, np.array([0, 1, 0, 1]))


def test_it_is_kept_in_one_file_without_pickle(tmp_path):
    """What is read judges as what was written; a damaged file is refused."""
    texts = [BookText("Dinner for ghosts", "Ann Lee"), BookText("Ünïcode soup")]
    classifier, file = fit(), tmp_path / "text.npz"
    classifier.save(file)
    read = TextClassifier.load(file)
    assert read.terms == classifier.terms
    np.testing.assert_allclose(read.probabilities(texts), classifier.probabilities(texts), rtol=1e-5)
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(WeightsError, match="cannot be read"):
        TextClassifier.load(file)


def test_a_sentence_encoder_tells_what_no_title_said(tmp_path):
    """A word that no training title has is judged by its meaning, after it was kept and read too."""
    meanings = {word: [1.0, 0.0] for word in ("pasta", "dinners", "dinner", "soups", "lasagne")}
    meanings |= {word: [0.0, 1.0] for word in ("haunted", "house", "ghosts", "phantom")}
    encoder = SentenceEncoder(write_sentence_encoder(tmp_path, meanings))
    texts, labels = [BookText(title) for title in TITLES] * 20, np.tile(LABELS, 20)
    alone = fit(texts, labels)
    held = [BookText("Lasagne and pasta"), BookText("A phantom house")]
    [classifier] = join_with_meaning({4.0: alone}, encoder, (texts, labels), (held, np.array([0, 1]))).values()
    asked = [BookText("Lasagne"), BookText("Phantom")]
    found = classifier.probabilities(asked)
    assert found.argmax(axis=1).tolist() == [0, 1]
    assert found.max(axis=1).min() > 0.6
    assert alone.probabilities(asked).max() < 0.6
    classifier.save(tmp_path / "text.npz")
    np.testing.assert_allclose(TextClassifier.load(tmp_path / "text.npz").probabilities(asked), found, rtol=1e-5)
    assert classifier.telling_words(0, 3) == alone.telling_words(0, 3)
