"""What a study will need, looked for before any of its work: settings, books, covers, weights, reader, disk space.

All faults are told at once.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import httpx

from bookcover_core.covers.local_sources import FolderSource, ZipSource, check_coverage, open_local_source
from bookcover_core.curation.decisions import decisions_file, read_decisions
from bookcover_core.curation.review_queue import check_known
from bookcover_core.errors import (
    BookcoverError,
    DiskFullError,
    ListingError,
    PreflightError,
    SettingsError,
    WorkspaceError,
)
from bookcover_core.families.learnable_titles import more_listings
from bookcover_core.families.systems import unknown_names
from bookcover_core.families.text import TITLE, TITLE_AUTHOR, seen_by, sentence_encoder
from bookcover_core.listings.books import Book, BookText, each_book
from bookcover_core.listings.name_index import BookNames
from bookcover_core.listings.raw_files import raw_file
from bookcover_core.listings.read_listings import books_ahead, listing_files, read_listings
from bookcover_core.models.backbones import BACKBONES, Backbone
from bookcover_core.models.encoders import Encoder, check_encoder, find_network
from bookcover_core.models.inference_engine import check_engine, check_quantiser
from bookcover_core.models.weights import cached_file, no_published_weights, weights_source
from bookcover_core.pipeline.shared_store import SharedStore
from bookcover_core.pipeline.study import Study
from bookcover_core.reading.text_reader import check_reader
from bookcover_core.settings import BookSource, CoverSource, StudySettings, is_remote

_PATIENCE = 15.0  # seconds that a host of weights has to answer
_LOOKED_FOR = 2_000  # books whose covers are looked for, at most about

# Books of the dissertation (section 3.1), and the records of Book32 whose covers are downloaded for them.
_DISSERTATION_BOOKS, _DISSERTATION_RECORDS = 57_000, 207_572
_DRAWN = 1_000  # covers of the pool that are drawn for those books, rounded up
_COVER_BYTES = 40_000  # bytes of a downloaded cover: the mean of real ones, 333 x 500 pixels, rounded up

# Bytes of a pixel of a prepared picture, and of the pooled features of a picture: 2,048 numbers of four bytes.
_PIXEL_BYTES = {"jpeg": 0.6, "png": 2.0}
_FEATURE_BYTES = 8_192


def check(settings: StudySettings, *more: BookcoverError) -> None:
    """Return where a study has all that it will need, and nobody found `more` that is wrong.

    One fault is raised as it is, several as a `PreflightError` that lists them all.
    """
    found = [*more, *faults(settings)]
    if len(found) == 1:
        raise found[0]
    if found:
        listed = "".join(f"\n  {number}. {fault}" for number, fault in enumerate(found, start=1))
        what = f"{len(found)} things are to be mended before this study can run{listed}"
        raise PreflightError(what.removesuffix("."), where=settings.name)


def faults(settings: StudySettings) -> Iterator[BookcoverError]:
    """What is missing or wrong."""
    yield from unknown_names(settings)
    books, study = settings.books, Study(settings)
    networks = _frozen_networks(settings)
    checks: list[Callable[[], object]] = [partial(_check_weights, settings, each) for each in networks]
    if networks:
        checks += [partial(check_engine, settings.models), partial(check_quantiser, settings.models)]
    read = [*listing_files(books), *(more_listings(settings) if settings.text.systems else ())]
    checks += [partial(_check_listing, study, name, source) for name, source in read]
    told: list[BookcoverError] = []
    has_covers = books.source is not BookSource.FOLDER and settings.covers.source is not CoverSource.HTTP
    is_wanted = has_covers or decisions_file(study).exists() or not _is_listed(study)
    found = _books(study, told) if is_wanted else []  # of a large listing they take seconds, and 200 MB
    yield from told
    if has_covers:
        checks.append(partial(_check_covers, study, found))
    checks += [partial(_check_decisions, study, found), partial(_check_titles, settings, found)]
    if settings.reads_covers or settings.curation.read_box_sets:
        checks.append(check_reader)
    if settings.text.systems and (encoder := sentence_encoder(settings)):
        checks.append(encoder.check)
    if store := SharedStore.of(settings):
        checks.append(store.check)
    checks += [partial(_check_tracking, settings), partial(_check_disk, settings)]
    for look in checks:
        try:
            look()
        except BookcoverError as error:
            yield error


def _frozen_networks(settings: StudySettings) -> list[Backbone]:
    """The networks that need weights: those that are trained, and the one that compares for all."""
    names = dict.fromkeys(settings.training.backbones)
    if settings.compares_for_all:
        names[settings.comparison.backbone] = None
    known = {*BACKBONES, *(each.name for each in settings.models.encoders)}  # of unknown ones is told already
    return [find_network(settings.models, name) for name in names if name in known]


def _check_weights(settings: StudySettings, backbone: Backbone) -> None:
    """Raise an error, with what asks for it, where a network's weights are not to be had or an encoder is no use.

    Weights are looked for in their file, in Keras' cache, and at their address.
    """
    try:
        if isinstance(backbone, Encoder):
            check_encoder(settings.models, backbone)
        elif weights_source(settings, backbone).kind == "imagenet" and not cached_file(backbone).is_file():
            answer = httpx.head(backbone.weights.address, timeout=_PATIENCE, follow_redirects=True)
            if not answer.is_success:
                raise no_published_weights(backbone, f"answers {answer.status_code}")
    except (BookcoverError, httpx.HTTPError) as error:
        fault = error
        if isinstance(fault, httpx.HTTPError):
            fault = no_published_weights(backbone, f"does not answer ({error or type(error).__name__})")
        asker = f"training.backbones asks for {backbone.name}."
        if backbone.name not in settings.training.backbones:
            asker = (
                f'{backbone.name} is to compare the preparations, as training.preparation is "best": to do without,'
                ' name a preparation (training.preparation = "padded"), or another network in comparison.backbone.'
            )
        raise type(fault)(fault.what, where=fault.where, advice=f"{fault.advice} {asker}".strip()) from None


def _check_listing(study: Study, name: str, source: str) -> None:
    """Raise `ListingError` for a file that is not there. One that the study holds already is not missed."""
    if not (is_remote(source) or Path(source).expanduser().exists() or raw_file(study, name).is_file()):
        what = "file of groups" if name == "groups" else "listing"
        setting = f"books.{name}" if name in {"groups", "listing"} else f"books.{name}_listing"
        setting = "text.listings" if source in study.settings.text.listings else setting
        raise ListingError(f"there is no such {what}", where=source, advice=f"Correct {setting}.")


def _books(study: Study, told: list[BookcoverError]) -> list[Book]:
    """The books of the study, as far as no host has to be asked for them; `told` receives what will stop them."""
    return list(each_book(study.workspace)) if _is_listed(study) else books_ahead(study, told)


def _is_listed(study: Study) -> bool:
    """Whether the listings are read, and have not changed since."""
    try:
        return read_listings.at(study).earlier is not None and study.workspace.books.exists()
    except BookcoverError:
        return False


def _check_covers(study: Study, books: list[Book]) -> None:
    """Raise `FolderError` where a run would refuse the folder or archive of covers, as far as a few thousand tell."""
    covers = study.settings.covers
    location = Path(str(covers.location)).expanduser()
    wanted = [book.filename for book in books]
    is_archive = covers.source is CoverSource.ARCHIVE
    source = ZipSource(location, wanted) if is_archive else FolderSource(location, wanted, study.settings.root.parent)
    source.check()
    check_coverage(study, source, books[:: len(books) // _LOOKED_FOR + 1])


def _check_decisions(study: Study, books: list[Book]) -> None:
    """Raise `DecisionsError` where people's decisions cannot be read, or name no book."""
    names = BookNames((book.key, book.filename, book.category) for book in books) if books else None
    decisions = read_decisions(decisions_file(study), names)
    if names is not None:
        check_known(study, decisions, names)


