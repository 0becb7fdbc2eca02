"""Matching of names that people and programs wrote differently: FILENAMEs and files, rows of a table and books.

docs/covers-as-they-come.md has the rules: the whole path, the path below or without other folders, then the last part
alone; each as written, in an equivalent form, and without its suffix. What finds several names is ambiguous.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from bookcover_core.listings.image_files import SUFFIXES

Form = Callable[[str], str]

# Names in which nothing but the case is to be evened out: nearly all, and quickly told.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class NameMatch(NamedTuple):
    """What was found for a name."""

    names: tuple[str, ...]  # those that fit by the deciding rule; none: nothing was found
    is_exact: bool = True  # whether the name was found as written, its folders aside
    is_ambiguous: bool = False  # several names fit, or one name fits several wanted ones: nothing may be taken


def as_written(name: str) -> str:
    """The name itself."""
    return name


def equivalent(name: str) -> str:
    """One form for all names that differ in case, Unicode composition, slashes, or spaces around a part."""
    if _PLAIN.fullmatch(name):
        return name.lower()
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part for each in parts if (part := each.strip()) not in {"", "."}).casefold()


def without_suffix(name: str) -> str:
    """The equivalent form without the suffix of an image."""
    plain = equivalent(name)
    stem, suffix = os.path.splitext(plain)  # noqa: PTH122 - a name, not a path
    return stem.rstrip() if suffix in SUFFIXES else plain


def without_zeros(name: str) -> str:
    """The form without suffix and without leading zeros of the last part, which spreadsheets drop."""
    path, slash, last = without_suffix(name).rpartition("/")
    return path + slash + (last.lstrip("0") or "0")


# Forms in which a FILENAME may name a file, and a row of a table, which may have gone through a spreadsheet, a book.
FILE_FORMS: tuple[Form, ...] = (as_written, equivalent, without_suffix)
TABLE_FORMS: tuple[Form, ...] = (*FILE_FORMS, without_zeros)


class NameIndex:
    """The `names` that there are, paths with forward slashes, to be found by `forms`, the strictest first.

    `wanted` are all names that will be looked up: what one of them names as written is not given to another, and what
    several of them find is ambiguous. They are read once, and only if some name is not found as written.
    """

    def __init__(self, names: Iterable[str], wanted: Iterable[str] = (), forms: Sequence[Form] = FILE_FORMS) -> None:
        self._names = frozenset(names)
        self._all_wanted = wanted
        self._forms = forms
        self._by_end: dict[Form, defaultdict[str, list[tuple[str, str]]]] = {}
        self._takers: dict[str, Counter[str]] = {}

    def find(self, wanted: str, folders: Collection[str] = ()) -> NameMatch:
        """The name that `wanted` means; of several that fit, the one in a folder that is called as one of `folders`."""
        if wanted in self._names:
            return NameMatch((wanted,))
        found, form, is_alone = self._search(wanted)
        if not found:
            return NameMatch(())
        if len(found) > 1 and folders:
            named = {equivalent(folder) for folder in folders}
            found = [name for name in found if named & set(equivalent(name).split("/")[:-1])] or found
        rivals = self._rivals.get(_last(without_suffix(wanted)), [])
        is_shared = (is_alone and len(rivals) > 1) or (len(found) == 1 and self._count_takers(wanted)[found[0]] > 1)
        return NameMatch(tuple(sorted(found)), form is as_written, len(found) > 1 or is_shared)

    def _search(self, wanted: str) -> tuple[list[str], Form, bool]:
        """The names that fit by the first rule that finds any, the form, and whether their last parts alone fit."""
        nearby: tuple[list[str], Form, bool] = ([], as_written, True)
        for form in self._forms:
            path = form(wanted)
            ends = list(_ends(path))
            index = self._index(form)
            below = [each for each in index.get(path, ()) if self._is_free(each[0], wanted, form)]
            shorter = [each for end in ends[1:-1] for each in index.get(end, ()) if each[1] == end]
            for found in (
                [name for name, candidate in below if candidate == path],
                [name for name, _ in below],
                [name for name, _ in shorter if self._is_free(name, wanted, form)],
            ):
                if found:
                    return found, form, False
            if not nearby[0]:
                alone = index.get(ends[-1], ())
                nearby = ([name for name, _ in alone if self._is_free(name, wanted, form)], form, True)
        return nearby

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset(self._all_wanted)

    @cached_property
    def _rivals(self) -> dict[str, list[str]]:
        rivals: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._wanted:
            rivals[_last(without_suffix(name))].append(name)
        return rivals

    def _count_takers(self, wanted: str) -> Counter[str]:
        """How many of the names that share `wanted`'s last part find each name."""
        last = _last(without_suffix(wanted))
        if last not in self._takers:
            self._takers[last] = Counter(
                name
                for rival in self._rivals.get(last, ())
                for name in ((rival,) if rival in self._names else self._search(rival)[0])
            )
        return self._takers[last]

    @cached_property
    def _claimed(self) -> frozenset[str]:
        return frozenset(map(_last, self._wanted))

    def _is_free(self, name: str, wanted: str, form: Form) -> bool:
        """Whether no other wanted name means `name` as written."""
        return form is as_written or _last(name) not in self._claimed or _last(name) == _last(wanted)

    def _index(self, form: Form) -> Mapping[str, list[tuple[str, str]]]:
        """Names and their paths in one form, by every end of the path."""
        if form not in self._by_end:
            by_end = self._by_end.setdefault(form, defaultdict(list))
            for name in self._names:
                path = form(name)
                for end in _ends(path):
                    by_end[end].append((name, path))
        return self._by_end[form]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _ends(path: str) -> Iterator[str]:
    """A path, then what is left of it without its first folder, and so on: "a/b/c", "b/c", "c"."""
    yield path
    while "/" in path:
        path = path.partition("/")[2]
        yield path


class BookNames:
    """The books of a study, given by key, FILENAME and category, under what a row of a table calls them."""

    def __init__(self, books: Iterable[tuple[str, str, str]]) -> None:
        self._key_of: dict[str, str] = {}
        self._keys: set[str] = set()
        for key, filename, category in books:
            self._keys.add(key)
            self._key_of[key] = self._key_of[f"{category}/{filename}"] = key

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self._key_of, forms=TABLE_FORMS)

    def has(self, key: str) -> bool:
        """Whether a book has this very key."""
        return key in self._keys

    def find(self, name: str) -> str | None:
        """The key of the book that `name` means; None where it means none, or several."""
        if name in self._keys:
            return name
        keys = {self._key_of[found] for found in self._index.find(name).names}
        return keys.pop() if len(keys) == 1 else None
