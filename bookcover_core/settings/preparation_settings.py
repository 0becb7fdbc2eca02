"""How covers become squares, and how shards are spread: section 3.2."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bookcover_core.settings.settings_section import OptionalText, SettingsSection


class Preparation(StrEnum):
    """The ways to make a cover square: section 3.2."""

    NOPREP = "noprep"
    """Scaled straight to the square."""
    PADDED = "padded"
    """White borders left and right, or above and below, then scaled."""
    CROPPED = "cropped"
    """The centre square, then scaled."""


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
    """dask or ray: covers are prepared, and features computed, by the workers of such a cluster, a shard
    (preparation.shard_records) each at a time; it wants bookcover[dask] or bookcover[ray]. Empty: by this run alone, a
    shard after the other."""
    workers: Annotated[int, Field(ge=1, le=1_024)] = 2
    """Workers of a cluster on this machine, which is started for the run and ends with it. They share its cores. Each
    holds a network of its own in memory."""
    address: OptionalText = None
    """Address of a cluster that is there already, such as "tcp://10.0.0.5:8786" (dask) or "10.0.0.5:6379" (ray); none:
    one is started on this machine. Its machines see the folder of studies at the same path, and run the same version
    of this project."""
