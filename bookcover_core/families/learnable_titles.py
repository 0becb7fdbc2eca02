"""Titles that a system may learn from: those of all records of the listings that nothing is tested on.

What would give a validation or test book away is left out: the book itself, its other editions (the same main title,
accents and a leading article aside, by authors with a word in common or one that a listing leaves out), and books that
show the same cover.
"""

import logging
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bookcover_core.curation.label_marks import wrong_labels
from bookcover_core.curation.near_duplicates import read_duplicates
from bookcover_core.genres import genre_form
from bookcover_core.listings.book_groups import title_group
from bookcover_core.listings.books import TEST, BookText, each_book, read_genres
from bookcover_core.listings.raw_files import raw_file
from bookcover_core.listings.records import MalformedRecord, read_records
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)


def more_listings(settings: StudySettings) -> Iterator[tuple[str, str]]:
    """Name and source of each listing that only titles are taken from."""
    return ((f"titles-{number}", source) for number, source in enumerate(settings.text.listings, start=1))


@dataclass
class LearnableTitles:
    """Texts with their genres, and what became of all records."""

    texts: list[BookText] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    untitled: list[tuple[str, int]] = field(default_factory=list)
    """Key and label of records without a title, whose covers may be learnt from all the same."""
    counts: Counter[str] = field(default_factory=Counter)
    """Records by what became of them: "learnt from", "held out", "other editions", "without a title", "malformed" …"""


class HeldOut:
    """The validation and test books, and what would give one away: `pictures` has the cluster of each shared cover."""

    def __init__(self, held: Iterable[tuple[str, BookText]], pictures: dict[str, str]) -> None:
        texts, self._pictures = dict(held), pictures
        self._keys = texts.keys()
        self._authors: defaultdict[str, list[frozenset[str]]] = defaultdict(list)
        for key, text in texts.items():
            self._authors[_work(text.title, key)].append(_names(text.author))
        self._shown = {pictures[key] for key in texts if key in pictures}

    def why(self, key: str, text: BookText) -> str:
        """Why nothing may be learnt from this record; empty where it may."""
        if key in self._keys:
            return "held out"
        names = _names(text.author)
        if any(not names or not each or names & each for each in self._authors.get(_work(text.title, key), ())):
            return "other editions"
        return "twins" if self._pictures.get(key) in self._shown else ""


def learnable_titles(study: Study) -> LearnableTitles:
    """The titles and authors that the study's readers of titles learn from."""
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int64").set_index("key")
    splits, own = books["split"].to_dict(), books["label"].to_dict()  # labels as people have corrected them
    left = wrong_labels(study) if study.settings.curation.labels == "leave-out" else ()
    labels = {genre_form(genre.name): genre.label for genre in read_genres(study.workspace)}
    held = [
        (book.key, BookText(book.title, book.author))
        for book in each_book(study.workspace)
        if splits.get(book.key, book.role) in {"validation", TEST}
    ]
    held_out = HeldOut(held, {each.key: each.cluster for each in read_duplicates(study.workspace)})
    found = LearnableTitles()
    skipped: list[MalformedRecord] = []
    for key, category, text in _records(study, skipped):
        label = own.get(key, labels.get(genre_form(category)))
        why = "of other genres" if label is None else held_out.why(key, text) or ("marked wrong" if key in left else "")
        found.counts[why or ("learnt from" if text.title else "without a title")] += 1
        if why or label is None:
            continue
        if text.title:
            found.texts.append(text)
            found.labels.append(label)
            found.keys.append(key)
        else:
            found.untitled.append((key, label))
    found.counts += Counter(["malformed"] * len(skipped))
    logger.info("titles: %s", ", ".join(f"{what} {count:,}" for what, count in sorted(found.counts.items())))
    return found


def _records(study: Study, skipped: list[MalformedRecord]) -> Iterator[tuple[str, str, BookText]]:
    """Key, category and text of each record, that of a key which several listings have once; malformed: `skipped`."""
    seen = set()
    for book in each_book(study.workspace):
        seen.add(book.key)
        yield book.key, book.category, BookText(book.title, book.author)
    columns = {str(column): header for column, header in study.settings.books.columns.items()}
    for name, _ in more_listings(study.settings):
        file = raw_file(study, name)
        for record in read_records(file, name=str(file), columns=columns, skipped=skipped):
            if record.key not in seen:
                seen.add(record.key)
                yield record.key, record.category, BookText(record.title, record.author)


_ARTICLE = re.compile(r"^(the|an?) +", re.IGNORECASE)
_INITIAL = 3  # letters of a word of an author's name, at least, that is no initial


def _work(title: str, key: str) -> str:
    """What the editions of a book have in common."""
    return title_group(_ARTICLE.sub("", _without_accents(title)), key)


def _names(author: str) -> frozenset[str]:
    """The words of an author's name, without initials where there are others: "C. S. Lewis", "Clive Staples Lewis"."""
    words = frozenset(re.findall(r"\w+", _without_accents(author).casefold()))
    return frozenset(word for word in words if len(word) >= _INITIAL) or words


def _without_accents(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
