"""Books, covers, curation and splits (section 3.1), and preparation (section 3.2)."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bookcover_core.settings.settings_section import OptionalPath, OptionalText, PathText, SettingsSection

# The listings of Iwana et al., as the uchidalab/book-dataset repository serves them.
_UCHIDALAB = "https://raw.githubusercontent.com/uchidalab/book-dataset/master"


class BookSource(StrEnum):
    """Where a study's books come from."""

    BOOKCOVER30 = "bookcover30"  # the listings of BookCover30 (train and test), and a pool to take replacements from
    LISTING = "listing"  # one listing; test and validation books are drawn from it, genre by genre
    FOLDER = "folder"  # a folder of pictures, one subfolder for each genre


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


class CoverSource(StrEnum):
    """Where the covers come from."""

    HTTP = "http"  # the addresses in the listing
    FOLDER = "folder"  # a local folder: FILENAME directly in it, or anywhere below it
    ARCHIVE = "archive"  # a zip file, searched the same way


PoolCovers = Literal["all", "as-needed"]


class CoverSettings(SettingsSection):
    """How covers are fetched, and what counts as one."""

    source: CoverSource = CoverSource.HTTP
    """http: the addresses in the listing. folder or archive: a local folder or zip file that holds the FILENAMEs.
    Not used with books.source = folder, whose pictures are at hand."""
    location: OptionalPath = None
    """The folder or zip file (source folder or archive)."""
    pool: PoolCovers = "all"
    """Which covers of the pool (books.pool_listing) are fetched. all: every one, as in section 3.1. as-needed: those
    that are drawn as replacements, some 600 of 150,572; docs/method.md says how, and that the same books are chosen."""
    hosts: dict[str, tuple[str, ...]] = Field(
        default={
            "ecx.images-amazon.com": (
                "https://images-na.ssl-images-amazon.com",
                "https://m.media-amazon.com",
                "http://ecx.images-amazon.com",
            )
        }
    )
    """Mirrors of a host of the listing: addresses (scheme, host, port), tried in order, in place of the host itself."""
    allowed_private_hosts: tuple[str, ...] = ()
    """Hosts that may be requested although their address is private or loopback; others of that kind are refused."""
    redirect_hosts: tuple[str, ...] = ()
    """Further hosts that a redirect may lead to, or patterns of them: "*.archive.org" for covers of Open Library."""
    proxy: Annotated[str, Field(pattern=r"^(environment|none|https?://.+)$")] = "environment"
    """The proxy that hosts are asked by: "environment" (HTTPS_PROXY and the like), "none", or its address."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    """Requests in flight to one host."""
    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 20.0
    """Requests a second to one host, at most."""
    connect_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to wait for a connection."""
    read_timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Seconds to wait for the next bytes."""
    total_timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds that one cover may take in total."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    """Attempts for one address while its failures are temporary."""
    backoff: Annotated[float, Field(ge=0, le=600)] = 1.0
    """Seconds before the second attempt; doubled, with jitter, before each further one."""
    contact: OptionalText = None
    """An address or e-mail that the User-Agent names, so that a host's owner can write to you."""
    max_bytes: Annotated[int, Field(ge=1_000)] = 10 * 1024 * 1024
    """Bytes of one picture, at most."""
    max_pixels: Annotated[int, Field(ge=1_000)] = 50_000_000
    """Pixels of one picture, at most: guards against decompression bombs."""
    min_side: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Smaller side of a cover in pixels, at least; what is smaller is a placeholder."""
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of a chunk that may fail for now (time-outs, refusals) before the chunk as a whole counts as failed."""
    max_missing_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the listed books, the pool aside, that a folder or archive may lack before the download stops: more of
    them missing means that the names do not match."""
    retry_missing: bool = False
    """Ask again for covers that their host said it does not have (404)."""

    @model_validator(mode="after")
    def _location_is_named(self) -> Self:
        if self.source is not CoverSource.HTTP and not self.location:
            raise ValueError(f'with source = "{self.source}", `location` must name the {self.source}')
        return self


Undecided = Literal["ask", "keep", "reject", "fail"]


class CurationSettings(SettingsSection):
    """Box sets, unusable covers and their replacements: section 3.1."""

    title_terms: tuple[str, ...] = ("boxed set", "boxset", "box set", "anthology", "bundle", "#-book", "# book")
    """Terms that make a title a candidate for a box set, without regard to case; # stands for a number."""
    read_box_sets: bool = False
    """Whether covers propose candidates too, by `cover_terms` read off them; it wants bookcover[text]. Every published
    book's cover is read before the review; covers of the pool, most of which no study uses, are not."""
    cover_terms: tuple[str, ...] = (
        "box set",
        "boxed set",
        "complete set",
        "complete collection",
        "volumes #-#",
        "books #-#",
        "calendar #",
    )
    """Terms that make a book a candidate where they are read on its cover and its title has them not. Spaces may be
    missing, and a hyphen may be a dash, "to", "and" or "&"."""
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
    labels: Literal["ignore", "correct", "leave-out"] = "ignore"
    """What to do with training and validation books whose label people marked as wrong (curation/labels.csv). correct:
    they are of the genre that people named, if any; leave-out: they are replaced as box sets are. Test books stay."""
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
    fold: Annotated[int, Field(ge=0, le=50)] = 0
    """Make the split fold 1, 2 ... of a cross-validation of all books, so that a sweep (splits.fold=1,2,3,4,5) measures
    every system on all of them. test_share and a source's own test listing then have no meaning. 0: no fold."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Folds of that cross-validation. The folds of repeats.folds are divided likewise."""

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Self:
        if self.fold > self.folds:
            raise ValueError(f"fold is {self.fold}, and folds is {self.folds}: folds are numbered from 1")
        return self


