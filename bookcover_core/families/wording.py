"""Phrases on trainings, for the report."""

from collections.abc import Sequence

from bookcover_core.settings import Monitor

BETTER: dict[Monitor, str] = {"accuracy": "a better validation accuracy", "loss": "a lower validation loss"}


def until(epochs: int, patience: int, monitor: Monitor) -> str:
    """When a training ends."""
    return f"for {in_epochs(epochs)} at most, stopping after {patience:,} without {BETTER[monitor]}"


def in_epochs(number: int) -> str:
    """So many epochs."""
    return "1 epoch" if number == 1 else f"{number:,} epochs"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
