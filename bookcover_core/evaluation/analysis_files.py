"""The analysis as tables: `evaluation/analysis/*.csv`, one row for each thing, to take elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.scores import Estimate
from bookcover_core.pipeline.workspace import write_table

if TYPE_CHECKING:
    from bookcover_core.evaluation.analyse import Analysis

Row = dict[str, Any]

# Significant digits, as in analysis.json.
_DIGITS = 6


def write_tables(analysis: "Analysis", folder: Path) -> list[Path]:
    """The files that were written to `folder`; a table without rows is left out."""
    tables = {
        "measures": _measures(analysis),
        "colours": _colours(analysis),
        "rules": _rules(analysis),
        "colour-distance": _colour_distance(analysis),
        "colour-correlation": _colour_correlation(analysis),
        "overlap": _overlap(analysis),
        "confused-pairs": _confused(analysis),
        "pairs": _pairs(analysis),
        "calibration": _calibration(analysis),
        "reliability": _reliability(analysis),
    }
    files = []
    for name, rows in tables.items():
        table = pd.DataFrame([{key: _short(value) for key, value in row.items()} for row in rows])
        if len(table):
            files.append(folder / f"{name}.csv")
            write_table(files[-1], table)
    return files


def _measures(analysis: "Analysis") -> Iterator[Row]:
    for measure in analysis.measures:
        for spread in measure.genres:
            quantiles = zip(("q05", "q25", "q50", "q75", "q95"), spread.quantiles, strict=True)
            yield {
                "measure": measure.name,
                "genre": analysis.genres[spread.label].slug,
                "books": spread.books,
                "mean": spread.mean,
                **dict(quantiles),
                "ks_distance_to_others": spread.apart,
            }


def _colours(analysis: "Analysis") -> Iterator[Row]:
    for colour in analysis.colours:
        yield {
            "genre": analysis.genres[colour.label].slug,
            "books": colour.books,
            "red": colour.red,
            "green": colour.green,
            "blue": colour.blue,
            **_estimate("brightness", colour.brightness),
        }


def _rules(analysis: "Analysis") -> Iterator[Row]:
    for rule in analysis.rules:
        tops = {name: value for k, top in rule.top.items() for name, value in _estimate(f"top{k}", top).items()}
        yield {"rule": rule.name, "sees": " ".join(rule.sees), **tops}


def _colour_distance(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for point in system.colour.points:
            yield {
                "system": name,
                "genre": analysis.genres[point.label].slug,
                "recall": point.recall,
                "predicted": point.predicted,
                "distance": point.distance,
                "distance_of_mistakes": point.distance_of_mistakes,
            }


def _colour_correlation(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for what in ("pearson", "spearman", "pearson_of_mistakes", "spearman_of_mistakes"):
            found: Correlation | None = getattr(system.colour, what)
            if found is not None:
                yield {"system": name, "correlation": what, **found.model_dump()}


def _overlap(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for first, row in enumerate(system.overlap.matrix):
            for second in range(first + 1, len(row)):
                value = row[second]
                yield {
                    "system": name,
                    "first": analysis.genres[first].slug,
                    "second": analysis.genres[second].slug,
                    "overlap": value,
                    "above_threshold": value is not None and value > system.overlap.threshold,
                }


def _confused(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for pair in system.confused:
            yield {
                "system": name,
                "true": analysis.genres[pair.true].slug,
                "named": analysis.genres[pair.named].slug,
                "books": pair.books,
                **_estimate("share", pair.share),
                "back": pair.back,
                "examples": " ".join(pair.examples),
            }


def _pairs(analysis: "Analysis") -> Iterator[Row]:
    for pair in analysis.pairs:
        yield {
            "first": pair.first,
            "second": pair.second,
            "both_right": pair.both,
            "only_first_right": pair.only_first,
            "only_second_right": pair.only_second,
            "neither_right": pair.neither,
            **_estimate("difference", pair.difference),
            "mcnemar_p": pair.p,
            "holm_p": pair.p_holm,
            "standing": pair.standing.value,
            **_estimate("same", pair.same),
            **_estimate("kappa", pair.kappa),
        }


def _calibration(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        found = system.calibration
        yield {
            "system": name,
            "mean_confidence": found.confidence,
            "accuracy": found.accuracy,
            "ece": found.ece,
            "ece_by_luck": found.ece_by_luck,
            **_estimate("brier", found.brier),
            "brier_of_chance": found.brier_of_chance,
            **_estimate("log_loss", found.log_loss),
            "log_loss_of_chance": found.log_loss_of_chance,
            "temperature": found.tempered.temperature if found.tempered else None,
            "ece_at_temperature": found.tempered.ece if found.tempered else None,
            "log_loss_at_temperature": found.tempered.log_loss.value if found.tempered else None,
        }


def _reliability(analysis: "Analysis") -> Iterator[Row]:
    for name, system in analysis.systems.items():
        for each in system.calibration.bins:
            yield {
                "system": name,
                "books": each.books,
                "least": each.low,
                "most": each.high,
                "mean_confidence": each.confidence,
                **_estimate("accuracy", each.accuracy),
            }


def _estimate(name: str, estimate: Estimate | None) -> Row:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _short(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
