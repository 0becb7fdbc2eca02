"""A figure of a page: what is drawn, and how it becomes the files and the images of the page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from matplotlib.figure import Figure

from bookcover_core.pipeline.workspace import write_bytes
from bookcover_core.report.words import passage
from bookcover_core.visualisation.contact_sheet import data_uri
from bookcover_core.visualisation.figure_style import NARROW, adaptive, find_areas, to_png, to_svg

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
    draw: Callable[..., Figure]
    """Draws it; `width` in inches is given to one that is narrow on phones."""
    has_narrow: bool = True
    """Whether it is drawn anew for phones, where shrinking it would make it unreadable; else it is scrolled there."""

    @classmethod
    def of(cls, kind: str, draw: Callable[..., Figure], of: str = "", *, has_narrow: bool = True, **words: Any) -> Self:
        """The figure called "<kind>", or "<kind>-<of>": caption and alt are the passage "figure <kind>"."""
        caption, alt = passage(f"figure {kind}", **words)
        return cls(f"{kind}-{of}" if of else kind, caption, alt, draw, has_narrow)


@dataclass(frozen=True)
class FigureImage:
    """A figure as the page holds it: a data URI that follows the page's colours, and its size in CSS pixels.

    Its areas lead to books: see `figure_style.find_areas`.
    """

    source: str
    width: int
    height: int
    areas: list[tuple[str, float, float, float, float]]


@dataclass(frozen=True)
class ReportFigure:
    """A figure that was drawn."""

    spec: FigureSpec
    wide: FigureImage
    narrow: FigureImage | None
    """For phones; None where the wide one is scrolled there."""
    files: tuple[Path, ...]


def draw_figure(spec: FigureSpec, folder: Path) -> ReportFigure:
    """The figure of a specification, drawn, and written to `folder` as SVG and PNG."""
    drawing = spec.draw()
    svg = to_svg(drawing)
    files = (folder / f"{spec.name}.svg", folder / f"{spec.name}.png")
    write_bytes(files[0], svg.encode())
    write_bytes(files[1], to_png(drawing))
    small = spec.draw(width=NARROW) if spec.has_narrow else None
    return ReportFigure(spec, _image(drawing, svg), _image(small, to_svg(small)) if small else None, files)


def _image(drawing: Figure, svg: str) -> FigureImage:
    width, height = drawing.get_size_inches()
    source = data_uri(adaptive(svg).encode(), "image/svg+xml")
    return FigureImage(source, round(width * _PIXELS), round(height * _PIXELS), find_areas(drawing))
