"""A figure that is to be drawn: what `figures` draws, and other modules ask for."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure as Drawing

from bookcover_core.visualisation.figure_style import Theme


@dataclass(frozen=True)
class Plan:
    """A figure to draw."""

    name: str
    """Name of its files and of its place in the page."""
    caption: str
    alt: str
    """What it shows, for those who cannot see it."""
    draw: Callable[[Theme], Drawing]
    narrow: Callable[[Theme], Drawing] | None = None
    """The same for phones, where shrinking it would make it unreadable."""
