"""The stage `listings`: listings, or a folder of images, become the books and genres of the study (section 3.1).

Every record becomes one row of listings/books.csv, none altered: train and test books of BookCover30 and the pool
that replacements come from, or the books of one listing, or the pictures of one folder.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bookcover_core.errors import BookcoverError, GenreError, ListingError
from bookcover_core.genres import Genre, number_genres
from bookcover_core.listings.book_groups import name_group, read_groups, title_group
from bookcover_core.listings.books import POOL, TEST, TRAIN, UNDRAWN, Book, write_books, write_genres
from bookcover_core.listings.image_files import LeftOut
from bookcover_core.listings.picture_folder import as_books, list_pictures, log_left_out
from bookcover_core.listings.raw_files import bring_listing, digest_of_source, raw_file
from bookcover_core.listings.records import Categories, MalformedRecord, malformed_error, read_records
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Output, digest_of, digest_outputs
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_csv
from bookcover_core.settings import BookSettings, BookSource, is_remote

logger = logging.getLogger(__name__)

FEWEST_BOOKS = 3  # a genre needs a book on each side of the split: training, validation and test
_FEWEST_GENRES = 2  # a classifier needs two genres


@dataclass
class _ListingContent:
    """What was read."""

    books: list[Book] = field(default_factory=list)
    genres: list[Genre] = field(default_factory=list)
    category_ids: list[str] = field(default_factory=list)
    malformed: list[MalformedRecord] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)  # of a folder: what is no book
    joined: dict[str, str] = field(default_factory=dict)  # spellings of genres that are read as another, and as which


def _fetch(study: Study) -> None:
    for name, source in listing_files(study.settings.books):
        bring_listing(study, name, source)


def _inputs(study: Study) -> Inputs:
    books = study.settings.books
    given = {name: digest_of_source(study, name, source) for name, source in listing_files(books)}
    if books.source is not BookSource.FOLDER:
        return Inputs(given=given)
    pictures, _ = list_pictures(_folder(study), study.settings.root.parent)
    return Inputs(given={"folder": digest_of(list(map(list, pictures))), **given}, sizes={"folder": len(pictures)})


def _folder(study: Study) -> Path:
    return Path(str(study.settings.books.folder)).expanduser()


@stage(
    "listings",
    "Read the listings",
    # Not books.chunks: which chunks are downloaded does not change what the listings say.
    settings=tuple(f"books.{name}" for name in BookSettings.model_fields if name != "chunks"),
    inputs=_inputs,
    fetch=_fetch,
    asks_hosts=True,
)
def read_listings(study: Study, _: StageRun) -> Result:
    """The manifest of `listings`: every record of the study's listings, or image of its folder, is a book.

    Writes listings/books.csv (key, filename, url, title, author, category_id, category, role, group, chunk),
    listings/genres.csv (label, name, slug, category_id, records), the listings as they came under listings/raw/, and
    listings/malformed.csv (file, line, reason) where malformed records are skipped. For a folder of pictures
    listings/left_out.csv (name, reason) names what is no book. Raises `ListingError` where a listing is missing or
    malformed; `GenreError` where there are fewer than two genres, or fewer than three books in one.
    """
    books = study.settings.books
    files = {name: raw_file(study, name) for name, _ in listing_files(books)}
    found = _read(study, files)
    log_left_out(Path(str(books.folder)), found.left_out)
    for spelt, name in found.joined.items():
        logger.warning("the genre %r is read as %r, which differs in case, blanks or composition alone", spelt, name)
    sizes = _count_genres(found)
    groups = _read_groups(files["groups"], found, books) if books.groups else {}

    workspace = study.workspace
    write_books(workspace.books, _rows(found, groups, books))
    write_genres(workspace.genres, found.genres, found.category_ids, sizes)
    outputs = [workspace.books, workspace.genres, *files.values()]
    if books.source is BookSource.FOLDER:
        outputs.append(workspace.listings / "left_out.csv")
        write_csv(outputs[-1], LeftOut._fields, found.left_out)
    elif books.malformed == "skip":
        outputs.append(workspace.listings / "malformed.csv")
        write_csv(outputs[-1], MalformedRecord._fields, found.malformed)
        if found.malformed:
            logger.warning("%d malformed records were skipped: see %s", len(found.malformed), outputs[-1])
    seen = digest_outputs(Output.of(file, workspace.root) for file in (workspace.books, workspace.genres))
    return Result(
        outputs=outputs,
        counts={
            "records": len(found.books),
            "genres": len(found.genres),
            "chunks": -(-len(found.books) // books.chunk_records),
            **{role: count for role, count in Counter(book.role for book in found.books).items() if role != UNDRAWN},
            "malformed": len(found.malformed),
            **({"spellings joined": len(found.joined)} if found.joined else {}),
            **({"left out": len(found.left_out)} if books.source is BookSource.FOLDER else {}),
        },
        digest=seen,
    )


def books_ahead(study: Study, told: list[BookcoverError]) -> list[Book]:
    """The books that the stage will find, read from where its sources lie; none where a host has to be asked first.

    What will stop the stage is added to `told`.
    """
    books = study.settings.books
    files: dict[str, Path] = {}
    for name, source in listing_files(books):
        file = raw_file(study, name) if is_remote(source) else Path(source).expanduser()
        files[name] = file if file.exists() else raw_file(study, name)
        if not files[name].exists() and name != "groups":
            return []
    found, groups = _ListingContent(), dict[str, str]()
    try:
        found = _read(study, files)
        _count_genres(found)
    except BookcoverError as error:
        told.append(error)
    if books.groups and found.books and files["groups"].exists():
        try:
            groups = _read_groups(files["groups"], found, books)
        except BookcoverError as error:
            told.append(error)
    return list(_rows(found, groups, books))


def listing_files(books: BookSettings) -> Iterator[tuple[str, str]]:
    """Name and source of each file that the study reads, in the order that they are read in."""
    if books.source is BookSource.LISTING:
        yield "listing", str(books.listing)
    elif books.source is BookSource.BOOKCOVER30:
        yield TRAIN, books.train_listing
        yield TEST, books.test_listing
        if books.pool_listing:
            yield POOL, books.pool_listing
    if books.groups:
        yield "groups", books.groups


def _read(study: Study, files: Mapping[str, Path]) -> _ListingContent:
    """All records. Where records disagree on a category, most of them decide which are wrong."""
    books = study.settings.books
    if books.source is BookSource.FOLDER:
        pictures, left_out = list_pictures(_folder(study), study.settings.root.parent)
        genres, listed, joined = as_books(pictures)
        return _ListingContent(listed, genres, [str(genre.label) for genre in genres], left_out=left_out, joined=joined)
    categories = Categories()
    try:
        found = _read_all(books, files, categories)
    except ListingError:
        if not categories.disagree:
            raise
    if categories.disagree:
        categories = Categories(categories.seen)
        found = _read_all(books, files, categories)
        found.joined = categories.joined
    if found.malformed and books.malformed == "refuse":
        raise malformed_error(found.malformed[0])
    return found


def _read_all(books: BookSettings, files: Mapping[str, Path], categories: Categories) -> _ListingContent:
    """The records of all listings, and those that are malformed. The pool's further categories are no genres."""
    found = _ListingContent()
    columns = {str(column): header for column, header in books.columns.items()}
    role_by_key: dict[str, str] = {}
    for name, source in listing_files(books):
        if name == "groups":
            continue
        role = UNDRAWN if books.source is BookSource.LISTING else name
        before = len(found.books)
        for record in read_records(
            files[name], name=source, categories=categories, skipped=found.malformed, columns=columns
        ):
            earlier = role_by_key.setdefault(record.key, role)
            if earlier == role:  # a book of the pool that is a train or test book too is taken once, as the latter
                found.books.append(Book(record.key, *record[1:], role))
            elif role == TEST:
                what = f"the book {record.key!r} stands in the training listing too ({books.train_listing})"
                advice = "A network would be tested on a book that it learnt from: remove it from one of them."
                raise ListingError(what, where=source, advice=advice)
        logger.info("%s: %d records taken", source, len(found.books) - before)
        if name != POOL:
            found.category_ids = sorted(categories.names, key=lambda category_id: (int(category_id), category_id))
    found.genres = number_genres(categories.names[category_id] for category_id in found.category_ids)
    return found


