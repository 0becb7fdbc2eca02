"""The judge: a trained model of a study, loaded once, that predicts the genre of any number of covers.

Covers are read and prepared a few ahead, on all cores (`preprocess`), while the networks predict earlier ones.
Importing this module imports TensorFlow.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Self

import numpy as np
from PIL import Image

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import SettingsError
from bookcover_core.families.ensemble import join
from bookcover_core.families.family import Evidence
from bookcover_core.families.prediction import Floats, Predictor, PredictorInput, Square
from bookcover_core.families.systems import family_of, load_predictor
from bookcover_core.inference.answers import (
    CoverVerdict,
    Guess,
    ModelSummary,
    Neighbour,
    Novelty,
    SpokenWord,
    StudyCover,
    Unreadable,
)
from bookcover_core.inference.cover_sources import CoverInput
from bookcover_core.inference.explanations import marked, on_cover, veiled
from bookcover_core.inference.model_choice import TrainedModel, candidates, choose, describe
from bookcover_core.inference.preprocess import ReadCover, Reader, prepared_as, read_as
from bookcover_core.inference.similar_covers import CoverIndex
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.models.input_pipeline import BATCH, decode_picture
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.pipeline.processes import in_threads
from bookcover_core.pipeline.study import Study
from bookcover_core.reading.cover_words import joined
from bookcover_core.training.stored_probabilities import LEAST

# Digits of probabilities behind the point.
_DIGITS = 6

# What a verdict on a cover of the study is worth, by the split of its book.
_WORTH = {
    "train": "is one of the study's training books: the network was trained on this very cover",
    "validation": "is one of the study's validation books: this very cover helped to choose the network",
    "test": "is one of the study's test books, which no network of it was trained on",
}

# The same, where the model is of an earlier run, which may have divided the books otherwise.
_WORTH_UNKNOWN = "is a book of the study; whether this earlier model was trained on it is not known"


@dataclass(frozen=True)
class Judged:
    """A cover with the verdict on it."""

    verdict: CoverVerdict
    cover: ReadCover


@dataclass(frozen=True)
class _Ready(PredictorInput):
    """A cover that was read, as the networks take it."""

    cover: ReadCover = field(kw_only=True)

    @classmethod
    def of(cls, cover: ReadCover, squares: Iterable[Square], text: BookText = UNKNOWN_TEXT) -> Self:
        """The cover as predictors with these squares take it."""
        pictures = {(how, size): decode_picture(cover.squares[how], size).numpy() for how, size in squares}
        return cls(pictures, cover.measurements, text, joined(cover.words), cover=cover)


class Judge:
    """A trained model of a study that judges covers; any number of threads may share it.

    Raises:
        WeightsError: Weights are missing, altered or of another network.
    """

    def __init__(self, study: Study, candidate: TrainedModel) -> None:
        self.about: ModelSummary = describe(study, candidate)
        self.index = CoverIndex(study)
        self._study = study
        self._shares, self._how = candidate.shares, candidate.how
        self._earlier = bool(candidate.earlier)
        self._predictors = {card.name: load_predictor(study.workspace.models / card.name) for card in candidate.members}
        self._genres = candidate.members[0].genres
        self._reads_titles = Evidence.LISTING in candidate.evidence
        reading = [card.name for card in candidate.members if Evidence.READ in family_of(card.kind).evidence]
        self._word_reader = self._predictors[reading[0]] if reading else None
        self._embedding, self._why_not = self._find_embedding(candidate)
        self._squares = {square for each in self._predictors.values() for square in each.squares}
        if self._embedding is not None:
            self._squares.add(self._embedding.square)
        self._reader = Reader(
            study.settings.covers,
            prepared_as(study),
            {preparation for preparation, _ in self._squares},
            read_as(study) if Evidence.READ in candidate.evidence else None,
        )

    @classmethod
    def load(cls, study: Study, model: str = "") -> "Judge":
        """The judge whose model is called `model`; without a name, the best by validation accuracy."""
        return cls(study, choose(study, model))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop asking hosts for covers."""
        self._reader.close()

    def judge(
        self, covers: Iterable[CoverInput | Unreadable], *, top: int = 5, near: int = 3
    ) -> Iterator[CoverVerdict | Unreadable]:
        """A verdict on each cover, in their order; or why there is none: see `judge_covers`."""
        for found in self.judge_covers(covers, top=top, near=near):
            yield found if isinstance(found, Unreadable) else found.verdict

    def judge_covers(
        self, covers: Iterable[CoverInput | Unreadable], *, top: int = 5, near: int = 3
    ) -> Iterator[Judged | Unreadable]:
        """A verdict on each cover with the cover itself, in their order; or why there is none.

        Args:
            covers: From `cover_sources.find_covers`; what is unreadable already goes through.
            top: Most probable genres that a verdict names.
            near: Similar covers of the study that a verdict names.
        """
        found = in_threads(self._get_ready, covers, ahead=2 * BATCH)
        while batch := list(islice(found, BATCH)):
            verdicts = iter(self._judge([ready for ready in batch if isinstance(ready, _Ready)], top, near))
            for ready in batch:
                yield ready if isinstance(ready, Unreadable) else Judged(next(verdicts), ready.cover)

    def explain(self, judged: Judged, genre: str = "") -> Image.Image:
        """The cover with a veil over what did not speak for a genre (Grad-CAM), and words that did in frames.

        RGB, in the size of `cover.shown`. A model that only reads leaves the cover without a veil. The genre is named
        by its slug; without one, it is the most probable one. `SettingsError` where no part of the model tells what it
        saw or read.
        """
        from bookcover_core.families.network_predictor import NetworkPredictor  # noqa: PLC0415 - imports TensorFlow
        from bookcover_core.visualisation.grad_cam import explain  # noqa: PLC0415 - few verdicts are explained

        labels = {each.slug: each.label for each in self._genres}
        label = labels[genre or judged.verdict.genres[0].slug]
        ready = _Ready.of(judged.cover, self._squares)
        size = judged.cover.shown.size
        looking = [
            (predictor, share)
            for predictor, share in zip(self._predictors.values(), self._shares, strict=True)
            if isinstance(predictor, NetworkPredictor)
        ]
        if not looking and self._word_reader is None:
            raise SettingsError(
                f"{self.about.title} cannot show what it saw: no part of it is a network whose gradients are known",
                where="--model",
            )
        picture, total = judged.cover.shown, sum(share for _, share in looking)
        if total:
            heat = np.zeros((size[1], size[0]), np.float32)
            for predictor, share in looking:
                [seen] = explain(predictor.model, ready.pictures[predictor.square][None], [label])
                heat += share / total * on_cover(seen, predictor.square[0], size)
            picture = veiled(picture, heat)
        return marked(picture, [word.box for word in self._spoken(ready, label) if word.speaks > 0])

    def _spoken(self, ready: _Ready, label: int) -> list[SpokenWord]:
        """The words on a cover, and how much each speaks for a genre: what leaving it out would cost."""
        words = ready.cover.words
        if self._word_reader is None or not words:
            return []
        without = [joined((*words[:place], *words[place + 1 :])) for place in range(len(words))]
        asked = [ready, *(replace(ready, read=read) for read in without)]
        logs = np.log(np.maximum(self._word_reader.predict(asked)[0][:, label], LEAST))
        return [
            SpokenWord(**word._asdict(), speaks=round(float(logs[0] - left), _DIGITS))
            for word, left in zip(words, logs[1:], strict=True)
        ]

    def _find_embedding(self, candidate: TrainedModel) -> tuple[ModelCard | None, str]:
        """Embedding model for similarity search, one of those that judge where it can be; or why there is none."""
        members = [card for card in candidate.members if card.is_frozen]
        others = [card for each in candidates(self._study) for card in each.members if card.is_frozen]
        reasons = []
        for card in [*members, *others]:
            reason = self.index.why_not(card)
            if not reason:
                return card, ""
            reasons.append(reason)
        return None, reasons[0] if reasons else "the study has trained no frozen network"

    @cached_property
    def _embedder(self) -> Predictor:
        """The embedding model, where it is none of those that judge."""
        assert self._embedding is not None
        return load_predictor(self._study.workspace.models / self._embedding.name)

    def _get_ready(self, cover: CoverInput | Unreadable) -> _Ready | Unreadable:
        if isinstance(cover, Unreadable):
            return cover
        read = self._reader.read(cover)
        if isinstance(read, Unreadable):
            return read
        text, known = cover.text, self.index.known(read.sha256) if self._reads_titles else None
        if known is not None and not text.title:
            text = BookText(known.title, known.author)
        if self._reads_titles and not text.title:
            reason = f"{self.about.title} judges by the title of a book, and this one's is not known: give it"
            return Unreadable(source=cover.name, outcome=CoverOutcome.MISSING, reason=reason)
        return _Ready.of(read, self._squares, text)

    def _judge(self, covers: Sequence[_Ready], top: int, near: int) -> list[CoverVerdict]:
        """The verdicts on one batch."""
        if not covers:
            return []
        started = time.perf_counter()
        outputs = {name: predictor.predict(covers) for name, predictor in self._predictors.items()}
        probabilities = join(self._how, self._shares, np.stack([each for each, _ in outputs.values()]))
        nearest, novelty = self._compare(covers, near, outputs)
        seconds = (time.perf_counter() - started) / len(covers)
        return [
            self._verdict(ready, row, top, neighbours, novel, seconds)
            for ready, row, neighbours, novel in zip(covers, probabilities, nearest, novelty, strict=True)
        ]

    def _compare(
        self, covers: Sequence[_Ready], near: int, outputs: dict[str, tuple[Floats, Floats | None]]
    ) -> tuple[list[list[Neighbour]], list[Novelty | None]]:
        """The study's covers most similar to each, and how unlike the training covers it is."""
        if self._embedding is None:
            return [[] for _ in covers], [None for _ in covers]
        _, features = outputs.get(self._embedding.name) or self._embedder.predict(covers)
        assert features is not None
        own = [ready.cover.sha256 for ready in covers]
        nearest = self.index.nearest(self._embedding, features, near, own) if near > 0 else [[] for _ in covers]
        return nearest, self.index.novelty(self._embedding, features, own)

    def _verdict(
        self,
        ready: _Ready,
        probabilities: Floats,
        top: int,
        nearest: list[Neighbour],
        novelty: Novelty | None,
        seconds: float,
    ) -> CoverVerdict:
        order = np.argsort(-probabilities, kind="stable")[:top]
        cover = ready.cover
        known = self.index.known(cover.sha256)
        return CoverVerdict(
            source=cover.name,
            model=self.about.model,
            preparation=self.about.preparation,
            genres=[
                Guess(
                    genre=self._genres[label].name,
                    slug=self._genres[label].slug,
                    probability=round(float(probabilities[label]), _DIGITS),
                )
                for label in order
            ],
            width=cover.measurements.width,
            height=cover.measurements.height,
            format=cover.format,
            sha256=cover.sha256,
            known=known,
            words=self._spoken(ready, int(order[0])),
            nearest=nearest,
            nearest_missing=self._why_not,
            novelty=novelty,
            warnings=[
                *self.about.warnings,
                *cover.warnings,
                *([novelty.warning] if novelty and novelty.is_novel else ()),
                *self._worth(known),
            ],
            seconds=round(cover.seconds + seconds, 4),
        )

    def _worth(self, known: StudyCover | None) -> list[str]:
        """What the verdict on a cover of the study is worth."""
        if known is None or known.split not in _WORTH:
            return []
        worth = _WORTH_UNKNOWN if self._earlier else _WORTH[known.split]
        return [f"“{known.title}” ({known.genre}) {worth}."]
