"""The prose of the report: every passage is asked for, and a line stays one paragraph."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import bookcover_core.report
from bookcover_core.report import words
from bookcover_core.report.words import expression, passage, sentences


def test_every_passage_is_asked_for_and_every_table_and_figure_has_one():
    """What the modules name and what `words.txt` holds are the same names."""
    [folder] = bookcover_core.report.__path__
    code = "\n".join(file.read_text("utf-8") for file in Path(folder).rglob("*.py"))
    makers = {"table": r"(?:Table\.of|outcome_table)", "figure": r"FigureSpec\.of"}
    asked = {f"{kind} {name}" for kind, call in makers.items() for name in _named(code, call)}
    assert asked | _named(code, "passage") | _named(code, "sentences") == words._passages().keys()


def _named(code: str, call: str) -> set[str]:
    return set(re.findall(rf'\b{call}\(\s*"([^"]+)"', code))


def test_a_line_is_a_paragraph_whatever_is_put_in():
    """A name on two lines makes no paragraph of its own, and nothing is escaped: the page does that."""
    counted = {"counts": 1, "clusters": 2, "clusters in training and test": 0, "exact pairs": 1, "near pairs": 1}
    assert len(passage("twins", counts=counted | {"books": 4_000})) == 3
    assert passage("twins", counts=counted | {"books": 4_000})[0].startswith("### 4,000 books")
    caption, _ = passage("figure recall", confidence=0.95)
    assert "95 % intervals" in caption
    caption, _ = passage("figure recall", confidence=0.995)
    assert "99.5 % intervals" in caption
    [caption, *_] = passage("table confused-pairs", best={"title": "A\n<b>"}, analysis={"confidence": 0.9})
    assert caption == "What A <b> takes for what most often"


def test_a_tilde_is_a_space_that_does_not_break():
    """Signs stay on the line of their number."""
    assert "95\N{NO-BREAK SPACE}%" in sentences(
        "table results", findings={"confidence": 0.95, "top": lambda *_: [], "comparable": False}
    )


def test_a_value_that_is_not_given_is_an_error():
    """Nothing is left out of a sentence in silence."""
    with pytest.raises(UndefinedError):
        passage("figure recall")


def test_a_column_has_nothing_beyond_none_and_no_name_that_is_not_there():
    """Beyond None, or a key that a mapping has not, there is nothing; a name that a record has not is an error."""
    assert expression("each.card.layers")(each={"card": None}) is None
    assert expression("each.gone.twice")(each={}) is None
    assert expression("each.value if each.value > 2")(each={"value": 1}) is None
    for wrong in ("each.capital", "unknown.name"):
        with pytest.raises(UndefinedError):
            expression(wrong)(each="a record")