def _count_genres(found: _ListingContent) -> list[int]:
    """How many books each genre has, those of the pool aside."""
    count = Counter(book.category_id for book in found.books if book.role != POOL)
    if len(found.genres) < _FEWEST_GENRES:
        advice = "A network tells genres apart: give it two at least."
        raise GenreError(f"there is one genre only ({found.genres[0].name})", where="books", advice=advice)
    sizes = [count[category_id] for category_id in found.category_ids]
    small = [genre.name for genre, size in zip(found.genres, sizes, strict=True) if size < FEWEST_BOOKS]
    if small:
        what = f"fewer than {FEWEST_BOOKS} books in {', '.join(small[:5])}{' and others' if len(small) > 5 else ''}"
        advice = "Every genre needs books to train, to validate and to test on: add some, or take the genre out."
        raise GenreError(what, where="books", advice=advice)
    return sizes


def _read_groups(file: Path, found: _ListingContent, books: BookSettings) -> dict[str, str]:
    named = [(book.key, book.filename, book.category) for book in found.books]
    return read_groups(file, named, name=str(books.groups), skip=books.unmatched == "skip")


def _rows(found: _ListingContent, groups: Mapping[str, str], books: BookSettings) -> Iterator[Book]:
    usual = name_group if books.source is BookSource.FOLDER else title_group
    for number, book in enumerate(found.books):
        group = groups.get(book.key) or usual(book.title, book.key)
        yield book._replace(group=group, chunk=number // books.chunk_records + 1)
