"""The covers that the report shows: samples, what the preparations make of them, and the most confident predictions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bookcover_core.evaluation.label_noise import doubtful_file
from bookcover_core.evaluation.metrics import predicted_labels
from bookcover_core.pipeline.workspace import read_table, write_bytes
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings, read_shards, read_sizes
from bookcover_core.report.reading_section import judges_by_evidence, looking_and_reading
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, data_uri, encoded, thumbnail
from bookcover_core.visualisation.network_insight import answer_lines

# Sides of thumbnails in pixels: twice what the page shows, for dense screens.
_TILE_SIDE, _STRIP_SIDE = 240, 180

# Most confident predictions of each kind, samples (one of each genre), and covers in the strip at the head of the page.
_MOST, _MOST_SAMPLES, _MOST_IN_STRIP = 12, 36, 20


@dataclass(frozen=True)
class Tile:
    """A cover with what is said under it."""

    source: str
    """Data URI."""
    book: str
    """Title of the book."""
    title: str
    """The first line under it."""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """Tiles under one heading; their contact sheet is a file of the report too."""

    tiles: tuple[Tile, ...] = ()
    file: Path | None = None


def books_with_covers(findings: Findings) -> pd.DataFrame:
    """The books of the study (see `splits/books.csv`), indexed by key; empty before they are chosen."""
    workspace = findings.study.workspace
    for file in (workspace.splits, workspace.selection):
        if file.exists():
            table = read_table(file, label="int64")
            return table.set_index(pd.Index(table["key"], name="book"))
    return pd.DataFrame(columns=["key", "path", "title", "genre", "label", "split"])


def strip(findings: Findings, books: pd.DataFrame) -> list[str]:
    """Data URIs of covers for the head of the page, of as many genres as there are."""
    each = max(1, -(-_MOST_IN_STRIP // max(1, len(findings.genres))))
    rounds = zip_longest(*_with_covers(findings, books, each + 1))
    shown = [book for of_round in rounds for book in of_round if book is not None]
    # The first of each genre are among the samples already.
    later = shown[len(findings.genres) :] or shown
    sources = (_source(findings.study.workspace.root / book["path"], _STRIP_SIDE) for book in later)
    return list(islice(filter(None, sources), _MOST_IN_STRIP))


def samples(findings: Findings, books: pd.DataFrame, folder: Path) -> Gallery:
    """One cover of each genre."""
    first = islice(_with_covers(findings, books, 1), _MOST_SAMPLES)
    return _gallery((_captioned(findings, book, book["genre"]) for (book, *_) in first), folder / "samples.png")


def pairs(covers: Sequence[CaptionedCover], file: Path) -> Gallery:
    """Covers that belong together two by two; where one of two is gone neither is shown."""
    both = (pair for pair in zip(covers[::2], covers[1::2], strict=True) if all(each.file.is_file() for each in pair))
    return _gallery((cover for pair in both for cover in pair), file)


def confident(
    findings: Findings, system: EvaluatedSystem | None, books: pd.DataFrame, folder: Path, *, right: bool
) -> Gallery:
    """The system's most confident predictions among the right or the wrong ones; none without a system."""
    if system is None:
        return Gallery()
    predictions = findings.predictions(system)
    predicted = predicted_labels(predictions.probabilities)

    def said(place: int) -> Sequence[str]:
        own, named = (findings.genres[int(labels[place])].name for labels in (predictions.labels, predicted))
        return answer_lines(own, named, float(predictions.probabilities[place].max()))

    told = ((predictions.keys[place], said(place)) for place in predictions.most_confident(right=right))
    return _of_books(findings, books, told, folder / f"most-confident-{'right' if right else 'mistakes'}.png")


def told_apart(findings: Findings, books: pd.DataFrame, folder: Path) -> dict[str, Gallery]:
    """Covers that only words tell, that only the picture tells, and that neither does, the most confident first.

    Under each stands what the best system that looks, and the best that reads, take it for.
    """
    kinds = ("only_reading", "only_looking", "neither_right")
    judges = looking_and_reading(judges_by_evidence(findings))
    if judges is None or judges[0][1].keys != judges[1][1].keys:
        return dict.fromkeys(kinds, Gallery())
    named = [predicted_labels(each.probabilities) for _, each in judges]
    sure = [each.probabilities.max(axis=1) for _, each in judges]
    labels, keys = judges[0][1].labels, judges[0][1].keys
    looked, read = (each == labels for each in named)

    def said(place: int) -> Iterator[str]:
        yield f"is {findings.genres[int(labels[place])].name}"
        for verb, labels_of, surely in zip(("picture", "words"), named, sure, strict=True):
            yield f"{verb}: {findings.genres[int(labels_of[place])].name}, {100 * surely[place]:.0f} %"

    found = {}
    masks = ((read & ~looked, sure[1]), (looked & ~read, sure[0]), (~looked & ~read, sure[0] + sure[1]))
    for name, (is_kind, confidence) in zip(kinds, masks, strict=True):
        places = np.argsort(-confidence, kind="stable")
        told = ((keys[place], said(place)) for place in places if is_kind[place])
        found[name] = _of_books(findings, books, told, folder / f"{name.replace('_', '-')}.png")
    return found


