"""The judge: a trained model of a study, loaded once, that predicts the genre of any number of covers.

Covers are read and prepared a few ahead, on all cores (`cover_sources`), while the networks predict earlier ones.
Verdicts as Markdown are `templates/verdicts.md`. Importing this module imports TensorFlow.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from bookcover_core.errors import SettingsError
from bookcover_core.families.family import Evidence
from bookcover_core.families.joining import join
from bookcover_core.families.prediction import Floats, Predictor
from bookcover_core.families.systems import family_of, load_predictor
from bookcover_core.inference.answers import CoverVerdict, Guess, Neighbour, Novelty, SpokenWord, Unreadable
from bookcover_core.inference.cover_sources import CoverInput, ReadCover, Reader, prepared_as, read_as
from bookcover_core.inference.model_choice import TrainedModel, candidates, choose, describe
from bookcover_core.inference.similar_covers import CoverIndex, likeness_doubt
from bookcover_core.listings.books import BookText
from bookcover_core.models.input_pipeline import BATCH
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.pipeline.processes import in_threads
from bookcover_core.pipeline.study import Study
from bookcover_core.reading.cover_words import joined
from bookcover_core.training.stored_probabilities import LEAST
from bookcover_core.visualisation.contact_sheet import data_uri, encoded

# Digits of probabilities behind the point, and verdicts that are shown, at most: each brings pictures of some 20 KB.
_DIGITS, _MOST_SHOWN = 6, 24

# What a verdict on a cover of the study is worth, by the split of its book; an earlier run may have split otherwise.
_WORTH = {
    "train": "is one of the study's training books: the network was trained on this very cover",
    "validation": "is one of the study's validation books: this very cover helped to choose the network",
    "test": "is one of the study's test books, which no network of it was trained on",
    "earlier": "is a book of the study; whether this earlier model was trained on it is not known",
}


class Judged(NamedTuple):
    """A cover with the verdict on it."""

    verdict: CoverVerdict
    cover: ReadCover


class Judge(AbstractContextManager["Judge"]):
    """A trained model of a study that judges covers; any number of threads may share it.

    `WeightsError` where weights are missing, altered or of another network.
    """

    def __init__(self, study: Study, candidate: TrainedModel) -> None:
        self.about = describe(study, candidate)
        self.index = CoverIndex(study)
        self._study = study
        self._shares, self._how = candidate.shares, candidate.how
        self._earlier = bool(candidate.earlier)
        self._predictors = {card.name: load_predictor(study.workspace.models / card.name) for card in candidate.members}
        self._genres = candidate.members[0].genres
        self._reads_titles = Evidence.LISTING in candidate.evidence
        readers = [card.name for card in candidate.members if Evidence.READ in family_of(card.kind).evidence]
        self._word_reader = self._predictors[readers[0]] if readers else None
        self._embedding, self._why_not = self._find_embedding(candidate)
        squares = {square for each in self._predictors.values() for square in each.squares}
        if self._embedding is not None:
            squares.add(self._embedding.square)
        reading = read_as(study) if Evidence.READ in candidate.evidence else None
        self._reader = Reader(study.settings.covers, prepared_as(study), squares, reading)

    @classmethod
    def load(cls, study: Study, model: str = "", *, is_titled: bool = False) -> "Judge":
        """The judge whose model is called `model`; without a name, as `choose` says."""
        return cls(study, choose(study, model, is_titled=is_titled))

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop asking hosts for covers."""
        self._reader.close()

    def judge_covers(
        self, covers: Iterable[CoverInput | Unreadable], *, top: int = 5, near: int = 3
    ) -> Iterator[Judged | Unreadable]:
        """A verdict on each cover with the cover itself, in their order; or why there is none.

        It names the `top` most probable genres, and the `near` most similar covers of the study.
        """
        found = in_threads(self._get_ready, covers, ahead=2 * BATCH)
        while batch := list(islice(found, BATCH)):
            verdicts = iter(self._judge([each for each in batch if isinstance(each, ReadCover)], top, near))
            for each in batch:
                yield each if isinstance(each, Unreadable) else Judged(next(verdicts), each)

    def explain(self, judged: Judged, genre: str = "") -> Image.Image:
        """The cover with a veil over what did not speak for a genre (Grad-CAM), and words that did in frames.

        RGB, in the size of `cover.shown`. A model that only reads leaves the cover without a veil. The genre is named
        by its slug; without one, it is the most probable one. `SettingsError` where no part of the model tells what it
        saw or read.
        """
        from bookcover_core.families.network_predictor import NetworkPredictor  # noqa: PLC0415 - imports TensorFlow
        from bookcover_core.visualisation import grad_cam  # noqa: PLC0415 - few verdicts are explained

        verdict, cover = judged
        label = {each.slug: each.label for each in self._genres}[genre or verdict.genres[0].slug]
        looking = [
            (predictor, share)
            for predictor, share in zip(self._predictors.values(), self._shares, strict=True)
            if isinstance(predictor, NetworkPredictor)
        ]
        if not looking and self._word_reader is None:
            what = "cannot show what it saw: no part of it is a network whose gradients are known"
            raise SettingsError(f"{self.about.title} {what}", where="--model")
        picture, total = cover.shown, sum(share for _, share in looking)
        if total:
            heat = np.zeros((picture.height, picture.width), np.float32)
            for predictor, share in looking:
                [seen] = grad_cam.explain(predictor.model, cover.pictures[predictor.square][None], [label])
                heat += share / total * grad_cam.on_cover(seen, predictor.square[0], picture.size)
            picture = grad_cam.veiled(picture, heat)
        return grad_cam.marked(picture, [word.box for word in self._spoken(cover, label) if word.speaks > 0])

    def _spoken(self, cover: ReadCover, label: int) -> list[SpokenWord]:
        """The words on a cover, and how much each speaks for a genre: what leaving it out would cost."""
        words = cover.words
        if self._word_reader is None or not words:
            return []
        without = [joined((*words[:place], *words[place + 1 :])) for place in range(len(words))]
        asked = [cover, *(replace(cover, read=read) for read in without)]
        logs = np.log(np.maximum(self._word_reader.predict(asked)[0][:, label], LEAST))
        return [
            SpokenWord(**word._asdict(), speaks=round(float(logs[0] - left), _DIGITS))
            for word, left in zip(words, logs[1:], strict=True)
        ]

    def _find_embedding(self, candidate: TrainedModel) -> tuple[ModelCard | None, str]:
        """Embedding model for similarity search, one of those that judge where it can be; or why there is none."""
        reasons = []
        for card in (card for each in [candidate, *candidates(self._study)] for card in each.members if card.is_frozen):
            if not (reason := self.index.why_not(card)):
                return card, ""
            reasons.append(reason)
        return None, reasons[0] if reasons else "the study has trained no frozen network"

    @cached_property
    def _embedder(self) -> Predictor:
        """The embedding model, where it is none of those that judge."""
        assert self._embedding is not None
        return load_predictor(self._study.workspace.models / self._embedding.name)

    def _get_ready(self, cover: CoverInput | Unreadable) -> ReadCover | Unreadable:
        read = cover if isinstance(cover, Unreadable) else self._reader.read(cover)
        if isinstance(read, Unreadable) or not self._reads_titles or read.text.title:
            return read
        if known := self.index.known(read.sha256):
            read = replace(read, text=BookText(known.title, known.author))
        if not read.text.title:
            reason = f"{self.about.title} reads the title of a book, and this one's is not known: give its title"
            return Unreadable(source=read.name, outcome=None, reason=reason)
        return read

    def _judge(self, covers: Sequence[ReadCover], top: int, near: int) -> list[CoverVerdict]:
        """The verdicts on one batch, each with the study's covers most like it, and how unlike them all it is."""
        if not covers:
            return []
        started = time.perf_counter()
        outputs = {name: predictor.predict(covers) for name, predictor in self._predictors.items()}
        probabilities = join(self._how, self._shares, np.stack([each for each, _ in outputs.values()]))
        nearest: list[list[Neighbour]] = [[] for _ in covers]
        novelty: list[Novelty | None] = [None for _ in covers]
        if self._embedding is not None:
            _, features = outputs.get(self._embedding.name) or self._embedder.predict(covers)
            assert features is not None
            own = [cover.sha256 for cover in covers]
            nearest = self.index.nearest(self._embedding, features, near, own) if near > 0 else nearest
            novelty = self.index.novelty(self._embedding, features, own)
        seconds = (time.perf_counter() - started) / len(covers)
        return [
            self._verdict(cover, row, top, neighbours, novel, seconds)
            for cover, row, neighbours, novel in zip(covers, probabilities, nearest, novelty, strict=True)
        ]

    def _verdict(
        self,
        cover: ReadCover,
        probabilities: Floats,
        top: int,
        nearest: list[Neighbour],
        novelty: Novelty | None,
        seconds: float,
    ) -> CoverVerdict:
        order = np.argsort(-probabilities, kind="stable")[:top]
        known = self.index.known(cover.sha256)
        warnings = [*self.about.warnings, *cover.warnings]
        if any(cover.text) and not self._reads_titles:
            warnings.append(f"{self.about.title} reads no titles: what was given of the book counts for nothing.")
        if novelty and novelty.is_novel:
            warnings.append(novelty.warning)
        if known is not None and known.split in _WORTH:
            worth = _WORTH["earlier" if self._earlier else known.split]
            warnings.append(f"“{known.title}” ({known.genre}) {worth}.")
        genres = [
            Guess(genre=genre.name, slug=genre.slug, probability=round(float(probabilities[label]), _DIGITS))
            for label in order
            for genre in [self._genres[label]]
        ]
        return CoverVerdict(
            source=cover.name,
            model=self.about.model,
            preparation=self.about.preparation,
            genres=genres,
            width=cover.measurements.width,
            height=cover.measurements.height,
            format=cover.format,
            sha256=cover.sha256,
            known=known,
            words=self._spoken(cover, int(order[0])),
            nearest=nearest,
            nearest_doubt=likeness_doubt(self._embedding) if self._embedding else "",
            nearest_missing=self._why_not,
            novelty=novelty,
            warnings=warnings,
            seconds=round(cover.seconds + seconds, 4),
        )


