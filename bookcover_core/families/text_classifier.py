"""A linear classifier of short texts: n-grams of words and of characters, weighted by TF-IDF, and a softmax on them.

With a sentence encoder there are two such rules, one of n-grams and one of what the text means (`meaning`), which are
joined as a product; as both are linear, that is one rule too. What is learnt is kept in one file of arrays (`save`,
`load`), of which none is pickled, beside a copy of the encoder.
"""

import warnings
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError, WeightsError
from bookcover_core.families.baselines import LinearRule, logistic_rule
from bookcover_core.families.joining import fit_product
from bookcover_core.families.meaning import Meaning, fit_meaning
from bookcover_core.listings.books import BookText
from bookcover_core.models.sentence_encoder import SentenceEncoder
from bookcover_core.pipeline.workspace import atomic

# Words alone and in pairs; three to five characters within words, which tell endings and survive misspelling.
_GRAMS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\w+"},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5)},
}

# From this many texts on, an n-gram that stands in one alone is left out, and the fit is stochastic.
_MANY_TEXTS = 1_000

# Of few texts, steps of the fit (L-BFGS) at most; of many, passes over the texts (stochastic average gradient, Schmidt
# et al. 2017): on 26,466 titles twenty take 12 s, and L-BFGS takes minutes.
_STEPS, _PASSES = 300, 20


Reader = TypeVar("Reader", bound="TextClassifier")


class TextClassifier:
    """Texts to probabilities of genres, by a rule with the weights (all columns, genres) and bias (genres,).

    The columns are `terms`, the "words" and "characters" (n-grams) that count, weighted by `rarities`, the inverse
    document frequencies of each, float32 (terms,); and the units of `meaning`, if there is a sentence encoder.
    """

    def __init__(
        self,
        terms: dict[str, list[str]],
        rarities: dict[str, npt.NDArray[np.float32]],
        rule: LinearRule,
        meaning: Meaning | None = None,
    ) -> None:
        self.terms, self.rarities, self.rule, self.meaning = terms, rarities, rule, meaning
        self._vectorizers = {name: _vectorizer(name, terms[name], rarities[name]) for name in _GRAMS}

    @classmethod
    def fit(
        cls,
        texts: Sequence[BookText],
        labels: npt.NDArray[np.integer],
        genres: int,
        strengths: Sequence[float],
    ) -> dict[float, Self]:
        """A classifier for each inverse strength of the L2 penalty (scikit-learn's C), fitted on texts and labels.

        Genres weigh the same; those without a text are never predicted. `TrainingError` where no text holds a word.
        """
        from scipy.sparse import hstack  # noqa: PLC0415 - slow to import
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - as above

        columns, terms, rarities = [], {}, {}
        for name, options in _GRAMS.items():
            rare = 2 if len(texts) >= _MANY_TEXTS else 1
            vectorizer = TfidfVectorizer(**options, **_SHARED, min_df=rare)
            try:
                columns.append(vectorizer.fit_transform(_as_read(name, texts)))
            except ValueError:  # scikit-learn's word for an empty vocabulary
                what = "no training book has a word in its title"
                advice = "Leave the systems that read titles out, or give a listing with titles."
                raise TrainingError(what, where="text.systems", advice=advice) from None
            terms[name] = vectorizer.get_feature_names_out().tolist()
            rarities[name] = vectorizer.idf_.astype(np.float32)
        inputs = hstack(columns, format="csr")
        fit: dict[str, Any] = {"max_iter": _STEPS}
        if len(texts) >= _MANY_TEXTS:
            fit = {"max_iter": _PASSES, "solver": "sag", "random_state": 0}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The max_iter was reached")
            rules = {
                strength: logistic_rule(inputs, labels, genres, C=strength, class_weight="balanced", **fit)
                for strength in strengths
            }
        return {strength: cls(terms, rarities, rule) for strength, rule in rules.items()}

    def joined(self, meaning: Meaning, rule: LinearRule, weights: npt.NDArray[np.float64]) -> Self:
        """The product with a rule on the units of `meaning`, by the weights of both."""
        rules = (self.rule, rule)
        bias = sum(weight * np.nan_to_num(each.bias, neginf=0) for weight, each in zip(weights, rules, strict=True))
        stacked = np.vstack([weight * each.weights for weight, each in zip(weights, rules, strict=True)])
        whole = LinearRule(stacked, np.where(np.isneginf(self.rule.bias), -np.inf, bias))
        return type(self)(self.terms, self.rarities, whole, meaning)

    def probabilities(self, texts: Sequence[BookText]) -> npt.NDArray[np.float32]:
        """(texts, genres), float32. A text without any known n-gram has those that the bias alone gives."""
        return self.judge(self.inputs(texts))

    def judge(self, inputs: Any) -> npt.NDArray[np.float32]:
        """The probabilities (texts, genres), float32, of what `inputs` gives."""
        return self.rule.probabilities(inputs).astype(np.float32)

    def inputs(self, texts: Sequence[BookText]) -> Any:
        """(texts, all terms and units of `meaning`), sparse."""
        from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415 - slow to import

        columns = [self._vectorizers[name].transform(_as_read(name, texts)) for name in _GRAMS]
        if self.meaning:
            columns.append(csr_matrix(self.meaning.units(texts)))
        return hstack(columns, format="csr")

    def telling_words(self, label: int, most: int) -> list[str]:
        """Words and pairs of words that speak most for a genre against the mean of all, the first of them first."""
        count = len(self.terms["words"])
        lead = self.rule.weights[:count, label] - self.rule.weights[:count].mean(axis=1)
        return [self.terms["words"][place] for place in np.argsort(-lead, kind="stable")[:most] if lead[place] > 0]

    def save(self, file: Path) -> None:
        """Write it to `file`, whole or not at all."""
        arrays: dict[str, Any] = {}
        for name in _GRAMS:
            arrays[f"{name} terms"] = np.frombuffer("\n".join(self.terms[name]).encode(), np.uint8)
            arrays[f"{name} rarities"] = self.rarities[name]
        if self.meaning:
            arrays |= {"meaning weights": self.meaning.weights, "meaning bias": self.meaning.bias}
        with atomic(file) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, weights=self.rule.weights.astype(np.float32), bias=self.rule.bias, **arrays)

    @classmethod
    def load(cls, file: Path) -> Self:
        """The classifier in `file`; raises `WeightsError` where it is missing or damaged."""
        try:
            with np.load(file, allow_pickle=False) as stored:
                terms = {name: stored[f"{name} terms"].tobytes().decode().split("\n") for name in _GRAMS}
                rarities = {name: stored[f"{name} rarities"] for name in _GRAMS}
                rule, meaning = LinearRule(stored["weights"], stored["bias"]), None
                if "meaning bias" in stored:
                    encoder = SentenceEncoder(file.parent)
                    meaning = Meaning(encoder, stored["meaning weights"], stored["meaning bias"])
            return cls(terms, rarities, rule, meaning)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise WeightsError(
                f"the words and their weights cannot be read ({error})", where=file, advice="Run the stage again."
            ) from error


