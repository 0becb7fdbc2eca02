"""The analysis of a study's genres and systems (section 5.2), as it is stored.

stage analyse  ->  evaluation/analysis.json   Analysis
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.evaluation.class_overlap import OverlapStudy
from bookcover_core.evaluation.colour_analysis import ColourStudy, GenreColour
from bookcover_core.evaluation.confusion import ConfusedPair
from bookcover_core.evaluation.distributions import Measure
from bookcover_core.evaluation.significance import JointAccuracy, PairComparison
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import Workspace, read_result

# Digits of the numbers in analysis.json.
_DIGITS = 6


class SystemAnalysis(BaseModel, frozen=True):
    """The analysis of one system, beyond its scores."""

    model: str = Field(description="<system>-<preparation>.")
    colour: ColourStudy
    overlap: OverlapStudy
    calibration: Calibration
    confused: list[ConfusedPair]


class Analysis(BaseModel, frozen=True):
    """The result of the stage `analyse`."""

    confidence: float
    genres: list[Genre]
    order: list[int] = Field(description="Labels, ordered so that genres which are confused are neighbours.")
    books: int = Field(description="Books of the study, of all splits.")
    test_books: int
    chance: float = Field(description="Accuracy of always naming the commonest genre of the test books.")
    measures: list[Measure] = Field(description="Figure 5.2, over all books.")
    colours: list[GenreColour] = Field(description="Figure 5.3, over all books.")
    systems: dict[str, SystemAnalysis] = Field(description="By the system's name.")
    pairs: list[PairComparison] = Field(description="Of all systems, on the same test books.")
    together: JointAccuracy | None = Field(description="Of all systems but ensembles; None for fewer than two.")

    def summary(self) -> dict[str, Any]:
        """The analysis as a JSON value, without its bulk: densities, matrices, and confused pairs."""
        of_systems: Any = {"confused": True, "overlap": {"matrix"}, "colour": {"points"}}
        return self.model_dump(
            mode="json", exclude={"genres": True, "measures": True, "systems": {"__all__": of_systems}}
        )


def rounded(value: Any) -> Any:
    """A JSON value with its numbers rounded to six significant digits, as the analysis is stored."""
    match value:
        case float():
            return float(f"{value:.{_DIGITS}g}")
        case dict():
            return {key: rounded(each) for key, each in value.items()}
        case list():
            return [rounded(each) for each in value]
        case _:
            return value


def analysis_file(workspace: Workspace) -> Path:
    """Where the analysis lies."""
    return workspace.evaluation / "analysis.json"


def read_analysis(workspace: Workspace) -> Analysis:
    """The analysis of a study."""
    return read_result(analysis_file(workspace), Analysis, "the analysis")
