"""What a run is given by a form, a schedule or a command, checked: faults are told in one sentence.

Prefect's dialog of a schedule cannot hold nested settings: it sends an empty copy of them, in which placeholders
(`__prefect_kind`) and nulls stand for what was never filled in.
"""

from collections.abc import Iterator, Mapping
from inspect import Signature
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bookcover_core.errors import SettingsError
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings

# The key of what Prefect's forms send for a field that holds no value yet.
_PLACEHOLDER = "__prefect_kind"


def check_parameters(given: Mapping[str, Any], of: Signature) -> dict[str, Any]:
    """The parameters of a flow, each of the type that the flow declares."""
    return {name: _check(name, value, of.parameters[name].annotation) for name, value in given.items()}


def _check(name: str, value: Any, wanted: Any) -> Any:
    if wanted is StudySettings:
        return value if isinstance(value, StudySettings) else _check_settings(value)
    if isinstance(value, Mapping) and _PLACEHOLDER in value:
        raise SettingsError(
            "the form sent a placeholder in place of a value",
            where=name,
            advice="Edit the schedule, or run it again, and fill this field in or clear it.",
        )
    try:
        return TypeAdapter(wanted).validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join([name, *(str(step) for step in fault["loc"] if isinstance(step, int))])
        raise SettingsError(
            f"{fault['input']!r} does not fit: {fault['msg'].lower()}",
            where=place,
            advice="Correct it in the run's form, or in the schedule's, and start it again.",
        ) from None


def _check_settings(value: Any) -> StudySettings:
    blank = next(_blanks(value), None)
    if blank is not None or not isinstance(value, Mapping):
        raise SettingsError(
            "Prefect's form sent an empty copy of all settings, which only *Run*, then *Custom run* fills in",
            where=f"settings{'.' if blank else ''}{blank or ''}",
            advice="Start it there; a schedule runs a study that was begun so by its name, with `continue-study`.",
        )
    return parse_settings(value)


def _blanks(value: Any, place: str = "") -> Iterator[str]:
    """Where a placeholder stands in nested settings, or null where there is a group or a list."""
    if not isinstance(value, Mapping):
        return
    if _PLACEHOLDER in value:
        yield place
    for name, each in value.items():
        inner = f"{place}.{name}".lstrip(".")
        if each is None and inner not in _MAY_BE_NONE:
            yield inner
        yield from _blanks(each, inner)


def _optional() -> Iterator[str]:
    """Settings whose value may be null, by their dotted paths."""
    for name, group in StudySettings.model_fields.items():
        for inner, field in getattr(group.annotation, "model_fields", {}).items():
            if any(kind is type(None) for kind in getattr(field.annotation, "__args__", ())):
                yield f"{name}.{inner}"


_MAY_BE_NONE = frozenset(_optional())
