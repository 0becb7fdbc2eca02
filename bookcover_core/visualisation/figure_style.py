"""The one style of all figures: sizes in inches, type and colours, and how figures become files and images of a page.

A figure is drawn without pyplot, in any process, and gives the same bytes on every run. Colours (`figures.mplstyle`)
are told apart with any of the common colour vision deficiencies, and series differ in marker too. In a page one SVG
holds the light and the dark colours (`adaptive`).
"""

import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import blended_transform_factory

logger = logging.getLogger(__name__)

# Width of a two-column figure of most journals, and of the report's column: 183 mm.
WIDTH = 7.2

# Width of a figure on a phone, where it is drawn anew rather than shrunk: a column of most journals, 88 mm, and a bit.
NARROW = 3.65

# For genres whose names need other scripts, where one of these is installed.
_OTHER_SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Microsoft YaHei", "Arial Unicode MS")

_STYLE = mpl.rc_params_from_file(Path(__file__).with_name("figures.mplstyle"), use_default_template=False)

PAPER, INK = _STYLE["figure.facecolor"], _STYLE["text.color"]
MUTED, GRID = _STYLE["axes.edgecolor"], _STYLE["grid.color"]
_SERIES: tuple[str, ...] = tuple(_STYLE["axes.prop_cycle"].by_key()["color"])
_MARKERS = ("o", "s", "D", "^", "v", "P")

# What the colours become on dark pages: the series lightened alike.
_DARK = {
    PAPER: "#191816",
    INK: "#ece8e0",
    MUTED: "#a39d92",
    GRID: "#35332e",
    **dict(zip(_SERIES, ("#62b5e8", "#f08a4b", "#45c09a", "#dc94c0", "#e6b450", "#9fd3f2"), strict=True)),
}

# From nothing to much: one hue, which covers a light or a dark page more and more.
RAMP = LinearSegmentedColormap.from_list("ramp", [(*to_rgb("#2a7ab8"), cover) for cover in (0.0, 1.0)])

DOTTED: Any = (0, (1, 1.6))


def colour(position: int) -> str:
    """The colour of the series at `position`."""
    return _SERIES[position % len(_SERIES)]


def marker(position: int) -> str:
    """The marker of the series at `position`."""
    return _MARKERS[position % len(_MARKERS)]


@contextmanager
def drawn(width: float, height: float) -> Iterator[Figure]:
    """An empty figure, laid out so that nothing overlaps, with the style in force."""
    with mpl.rc_context(_rc()):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


