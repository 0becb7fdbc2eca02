"""The one style of all figures: sizes, type and colours, for light and for dark pages, and how figures become files.

A figure is drawn by a function that takes a `Theme` and returns a matplotlib `Figure`, without pyplot: nothing global
is touched, and figures can be drawn in any process. The same figure gives the same bytes on every run.

Colours are told apart by people with any of the common colour vision deficiencies: Okabe and Ito (2008), "Color
Universal Design". Series differ in marker and line too, so that a figure survives a black-and-white printer.
"""

import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bookcover_core.evaluation.intervals import Estimate

logger = logging.getLogger(__name__)

# Width of a two-column figure of most journals, and of the report's column: 183 mm.
WIDTH = 7.2

# Width of a figure on a phone, where it is drawn anew rather than shrunk: a column of most journals, 88 mm, and a bit.
NARROW = 3.65

# Dots per inch of PNG files.
_PNG_DPI = 200

# Comes with matplotlib: the same figure on every machine.
_FONT = "DejaVu Sans"

# For genres whose names need other scripts, where one of these is installed.
_OTHER_SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "Microsoft YaHei", "Arial Unicode MS")

# Longer names of genres are cut on axes.
_LONGEST_NAME = 32

DOTTED: Any = (0, (1, 1.6))

_MARKERS = ("o", "s", "D", "^", "v", "P")
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), "-.", (0, (3, 1, 1, 1, 1, 1)), (0, (7, 2)))


@dataclass(frozen=True)
class Theme:
    """The colours of a figure."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]
    """From nothing to much, of one hue, evenly in lightness."""

    def colour(self, position: int) -> str:
        """The colour of the series at `position`."""
        return self.series[position % len(self.series)]

    @property
    def colormap(self) -> LinearSegmentedColormap:
        """The ramp, as matplotlib wants it."""
        return LinearSegmentedColormap.from_list(f"ramp-{self.name}", list(self.ramp))


# Blue, vermilion, bluish green, reddish purple, orange and sky blue of Okabe and Ito; on dark, lightened alike.
LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1d1c1a",
    muted="#6b6862",
    grid="#e4e1da",
    series=("#0072b2", "#d55e00", "#00805d", "#a5558a", "#b27700", "#2c8fc4"),
    ramp=("#ffffff", "#dbe7f0", "#9fc3dd", "#5596c2", "#1d6399", "#0a3257"),
)
DARK = Theme(
    name="dark",
    paper="#191816",
    ink="#ece8e0",
    muted="#a39d92",
    grid="#35332e",
    series=("#62b5e8", "#f08a4b", "#45c09a", "#dc94c0", "#e6b450", "#9fd3f2"),
    ramp=("#191816", "#1c3145", "#1f5077", "#2f7db3", "#77b5de", "#e3f1fb"),
)


def marker(position: int) -> str:
    """The marker of the series at `position`."""
    return _MARKERS[position % len(_MARKERS)]


def line(position: int) -> Any:
    """The line style of the series at `position`."""
    return _LINES[position % len(_LINES)]


@contextmanager
def applied(theme: Theme) -> Iterator[None]:
    """The style in force while a figure is drawn."""
    rc: Any = _rc(theme)
    with mpl.rc_context(rc):
        yield


@contextmanager
def drawn(theme: Theme, width: float, height: float) -> Iterator[Figure]:
    """An empty figure of `width` by `height` inches, laid out so that nothing overlaps, with the style in force."""
    with applied(theme):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


def short_name(name: str) -> str:
    """The name of a genre, cut where it would take the room of what it names."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def percent_axis(axis: Any) -> None:
    """Let `axis` show shares as percentages."""
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))


def rows_of_shares(axes: Axes) -> None:
    """Let `axes` show rows of percentages: named on the left without a line, read off along vertical lines."""
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    percent_axis(axes.xaxis)


def interval_row(axes: Axes, place: float, estimate: Estimate, colour: str, **point: Any) -> None:
    """Draw an estimate as a point on its interval, at a row of `axes`; `point` as for `Axes.plot`."""
    axes.hlines(place, estimate.low, estimate.high, color=colour, linewidth=1.5, alpha=0.7)
    axes.plot(estimate.value, place, **({"marker": "o"} | point), color=colour)


