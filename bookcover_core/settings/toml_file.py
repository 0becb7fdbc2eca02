"""Settings as TOML: read from a file, overridden one by one, and written with their meaning.

A study's folder stands for the settings that are stored in it. Relative paths in a file begin at that file's folder,
and those of single settings where they are typed. So it is with the study itself: with the default `workspace` it lies
in the home that BOOKCOVER_HOME names or, without one, beside the settings file.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import BaseModel, ValidationError

from bookcover_core.errors import SettingsError, spelt_alike
from bookcover_core.settings import HOME, NAME, SETTINGS_FILE, StudySettings

# Settings that name files or folders; of those that may be addresses as well, only files are meant.
_PATHS = (
    ("workspace",),
    *(("books", name) for name in ("train_listing", "test_listing", "pool_listing", "listing", "folder", "groups")),
    ("covers", "location"),
    ("models", "weight_files"),
    ("models", "encoders", "file"),
    ("text", "encoder"),
    ("text", "listings"),
    ("tracking", "mlflow"),
)

Place = tuple[str | int, ...]
"""A setting: the names of its group and its own, and the position in a list."""

_LIST = "a list is expected, in brackets"

# What people are told in place of Pydantic's words, by the type that a value has not.
_EXPECTED = {
    "tuple": _LIST,
    "dict": 'a table is expected, such as { name = "value" }',
    "model": "a section of settings is expected",
    "bool": "true or false is expected",
    "string": "text is expected, in quotes",
    "int": "a whole number is expected",
    "float": "a number is expected",
    "missing": "a value is missing",
}

# What people are told in place of a pattern, by the setting.
_PATTERNS = {
    "name": "a name has letters of the English alphabet, digits, dots, dashes and underscores, at most 100, and begins "
    "with a letter or digit",
    "covers.proxy": 'it should be "environment", "none", or an address that begins with http:// or https://',
}


def load_settings(file: Path | None = None, overrides: Iterable[str] = ()) -> StudySettings:
    """Settings from a TOML file, or those stored in a study's folder, overridden one by one.

    Args:
        file: A TOML file or a study's folder; none: the defaults.
        overrides: "group.name=value" each. Values are read as TOML and, where that fails, taken as text:
            `training.epochs=50`, `training.backbones=["MobileNetV2"]`, `books.folder=~/covers`.

    Raises:
        SettingsError: The file is missing or not TOML, the folder is no study's, or a setting is unknown or impossible.
    """
    if file is None:
        return parse_settings({}, overrides)
    try:
        source = file.expanduser()
    except RuntimeError:
        what = "the home folder that the path begins with is not known"
        raise SettingsError(what, where=file, advice="Write the whole path.") from None
    values = _read_stored(source.resolve()) if source.is_dir() else _read_toml(source)
    return parse_settings(values, overrides, where=str(file))


def named_study(given: Path | None) -> Path | None:
    """What a person means by the name of a study in this home, its folder or its settings file: its folder or file.

    `SettingsError` where nothing is called so.
    """
    if given is None or given.is_file() or (given / SETTINGS_FILE).is_file() or len(given.parts) != 1:
        return given
    folder = StudySettings().root.parent / given
    if (folder / SETTINGS_FILE).is_file():
        return folder
    if given.exists() or str(given).startswith("~"):
        return given  # whoever reads it says what is wrong with it
    near = spelt_alike(given.name, (file.parent.name for file in folder.parent.glob(f"*/{SETTINGS_FILE}")))
    what = "the settings cannot be read: there is no such file, and no study of this name"
    advice = (f"Did you mean {near}? " if near else "") + "`bookcover status` lists the studies of this home."
    raise SettingsError(what, where=given, advice=advice)


def parse_settings(
    values: Mapping[str, Any], overrides: Iterable[str] = (), *, where: str = "settings"
) -> StudySettings:
    """Settings from nested mappings, as a TOML file holds them, with single settings laid over: see `load_settings`.

    `SettingsError`, which names every setting that is unknown or impossible, and `where` they come from.
    """
    laid = dict(values)
    given: dict[str, Place] = {}
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            what = f"{override!r} is not of the form group.name=value"
            raise SettingsError(what, where="settings", advice="Try training.epochs=50.")
        steps = tuple(path.strip().split("."))
        value = _with_absolute_paths(_read_value(text.strip()), Path.cwd(), steps)
        laid = _laid_over(laid, steps, value, override)
        given[override] = steps
    try:
        return StudySettings.model_validate(laid)
    except ValidationError as error:
        faults = _describe_faults(error)
    advice = "`bookcover settings` prints every setting with its meaning and default."
    raise SettingsError("; ".join(faults), where=_find_origin(faults, values, given, where), advice=advice)


def _find_origin(faults: Mapping[str, Place], values: Mapping[str, Any], given: Mapping[str, Place], where: str) -> str:
    """Who gave what is wrong: `where`, or the overrides `given` without which it would not be."""
    own: Mapping[str, Place] = {}
    try:
        StudySettings.model_validate(values)
    except ValidationError as error:
        own = _describe_faults(error)
    places = [where] if own.keys() & faults.keys() or not given else []
    for fault, at in faults.items():
        if given and fault not in own:
            near = [text for text, steps in given.items() if steps[: len(at)] == at[: len(steps)]]
            places += near or given
    return " and ".join(dict.fromkeys(places))


def _read_stored(folder: Path) -> dict[str, Any]:
    """The settings stored in a study's folder, which is where it lies now, wherever it was made."""
    try:
        stored = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict) and (file := folder / SETTINGS_FILE).is_file():
        advice = "Run the study's TOML file again (`bookcover run FILE`): that writes it anew. Or put a copy back."
        raise SettingsError("this file of a study is damaged, or may not be read", where=file, advice=advice)
    if not isinstance(stored, dict):
        what = "this folder is no study's: it holds no settings.json"
        advice = "Name the folder of a study, such as data/studies/bookcover30, or a settings file."
        raise SettingsError(what, where=folder, advice=advice)
    if not re.fullmatch(NAME, folder.name):
        what = f"a study cannot be called {folder.name!r}: its name is letters, digits, dots, dashes and underscores"
        advice = f"Rename the folder: {re.sub('[^A-Za-z0-9._-]+', '-', folder.name).strip('-._') or 'study'}, say."
        raise SettingsError(what, where=folder, advice=advice)
    return stored | {"name": folder.name, "workspace": str(folder.parent)}


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        what = f"the settings cannot be read ({error.strerror})"
        raise SettingsError(what, where=file, advice="Check the name of the file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        advice = 'Write text in quotes: name = "covers".'
        if isinstance(error, tomllib.TOMLDecodeError) and b"\\" in file.read_bytes():
            advice += " One with backslashes, such as a path of Windows, takes single quotes: 'C:\\covers'."
        raise SettingsError(f"the settings are not TOML: {error}", where=file, advice=advice) from None
    default = StudySettings().workspace
    if values.setdefault("workspace", default) == default and os.environ.get(HOME):
        del values["workspace"]  # it begins in the home
    return dict(_with_absolute_paths(values, file.resolve().parent))


def _with_absolute_paths(value: Any, folder: Path, at: tuple[str, ...] = ()) -> Any:
    """The setting, or nested settings, at a place: relative paths in it begin at `folder`."""
    for path in _PATHS:
        if path[: len(at)] == at[: len(path)]:
            value = _absolute(value, folder, path[len(at) :])
    return value


def _absolute(value: Any, folder: Path, path: tuple[str, ...]) -> Any:
    """`value` with the texts at `path` in it begun at `folder`; addresses, and what is no text, stay as they are."""
    if isinstance(value, list):
        return [_absolute(each, folder, path) for each in value]
    if isinstance(value, dict):
        inside = {key: each for key, each in value.items() if path[:1] in {(), (key,)}}
        return value | {key: _absolute(each, folder, path[1:]) for key, each in inside.items()}
    if path or not isinstance(value, str) or not value or value.startswith("~"):
        return value
    _, database, file = value.rpartition("sqlite:///")
    return value if "://" in file else database + os.path.normpath(folder / file)


def _read_value(text: str) -> Any:
    """A TOML value, or the text itself where it is not one."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _laid_over(values: dict[str, Any], path: tuple[str, ...], value: Any, override: str) -> dict[str, Any]:
    step, *rest = path
    if rest:
        inner = values.get(step, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{step!r} is no group of settings", where=override, advice="Leave it out.")
        value = _laid_over(inner, tuple(rest), value, override)
    return {**values, step: value}


def _describe_faults(error: ValidationError) -> dict[str, Place]:
    """What is wrong, as "group.name: what is wrong", and where; of a setting in which something is, that alone."""
    faults = error.errors()
    inner = {fault["loc"][:length] for fault in faults for length in range(len(fault["loc"]))}
    return {_describe(fault): fault["loc"] for fault in faults if fault["loc"] not in inner}


def each_setting(settings: StudySettings) -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every setting, those of a group behind the group itself."""
    for name, value in settings:
        yield name, value
        if isinstance(value, BaseModel):
            yield from ((f"{name}.{inner}", each) for inner, each in value)


def _describe(fault: Any) -> str:
    place, value = ".".join(str(step) for step in fault["loc"] if step != "[key]"), fault["input"]
    if fault["type"] == "extra_forbidden":
        near = spelt_alike(place, dict(each_setting(StudySettings())), most=1, cutoff=0.75)
        return f"{place}: there is no such setting" + (f" (did you mean {near}?)" if near else "")
    message = str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    if fault["type"] in {"too_long", "too_short"}:
        most = "at most {max_length} values are expected, not {actual_length}".format_map
        message = most(fault["ctx"]) if fault["type"] == "too_long" else "at least one value is expected"
    kind, _, rest = fault["type"].partition("_")
    if rest in {"", "type", "parsing", "from_float"}:
        message = _EXPECTED.get(kind, message)
    if fault["type"] == "string_pattern_mismatch":
        message = _PATTERNS.get(place, message)
    if message == _LIST and isinstance(value, str | int | float):
        message += f": {json.dumps([value])}"
    given = "" if isinstance(value, dict | BaseModel) else f" (given: {json.dumps(value, default=str)})"
    return f"{place}: {message}{given}" if place else message


def to_toml(settings: StudySettings) -> str:
    """The settings as a TOML file that explains each of them."""
    groups = [(name, value) for name, value in settings if isinstance(value, BaseModel)]
    text = _entries(settings, {name for name, _ in groups})
    return text + "".join("\n\n" + _entries(group, set(), f"[{name}]\n") for name, group in groups)


def _entries(section: BaseModel, others: set[str], heading: str = "") -> str:
    """The settings of a section but for `others`, each below its meaning; an empty text means none."""
    text = _comment(str(type(section).__doc__)) + heading
    for name, value in section.model_dump(mode="json", exclude=others).items():
        description = type(section).model_fields[name].description or ""
        text += f"\n{_comment(description)}{name} = {_toml('' if value is None else value)}\n"
    return text


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in wrap(" ".join(text.split()), 110))


def _toml(value: Any) -> str:
    """A JSON value as TOML: strings, numbers, booleans and arrays are written alike."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
