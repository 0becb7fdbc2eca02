"""Systems that read, beside those that look: what a listing says of a book, and the words on its cover."""

from typing import Annotated, Literal

from pydantic import Field

from bookcover_core.settings.settings_section import PathText, SettingsSection


class TextSettings(SettingsSection):
    """How much of a genre is in the words. `ensemble.fusions` and `ensemble.members` join readers with networks."""

    systems: tuple[Literal["Title", "TitleAuthor", "CoverText"], ...] = ()
    """Title: reads the title as the listing prints it. TitleAuthor: the title and the author. CoverText: the words on
    the cover (`reading`). None: nothing is read."""
    listings: tuple[PathText, ...] = ()
    """More listings, files or addresses, to learn from: only titles, authors and genres are taken, and no cover is
    wanted. Validation and test books, their other editions and their twins are left out."""
    strengths: Annotated[tuple[Annotated[float, Field(gt=0, le=1e6)], ...], Field(min_length=1)] = (4.0, 16.0, 64.0)
    """Inverse strengths of the L2 penalty (C) that are tried; validation loss chooses."""


class ReadingSettings(SettingsSection):
    """Words read off covers (PP-OCRv6 small), where something asks for them; it wants bookcover[text]."""

    side: Annotated[int, Field(ge=160, le=2048)] = 640
    """Longer side in pixels that a cover is scaled to before it is read. Half as long takes 0.6 of the time, and finds
    fewer of the small words."""
    enlarge: bool = True
    """Enlarge smaller covers to `side` as well: what is small on a small scan is found then."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the reader computes in. bfloat16: faster on processors that have it, and refused on others; a few words
    come out differently."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Words that the reader is less sure of are kept, and not used."""
