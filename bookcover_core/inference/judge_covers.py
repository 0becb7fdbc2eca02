"""The judge: a trained model of a study, loaded once, that says of any number of covers which genre they look like.

    covers ─ read and prepared, a few ahead, on all cores (`reading`) ─ batches ─ networks ─┬─ probabilities
                                                                                           └─ features ─ nearest covers

Importing this module imports TensorFlow.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from PIL import Image

from bookcover_core.inference.answers import About, Guess, Neighbour, StudyCover, Unreadable, Verdict
from bookcover_core.inference.cover_sources import Cover
from bookcover_core.inference.explanations import on_cover, veiled
from bookcover_core.inference.model_choice import Candidate, candidates, choose, describe
from bookcover_core.inference.predictor import Floats, Look, Network, Ready, as_pictures
from bookcover_core.inference.preprocess import ReadCover, Reader, prepared_as
from bookcover_core.inference.similar_covers import Bookshelf
from bookcover_core.models.input_pipeline import BATCH
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.models.systems import Kind
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import Preparation

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
# Digits of probabilities behind the point.
_DIGITS = 6

# What a verdict on a cover of the study is worth, by the split of its book.
_WORTH = {
    "train": "is one of the study's training books: the network has learnt from this very cover",
    "validation": "is one of the study's validation books: the network was chosen by this very cover, among others",
    "test": "is one of the study's test books, which no network of it has learnt from",
}


@dataclass(frozen=True)
class Judged:
    """A verdict with the cover that it was passed on."""

    verdict: Verdict
    cover: ReadCover


class Judge:
    """A trained model of a study that judges covers; any number of threads may ask it.

    Args:
        study: The study.
        candidate: The model.

    Raises:
        WeightsError: Weights are missing, altered or of another network.
        WorkspaceError: The model's scores are altered.
    """

    def __init__(self, study: Study, candidate: Candidate) -> None:
        self.about: About = describe(study, candidate)
        self.shelf = Bookshelf(study)
        self._study = study
        self._shares = candidate.shares
        self._networks = [Network(study.workspace.models / card.name) for card in candidate.members]
        self._genres = candidate.members[0].genres
        self._eyes, self._blind = self._find_eyes(candidate)
        cards = [*candidate.members, *([self._eyes] if self._eyes else [])]
        self._inputs = {(Preparation(card.preparation), card.input_size) for card in cards}
        self._reader = Reader(
            study.settings.covers, prepared_as(study), {preparation for preparation, _ in self._inputs}
        )

    @classmethod
    def load(cls, study: Study, model: str = "") -> "Judge":
        """The judge whose model is called `model`; without a name, the best by validation accuracy.

        Raises:
            WeightsError: There is none, or its weights are missing, altered or of another network.
            WorkspaceError: The model's scores are altered.
        """
        return cls(study, choose(study, model))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ask no more hosts for covers."""
        self._reader.close()

    def judge(
        self, covers: Iterable[Cover | Unreadable], *, top: int = 5, near: int = 3
    ) -> Iterator[Verdict | Unreadable]:
        """A verdict on each cover, in their order; or why there is none: see `look`."""
        for found in self.look(covers, top=top, near=near):
            yield found if isinstance(found, Unreadable) else found.verdict

    def look(
        self, covers: Iterable[Cover | Unreadable], *, top: int = 5, near: int = 3
    ) -> Iterator[Judged | Unreadable]:
        """A verdict on each cover with the cover itself, in their order; or why there is none.

        Covers are drawn as they are needed, a few ahead, and read while the networks look at earlier ones.

        Args:
            covers: From `sources.find_covers`; what is unreadable already goes through.
            top: Most probable genres that a verdict names.
            near: Covers of the study, most like it, that a verdict names.
        """
        found = _ahead(self._get_ready, covers, ahead=2 * BATCH)
        while batch := list(islice(found, BATCH)):
            verdicts = iter(self._judge([ready for ready in batch if isinstance(ready, Ready)], top, near))
            for ready in batch:
                yield ready if isinstance(ready, Unreadable) else Judged(next(verdicts), ready.cover)

    def explain(self, judged: Judged, genre: str = "") -> Image.Image:
        """The cover with a veil over what did not speak for a genre (Grad-CAM): RGB, in the size of `cover.shown`.

        Args:
            judged: A cover that this judge has judged.
            genre: Slug of the genre; default: the most probable one.

        Raises:
            KeyError: There is no such genre.
        """
        from bookcover_core.visualisation.grad_cam import explain  # noqa: PLC0415 - few verdicts are explained

        labels = {each.slug: each.label for each in self._genres}
        label = labels[genre or judged.verdict.genres[0].slug]
        ready = as_pictures(judged.cover, self._inputs)
        size = judged.cover.shown.size
        heat = np.zeros((size[1], size[0]), np.float32)
        for network, share in zip(self._networks, self._shares, strict=True):
            seen = explain(network.model, network.card, ready.pictures[network.input], label)
            heat += share * on_cover(seen, network.input[0], size)
        return veiled(judged.cover.shown, heat)

    def _find_eyes(self, candidate: Candidate) -> tuple[ModelCard | None, str]:
        """The frozen network that covers are compared by, one of those that judge where it can be; or why none can."""
        members = [card for card in candidate.members if card.kind is Kind.FROZEN]
        others = [card for each in candidates(self._study) for card in each.members if card.kind is Kind.FROZEN]
        reasons = []
        for card in [*members, *others]:
            reason = self.shelf.why_not(card)
            if not reason:
                return card, ""
            reasons.append(reason)
        return None, reasons[0] if reasons else "the study has trained no frozen network"

    @cached_property
    def _looker(self) -> Network:
        """The network that covers are compared by, where it is none of those that judge."""
        assert self._eyes is not None
        return Network(self._study.workspace.models / self._eyes.name)

    def _get_ready(self, cover: Cover | Unreadable) -> Ready | Unreadable:
        read = cover if isinstance(cover, Unreadable) else self._reader.read(cover)
        return read if isinstance(read, Unreadable) else as_pictures(read, self._inputs)

    def _judge(self, covers: Sequence[Ready], top: int, near: int) -> list[Verdict]:
        """The verdicts on one batch."""
        if not covers:
            return []
        started = time.perf_counter()
        looks = {network.card.name: network.look(covers) for network in self._networks}
        probabilities = sum(
            share * probabilities for share, (probabilities, _) in zip(self._shares, looks.values(), strict=True)
        )
        nearest = self._nearest(covers, near, looks)
        seconds = (time.perf_counter() - started) / len(covers)
        return [
            self._verdict(ready.cover, row, top, neighbours, seconds)
            for ready, row, neighbours in zip(covers, np.asarray(probabilities), nearest, strict=True)
        ]

    def _nearest(self, covers: Sequence[Ready], near: int, looks: dict[str, Look]) -> list[list[Neighbour]]:
        if self._eyes is None or near < 1:
            return [[] for _ in covers]
        _, features = looks.get(self._eyes.name) or self._looker.look(covers)
        assert features is not None
        return self.shelf.nearest(self._eyes, features, near, [ready.cover.sha256 for ready in covers])

    def _verdict(
        self, cover: ReadCover, probabilities: Floats, top: int, nearest: list[Neighbour], seconds: float
    ) -> Verdict:
        order = np.argsort(-probabilities, kind="stable")[:top]
        known = self.shelf.known(cover.sha256)
        return Verdict(
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
            nearest=nearest,
            nearest_missing=self._blind,
            warnings=[*self.about.warnings, *cover.warnings, *_worth(known)],
            seconds=round(cover.seconds + seconds, 4),
        )


def _worth(known: StudyCover | None) -> list[str]:
    if known is None or known.split not in _WORTH:
        return []
    return [f"“{known.title}” ({known.genre}) {_WORTH[known.split]}."]


def _ahead(work: Callable[[Item], Outcome], items: Iterable[Item], *, ahead: int) -> Iterator[Outcome]:
    """The outcome of `work` on each item, in their order, done by threads that are up to `ahead` items in front."""
    waiting: deque[Future[Outcome]] = deque()
    threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="covers")
    try:
        for item in items:
            waiting.append(threads.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)
