"""The base of all sections of settings."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bookcover_core.settings.form import TEXT_OR_NONE, describe_bounds


class SettingsSection(BaseModel):
    """A section of settings: frozen; unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The JSON schema, from which Prefect makes the form of a run."""
        schema = handler(core)
        describe_bounds(handler.resolve_ref_schema(schema))
        return schema


# TOML has no null: an empty text means none.
OptionalText = Annotated[str | None, BeforeValidator(lambda value: value or None), WithJsonSchema(TEXT_OR_NONE)]


def _check_home(path: str | None) -> str | None:
    """The path, whose "~user", if it begins with one, is a user of this machine."""
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
