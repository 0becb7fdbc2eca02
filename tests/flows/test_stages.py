"""Tests of `flows.stages`: flows over stages, and what their forms say."""

import pytest

from flows.stages import stage_flow

_OWN = "Looks again.\n\nArgs:\n    study: Words of its own.\n"


@pytest.mark.parametrize("written", [_OWN, _OWN.replace("\n", "\n    ")], ids=["Python 3.13", "before"])
def test_words_of_a_parameter_stay(written):
    """Whether or not Python leaves a docstring its indentation."""

    def look(study: str) -> None:
        pass

    look.__doc__ = written
    made = stage_flow("look", "look")(look)
    assert made.parameters.properties["study"]["description"] == "Words of its own."
    assert made.description == "Looks again."
