"""Prepared images: a batch of covers, each decoded once, measured, made square by every method, and written.

This is the work of one worker process of the stage `prepare`; it depends on the covers and the settings alone.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookcover_core.covers.image_io import read_rgb, refuse_shortage
from bookcover_core.pipeline.manifests import Output, digest_of
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.workspace import safe_name, write_bytes
from bookcover_core.preparation.cover_measurements import Measurements, measure
from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import PreparationSettings

# Pieces of memory that Pillow keeps for the next picture, about as many as one cover needs; its own default is none. It
# saves a tenth of the time of covers of 333 x 500 pixels, and changes nothing for those of 160 x 218.
_BLOCKS_KEPT = 8
_KEPT_AS = "prepared"  # as what the store keeps prepared covers
_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


class SelectedCover(NamedTuple):
    """The fields of a selected book that preparation depends on."""

    key: str
    folder: str  # slug of its genre
    path: str
    sha256: str


class PreparedCover(BaseModel):
    """One cover, measured and made square."""

    model_config = ConfigDict(frozen=True)

    key: str
    measurements: Measurements
    pictures: dict[str, Output]
    from_store: bool = Field(default=False, exclude=True)


def prepare_batch(
    books: Iterable[SelectedCover], root: Path, settings: PreparationSettings, store: Store, made_with: str
) -> list[PreparedCover | str]:
    """Prepare and write the covers of `books`; for each its measurements and images, or what is wrong with it."""
    Image.core.set_blocks_max(_BLOCKS_KEPT)  # type: ignore[attr-defined]  # what PILLOW_BLOCKS_MAX sets
    found = []
    for book in books:
        record = digest_of([book.sha256, made_with])
        known = _known(store.read(_KEPT_AS, record))
        name = f"{safe_name(book.key)}{_SUFFIXES[settings.image_format]}"
        paths = {str(method): f"prepared/{method}/{book.folder}/{name}" for method in settings.methods}
        given = known and _from_store(store, known, paths, root)
        cover = given.model_copy(update={"key": book.key}) if given else _prepare_cover(book, root, settings, paths)
        if isinstance(cover, PreparedCover) and not given:
            kept = cover.model_copy(update={"pictures": (known.pictures if known else {}) | cover.pictures})
            store.keep(_KEPT_AS, record, kept.model_dump_json(), cover.pictures.values(), root)
        found.append(cover)
    return found


def _known(record: bytes | None) -> PreparedCover | None:
    """The cover that the store's record tells of, if it does."""
    try:
        return PreparedCover.model_validate_json(record) if record else None
    except ValidationError:
        return None


def _from_store(store: Store, known: PreparedCover, paths: Mapping[str, str], root: Path) -> PreparedCover | None:
    """The cover with its pictures at `paths`, by their methods, if the store has all of them."""
    pictures: dict[str, Output] = {}
    for method, path in paths.items():
        kept = known.pictures.get(method)
        given = kept and store.give(kept.model_copy(update={"path": path}), root)
        if not given:
            return None
        pictures[method] = given
    return known.model_copy(update={"pictures": pictures, "from_store": True})


def _prepare_cover(
    book: SelectedCover, root: Path, settings: PreparationSettings, paths: Mapping[str, str]
) -> PreparedCover | str:
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
    squares = make_squares(cover, settings.methods, settings.size, settings.interpolation)
    pictures = {
        str(method): _write(paths[str(method)], encode_square(square, settings), root)
        for method, square in squares.items()
    }
    return PreparedCover(key=book.key, measurements=measure(cover), pictures=pictures)


def _write(path: str, content: bytes, root: Path) -> Output:
    """Write an image to `path` below `root`; its manifest entry."""
    file, digest = root / path, hashlib.sha256(content).hexdigest()
    write_bytes(file, content)
    return Output(path=path, bytes=len(content), mtime_ns=file.stat().st_mtime_ns, sha256=digest)


def encode_square(square: Image.Image, settings: PreparationSettings) -> bytes:
    """The bytes of a prepared picture: JPEG with full colour resolution (4:4:4), or PNG."""
    file, form = io.BytesIO(), settings.image_format
    options = {"quality": settings.jpeg_quality, "subsampling": "4:4:4"} if form == "jpeg" else {}
    square.save(file, form.upper(), **options)
    return file.getvalue()
