"""The prose of the report: passages of `templates/words.txt`, and the engine that fills in all templates.

A passage stands under a heading `== name`. Each line of it is a paragraph; one that comes out empty is left out. Of a
table the first is the caption, and the others are notes; of a figure the first is the caption, and the second says what
it shows to those who cannot see it. A `~` is a space at which no line breaks. Macros above the first heading serve all.
Lines of a table that begin with `|` are its columns; `Table.of` says what stands in them.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, StrictUndefined, Template
from jinja2.utils import missing

from bookcover_core.families.family import listed
from bookcover_core.report.formats import DASH, capitalised, duration, ends, percent, setting_text, signed


def passage(name: str, **values: Any) -> list[str]:
    """The paragraphs of the passage called `name`, with `values` put in: plain text, nothing in it is escaped."""
    lines = _passages()[name].render(values).splitlines()
    return [line.strip() for line in lines if line.strip()]


def sentences(name: str, **values: Any) -> str:
    """The same as one paragraph."""
    return " ".join(passage(name, **values))


@cache
def expression(source: str) -> Callable[..., Any]:
    """What a Jinja expression makes of the values that it is called with; None beyond None or a missing key."""
    return environment().overlay(autoescape=False, undefined=_Beyond).compile_expression(source)


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
        "short": lambda digest: digest[:12],  # enough to tell two apart
        "signed": signed,
        "thousands": lambda number: f"{number:,}",
        "level": lambda share: f"{100 * share:g}",
    }
    made.globals["DASH"] = DASH
    return made


class _Beyond(ChainableUndefined):
    """What a path leads to beyond None or a key that a mapping has not; any other unknown name is an error."""

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, *rest: Any) -> None:
        super().__init__(hint, obj, name, *rest)
        if not (obj is None or name is None or isinstance(obj, Mapping)):
            self._fail_with_undefined_error()


@cache
def _passages() -> dict[str, Template]:
    text = (files("bookcover_core.report") / "templates" / "words.txt").read_text("utf-8")
    macros, *parts = re.split(r"^== (.+)\n", text.replace("~", "\N{NO-BREAK SPACE}"), flags=re.MULTILINE)
    # A value that is put in brings no line of its own, and tags end no line: a line stays a paragraph.
    plain = environment().overlay(autoescape=False, trim_blocks=False, finalize=_on_one_line)
    return {name: plain.from_string(macros + body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _on_one_line(value: Any) -> Any:
    return " ".join(value.splitlines()) if isinstance(value, str) else value
