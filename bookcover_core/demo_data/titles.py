"""Titles and authors of the invented books, made of the words in words.toml."""

import tomllib
from functools import cache
from pathlib import Path

from bookcover_core.demo_data.chance import Chance

# Titles that the dissertation's search for box sets finds (section 3.1); {title} is the title of a single book.
BOX_SETS = (
    "{title} Boxed Set",
    "{title} Box Set",
    "{title}: 3-Book Bundle",
    "{title}: The 4 Book Collection",
    "{title} Bundle: Volumes 1 to 3",
    "{title}: An Anthology",
)

_WORDS = Path(__file__).with_name("words.toml")


@cache
def words() -> dict[str, dict[str, list[str]]]:
    """The words of every category (patterns, a, b, subtitles), and of authors (first, last, presses)."""
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


def invent_title(category: str, chance: Chance) -> str:
    """A title for a book of `category`, with or without a subtitle behind a colon."""
    of = words()[category]
    title = chance.pick(of["patterns"]).format(a=chance.pick(of["a"]), b=chance.pick(of["b"]))
    return f"{title}: {chance.pick(of['subtitles'])}" if ":" not in title and chance.happens(0.6) else title


def invent_author(chance: Chance) -> str:
    """The name of an author or of a publishing house."""
    of = words()["authors"]
    if chance.happens(0.05):
        return chance.pick(of["presses"])
    middle = f" {chance.pick('ABCDEFGHJKLMRSTW')}." if chance.happens(0.25) else ""
    return f"{chance.pick(of['first'])}{middle} {chance.pick(of['last'])}"