def judge_and_show(
    judge: Judge, covers: Iterable[CoverInput | Unreadable], *, top: int, near: int
) -> tuple[list[CoverVerdict | Unreadable], str]:
    """The verdict on each cover, in their order, or why there is none; and a page that shows the first verdicts."""
    found: list[CoverVerdict | Unreadable] = []
    shown: list[tuple[CoverVerdict, str, str]] = []
    for judged in judge.judge_covers(covers, top=top, near=near):
        if isinstance(judged, Unreadable):
            found.append(judged)
            continue
        found.append(judged.verdict)
        if len(shown) < _MOST_SHOWN:
            explained = ""
            with suppress(SettingsError):  # no part of the model tells what it saw: the verdict stands alone
                explained = _picture(judge.explain(judged))
            shown.append((judged.verdict, _picture(judged.cover.shown), explained))
    unreadable = [each for each in found if isinstance(each, Unreadable)]
    left_out = len(found) - len(unreadable) - len(shown)
    made = Environment(
        loader=PackageLoader("bookcover_core.inference"),
        autoescape=select_autoescape(),  # of Markdown nothing
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["plain"] = _plain
    page = made.get_template("verdicts.md")
    return found, page.render(about=judge.about, shown=shown, left_out=left_out, unreadable=unreadable)


def _picture(picture: Image.Image) -> str:
    """The picture as an address that holds it: small enough for many in one text."""
    small = picture.copy()
    small.thumbnail((180, 240))
    return data_uri(encoded(small, "JPEG", quality=80), "image/jpeg")


def _plain(text: str) -> str:
    """`text` as Markdown that says just that, on one line."""
    return " ".join(re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&])", r"\\\1", text).split())
