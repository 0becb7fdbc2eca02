"""A sentence encoder for benchmarks, which computes the vector of a text once, and keeps it in a file if it has one.

Its vectors are those of `SentenceEncoder`, to which none depends on the texts beside it: what learns from them learns
the same. Five folds of a study have nearly all titles in common, and all of its readers do.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bookcover_core.models.sentence_encoder import SentenceEncoder
from bookcover_core.pipeline.workspace import atomic

_AT_ONCE = 4_096  # texts that are computed before the file is written


class Remembering(SentenceEncoder):
    """The encoder in `folder`; `file` has what was computed of the same encoder before."""

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        super().__init__(folder)
        self._file, self._known = file, {}
        if file and file.exists():
            with np.load(file) as kept:
                if kept["digest"].item() != self.digest:
                    raise SystemExit(f"{file} has vectors of another encoder: remove it")
                self._known = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, size)."""
        new = sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))
        for start in range(0, len(new), _AT_ONCE):
            chunk = new[start : start + _AT_ONCE]
            self._known.update(zip(chunk, super().vectors(chunk), strict=True))
            if self._file:
                self._keep(self._file)
        return np.stack([self._known[text] for text in texts])

    def _keep(self, file: Path) -> None:
        texts, vectors = np.array(list(self._known)), np.stack(list(self._known.values()))
        with atomic(file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, digest=np.array(self.digest), texts=texts, vectors=vectors)
