"""The analysis as tables for other programs: `evaluation/analysis/*.csv`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.workspace import write_table

Row = dict[str, Any]

# Significant digits, as in analysis.json.
_DIGITS = 6


def write_tables(analysis: Analysis, folder: Path) -> list[Path]:
    """The files that were written to `folder`; a table without rows is left out."""
    files = []
    for name, rows in _TABLES.items():
        table = pd.DataFrame([_flat(row) for row in rows(analysis)])
        if len(table):
            files.append(folder / f"{name}.csv")
            write_table(files[-1], table)
    return files


def _measures(analysis: Analysis) -> Iterator[Row]:
    for measure in analysis.measures:
        for spread in measure.genres:
            yield {
                "measure": measure.name,
                "genre": analysis.genres[spread.label].slug,
                "books": spread.books,
                "mean": spread.mean,
                **dict(zip(("q05", "q25", "q50", "q75", "q95"), spread.quantiles, strict=True)),
                "ks_distance_to_others": spread.apart,
            }


def _colours(analysis: Analysis) -> Iterator[Row]:
    for colour in analysis.colours:
        names = ("books", "red", "green", "blue", "brightness")
        yield {"genre": analysis.genres[colour.label].slug, **{name: getattr(colour, name) for name in names}}


def _colour_distance(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for point in system.colour.points:
            genre = analysis.genres[point.label].slug
            yield {"system": name, "genre": genre, **point.model_dump(exclude={"label"})}


def _colour_correlation(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for what, found in system.colour.model_dump(exclude={"points"}).items():
            if found is not None:
                yield {"system": name, "correlation": what, **found}


def _overlap(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for first, row in enumerate(system.overlap.matrix):
            for second, value in enumerate(row[first + 1 :], start=first + 1):
                yield {
                    "system": name,
                    "first": analysis.genres[first].slug,
                    "second": analysis.genres[second].slug,
                    "overlap": value,
                    "above_threshold": value is not None and value > system.overlap.threshold,
                }


def _confused(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for pair in system.confused:
            yield {
                "system": name,
                "true": analysis.genres[pair.true].slug,
                "named": analysis.genres[pair.named].slug,
                "books": pair.books,
                "share": pair.share,
                "back": pair.back,
                "examples": " ".join(pair.examples),
            }


def _pairs(analysis: Analysis) -> Iterator[Row]:
    for pair in analysis.pairs:
        yield {
            "first": pair.first,
            "second": pair.second,
            "both_right": pair.both,
            "only_first_right": pair.only_first,
            "only_second_right": pair.only_second,
            "neither_right": pair.neither,
            "difference": pair.difference,
            "mcnemar_p": pair.p,
            "holm_p": pair.p_holm,
            "standing": pair.standing.value,
            "same": pair.same,
            **({"kappa": pair.kappa} if pair.kappa else dict.fromkeys(("kappa", "kappa_low", "kappa_high"))),
        }


def _calibration(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        found, tempered = system.calibration, system.calibration.tempered
        yield {
            "system": name,
            "mean_confidence": found.confidence,
            "accuracy": found.accuracy,
            "ece": found.ece,
            "ece_by_luck": found.ece_by_luck,
            "brier": found.brier,
            "brier_of_chance": found.brier_of_chance,
            "log_loss": found.log_loss,
            "log_loss_of_chance": found.log_loss_of_chance,
            "temperature": tempered and tempered.temperature,
            "ece_at_temperature": tempered and tempered.ece,
            "log_loss_at_temperature": tempered and tempered.log_loss.value,
        }


def _reliability(analysis: Analysis) -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for each in system.calibration.bins:
            yield {
                "system": name,
                "books": each.books,
                "least": each.low,
                "most": each.high,
                "mean_confidence": each.confidence,
                "accuracy": each.accuracy,
            }


# The rows of each file, by its name.
_TABLES: dict[str, Callable[[Analysis], Iterator[Row]]] = {
    "measures": _measures,
    "colours": _colours,
    "colour-distance": _colour_distance,
    "colour-correlation": _colour_correlation,
    "overlap": _overlap,
    "confused-pairs": _confused,
    "pairs": _pairs,
    "calibration": _calibration,
    "reliability": _reliability,
}


def _flat(row: Row) -> Row:
    """A row with estimates in three columns, and numbers rounded to significant digits."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, Estimate):
            flat |= {name: _short(value.value), f"{name}_low": _short(value.low), f"{name}_high": _short(value.high)}
        else:
            flat[name] = _short(value)
    return flat


def _short(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