def _check_titles(settings: StudySettings, books: list[Book]) -> None:
    """Raise `SettingsError` where titles are to be learnt from, and no book has one."""
    wanted = [] if settings.text.listings or not books else settings.text.systems
    for system in {TITLE, TITLE_AUTHOR}.intersection(wanted):
        texts = seen_by(system, [BookText(book.title, book.author) for book in books])
        if not any(each.isalnum() for text in texts for each in text.joined):
            what = f"{system} is to learn from titles, and none of {len(books):,} books has one"
            advice = "Leave the systems that read titles out, or give a listing with titles (books.columns)."
            raise SettingsError(what, where="text.systems", advice=advice)


def _check_tracking(settings: StudySettings) -> None:
    """Raise `SettingsError` where what systems are to be recorded with is not installed."""
    tracking = settings.tracking
    for tool, is_on in (("mlflow", bool(tracking.mlflow)), ("tensorboard", tracking.tensorboard)):
        if is_on and find_spec(tool) is None:
            what = f"systems are to be recorded, and {tool} is not installed"
            advice = f'Install it with `pip install "bookcover[{tool}]"`, or leave the setting out.'
            raise SettingsError(what, where=f"tracking.{tool}", advice=advice)


def _check_disk(settings: StudySettings) -> None:
    """Raise an error for a folder that cannot be written, or with too little room for what is not prepared yet."""
    folder = next(each for each in (settings.root, *settings.root.parents) if each.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise WorkspaceError("the study's folder cannot be written", where=settings.root, advice="Name another one.")
    if Study(settings).manifests("prepare"):
        return
    needed, free = bytes_needed(settings), shutil.disk_usage(folder).free
    if free < needed:
        what = f"the study needs about {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free"
        raise DiskFullError(what, where=folder, advice="Make room, or name a workspace on another disk.")


def describe_books(settings: StudySettings) -> Iterator[str]:
    """What is known of the books and their covers without fetching anything, a line each."""
    study = Study(settings)
    books = _books(study, [])
    if not books:
        return
    sizes = Counter(book.category for book in books)
    yield f"{sizes.total():,} books in {len(sizes)} genres: {', '.join(f'{name} {n:,}' for name, n in sizes.items())}."
    if settings.books.source is not BookSource.FOLDER and _is_listed(study) and (source := open_local_source(study)):
        missing = [book for book in books if source.find(book) is None]
        named = f", such as {missing[0].filename}" if missing else ""
        yield f"Covers that are not in {settings.covers.location}: {len(missing):,}{named}."


def bytes_needed(settings: StudySettings) -> int:
    """Room on the disk that a study needs from its beginning, as an estimate from the number of its books."""
    records, books = _records_and_books(settings)
    preparation = settings.preparation
    of_picture = preparation.size**2 * _PIXEL_BYTES[preparation.image_format] * len(preparation.methods)
    networks = _frozen_networks(settings)
    of_features = _FEATURE_BYTES * (len(networks) + (len(preparation.methods) if networks else 0))
    is_downloaded = settings.books.source is not BookSource.FOLDER
    return int(records * _COVER_BYTES * is_downloaded + books * (of_picture + of_features))


def seconds_to_fetch(settings: StudySettings) -> float:
    """Time that hosts take to give the covers at the pace of the settings, if all lie on one; 0 of covers at hand."""
    if settings.books.source is BookSource.FOLDER or settings.covers.source is not CoverSource.HTTP:
        return 0.0
    return _records_and_books(settings)[0] / settings.covers.requests_per_second


def _records_and_books(settings: StudySettings) -> tuple[int, int]:
    """Covers that are fetched, and books of the study, as an estimate; 0 where they cannot be counted."""
    books, count = settings.books, 0
    if books.source is BookSource.BOOKCOVER30:
        fetched = _DISSERTATION_BOOKS + _DRAWN if settings.draws_from_pool else _DISSERTATION_RECORDS
        return fetched, _DISSERTATION_BOOKS
    place = Path(str(books.folder if books.source is BookSource.FOLDER else books.listing)).expanduser()
    with suppress(OSError):
        if books.source is BookSource.FOLDER:
            count = sum(len(files) for _, _, files in os.walk(place))
        elif place.is_file():
            with place.open("rb") as lines:
                count = sum(1 for _ in lines)
    return count, count
