"""The base of all sections of settings, and their JSON schema, from which Prefect's dashboard makes the form of a run.

It shows titles, descriptions, choices and defaults, and refuses what is out of bounds; but it does not show the bounds,
so that the descriptions say them.
"""

import unicodedata
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# The schema of a text that may be absent: the form has a switch between the two, with these words on it.
_TEXT_OR_NONE = {"anyOf": [{"type": "string", "title": "named"}, {"type": "null", "title": "none"}]}

# Words of settings' names that are not written as they sound.
_SPELT = {"jpeg": "JPEG", "l2": "L2", "lenet": "LeNet", "alexnet": "AlexNet", "grad cam": "Grad-CAM"}

_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def _title(name: str) -> str:
    title = name.replace("_", " ")
    for plain, spelt in _SPELT.items():
        title = title.replace(plain, spelt)
    return title[:1].upper() + title[1:]


def _bounds(schema: dict[str, Any], start: str = "") -> str:
    """The bounds of a number, or of the items of a list, as a sentence; empty where there are none."""
    if pair := schema.get("prefixItems"):
        return _bounds(pair[0] | pair[-1], "Two numbers, ")
    if schema.get("type") == "array":
        number = "At least one." if schema.get("minItems") else ""
        return f"{number} {_bounds(schema.get('items', {}), 'Each ')}".strip()
    limits = " and ".join(f"{word} {schema[key]:,}" for key, word in _LIMITS.items() if key in schema)
    text = start + limits
    return f"{text[:1].upper()}{text[1:]}." if limits else ""


class SettingsSection(BaseModel):
    """A section of settings: frozen; unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The JSON schema: each setting with a title in words, and a description that ends with its bounds."""
        schema = handler(core)
        for name, value in handler.resolve_ref_schema(schema).get("properties", {}).items():
            value["title"] = _title(name)
            if said := f"{value.get('description', '')} {_bounds(value)}".split():
                value["description"] = " ".join(said)
        return schema


# TOML has no null: an empty text means none.
OptionalText = Annotated[str | None, BeforeValidator(lambda value: value or None), WithJsonSchema(_TEXT_OR_NONE)]


def _check_home(path: str | None) -> str | None:
    """The path, which holds no control characters, and whose "~user" is one of this machine."""
    if path and not path.isprintable() and any(unicodedata.category(each) == "Cc" for each in path):
        raise ValueError("a path holds no tabs or other control characters: write backslashes in single quotes")
    try:
        Path(path or "").expanduser()
    except RuntimeError:
        raise ValueError("the home folder that it begins with is not known on this machine") from None
    return path


def is_remote(source: str) -> bool:
    """Whether a source that the settings name is an address, rather than a file or folder of this machine."""
    return source.lower().startswith(("http://", "https://"))


PathText = Annotated[str, AfterValidator(_check_home)]
OptionalPath = Annotated[OptionalText, AfterValidator(_check_home)]