def doubtful(findings: Findings, books: pd.DataFrame, folder: Path) -> Gallery:
    """The books whose label is most doubtful, each with the genre that it has and the one that is suggested."""
    if findings.label_noise is None:
        return Gallery()
    table = read_table(doubtful_file(findings.study.workspace), ("key", "genre", "suggested"))
    told = ((key, (f"is: {own}", f"rather: {other}")) for key, own, other in table.itertuples(index=False))
    return _of_books(findings, books, told, folder / "doubtful-labels.png")


def prepared(findings: Findings, books: pd.DataFrame) -> list[tuple[str, list[Tile]]]:
    """The narrowest, the middle and the widest cover: each with its title, as it came, and in every preparation."""
    study = findings.study
    measured = read_sizes(findings)
    measured = measured[measured["key"].isin(books.index)]
    ordered = measured.assign(aspect=measured["width"] / measured["height"]).sort_values(["aspect", "key"])
    keys = ordered["key"].iloc[sorted({0, len(ordered) // 2, len(ordered) - 1})].tolist() if len(ordered) else []
    pictures = read_shards(study.workspace.prepared / "index", ("key", "method", "path"))
    shown = []
    for key in keys:
        book = books.loc[key]
        own = pictures[pictures["key"] == key]
        paths = {"as it came": book["path"]} | dict(zip(own["method"], own["path"], strict=True))
        names = ["as it came", *map(str, study.settings.preparation.methods)]
        files = [(name, study.workspace.root / paths[name]) for name in names if name in paths]
        sources = [(name, _source(file)) for name, file in files if file.exists()]
        tiles = [Tile(source, f"{_title(book)}, {name}", name) for name, source in sources if source]
        if len(tiles) == len(names):
            shown.append((_title(book), tiles))
    return shown


def seen(findings: Findings, *, right: bool) -> list[tuple[Tile, Tile]]:
    """The most confident right or wrong predictions, each cover beside its heat map (Grad-CAM)."""
    root = findings.study.workspace.root
    found = []
    for each in findings.insight.seen if findings.insight else []:
        cover, heat = (_source(root / path) for path in (each.cover, each.picture))
        if each.right is right and cover and heat:
            title = each.title or each.key
            said = Tile(heat, f"{title}, what the network saw", "what it saw")
            found.append((Tile(cover, title, title, each.lines), said))
    return found


def _with_covers(findings: Findings, books: pd.DataFrame, most: int) -> Iterator[list[pd.Series]]:
    """For each genre the first books, at most `most`, whose covers are there: training books before others."""
    root = findings.study.workspace.root
    ordered = books.sort_values(["label", "split", "key"], ascending=[True, False, True])
    for _, of_genre in ordered.groupby("label"):
        there = (book for _, book in of_genre.iterrows() if (root / book["path"]).is_file())
        if first := list(islice(there, most)):
            yield first


def _of_books(
    findings: Findings, books: pd.DataFrame, told: Iterable[tuple[Any, Iterable[str]]], file: Path
) -> Gallery:
    """The first of the books whose keys `told` gives, each with its title and the lines that stand beside the key."""
    known = islice(((books.loc[key], lines) for key, lines in told if key in books.index), _MOST)
    return _gallery((_captioned(findings, book, _title(book), *lines) for book, lines in known), file)


def _gallery(covers: Iterable[CaptionedCover], file: Path) -> Gallery:
    """The readable ones among `covers`, and their contact sheet in `file`."""
    read = [(cover, source) for cover in covers if (source := _source(cover.file))]
    if not read:
        return Gallery()
    write_bytes(file, encoded(contact_sheet([cover for cover, _ in read]), "PNG"))
    return Gallery(tuple(Tile(source, each.book, each.caption[0], each.caption[1:]) for each, source in read), file)


def _captioned(findings: Findings, book: pd.Series, *caption: str) -> CaptionedCover:
    return CaptionedCover(findings.study.workspace.root / book["path"], caption, _title(book))


def _source(file: Path, side: int = _TILE_SIDE) -> str:
    """A cover as the page holds it; empty where it cannot be read."""
    content = thumbnail(file, side)
    return data_uri(content, "image/webp") if content else ""


def _title(book: pd.Series) -> str:
    return str(book.get("title") or book["key"])
