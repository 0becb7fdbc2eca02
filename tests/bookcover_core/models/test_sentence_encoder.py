"""Sentence encoders give each text the vector that their files say, and are looked at before a study begins."""

import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.models import sentence_encoder
from bookcover_core.models.sentence_encoder import SentenceEncoder
from tests.bookcover_core.models.tiny_encoders import write_sentence_encoder

MEANINGS = {"soup": [1.0, 0.0], "pasta": [0.9, 0.2], "ghost": [0.0, 1.0]}


@pytest.fixture
def folder(tmp_path):
    return write_sentence_encoder(tmp_path / "tiny", MEANINGS)


def test_a_vector_is_the_mean_over_the_tokens(folder):
    """Filling up beside longer texts does not count; a text without a letter has zeros."""
    texts = ["soup", "Ghost soup", "soup pasta ghost soup pasta ghost", " "]
    found = SentenceEncoder(folder).vectors(texts)
    sums = 0.1 + np.array([[1, 0], [1, 1], [3.8, 2.4]])  # 0.1 is the token that begins a text
    expected = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_allclose(found, [*expected, [0, 0]], atol=1e-6)
    assert found.dtype == np.float32


def test_texts_keep_their_order_over_many_batches(folder):
    """Each of 500 texts of many lengths has the vector that it has alone."""
    draws = np.random.default_rng(0)
    texts = [" ".join(draws.choice([*MEANINGS], size=draws.integers(1, 20))) for _ in range(500)]
    encoder = SentenceEncoder(folder)
    alone = np.concatenate([encoder.vectors([text]) for text in texts[:40]])
    np.testing.assert_allclose(encoder.vectors(texts)[:40], alone, atol=1e-6)
    assert len(encoder.vectors([])) == 0


def test_other_files_are_another_encoder(folder, tmp_path):
    """Its digest changes with the network."""
    other = write_sentence_encoder(tmp_path / "other", MEANINGS | {"soup": [0.5, 0.5]})
    assert SentenceEncoder(folder).digest != SentenceEncoder(other).digest
    assert SentenceEncoder(folder).digest == SentenceEncoder(folder).digest


def test_what_cannot_be_used_is_refused(folder, tmp_path, monkeypatch):
    """A missing file, a damaged one, one that gives no numbers, and a missing package are told, with what to do."""
    SentenceEncoder(folder).check()
    with pytest.raises(SettingsError, match=r"text\.encoder: the sentence encoder .*nowhere has no model\.onnx and no"):
        SentenceEncoder(tmp_path / "nowhere").check()
    endless = write_sentence_encoder(tmp_path / "endless", MEANINGS, factor=np.nan)
    with pytest.raises(SettingsError, match="no numbers"):
        SentenceEncoder(endless).check()
    damaged = write_sentence_encoder(tmp_path / "damaged", MEANINGS)
    (damaged / "model.onnx").write_bytes(b"no network")
    with pytest.raises(SettingsError, match="cannot be read or computed"):
        SentenceEncoder(damaged).check()
    monkeypatch.setattr(sentence_encoder, "find_spec", lambda name: None if name == "tokenizers" else name)
    with pytest.raises(SettingsError, match=r"wants tokenizers, which is not installed.*bookcover\[sentences\]"):
        SentenceEncoder(folder).check()
