"""Matching of names that people and programs wrote differently: FILENAMEs and files, rows of a table and books.

docs/covers-as-they-come.md has the rules: the whole path, the path below or without other folders, then the last part
alone; each as written, in an equivalent form, and without its suffix. What finds several names is ambiguous.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from bookcover_core.listings.image_files import SUFFIXES

Form = Callable[[str], str]

# Names in which nothing but the case is to be evened out: nearly all, and quickly told.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class NameMatch(NamedTuple):
    """What was found for a name."""

    names: tuple[str, ...]
    """The names that fit by the deciding rule; none: nothing was found."""
    is_exact: bool = True
    """Whether the name was found as written, its folders aside."""
    is_ambiguous: bool = False
    """Whether nothing may be taken: several names fit, or one name fits several wanted ones."""


NOTHING = NameMatch(())


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


FILE_FORMS: tuple[Form, ...] = (as_written, equivalent, without_suffix)
"""Forms in which a FILENAME may name a file."""

TABLE_FORMS: tuple[Form, ...] = (*FILE_FORMS, without_zeros)
"""Forms in which a row of a table may name a book: it may have gone through a spreadsheet."""


class NameIndex:
    """Names to be found.

    Args:
        names: The names that there are: paths with forward slashes.
        wanted: All names that will be looked up: what one of them names as written is not given to another. They are
            read once, and only if some name is not found as written.
        forms: Forms in which names are compared, the strictest first.
    """

    def __init__(self, names: Iterable[str], wanted: Iterable[str] = (), forms: Sequence[Form] = FILE_FORMS) -> None:
        self._names = list(names)
        self._all_wanted = wanted
        self._forms = forms
        self._by_last: dict[Form, dict[str, list[tuple[str, str]]]] = {}

    def find(self, wanted: str, folders: Collection[str] = ()) -> NameMatch:
        """The name that `wanted` means.

        Args:
            wanted: The name.
            folders: Of several names that fit, one in a folder called so (its genre) is taken.
        """
        nearby: list[tuple[Form, list[str]]] = []
        for form in self._forms:
            path = form(wanted)
            same_last = [
                each for each in self._index(form).get(_last(path), ()) if self._is_free(each[0], wanted, form)
            ]
            for fits in _PATH_RULES:
                if found := [name for name, candidate in same_last if fits(path, candidate)]:
                    return self._decide(found, wanted, folders, form, is_alone=False)
            if same_last:
                nearby.append((form, [name for name, _ in same_last]))
        if not nearby:
            return NOTHING
        form, found = nearby[0]
        return self._decide(found, wanted, folders, form, is_alone=True)

    def _decide(
        self, found: Sequence[str], wanted: str, folders: Collection[str], form: Form, *, is_alone: bool
    ) -> NameMatch:
        is_exact = form is as_written
        if len(found) > 1 and folders:
            named = {equivalent(folder) for folder in folders}
            found = [name for name in found if named & set(equivalent(name).split("/")[:-1])] or found
        rivals = 0
        if is_alone or form not in {as_written, equivalent}:
            rivals = self._rivals[_last(without_suffix(wanted))] - 1
        return NameMatch(tuple(sorted(found)), is_exact, len(found) > 1 or rivals > 0)

    @cached_property
    def _wanted(self) -> list[str]:
        return list(self._all_wanted)

    @cached_property
    def _rivals(self) -> Counter[str]:
        """How many wanted names share a last part."""
        return Counter(_last(without_suffix(name)) for name in self._wanted)

    @cached_property
    def _claimed(self) -> frozenset[str]:
        """Last parts of the wanted names."""
        return frozenset(map(_last, self._wanted))

    def _is_free(self, name: str, wanted: str, form: Form) -> bool:
        """Whether no other wanted name means `name` as written."""
        return form is as_written or _last(name) not in self._claimed or _last(name) == _last(wanted)

    def _index(self, form: Form) -> dict[str, list[tuple[str, str]]]:
        """Names and their paths in one form, by last part."""
        if form not in self._by_last:
            by_last: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
            for name in self._names:
                path = form(name)
                by_last[_last(path)].append((name, path))
            self._by_last[form] = dict(by_last)
        return self._by_last[form]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


# The same path; a longer one; a shorter one that still names a folder.
_PATH_RULES: tuple[Callable[[str, str], bool], ...] = (
    lambda path, candidate: candidate == path,
    lambda path, candidate: candidate.endswith(f"/{path}"),
    lambda path, candidate: "/" in candidate and path.endswith(f"/{candidate}"),
)


class BookNames:
    """The books of a study, by what a row of a table calls them: key, FILENAME, or both below their genre.

    Args:
        books: Key, FILENAME and category of each.
    """

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