def join_with_meaning(
    found: Mapping[float, Reader],
    encoder: SentenceEncoder,
    learnt: tuple[Sequence[BookText], npt.NDArray[np.integer]],
    held: tuple[Sequence[BookText], npt.NDArray[np.integer]],
) -> dict[float, Reader]:
    """The classifiers of n-grams, each joined with what the texts of `learnt` mean by weights that fit `held` best.

    Both are texts and their labels.
    """
    meaning, rule = fit_meaning(encoder, *learnt, len(next(iter(found.values())).rule.bias))
    meant = rule.probabilities(meaning.units(held[0]))
    return {
        strength: each.joined(meaning, rule, fit_product(np.stack([each.probabilities(held[0]), meant]), held[1]))
        for strength, each in found.items()
    }


# Counts beyond the first weigh as their logarithm; accents do not tell words apart.
_SHARED: dict[str, Any] = {"sublinear_tf": True, "strip_accents": "unicode", "dtype": np.float32}


def _as_read(name: str, texts: Sequence[BookText]) -> list[str]:
    """The texts as one kind of n-grams sees them: the author's name as one word is none of characters."""
    if name == "characters":
        return [text.joined for text in texts]
    return [f"{text.joined} {text.author_as_word}" for text in texts]


def _vectorizer(name: str, terms: Sequence[str], rarities: npt.NDArray[np.float32]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - slow to import

    places = {term: place for place, term in enumerate(terms)}
    vectorizer = TfidfVectorizer(**_GRAMS[name], **_SHARED, vocabulary=places)
    vectorizer.idf_ = rarities
    return vectorizer
