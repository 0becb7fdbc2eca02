"""Where a study's files lie, and how they are written: whole or not at all.

    <workspace>/<study>/
        settings.json       the settings of the last run
        manifests/          one JSON for each stage, or part of one, that is done
        listings/           listings as they came (raw/); books.csv: a row for each record; genres.csv: with labels
        covers/             <genre>/<FILENAME>, byte for byte as they came; never changed
        ledger/             what became of each record, by chunk; pool.jsonl: of all covers ever drawn from the pool
        curation/           candidates.csv, decisions.csv, labels.csv, hashes/, twins.csv, replacements.csv,
                            selection.csv
        splits/             books.csv: the selected books with their split; both sorted by key
        prepared/           <preparation>/<genre>/<key>.jpg, measurements and indexes by shard
        texts/              shard-0001.jsonl: the words read on each cover
        quantised/          <backbone>-<preparation>.xml, .bin: networks in int8
        features/           <backbone>-<preparation>/shard-0001.npy
        comparison/         which preparation does best: <preparation>/, or <backbone>/<preparation>/
        search/             <backbone>-<preparation>/: the heads that were tried, and the hyperparameters chosen
        models/             <system>-<preparation>/: weights, card, history, probabilities
        repeats/            <backbone>-<preparation>/<variant>/: test probabilities of heads that were trained again
        evaluation/         <system>-<preparation>/: predictions and metrics
        visualisation/      <system>-<preparation>/: ideal pictures of genres, and what was seen in covers
        report/             index.html, figures/, tables/, results.json
    <workspace>/.store/     what studies share (`pipeline.store`)

In tables a text that a spreadsheet would run stands behind an apostrophe (OWASP, "CSV Injection").
"""

import csv
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from bookcover_core.errors import WorkspaceError, from_os_error
from bookcover_core.settings import SETTINGS_FILE

if TYPE_CHECKING:
    import pandas as pd

