"""The journal of a shard: which of its covers are prepared, so that an interrupted run resumes.

One JSON line per cover, written as soon as its images are, below a first line with a digest of the settings. The
journal is kept when the shard is done: if a book of the shard is replaced later, the images of all others are reused.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bookcover_core.errors import from_os_error
from bookcover_core.pipeline.manifests import Output
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.preparation.cover_measurements import Measurements


class PreparedCover(BaseModel):
    """One cover, measured and made square."""

    model_config = ConfigDict(frozen=True)

    key: str
    cover: str
    """SHA-256 of the cover that the pictures were made from."""
    measurements: Measurements
    pictures: dict[str, Output]
    """The picture of each method."""

    def stands(self, root: Path, cover: str, methods: Iterable[str]) -> bool:
        """Whether the pictures of all `methods` are there, unaltered, and were made from this cover."""
        return self.cover == cover and all(
            method in self.pictures and self.pictures[method].stands(root) for method in methods
        )


class PreparationJournal:
    """The journal in one file.

    Args:
        file: Where it lies, or will lie.
        made_with: Digest of the settings and code that the images depend on.
    """

    def __init__(self, file: Path, made_with: str) -> None:
        self.file = file
        self._head = json.dumps({"made_with": made_with})

    def read(self) -> dict[str, PreparedCover]:
        """The covers in it by key; none where there is no journal, or where other settings made it.

        A line that was cut off when the machine went down ends what is read.
        """
        if not self.file.exists():
            return {}
        head, *lines = self.file.read_text(encoding="utf-8", errors="replace").split("\n")
        covers: dict[str, PreparedCover] = {}
        if head != self._head:
            return covers
        for line in lines:
            try:
                cover = PreparedCover.model_validate_json(line)
            except ValidationError:
                break
            covers[cover.key] = cover
        return covers

    def start(self, covers: Iterable[PreparedCover]) -> None:
        """Begin the journal anew with `covers`."""
        write_text(self.file, "".join(f"{line}\n" for line in [self._head, *map(_line, covers)]))

    def append(self, covers: Iterable[PreparedCover]) -> None:
        """Add `covers`.

        Raises:
            DiskFullError, WorkspaceError: The journal cannot be written; what is in it already stays.
        """
        try:
            with self.file.open("a", encoding="utf-8") as lines:
                lines.writelines(f"{_line(cover)}\n" for cover in covers)
        except OSError as error:
            if ours := from_os_error(error, self.file):
                raise ours from error
            raise


def _line(cover: PreparedCover) -> str:
    return cover.model_dump_json()