@contextmanager
def panels(width: float, names: Iterable[str], height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with a panel for each of `names`, `height` inches high; labels stay at the left and at the bottom."""
    count = len(list(names))
    columns = min(count, 3) if width >= WIDTH else 1
    rows = -(-count // columns)
    with drawn(width, height * rows) as figure:
        grid = figure.subplots(rows, max(columns, 2 if width >= WIDTH else 1), squeeze=False)
        shown = list(grid[:, :columns].ravel()[:count])
        for axes in grid.ravel():
            axes.set_visible(axes in shown)
        yield figure, shown
        for place, axes in enumerate(shown):
            axes.set_ylabel(axes.get_ylabel() if place % columns == 0 else "")
            axes.set_xlabel(axes.get_xlabel() if place >= count - columns else "")


def short_name(name: str, longest: int = 32) -> str:
    """A name, cut where it would take the room of what it names."""
    return name if len(name) <= longest else name[: longest - 1].rstrip(" ,&") + "…"


def percent_axis(axis: Any) -> None:
    """Let `axis` show shares as percentages."""
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))


def row_axes(axes: Axes) -> None:
    """Let `axes` show named rows: lines go up from the numbers alone."""
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def legend_below(figure: Figure, axes: Axes, most: int = 4) -> None:
    """Name the series of `axes` under the figure, at most `most` in a row."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), most))


def panel_title(axes: Axes, title: str, text: str = "") -> None:
    """Name a panel, flush left above it; in small type under it, what follows a comma in the name, and `text`."""
    name, _, more = title.partition(", ") if text else (title, "", "")
    below = "; ".join(filter(None, [more, text]))
    axes.set_title(short_name(name), loc="left", pad=14 if below else 6)
    axes.annotate(below, (0, 1), (0, 3), "axes fraction", "offset points", fontsize=6, color=MUTED)


def leads_to(
    axes: Axes, corner: tuple[float, float], size: tuple[float, float], *, rows: bool = False, **books: str
) -> None:
    """Let a rectangle of `axes` lead to some books, told as the page of covers takes them; nothing of it is drawn.

    With `rows` it begins at the left of the figure, where the names of rows are.
    """
    area = Rectangle(corner, *size, visible=False, url=urlencode(books))
    if rows:
        area.set_bounds(0, corner[1], 1, size[1])
        area.set_transform(blended_transform_factory(axes.figure.transSubfigure, axes.transData))
    axes.add_patch(area)


def find_areas(figure: Figure) -> list[tuple[str, float, float, float, float]]:
    """The rectangles of a drawn figure that lead to books: which, left, top, width and height as shares of its size."""
    found: list[tuple[str, float, float, float, float]] = []
    for patch in figure.findobj(Rectangle):
        if books := patch.get_url():
            box = patch.get_window_extent().transformed(figure.transFigure.inverted())
            shares = box.x0, 1 - box.y1, box.width, box.height
            left, top, width, height = (round(float(share), 4) for share in shares)
            found.append((str(books), left, top, width, height))
    return found


def to_svg(figure: Figure) -> str:
    """The figure as SVG: transparent, type as outlines, the same text on every run."""
    return _saved(figure, format="svg", transparent=True, metadata={"Date": None, "Creator": None}).decode()


def to_png(figure: Figure) -> bytes:
    """The figure as PNG on white, 200 dots per inch, the same bytes on every run."""
    return _saved(figure, format="png", dpi=200, metadata={"Software": None})


def adaptive(svg: str) -> str:
    """An SVG of `to_svg` that takes its colours from the reader's colour scheme, for pages; it needs a browser."""
    names = {value: f"--c{number}" for number, value in enumerate(_DARK)}
    light, dark = (
        "".join(f"{name}:{values[value]};" for value, name in names.items())
        for values in ({value: value for value in _DARK}, _DARK)
    )
    # A hundredth of a point is more than a screen shows, and a fifth of the file.
    svg = re.sub(r"(?<![\d.])([1-9]\d*\.\d\d)\d+", r"\1", svg)
    themed = re.sub(rf"({'|'.join(_DARK)})(?![0-9a-f])", lambda found: f"var({names[found[1]]})", svg)
    style = f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return themed.replace("<defs>", f"<defs>{style}", 1)


def _saved(figure: Figure, **how: Any) -> bytes:
    """A figure as a file, with the style in force, when its last ticks and grid lines come into being."""
    buffer = io.BytesIO()
    with mpl.rc_context(_rc()), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if engine := figure.get_layout_engine():
            # Once: matplotlib would lay it out for each file, and draw it twice.
            engine.execute(figure)
            figure.set_layout_engine(None)
        figure.savefig(buffer, **how)
    missing = [warning for warning in caught if "missing from font" in str(warning.message)]
    if missing:
        logger.warning("a figure shows boxes for %d characters that no font here has", len(missing))
    for warning in caught:
        if warning not in missing:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return buffer.getvalue()


@cache
def _rc() -> Any:
    """The style, with the fonts of this machine that stand in for the characters that its own lacks."""
    installed = set(font_manager.get_font_names())
    fonts = [*_STYLE["font.sans-serif"], *(name for name in _OTHER_SCRIPTS if name in installed)]
    return {**_STYLE, "font.sans-serif": fonts}
