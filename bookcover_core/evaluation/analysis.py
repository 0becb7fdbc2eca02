"""The analysis of a study's genres and systems (section 5.2), as it is stored.

stage analyse  ->  evaluation/analysis.json    Analysis
                   evaluation/analysis/*.csv   the same as tables for other programs
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.evaluation.class_overlap import OverlapStudy
from bookcover_core.evaluation.colour_analysis import ColourStudy, GenreColour
from bookcover_core.evaluation.confusion import ConfusedPair
from bookcover_core.evaluation.distributions import Measure
from bookcover_core.evaluation.significance import JointAccuracy, PairComparison
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import Workspace, read_result, write_table

if TYPE_CHECKING:
    import pandas as pd

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


Row = dict[str, Any]

# The columns of each file: a name, and after "=" where a row has it, if not under that name; a star stands for three
# columns, a number and both ends of its interval.
_COLUMNS = {
    "measures": "measure genre books mean q05=quantiles.0 q25=quantiles.1 q50=quantiles.2 q75=quantiles.3 "
    "q95=quantiles.4 ks_distance_to_others=apart",
    "colours": "genre books red green blue brightness*",
    "colour-distance": "system genre recall predicted distance distance_of_mistakes",
    "colour-correlation": "system correlation value expected low high p points",
    "overlap": "system first second overlap above_threshold",
    "confused-pairs": "system true named books share* back examples",
    "pairs": "first second both_right=both only_first_right=only_first only_second_right=only_second "
    "neither_right=neither difference* mcnemar_p=p holm_p=p_holm standing same* kappa*",
    "calibration": "system mean_confidence=confidence accuracy ece ece_by_luck brier* brier_of_chance log_loss* "
    "log_loss_of_chance temperature=tempered.temperature ece_at_temperature=tempered.ece "
    "log_loss_at_temperature=tempered.log_loss.value",
    "reliability": "system books least=low most=high mean_confidence=confidence accuracy*",
}


def write_tables(found: dict[str, Any], folder: Path) -> list[Path]:
    """The files that were written to `folder` of an `Analysis` as a JSON value; a table without rows is left out."""
    files = []
    for name, rows in _rows(found).items():
        import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

        table = pd.json_normalize(rounded(list(rows)))
        if len(table):
            files.append(folder / f"{name}.csv")
            write_table(files[-1], _chosen(table, _COLUMNS[name]))
    return files


def _chosen(table: "pd.DataFrame", columns: str) -> "pd.DataFrame":
    """The columns of a file out of all that its rows have; one that no row has stays empty."""
    wanted: dict[str, str] = {}
    for each in columns.split():
        name, _, path = each.removesuffix("*").partition("=")
        parts = {"": ".value", "_low": ".low", "_high": ".high"} if each.endswith("*") else {"": ""}
        wanted |= {f"{path or name}{part}": f"{name}{end}" for end, part in parts.items()}
    return table.reindex(columns=list(wanted)).set_axis(list(wanted.values()), axis=1)


def _rows(found: dict[str, Any]) -> dict[str, Iterable[Row]]:
    """The rows of each file, by its name; genres by their slugs."""
    slugs = [genre["slug"] for genre in found["genres"]]

    def of_genre(row: Row) -> Row:
        return {"genre": slugs[row["label"]], **row}

    def of_systems(*path: str) -> Iterator[Row]:
        for name, system in found["systems"].items():
            for step in path:
                system = system[step]  # noqa: PLW2901 - one step further in
            yield from ({"system": name, **row} for row in (system if isinstance(system, list) else [system]))

    return {
        "measures": (
            {"measure": measure["name"], **of_genre(row), "quantiles": dict(enumerate(row["quantiles"]))}
            for measure in found["measures"]
            for row in measure["genres"]
        ),
        "colours": map(of_genre, found["colours"]),
        "colour-distance": map(of_genre, of_systems("colour", "points")),
        "colour-correlation": (
            {"system": row["system"], "correlation": what, **row[what]}
            for row in of_systems("colour")
            for what in ("pearson", "spearman", "pearson_of_mistakes")
            if row[what] is not None
        ),
        "overlap": (
            {
                "system": row["system"],
                "first": slugs[first],
                "second": slugs[second],
                "overlap": value,
                "above_threshold": value is not None and value > row["threshold"],
            }
            for row in of_systems("overlap")
            for first, values in enumerate(row["matrix"])
            for second, value in enumerate(values[first + 1 :], start=first + 1)
        ),
        "confused-pairs": (
            row | {"true": slugs[row["true"]], "named": slugs[row["named"]], "examples": " ".join(row["examples"])}
            for row in of_systems("confused")
        ),
        "pairs": found["pairs"],
        "calibration": of_systems("calibration"),
        "reliability": of_systems("calibration", "bins"),
    }
