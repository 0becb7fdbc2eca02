"""The study's covers that are most similar to one that is judged, by the embeddings of a frozen network.

Similarity is the cosine of the angle between two covers' pooled features, which the study has computed for all its
covers (`features/`): they are mapped from disk, and searched a block at a time.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.inference.answers import Neighbour, StudyCover
from bookcover_core.listings.text_decoding import readable
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.features import load_features
from bookcover_core.training.preparation_choice import model_name

# Rows of features in memory at a time: 20 to 60 MB.
_BLOCK = 8_192

_COLUMNS = ("key", "title", "author", "genre", "split", "path", "sha256")


def embeds(card: ModelCard) -> bool:
    """Whether a network gives the features that the study keeps of its covers: its backbone is as it came."""
    return card.is_frozen


class CoverIndex:
    """Finds the books of a study by the file of their cover, and by its embedding.

    Args:
        study: The study.
    """

    def __init__(self, study: Study) -> None:
        self._study = study

    @cached_property
    def books(self) -> list[StudyCover]:
        """The books of the study in the order of its features; none before they are chosen."""
        workspace = self._study.workspace
        if not workspace.selection.is_file():
            return []
        table = read_table(workspace.selection, _COLUMNS)[list(_COLUMNS)]
        if workspace.splits.is_file():
            splits = read_table(workspace.splits, ("key", "split"))
            table["split"] = table["key"].map(dict(zip(splits["key"], splits["split"], strict=True))).fillna("")
        for column in ("title", "author"):
            table[column] = [readable(text) for text in table[column]]
        return [
            StudyCover.model_construct(**dict(zip(_COLUMNS, row, strict=True))) for row in table.itertuples(index=False)
        ]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Places of the books that have a file for a cover, by its digest."""
        places: dict[str, list[int]] = {}
        for place, book in enumerate(self.books):
            places.setdefault(book.sha256, []).append(place)
        return places

    @cached_property
    def _by_key(self) -> dict[str, StudyCover]:
        return {book.key: book for book in self.books}

    def known(self, sha256: str) -> StudyCover | None:
        """The book whose cover is the file with this digest; the first where there are several."""
        return self.books[self._places[sha256][0]] if sha256 in self._places else None

    def find(self, key: str) -> StudyCover | None:
        """The book with this key."""
        return self._by_key.get(key)

    def why_not(self, embedding: ModelCard) -> str:
        """Why covers cannot be compared by the features of a network; empty where they can."""
        name = model_name(embedding.backbone, embedding.preparation)
        try:
            features = self._study.manifest(f"features/{name}")
            load_features(self._study, embedding.backbone, embedding.preparation)
        except StageOrderError:
            return f"the study has no features of {name}"
        if features.inputs.get("weights") != embedding.weights_digest:
            return f"the study's features of {name} were computed with other weights"
        return ""

    def nearest(
        self, embedding: ModelCard, features: npt.NDArray[np.float32], count: int, leave_out: Sequence[str]
    ) -> list[list[Neighbour]]:
        """For each cover the books whose covers are most similar to it, the most similar first.

        Args:
            embedding: The network whose features are compared.
            features: Pooled features (n, channels) of the covers.
            count: Number of books for each.
            leave_out: For each cover the digest of its file: the books that have it for a cover are left out.

        Raises:
            StageOrderError: The features have not been computed.
        """
        rows = load_features(self._study, embedding.backbone, embedding.preparation)
        wanted = _of_length_one(features)
        best = np.empty((len(wanted), 0), np.float32)
        places = np.empty((len(wanted), 0), np.int64)
        for start in range(0, len(self.books), _BLOCK):
            block = _of_length_one(rows[start : start + _BLOCK])
            similarities = wanted @ block.T
            for row, sha256 in enumerate(leave_out):
                own = [place - start for place in self._places.get(sha256, ()) if start <= place < start + len(block)]
                similarities[row, own] = -np.inf
            found = np.broadcast_to(np.arange(start, start + len(block)), similarities.shape)
            best, places = np.hstack([best, similarities]), np.hstack([places, found])
            order = np.argsort(-best, axis=1, kind="stable")[:, :count]
            best, places = np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)
        return [
            [
                Neighbour(**self.books[place].model_dump(), similarity=round(float(similarity), 4))
                for similarity, place in zip(similarities, found, strict=True)
                if np.isfinite(similarity)
            ]
            for similarities, found in zip(best, places, strict=True)
        ]


def _of_length_one(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same directions; features that are all 0 stay so."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
