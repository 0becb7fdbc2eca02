"""The study's covers that are most similar to one that is judged, by the embeddings of a frozen network.

The study's pooled features (`features/`) are mapped from disk, and searched a block at a time.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.inference.answers import NOVEL, Neighbour, Novelty, StudyCover
from bookcover_core.listings.text_decoding import readable
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.features import load_features
from bookcover_core.training.preparation_choice import model_name

# Rows of features in memory at a time: 20 to 60 MB.
_BLOCK = 8_192

# Training covers that a distance is a mean over, and validation covers that it is ranked among, at most. On 3,874 real
# covers (MobileNetV2's features) 4.4 % of the test covers are called unlike the others, and so are a white and a black
# page, a page of text, noise, and photographs. By the one nearest cover alone, fewer of them are.
_NEAREST, _MOST_COMPARED = 20, 1_000

# Distances that differ by less are the same one: two engines round features in different ways.
_ROUNDING = 1e-5

_COLUMNS = ("key", "title", "author", "genre", "split", "path", "sha256")


class CoverIndex:
    """Finds the books of a study by the file of their cover, and by its embedding."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._validation_distances: npt.NDArray[np.float64] | None = None

    @cached_property
    def books(self) -> list[StudyCover]:
        """The books of the study in the order of its features, with the genres that it learns; none at first."""
        workspace = self._study.workspace
        if not workspace.selection.is_file():
            return []
        table = read_table(workspace.selection, _COLUMNS)[list(_COLUMNS)]
        if workspace.splits.is_file():
            splits = read_table(workspace.splits, ("key", "split", "genre")).set_index("key")
            table["split"] = table["key"].map(splits["split"]).fillna("")
            table["genre"] = table["key"].map(splits["genre"]).fillna(table["genre"])  # where a label was corrected
        for column in ("title", "author"):
            table[column] = [readable(text) for text in table[column]]
        rows = table.itertuples(index=False, name=None)
        return [StudyCover.model_construct(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Places of the books that have a file for a cover, by its digest."""
        places: dict[str, list[int]] = {}
        for place, book in enumerate(self.books):
            places.setdefault(book.sha256, []).append(place)
        return places

    def known(self, sha256: str) -> StudyCover | None:
        """The book whose cover is the file with this digest; of several, one that networks have learnt from."""
        found = [self.books[place] for place in self._places.get(sha256, ())]
        return min(found, key=lambda book: {"train": 0, "validation": 1}.get(book.split, 2), default=None)

    def find(self, key: str) -> StudyCover | None:
        """The book with this key."""
        return next((book for book in self.books if book.key == key), None)

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
        """For each cover the `count` books whose covers are most similar to it, the most similar first.

        Compared are pooled features (n, channels). Books are left out whose covers have the digest in `leave_out`.
        """
        similarities, places = self._search(embedding, features, np.arange(len(self.books)), count, leave_out)
        return [
            [
                Neighbour(**self.books[place].model_dump(), similarity=round(float(similarity), 4))
                for similarity, place in zip(row, found, strict=True)
                if np.isfinite(similarity)
            ]
            for row, found in zip(similarities, places, strict=True)
        ]

    def novelty(
        self, embedding: ModelCard, features: npt.NDArray[np.float32], leave_out: Sequence[str]
    ) -> list[Novelty | None]:
        """How unlike the training covers each cover is, beside the validation covers; none where those are too few.

        The distance is one minus the mean similarity to the nearest training covers (Sun et al. 2022, ICML). Ranked
        among those of the validation covers it gives a conformal p-value: a cover like the study's is called unlike
        them with a probability of `NOVEL` at most. `nearest` says what is given.
        """
        if self._validation_distances is None:
            rows = load_features(self._study, embedding.backbone, embedding.preparation)
            places = np.flatnonzero([book.split == "validation" for book in self.books])
            places = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), _MOST_COMPARED)).astype(int))]
            own = [self.books[place].sha256 for place in places]
            self._validation_distances = self._distances(embedding, rows[places], own)
        known = self._validation_distances
        if 1 / (len(known) + 1) > NOVEL:
            return [None] * len(features)
        distances = self._distances(embedding, features, leave_out)
        farther = (known >= distances[:, None] - _ROUNDING).sum(axis=1).tolist()
        return [
            Novelty(distance=round(distance, 4), farther=count, validation_covers=len(known))
            for distance, count in zip(distances.tolist(), farther, strict=True)
        ]

    def _distances(
        self, embedding: ModelCard, features: npt.NDArray[np.float32], leave_out: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """(n,) one minus the mean similarity to the nearest training covers."""
        learnt = np.flatnonzero([book.split == "train" for book in self.books])
        similarities, _ = self._search(embedding, features, learnt, _NEAREST, leave_out)
        if not similarities.size:
            return np.empty(0)
        found: npt.NDArray[np.float64] = 1 - similarities.mean(
            axis=1, dtype=np.float64, where=np.isfinite(similarities)
        )
        return found

    def _search(
        self,
        embedding: ModelCard,
        features: npt.NDArray[np.float32],
        among: npt.NDArray[np.intp],
        count: int,
        leave_out: Sequence[str],
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
        """Similarities (n, count) and places of the books of `among` that are most similar, the most similar first."""
        rows = load_features(self._study, embedding.backbone, embedding.preparation)
        wanted = _of_length_one(features)
        best, places = np.empty((len(wanted), 0), np.float32), np.empty((len(wanted), 0), np.intp)
        for start in range(0, len(among), _BLOCK):
            block = among[start : start + _BLOCK]
            similarities = wanted @ _of_length_one(rows[block]).T
            for row, sha256 in enumerate(leave_out):
                similarities[row, np.isin(block, self._places.get(sha256, ()))] = -np.inf
            best = np.hstack([best, similarities])
            places = np.hstack([places, np.broadcast_to(block, similarities.shape)])
            order = np.argsort(-best, axis=1, kind="stable")[:, :count]
            best, places = np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)
        return best, places


def likeness_doubt(embedding: ModelCard) -> str:
    """Why likeness by the features of a network means nothing; empty where it does mean something."""
    doubt = f"{embedding.backbone} compares covers and was never trained on pictures: their likeness means nothing"
    return doubt if embedding.never_saw_pictures else ""


def _of_length_one(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same directions; features that are all 0 stay so."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
