"""The prose of the report: passages of `templates/words.txt`, and the engine that fills in all templates.

A passage stands under a heading `== name`. Each line of it is a paragraph; one that comes out empty is left out. Of a
table the first is the caption, and the others are notes; of a figure the first is the caption, and the second says what
it shows to those who cannot see it. A `~` is a space at which no line breaks. Macros above the first heading serve all.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bookcover_core.families.family import listed
from bookcover_core.report.formats import DASH, capitalised, duration, ends, percent, setting_text, signed

# Digits of a digest that the page shows: enough to tell two apart.
_DIGEST_DIGITS = 12


def passage(name: str, **values: Any) -> list[str]:
    """The paragraphs of the passage called `name`, with `values` put in: plain text, nothing in it is escaped."""
    lines = _passages()[name].render(values).splitlines()
    return [line.strip() for line in lines if line.strip()]


def sentences(name: str, **values: Any) -> str:
    """The same as one paragraph."""
    return " ".join(passage(name, **values))


@cache
def environment() -> Environment:
    """What fills in the templates of pages: it escapes everything, and refuses names that it does not know."""
    made = Environment(
        loader=PackageLoader("bookcover_core.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "capitalised": capitalised,
        "duration": duration,
        "ends": ends,
        "listed": lambda words: listed(list(words)),
        "parts": lambda name: re.split("(?<=[a-z])(?=[A-Z])", name),
        "percent": percent,
        "setting": setting_text,
        "short": lambda digest: digest[:_DIGEST_DIGITS],
        "signed": signed,
        "thousands": lambda number: f"{number:,}",
        "whole": lambda share: f"{100 * share:.0f}",
    }
    made.globals["DASH"] = DASH
    return made


@cache
def _passages() -> dict[str, Template]:
    text = (files("bookcover_core.report") / "templates" / "words.txt").read_text("utf-8")
    macros, *parts = re.split(r"^== (.+)\n", text.replace("~", "\N{NO-BREAK SPACE}"), flags=re.MULTILINE)
    # A value that is put in brings no line of its own, and tags end no line: a line stays a paragraph.
    plain = environment().overlay(autoescape=False, trim_blocks=False, finalize=_on_one_line)
    return {name: plain.from_string(macros + body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _on_one_line(value: Any) -> Any:
    return " ".join(value.splitlines()) if isinstance(value, str) else value
