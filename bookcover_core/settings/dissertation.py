"""The dissertation's own way, as far as settings can say it: the preset `dissertation`.

The defaults differ from it where it let a book be learnt and tested under two numbers, or left a choice to the test
books. One thing no setting takes back: books whose covers cannot be had are replaced as box sets are, since section 3.1
does not say what became of them.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import each_setting, parse_settings

PRESETS = {
    "dissertation": (
        # Section 3.1: validation books are drawn at random, genre by genre; nothing looks for one book under two keys.
        'curation.twins="none"',
        "splits.grouped=false",
        # Section 3.2: the format of prepared pictures is not told; this one loses nothing.
        'preparation.image_format="png"',
        # Section 3.2: by its accuracy on the test books.
        'training.preparation="padded"',
    )
}
"""By name: single settings, as the command line takes them, that are laid over a file or the defaults."""


def differing_settings(settings: StudySettings) -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, value and the dissertation's value of every setting that is not the dissertation's.

    Where the study lies is left out: it changes nothing, and the page may be mailed.
    """
    wanted = parse_settings({}, PRESETS["dissertation"])
    others = dict(each_setting(wanted))
    for name, value in each_setting(settings):
        if value != others[name] and name != "workspace" and not isinstance(value, BaseModel):
            yield name, settings.part(name), wanted.part(name)


def is_of_training(name: str) -> bool:
    """Whether a network whose setting of this dotted name is another one is no longer the dissertation's."""
    group, _, inner = name.partition(".")
    others = {"backbones", "preparation", "time_limit"}
    return group == "head" or name == "search.trials" or (group == "training" and inner not in others)
