"""The JSON schema of the settings, made readable as a form.

Prefect's dashboard makes the form of a run from it. It shows titles, descriptions, choices and defaults, and refuses
what is out of bounds; but it does not show the bounds, so that the descriptions say them.
"""

from typing import Any

TEXT_OR_NONE = {"anyOf": [{"type": "string", "title": "named"}, {"type": "null", "title": "none"}]}
"""The schema of a text that may be absent: the form has a switch between the two, with these words on it."""

# Words of settings' names that are not written as they sound.
_SPELT = {"jpeg": "JPEG", "l2": "L2", "lenet": "LeNet", "alexnet": "AlexNet", "grad cam": "Grad-CAM"}


def describe_bounds(schema: dict[str, Any]) -> None:
    """Give each property of an object's schema a title in words, and a description that ends with its bounds."""
    for name, value in schema.get("properties", {}).items():
        value["title"] = _title(name)
        if said := f"{value.get('description', '')} {_bounds(value)}".split():
            value["description"] = " ".join(said)


def _title(name: str) -> str:
    title = name.replace("_", " ")
    for plain, spelt in _SPELT.items():
        title = title.replace(plain, spelt)
    return title[:1].upper() + title[1:]


def _bounds(schema: dict[str, Any]) -> str:
    """The bounds of a number, or of the items of a list, as a sentence; empty where there are none."""
    if schema.get("type") != "array":
        return _sentence(_limits(schema))
    if pair := schema.get("prefixItems"):
        least, greatest = (_limits(each) for each in (pair[0], pair[-1]))
        return _sentence([*least, *greatest], "Two numbers, ")
    number = "At least one." if schema.get("minItems") else ""
    return f"{number} {_sentence(_limits(schema.get('items', {})), 'Each ')}".strip()


def _limits(schema: dict[str, Any]) -> list[str]:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return [f"{word} {schema[key]:,}" for key, word in words.items() if key in schema]


def _sentence(limits: list[str], start: str = "") -> str:
    text = start + " and ".join(limits)
    return f"{text[:1].upper()}{text[1:]}." if limits else ""
