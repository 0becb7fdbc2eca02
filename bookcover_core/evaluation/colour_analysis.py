"""The colour of each genre (Figure 5.3), and colour distance against recall (Figure 5.4).

Figure 5.4 compares two numbers of each genre: the recall, and the distance between the mean colour of the
test books that are of the genre and that of the test books that the network puts into it. Equation 5.1 prints the last
term squared twice; the Euclidean distance is meant, and is what is computed here.

The dissertation names the flaw of this comparison itself: a network that predicts a genre correctly matches its colour
by that alone. So the distance is also given for the books that were put into the genre wrongly.
"""

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.evaluation.correlation import Correlation, pearson, spearman
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import Floats, Integers

# How bright the eye finds red, green and blue: luma of ITU-R BT.709.
_LUMA = (0.2126, 0.7152, 0.0722)


class GenreColour(BaseModel, frozen=True):
    """The mean colour of a genre's covers; every cover counts the same, whatever its size."""

    label: int
    books: int
    red: float = Field(description="0 to 255.")
    green: float
    blue: float
    brightness: Estimate = Field(description="Mean luma of the covers, 0 to 255.")

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Red, green and blue from 0 to 1."""
        return self.red / 255, self.green / 255, self.blue / 255


class ColourPoint(BaseModel, frozen=True):
    """A genre in Figure 5.4."""

    label: int
    recall: float
    predicted: int = Field(description="Test books that the network puts into the genre.")
    distance: float | None = Field(
        description="Between the mean colour of the genre's test books and of those put into it; None without any."
    )
    distance_of_mistakes: float | None = Field(description="The same for those put into it wrongly.")


class ColourStudy(BaseModel, frozen=True):
    """Colour distance against recall, for one network."""

    points: list[ColourPoint] = Field(description="Genres that have test books.")
    pearson: Correlation | None
    spearman: Correlation | None
    pearson_of_mistakes: Correlation | None
    spearman_of_mistakes: Correlation | None


def genre_colours(labels: Integers, colours: Floats, genres: int, confidence: float) -> list[GenreColour]:
    """The mean colour of each genre that has books.

    Args:
        labels: (n,) the genre of each book.
        colours: (n, 3) mean red, green and blue of each, 0 to 255.
        genres: Number of genres.
        confidence: Of the interval of brightness.
    """
    found = []
    for label in range(genres):
        own = colours[labels == label]
        if len(own):
            red, green, blue = (float(value) for value in own.mean(axis=0))
            found.append(
                GenreColour(
                    label=label,
                    books=len(own),
                    red=red,
                    green=green,
                    blue=blue,
                    brightness=Estimate.of_mean(own @ np.array(_LUMA), confidence, (0, 255)),
                )
            )
    return found


def colour_distance(first: Floats, second: Floats) -> float:
    """Equation 5.1: the Euclidean distance of two colours, (3,) each; 0 to 441.7."""
    return float(np.sqrt(((first - second) ** 2).sum()))


def study_colour(labels: Integers, predicted: Integers, colours: Floats, genres: int, confidence: float) -> ColourStudy:
    """Figure 5.4 for one network.

    Args:
        labels: (n,) the genre of each test book.
        predicted: (n,) the genre that the network names.
        colours: (n, 3) mean red, green and blue of each test book.
        genres: Number of genres.
        confidence: Of the correlations' intervals.
    """
    points = []
    for label in range(genres):
        true, named = labels == label, predicted == label
        if not true.any():
            continue
        own = colours[true].mean(axis=0)
        wrong = named & ~true
        points.append(
            ColourPoint(
                label=label,
                recall=float(named[true].mean()),
                predicted=int(named.sum()),
                distance=colour_distance(own, colours[named].mean(axis=0)) if named.any() else None,
                distance_of_mistakes=colour_distance(own, colours[wrong].mean(axis=0)) if wrong.any() else None,
            )
        )
    met = [(point.distance, point.recall) for point in points if point.distance is not None]
    missed = [(point.distance_of_mistakes, point.recall) for point in points if point.distance_of_mistakes is not None]
    return ColourStudy(
        points=points,
        pearson=pearson(*_columns(met), confidence),
        spearman=spearman(*_columns(met), confidence),
        pearson_of_mistakes=pearson(*_columns(missed), confidence),
        spearman_of_mistakes=spearman(*_columns(missed), confidence),
    )


def _columns(rows: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
