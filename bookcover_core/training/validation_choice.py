"""The choice among systems, or among preparations, by the validation books: they choose, the test books judge.

The highest validation accuracy wins. With few validation books several often share it; then the lower validation loss
decides, and after that the order. Whoever tells of a choice tells of a tie too.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

# Accuracies that differ by less are those of as many books.
_DIGITS = 9


class ValidationFigures(NamedTuple):
    """What a system makes of the validation books."""

    accuracy: float
    loss: float
    """Mean cross entropy; infinite where it is not known."""

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> "ValidationFigures":
        """Those among the metrics of a card, an ensemble or a trial; the worst where there are none."""
        loss = metrics.get("validation_loss")
        return cls(float(metrics.get("validation_accuracy") or 0.0), float("inf") if loss is None else float(loss))


class ValidationChoice(NamedTuple):
    """Names by their validation figures, the chosen first."""

    names: list[str]
    tied: list[str]
    """Those after the first that have its accuracy."""
    by_loss: bool
    """Whether the loss set the first apart from these."""

    @property
    def words(self) -> str:
        """How a tie was resolved, as a sentence; empty without one."""
        if not self.tied:
            return ""
        rule = "has the lower validation loss" if self.by_loss else "comes first in the settings"
        return f"On the validation books {self.names[0]} ties with {' and '.join(self.tied)}, and {rule}."


def choose_by_validation(figures: Mapping[str, ValidationFigures]) -> ValidationChoice:
    """At least one name, in the order that decides last, put in the order of their validation figures."""
    accuracy = {name: round(each.accuracy, _DIGITS) for name, each in figures.items()}
    names = sorted(figures, key=lambda name: (-accuracy[name], figures[name].loss))
    tied = [name for name in names[1:] if accuracy[name] == accuracy[names[0]]]
    return ValidationChoice(names, tied, all(figures[names[0]].loss < figures[name].loss for name in tied))
