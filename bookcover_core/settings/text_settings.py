"""Systems that read what is said of a book in words, beside those that look at its cover."""

from typing import Annotated, Literal

from pydantic import Field

from bookcover_core.settings.settings_section import PathText, SettingsSection


class TextSettings(SettingsSection):
    """Readers of titles: how much of a genre is in the words. `ensemble.members` joins them with networks."""

    systems: tuple[Literal["Title", "TitleAuthor"], ...] = ()
    """Title: reads the title as the listing prints it. TitleAuthor: the title and the author. None: nothing is read."""
    listings: tuple[PathText, ...] = ()
    """More listings, files or addresses, to learn from: only titles, authors and genres are taken, and no cover is
    wanted. Validation and test books, their other editions and their twins are left out."""
    strengths: Annotated[tuple[Annotated[float, Field(gt=0, le=1e6)], ...], Field(min_length=1)] = (4.0, 16.0, 64.0)
    """Inverse strengths of the L2 penalty (C) that are tried; validation loss chooses."""
