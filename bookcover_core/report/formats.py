"""How values are told to people: shares, times, settings, and texts that Markdown must not read as markup."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Stands for what is not there, and between the ends of an interval.
DASH = "\N{EN DASH}"

# The sign, kept on the line of its number.
PERCENT = "\N{NO-BREAK SPACE}%"


def percent(share: float) -> str:
    """A share in per cent with one decimal, without the sign."""
    return f"{100 * share:.1f}"


def ends(estimate: Any) -> str:
    """The interval of a share in per cent: "17.8 to 25.1"."""
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = percent(abs(share))
    if text == "0.0":
        return text
    return ("+" if share > 0 else "\N{MINUS SIGN}") + text


def duration(seconds: float) -> str:
    """A time for people: "0.4 s", "12 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def capitalised(text: str) -> str:
    """`text` with its first letter large, and no other touched."""
    return text[:1].upper() + text[1:]


def without_paths(value: Any) -> Any:
    """A JSON value with every absolute path in it cut to its last part: a page may be mailed."""
    if isinstance(value, dict):
        return {name: without_paths(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(each) for each in value]
    is_path = isinstance(value, str | Path) and (str(value).startswith("~") or Path(value).is_absolute())
    return Path(value).name if is_path else value


def setting_text(value: Any) -> str:
    """The value of a setting for people; a dash where it is empty."""
    shown = without_paths(value)
    if shown in (None, "", [], {}):
        return DASH
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def markdown_row(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain_markdown(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would take for markup made harmless."""
    return re.sub(r"([\\`*_\[\]<>~])", r"\\\1", " ".join(text.split()))