# Signs that begin a formula, full-width ones too; also behind apostrophes, so that those of a text itself come back.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - full-width signs are meant
_SIGNS = frozenset("'=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - as above
_NUMBER = re.compile(r"[+-]?\d[\d.]*(?:e[+-]?\d+)?", re.IGNORECASE)


def as_cell(text: str) -> str:
    """`text` as it is written: one that a spreadsheet would run stands behind an apostrophe. A number is none."""
    if text[:1] not in _SIGNS or not _FORMULA.match(text) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def from_cell(cell: str) -> str:
    """The text that `as_cell` wrote as `cell`."""
    return cell[1:] if cell[:1] == "'" and as_cell(cell[1:]) == cell else cell


T = TypeVar("T", bound=BaseModel)

_LONGEST_NAME = 200  # names longer than this are cut: file systems take 255 bytes


class Workspace:
    """The folder of one study, and where things lie in it: the drawing above says what each folder holds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = root / SETTINGS_FILE
        self.manifests = root / "manifests"
        self.listings = root / "listings"
        self.books = self.listings / "books.csv"
        self.genres = self.listings / "genres.csv"
        self.covers = root / "covers"
        self.ledger = root / "ledger"
        self.curation = root / "curation"
        self.selection = self.curation / "selection.csv"
        self.splits = root / "splits" / "books.csv"
        self.prepared = root / "prepared"
        self.texts = root / "texts"
        self.quantised = root / "quantised"
        self.features = root / "features"
        self.comparison = root / "comparison"
        self.search = root / "search"
        self.models = root / "models"
        self.repeats = root / "repeats"
        self.evaluation = root / "evaluation"
        self.visualisation = root / "visualisation"
        self.report = root / "report"

    def relative(self, path: Path) -> str:
        """`path` as manifests name it: relative to the study's folder, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def refuse_within_study(folder: Path, advice: str) -> None:
    """Raise `WorkspaceError` where a folder is a study's or lies in one: nothing but its stages writes there."""
    found = (each for each in map(Workspace, (folder, *folder.parents)) if each.settings.is_file())
    if study := next((each for each in found if each.root == folder or each.manifests.is_dir()), None):
        what = f"this folder belongs to a study, {study.root.name}, which is not touched"
        raise WorkspaceError(what, where=folder, advice=advice)


def make_folder(folder: Path, advice: str) -> None:
    """Make a folder where it is missing; raise `WorkspaceError` where nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        what = f"the folder cannot be written ({error.strerror})"
        raise WorkspaceError(what, where=folder, advice=advice) from error


def file_stamp(file: Path) -> tuple[int, ...]:
    """What changes with a file: time of change, size and inode; empty where there is none."""
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def safe_name(name: str) -> str:
    """`name` as one path component that cannot leave its folder, whatever it contains.

    Letters, digits, `-`, `_`, `.`, and the space stay; everything else, a leading dot, and a space at either end become
    %XX of their UTF-8 bytes. A name of more than 200 characters is cut, and ends with a digest of the whole.
    """

    def percent(found: re.Match[str]) -> str:
        return f"%{found.group().encode('utf-8', 'surrogatepass').hex('%').upper()}"

    kept = re.sub(r"^[. ]| $|[^A-Za-z0-9._ -]", percent, name) or "%"
    if len(kept) <= _LONGEST_NAME:
        return kept
    stem, dot, suffix = kept.rpartition(".")
    tail = f"{dot}{suffix}" if dot and len(suffix) <= 8 else ""
    tail = f"~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}{tail}"
    return (stem if dot else kept)[: _LONGEST_NAME - len(tail)] + tail


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes `path`'s place when the block ends well, and is removed otherwise.

    `DiskFullError` or `WorkspaceError` where the disk is full, or the folder cannot be written.
    """
    with _temporary(path) as (descriptor, name):
        os.close(descriptor)
        yield Path(name)


def copy_file(file: Path, target: Path) -> None:
    """Copy `file` to `target`, whole or not at all."""
    with atomic(target) as temporary:
        shutil.copyfile(file, temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with _temporary(path) as (descriptor, _), os.fdopen(descriptor, "wb") as file:
        file.write(content)


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    """A file beside `path`, open and by name, that takes its place when the block ends well, and else is removed."""
    # Pictures are written by the hundred thousand: paths, and calls of the system that are not needed, are left out.
    folder, file = os.path.split(path)
    stem, suffix = os.path.splitext(file)  # noqa: PTH122 - as above
    name = os.path.join(folder, f".{stem[:50]}-{secrets.token_hex(8)}{suffix}")  # noqa: PTH118 - as above
    create = partial(os.open, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        try:
            descriptor = create()
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = create()
        os.fchmod(descriptor, 0o644)
        yield descriptor, name
        os.replace(name, path)  # noqa: PTH105 - as above
    except BaseException as error:
        with suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError) and (ours := from_os_error(error, path)):
            raise ours from error
        raise


def sync(files: Collection[Path]) -> None:
    """Return when `files`, and the names that their folders give them, are on the disk: they survive a power cut."""
    for path in [*files, *{file.parent for file in files}]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_result(path: Path, form: type[T], what: str) -> T:
    """What a stage stored as JSON; `WorkspaceError`, which says `what` it is, where it is missing or altered."""
    try:
        return form.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        advice = "Run the study again: it makes anew what is missing or altered."
        raise WorkspaceError(f"{what} cannot be read", where=path, advice=advice) from error


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` to `path` as CSV without its index, whole or not at all."""
    with atomic(path) as temporary:
        _map_texts(table, as_cell).to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: Path, only: Collection[str] | None = None, /, **dtypes: str) -> "pd.DataFrame":
    """The CSV at `path`, or the columns `only` of it, as text but for those whose types `dtypes` names.

    An empty text stays an empty text.
    """
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    columns = pd.read_csv(path, nrows=0, usecols=None if only is None else list(only)).columns.tolist()
    types: dict[Any, Any] = {column: dtypes.get(column, "str") for column in columns}
    blank = {column: [""] for column in dtypes}
    table = pd.read_csv(path, usecols=columns, dtype=types, keep_default_na=False, na_values=blank)
    return _map_texts(table, from_cell)


def _map_texts(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    """`table` with its texts changed, column names among them; itself where nothing changes."""
    changed = {}
    for column in table.columns:
        values = table[column].tolist() if table[column].dtype.kind not in "biuf" else []
        cells = [change(value) if isinstance(value, str) else value for value in values]
        if any(one is not other for one, other in zip(cells, values, strict=True)):
            changed[column] = cells
    table = table.assign(**changed) if changed else table
    return table.rename(columns=lambda name: change(name) if isinstance(name, str) else name)


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a header and rows to `path` as CSV, whole or not at all."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow([as_cell(column) for column in columns])
        table.writerows([as_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def read_csv(path: Path) -> Generator[list[str]]:
    """The rows of the CSV at `path`, its header first, one at a time."""
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            yield [from_cell(cell) if cell[:1] == "'" else cell for cell in row]
