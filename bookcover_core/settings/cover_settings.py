"""How covers are fetched and checked: section 3.1."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from bookcover_core.settings.settings_section import OptionalPath, OptionalText, SettingsSection


class CoverSource(StrEnum):
    """Where the covers come from."""

    HTTP = "http"
    """The addresses in the listing."""
    FOLDER = "folder"
    """A local folder: FILENAME directly in it, or anywhere below it."""
    ARCHIVE = "archive"
    """A zip file, searched the same way."""


class CoverSettings(SettingsSection):
    """How covers are fetched, and what counts as one."""

    source: CoverSource = CoverSource.HTTP
    """http: the addresses in the listing. folder or archive: a local folder or zip file that holds the FILENAMEs.
    Not used with books.source = folder, whose pictures are at hand."""
    location: OptionalPath = None
    """The folder or zip file (source folder or archive)."""
    hosts: dict[str, tuple[str, ...]] = Field(
        default={
            "ecx.images-amazon.com": (
                "https://images-na.ssl-images-amazon.com",
                "https://m.media-amazon.com",
                "http://ecx.images-amazon.com",
            )
        }
    )
    """Mirrors of a host of the listing: addresses (scheme, host, port), tried in order. A host that is not named is
    requested itself."""
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
