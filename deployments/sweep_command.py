"""The command `bookcover run --sweep`: a study for each of several values of one setting, and their comparison."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings
from deployments.home import live_with
from deployments.report_command import tell_comparison
from deployments.run_command import run_study
from deployments.server import dashboard
from deployments.terminal import say
from tasks.preflight import check_all

# Settings that say where a study lies: they change none of its outcomes.
_PLACES = ("name", "workspace", "store")


def run_sweep(source: Path | None, overrides: Sequence[str], sweep: str) -> None:
    """Run a study for each value of a sweep ("head.dropout=0,0.3,0.5"), one after the other, and compare them.

    What the home's store keeps, and the setting does not change, such as features, is made once.

    Raises:
        SettingsError: The sweep is not of this form, or a value of it is not possible.
    """
    studies = swept_settings(source, overrides, sweep)
    for settings in studies:
        check_all(settings)
    live_with(studies[0])
    with dashboard():
        for number, settings in enumerate(studies, start=1):
            say(f"Study {number} of {len(studies)}: {settings.name}")
            run_study(settings)
    tell_comparison([Study(settings) for settings in studies])


def swept_settings(source: Path | None, overrides: Sequence[str], sweep: str) -> list[StudySettings]:
    """The settings of each study of a sweep, named after the setting and its value: "covers-dropout-0.3"."""
    setting, _, text = (part.strip() for part in sweep.partition("="))
    values = _values(text)
    if not setting or setting in _PLACES or len(values) < 2:
        raise SettingsError(
            f"{sweep!r} is not one setting with several values",
            where="--sweep",
            advice="Name a setting that an outcome depends on, such as head.dropout=0,0.3,0.5.",
        )
    base = load_settings(source, overrides).name
    found = []
    for value in values:
        told = value if isinstance(value, str) else json.dumps(value)
        name = f"{base}-{setting.rpartition('.')[2]}-{re.sub('[^A-Za-z0-9.]+', '-', told).strip('-')}"
        own = [f"name={json.dumps(name)}", f"{setting}={json.dumps(value, ensure_ascii=False)}"]
        found.append(load_settings(source, [*overrides, *own]))
    names = [settings.name for settings in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(
            f"two of its studies would be called {twice!r}", where="--sweep", advice="Give each value once."
        )
    return found


def _values(text: str) -> list[Any]:
    """The values between the commas, read as TOML and, where that fails, as texts."""
    try:
        values: list[Any] = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        return [each.strip() for each in text.split(",") if each.strip()]
    return values