class Preparation(StrEnum):
    """The ways to make a cover square: section 3.2."""

    NOPREP = "noprep"  # scaled straight to the square
    PADDED = "padded"  # white borders left and right, or above and below, then scaled
    CROPPED = "cropped"  # the centre square, then scaled


class Interpolation(StrEnum):
    """How pixels are computed when a picture is scaled."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class PreparationSettings(SettingsSection):
    """How covers become squares: section 3.2."""

    methods: Annotated[tuple[Preparation, ...], Field(min_length=1)] = tuple(Preparation)
    """Ways to make a cover square."""
    size: Annotated[int, Field(ge=32, le=1024)] = 299
    """Side of the square in pixels: the largest input of the dissertation's networks."""
    interpolation: Interpolation = Interpolation.BICUBIC
    """How pixels are computed when a cover is scaled."""
    image_format: Literal["jpeg", "png"] = "jpeg"
    """Format of the prepared pictures. PNG loses nothing and is about five times as large and slow."""
    jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 95
    """Quality of prepared JPEGs, which keep full colour resolution (4:4:4)."""
    shard_records: Annotated[int, Field(ge=16, le=100_000)] = 2_000
    """Covers prepared, and their features computed, as one resumable piece."""


class SpreadingSettings(SettingsSection):
    """Preparation and features on many processes or machines at once. No result depends on it."""

    how: Literal["", "dask", "ray"] = ""
    """dask or ray: the workers of such a cluster prepare covers and compute features, a shard each at a time; it wants
    bookcover[dask] or bookcover[ray]. Empty: this run alone does."""
    workers: Annotated[int, Field(ge=1, le=1_024)] = 2
    """Workers of a cluster started on this machine for the run; each holds a network of its own in memory."""
    address: OptionalText = None
    """Address of a cluster, such as "tcp://10.0.0.5:8786" (dask) or "10.0.0.5:6379" (ray), whose machines have the same
    version, and the folder of studies at the same path or `shared_store`; none: one is started on this machine."""
