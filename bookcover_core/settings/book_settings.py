"""Where the books of a study come from: section 3.1."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bookcover_core.settings.settings_section import OptionalPath, PathText, SettingsSection

# The listings of Iwana et al., as the uchidalab/book-dataset repository serves them.
_UCHIDALAB = "https://raw.githubusercontent.com/uchidalab/book-dataset/master"


class BookSource(StrEnum):
    """Where a study's books come from."""

    BOOKCOVER30 = "bookcover30"
    """The listings of BookCover30 (train and test), and a pool to take replacements from."""
    LISTING = "listing"
    """One listing; test and validation books are drawn from it, genre by genre."""
    FOLDER = "folder"
    """A folder of pictures, one subfolder for each genre."""


ListingColumn = Literal["asin", "filename", "image_url", "title", "author", "category_id", "category"]


class BookSettings(SettingsSection):
    """Where the books come from: section 3.1."""

    source: BookSource = BookSource.BOOKCOVER30
    """bookcover30: train, test and pool listings. listing: one listing. folder: pictures in one subfolder per genre."""
    train_listing: PathText = f"{_UCHIDALAB}/Task1/book30-listing-train.csv"
    """Address or file of the training listing (source bookcover30)."""
    test_listing: PathText = f"{_UCHIDALAB}/Task1/book30-listing-test.csv"
    """Address or file of the test listing (source bookcover30)."""
    pool_listing: OptionalPath = f"{_UCHIDALAB}/Task2/book32-listing.csv"
    """Address or file of the listing that replacements come from (source bookcover30); none: nothing is replaced."""
    listing: OptionalPath = None
    """Address or file of the only listing (source listing)."""
    folder: OptionalPath = None
    """Folder with one subfolder of pictures per genre (source folder)."""
    groups: OptionalPath = None
    """File of two columns, FILENAME and group: books of one group stay on one side of a split.
    Without it, books with one main title are a group. Twins (curation.twins) always are."""
    unmatched: Literal["refuse", "skip"] = "refuse"
    """What to do when a row of `groups` names no book: stop, or go on without it."""
    columns: dict[ListingColumn, str] = Field(default={})
    """Headers of a listing's columns, where they are not found by themselves: { category = "Genre" }."""
    malformed: Literal["refuse", "skip"] = "refuse"
    """What to do when a record of a listing is malformed: stop, or go on without it and say so in the report."""
    chunk_records: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Records in a chunk of the download. The dissertation split its 207,572 into chunks of 20,000."""
    chunks: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Numbers of the chunks to download, from 1; none named: all (11 for Book32)."""

    @model_validator(mode="after")
    def _source_is_named(self) -> Self:
        if self.source is BookSource.LISTING and not self.listing:
            raise ValueError('with source = "listing", `listing` must name the file or address of the listing')
        if self.source is BookSource.FOLDER and not self.folder:
            raise ValueError('with source = "folder", `folder` must name the folder of pictures')
        return self
