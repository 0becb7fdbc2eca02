"""Can a convolutional network judge a book by its cover? The science, in plain Python.

Ground floor: `settings`, `errors`, `genres`, `pipeline`. Rooms, in the order of the data, none of which imports from
those behind it: `listings`, `covers`, `curation`, `preparation`, `models`, `training`, `evaluation`, `visualisation`,
`inference`, `report`. `python_interface` is the front door; `demo_data` is an invented publisher.
"""

from typing import TYPE_CHECKING, Any

from bookcover_core.version import __version__

if TYPE_CHECKING:
    from bookcover_core.python_interface import CoverStudy as Study

__all__ = ["Study", "__version__"]


def __getattr__(name: str) -> Any:
    """`Study`, imported when it is asked for: without it, the package imports nothing that is slow."""
    if name != "Study":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bookcover_core.python_interface import CoverStudy  # noqa: PLC0415 - as above

    return CoverStudy
