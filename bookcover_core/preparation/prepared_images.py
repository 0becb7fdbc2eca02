"""Prepared images: a batch of covers, each decoded once, measured, made square by every method, and written.

This is the work of one worker process; it depends on the covers and the settings alone. The stage (`prepare`) hands out
batches and records the results.
"""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bookcover_core.covers.image_io import read_rgb, refuse_shortage
from bookcover_core.pipeline.manifests import Output
from bookcover_core.pipeline.workspace import safe_name, write_bytes
from bookcover_core.preparation.cover_measurements import measure
from bookcover_core.preparation.preparation_journal import PreparedCover
from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import PreparationSettings

# Pieces of memory that Pillow keeps for the next picture, instead of giving each back to the system and asking for it
# again: about as many as one cover needs at a time. It saves a tenth of the time of covers of 333 x 500 pixels, and
# changes nothing for those of 160 x 218; Pillow's own default is none.
_BLOCKS_KEPT = 8

_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


class SelectedCover(NamedTuple):
    """The fields of a selected book that preparation depends on."""

    key: str
    folder: str
    """Slug of its genre."""
    path: str
    """Its cover, relative to the study's folder."""
    sha256: str


def prepare_batch(
    books: Iterable[SelectedCover], root: Path, settings: PreparationSettings
) -> list[PreparedCover | str]:
    """Prepare and write the covers of `books`; for each its measurements and images, or what is wrong with it.

    Raises:
        DiskFullError, WorkspaceError: A picture cannot be written.
    """
    Image.core.set_blocks_max(_BLOCKS_KEPT)  # type: ignore[attr-defined]  # what PILLOW_BLOCKS_MAX sets
    return [_prepare_cover(book, root, settings) for book in books]


def _prepare_cover(book: SelectedCover, root: Path, settings: PreparationSettings) -> PreparedCover | str:
    try:
        content = (root / book.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != book.sha256:
            return "its content is another"
        cover = read_rgb(content)
    except OSError as error:
        refuse_shortage(error, root / book.path)
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    measurements = measure(cover)
    name = f"{safe_name(book.key)}{_SUFFIXES[settings.image_format]}"
    squares = make_squares(cover, settings.methods, settings.size, settings.interpolation)
    return PreparedCover(
        key=book.key,
        cover=book.sha256,
        measurements=measurements,
        pictures={
            str(method): _write(f"prepared/{method}/{book.folder}/{name}", encode_square(square, settings), root)
            for method, square in squares.items()
        },
    )


def _write(path: str, content: bytes, root: Path) -> Output:
    """Write an image to `path` below `root`; its manifest entry."""
    file = root / path
    write_bytes(file, content)
    return Output(
        path=path, bytes=len(content), mtime_ns=file.stat().st_mtime_ns, sha256=hashlib.sha256(content).hexdigest()
    )


def encode_square(square: Image.Image, settings: PreparationSettings) -> bytes:
    """The bytes of a prepared picture: JPEG with full colour resolution (4:4:4), or PNG."""
    file = io.BytesIO()
    if settings.image_format == "jpeg":
        square.save(file, "JPEG", quality=settings.jpeg_quality, subsampling="4:4:4")
    else:
        square.save(file, "PNG")
    return file.getvalue()
