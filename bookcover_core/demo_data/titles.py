"""Titles and authors of the invented books, made of the words in words.toml."""

import tomllib
from functools import cache
from pathlib import Path

from bookcover_core.demo_data.random_stream import RandomStream

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


def invent_title(category: str, random: RandomStream) -> str:
    """A title for a book of `category`, with or without a subtitle behind a colon."""
    of = words()[category]
    title = random.pick(of["patterns"]).format(a=random.pick(of["a"]), b=random.pick(of["b"]))
    return f"{title}: {random.pick(of['subtitles'])}" if ":" not in title and random.happens(0.6) else title


def invent_author(random: RandomStream) -> str:
    """The name of an author or of a publishing house."""
    of = words()["authors"]
    if random.happens(0.05):
        return random.pick(of["presses"])
    middle = f" {random.pick('ABCDEFGHJKLMRSTW')}." if random.happens(0.25) else ""
    return f"{random.pick(of['first'])}{middle} {random.pick(of['last'])}"
