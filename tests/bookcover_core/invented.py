"""Invented books, listings and ledgers: what the stages before curation would have left behind."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from bookcover_core.covers.ledger import LedgerRow, rows_digest, write_rows
from bookcover_core.curation.fingerprints import Fingerprint, fingerprints_file
from bookcover_core.genres import number_genres
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings


@dataclass(frozen=True)
class Record:
    """One invented record with what became of its cover."""

    key: str
    category: str = "Law"
    role: str = "train"
    title: str = ""
    group: str = ""
    chunk: int = 1
    outcome: str = "ok"
    picture: str = ""
    """Books with the same text here have the same picture; empty: a picture of its own."""
    look: str = ""
    """Books with the same text here look the same, whatever their picture; empty: like no other picture."""
    flipped: int = 0
    """Bits of its hash, from the last, that differ from the look's."""

    @property
    def sha256(self) -> str:
        return sha256((self.picture or self.key).encode()).hexdigest() if self.outcome == "ok" else ""

    @property
    def seen(self) -> tuple[str, str]:
        """Hash and colours."""
        digest = sha256((self.look or self.picture or self.key).encode()).digest()
        return f"{int.from_bytes(digest[:8]) ^ ((1 << self.flipped) - 1):016x}", (digest * 2)[8:56].hex()

    @property
    def path(self) -> str:
        return f"covers/{self.category.lower()}/{self.key}.jpg" if self.outcome == "ok" else ""


def records(count: int, prefix: str, **fields: Any) -> list[Record]:
    """`count` records with keys <prefix>0000, <prefix>0001, ..."""
    return [Record(f"{prefix}{number:04d}", **fields) for number in range(count)]


def change(books: Iterable[Record], key: str, **fields: Any) -> list[Record]:
    """`books` with the record `key` altered."""
    return [replace(book, **fields) if book.key == key else book for book in books]


def invented_study(folder: Path, books: Iterable[Record], /, **settings: Any) -> Study:
    """A study whose listings are read and whose chunks are downloaded, with these books.

    Args:
        folder: The workspace.
        books: The records; categories of the pool alone are no genres of the study.
        settings: Groups of settings, such as `curation={"undecided": "fail"}`.
    """
    study = Study(settings_in(folder, **settings))
    write_study(study, list(books))
    return study


def write_study(study: Study, books: list[Record]) -> None:
    """Write listings, ledgers and their manifests as if these were the study's books."""
    official = any(book.role for book in books)
    names = sorted({book.category for book in books if book.role != "pool" or not official})
    categories = names + sorted({book.category for book in books} - set(names))
    table = pd.DataFrame([vars(book) for book in books])
    table["filename"] = table["key"] + ".jpg"
    table["url"] = "http://covers.invalid/" + table["filename"]
    table["title"] = [book.title or f"The Book of {book.key}" for book in books]
    table["author"] = "A. N. Other"
    table["category_id"] = [str(categories.index(book.category)) for book in books]
    table["group"] = [book.group or book.key for book in books]
    columns = ["key", "filename", "url", "title", "author", "category_id", "category", "role", "group", "chunk"]
    write_table(study.workspace.books, table[columns])
    genres = pd.DataFrame([genre.model_dump() for genre in number_genres(names)])
    genres["category_id"] = [str(categories.index(name)) for name in names]
    genres["records"] = [sum(book.category == name for book in books) for name in names]
    write_table(study.workspace.genres, genres)
    chunks = sorted({book.chunk for book in books})
    files = [study.workspace.books, study.workspace.genres]
    counts = {"records": len(books), "pool": sum(book.role == "pool" for book in books), "chunks": chunks[-1]}
    record(study, "listings", outputs=files, counts=counts)
    for chunk in chunks:
        write_ledger(study, chunk, [book for book in books if book.chunk == chunk])


def write_ledger(study: Study, chunk: int, books: list[Record]) -> None:
    """Write one chunk's ledger and hashes, and their manifests."""
    rows = [LedgerRow(book.key, book.outcome, path=book.path, sha256=book.sha256) for book in books]
    file = study.workspace.ledger / f"chunk-{chunk:04d}.csv"
    write_rows(file, rows)
    record(study, f"download/chunk-{chunk:04d}", outputs=[file], digest=rows_digest(rows))
    looks = [Fingerprint(book.key, book.path, book.sha256, *book.seen) for book in books if book.outcome == "ok"]
    file = fingerprints_file(study.workspace, f"chunk-{chunk:04d}")
    write_table(file, pd.DataFrame(sorted(looks), columns=list(Fingerprint._fields)))
    part = f"chunk-{chunk:04d}"
    record(study, f"hashes/{part}", after=[f"download/{part}"], outputs=[file])


def settings_in(folder: Path, **settings: Any) -> StudySettings:
    """Settings of a study in `folder`, which asks nobody unless it is told to."""
    groups = {"curation": {"undecided": "keep"}} | settings
    return parse_settings({"name": "invented", "workspace": str(folder), **groups})
