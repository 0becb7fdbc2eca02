"""The choice by validation books: the higher accuracy, then the lower loss, then the order; and a tie is told."""

import pytest

from bookcover_core.training.validation_choice import ValidationFigures, choose_by_validation


@pytest.mark.parametrize(
    ("figures", "names", "words"),
    [
        ({"a": (0.2, 3.0), "b": (0.3, 4.0)}, ["b", "a"], ""),
        ({"a": (0.3, 4.0), "b": (0.3, 3.0)}, ["b", "a"], "b ties with a, and has the lower validation loss"),
        ({"a": (0.3, 3.0), "b": (0.3, 3.0)}, ["a", "b"], "a ties with b, and comes first in the settings"),
        ({"a": (0.1, 1.0), "b": (0.3, 3.0), "c": (0.3, 2.0)}, ["c", "b", "a"], "c ties with b, and has the lower"),
    ],
)
def test_accuracy_then_loss_then_order(figures, names, words):
    """Each rule decides only where those before it do not."""
    choice = choose_by_validation({name: ValidationFigures(*each) for name, each in figures.items()})
    assert choice.names == names
    assert words in choice.words
    assert bool(choice.words) == bool(words)


def test_what_is_not_known_comes_last():
    """A card without figures is the worst there is."""
    assert ValidationFigures.of({}) == (0.0, float("inf"))
    assert ValidationFigures.of({"validation_accuracy": 0.25, "validation_loss": 2}) == (0.25, 2.0)
