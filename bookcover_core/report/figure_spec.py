"""A figure of a page: what is drawn, and how it becomes the files and the images of the page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from bookcover_core.pipeline.workspace import write_bytes
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.contact_sheet import data_uri
from bookcover_core.visualisation.figure_style import DARK, LIGHT, NARROW, WIDTH, Theme

# CSS pixels in an inch.
_PIXELS = 96


@dataclass(frozen=True)
class FigureSpec:
    """A figure to draw."""

    name: str
    """Name of its files and of its place in the page."""
    caption: str
    alt: str
    """What it shows, for those who cannot see it."""
    draw: Callable[[Theme, float], Figure]
    """Draws it in a theme and a width in inches."""
    has_narrow: bool = True
    """Whether it is drawn anew for phones, where shrinking it would make it unreadable; else it is scrolled there."""


@dataclass(frozen=True)
class FigureImage:
    """A figure as the page holds it."""

    light: str
    """Data URI of the SVG for light pages."""
    dark: str
    """Data URI of the SVG for dark pages."""
    width: int
    """In CSS pixels."""
    height: int


@dataclass(frozen=True)
class ReportFigure:
    """A figure that was drawn."""

    name: str
    caption: str
    alt: str
    wide: FigureImage
    narrow: FigureImage | None
    """For phones; None where the wide one is scrolled there."""
    files: tuple[Path, ...]


def draw_figure(spec: FigureSpec, folder: Path) -> ReportFigure:
    """The figure of a specification, drawn for light and dark pages, and written to `folder` as SVG and PNG."""
    drawing = spec.draw(LIGHT, WIDTH)
    svg = figure_style.to_svg(drawing).encode()
    files = (folder / f"{spec.name}.svg", folder / f"{spec.name}.png")
    write_bytes(files[0], svg)
    write_bytes(files[1], figure_style.to_png(drawing))
    narrow = None
    if spec.has_narrow:
        small = spec.draw(LIGHT, NARROW)
        narrow = _image(small, figure_style.to_svg(small).encode(), spec.draw(DARK, NARROW))
    wide = _image(drawing, svg, spec.draw(DARK, WIDTH))
    return ReportFigure(spec.name, spec.caption, spec.alt, wide, narrow, files)


def _image(drawing: Figure, light: bytes, dark: Figure) -> FigureImage:
    width, height = drawing.get_size_inches()
    return FigureImage(
        light=data_uri(light, "image/svg+xml"),
        dark=data_uri(figure_style.to_svg(dark, DARK, like=drawing).encode(), "image/svg+xml"),
        width=round(width * _PIXELS),
        height=round(height * _PIXELS),
    )