def label_beside(axes: Axes, text: str, at: tuple[float, float], *, gap: float = 4, **font: Any) -> None:
    """Write `text` to the right of a point, `gap` points away; `font` as for `Axes.annotate`."""
    font = {"fontsize": 6.8} | font
    axes.annotate(text, at, xytext=(gap, 0), textcoords="offset points", va="center", **font)


def chance_line(axes: Axes, chance: float, theme: Theme, linewidth: float = 0.8) -> None:
    """Mark chance by a dotted line from top to bottom."""
    axes.axvline(chance, color=theme.ink, linewidth=linewidth, linestyle=DOTTED)


def bands(axes: Axes, places: Iterable[int], theme: Theme) -> None:
    """Shade rows of `axes`, so that an eye finds its way along them."""
    for place in places:
        axes.axhspan(place - 0.5, place + 0.5, color=theme.grid, alpha=0.45, linewidth=0, zorder=0)


def legend_below(figure: Figure, axes: Axes, most: int | None = None) -> None:
    """Name the series of `axes` under the figure, at most `most` in a row; none: all in one."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), most or len(labels)))


def panels(figure: Figure, count: int, columns: int) -> Iterator[tuple[Axes, bool, bool]]:
    """`count` panels in a grid of `columns`, each with whether it stands at the left and at the bottom of it."""
    grid = figure.subplots(-(-count // columns), columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_visible(False)
    for place, axes in enumerate(grid[:count]):
        yield axes, place % columns == 0, place >= count - columns


def panel_title(axes: Axes, text: str) -> None:
    """Name a panel, flush left above it."""
    axes.set_title(text, loc="left")


def to_svg(figure: Figure, theme: Theme = LIGHT, *, like: Figure | None = None) -> str:
    """The figure as SVG: transparent, type as outlines, the same text on every run.

    Args:
        figure: The figure.
        theme: The colours that it was drawn in.
        like: A figure that is in its files already and differs in nothing but colours: what it took seconds to lay out
            is taken over.
    """
    buffer = io.StringIO()
    with _rendering(theme):
        _lay_out(figure, like)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_png(figure: Figure, theme: Theme = LIGHT) -> bytes:
    """The figure as PNG on its paper, 200 dots per inch, the same bytes on every run."""
    buffer = io.BytesIO()
    with _rendering(theme):
        _lay_out(figure)
        figure.savefig(buffer, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _lay_out(figure: Figure, like: Figure | None = None) -> None:
    """Give the axes of a figure their places, if they have none yet; matplotlib would for each file, and draw twice."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    if like is None:
        engine.execute(figure)
    else:
        for axes, placed in zip(figure.axes, like.axes, strict=True):
            axes.set_position(placed.get_position(original=True))
    figure.set_layout_engine(None)


@contextmanager
def _rendering(theme: Theme) -> Iterator[None]:
    """The style in force while a figure is rendered, when its last ticks and grid lines come into being."""
    with applied(theme), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = [warning for warning in caught if "missing from font" in str(warning.message)]
    if missing:
        logger.warning("a figure shows boxes for %d characters that no font here has", len(missing))
    for warning in caught:
        if warning not in missing:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@cache
def _fonts() -> list[str]:
    """The font of the figures, and those that stand in for the characters it lacks."""
    installed = set(font_manager.get_font_names())
    return [_FONT, *(name for name in _OTHER_SCRIPTS if name in installed)]


def _rc(theme: Theme) -> dict[str, Any]:
    return {
        "font.family": "sans-serif",
        "font.sans-serif": _fonts(),
        "font.size": 7.5,
        "text.parse_math": False,  # a genre may be called "$1 meals"
        "svg.hashsalt": "bookcover",
        "svg.fonttype": "path",
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": "none",
        "axes.edgecolor": theme.muted,
        "axes.linewidth": 0.6,
        "axes.labelcolor": theme.ink,
        "axes.labelsize": 7.5,
        "axes.titlesize": 8,
        "axes.titleweight": "bold",
        "axes.titlecolor": theme.ink,
        "axes.titlepad": 6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": theme.grid,
        "grid.linewidth": 0.6,
        "text.color": theme.ink,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "legend.frameon": False,
        "legend.fontsize": 7,
        "legend.labelcolor": theme.ink,
        "lines.linewidth": 1.2,
        "lines.markersize": 4,
    }
