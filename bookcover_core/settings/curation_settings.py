"""Box sets, near duplicates, replacements and splits: section 3.1."""

from typing import Annotated, Literal

from pydantic import Field

from bookcover_core.settings.settings_section import SettingsSection

Undecided = Literal["ask", "keep", "reject", "fail"]


class CurationSettings(SettingsSection):
    """Box sets, unusable covers and their replacements: section 3.1."""

    title_terms: tuple[str, ...] = ("boxed set", "boxset", "box set", "anthology", "bundle", "#-book", "# book")
    """Terms that make a title a candidate for a box set, without regard to case; # stands for a number."""
    undecided: Undecided = "ask"
    """What to do with candidates that nobody has decided on. ask: wait until people have, on the review page or in the
    dashboard; keep or reject them and go on, for studies that nobody attends to; fail: stop."""
    unmatched: Literal["refuse", "skip"] = "refuse"
    """What to do when a decision names no book: stop, or go on without it."""
    pool_exhausted: Literal["shrink", "short", "fail"] = "short"
    """When a genre's pool has no replacement left: shrink all genres alike, leave the genre short, or fail."""
    train_on_pool: bool = False
    """Whether the pool's other books are training books too: a far greater dataset, which section 5.4 asks for. Left
    out are box sets that nobody has kept, pictures that are there already, and books of a group that has a validation
    or test book. The test books stay as they are; a genre is then seen as often as the pool has it."""
    twins: Literal["near", "exact", "none"] = "near"
    """Which books are twins (near duplicates), and stay on one side of a split. near: those whose covers look the same;
    exact: those whose covers are the same file. none: nobody looks, as in section 3.1."""
    twin_distance: Annotated[int, Field(ge=0, le=16)] = 6
    """Bits of 64 in which the perceptual hashes of near twins differ, at most. On real covers 28 of 35 pairs within 6
    bits are one picture, and 18 of 22 within 4; the others are volumes of one series."""


class SplitSettings(SettingsSection):
    """Training, validation and test books: section 3.1."""

    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of each genre's training books that is held out for validation."""
    grouped: bool = True
    """Whether books of one group (one title, one picture, a line of books.groups) stay on one side where books are
    drawn; false: each book is drawn by itself, as in section 3.1."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of each genre's books drawn for the test, where the source brings no test listing."""
    by_title: bool = True
    """Whether volumes of a series, editions of several years, and books of one main title stay on one side whatever
    books.groups says; else its groups stand, and the main title counts for the books that it does not name."""
