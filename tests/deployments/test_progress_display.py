"""Tests of `deployments.progress_display`: what stands in the terminal while a study runs, and what in its log."""

import io
import logging

import pytest
from prefect.logging.handlers import PrefectConsoleHandler
from rich.console import Console

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from deployments import progress_display, terminal
from deployments.progress_display import logged, shown_progress
from tasks.study_progress import DONE, watched


@pytest.fixture
def settings(tmp_path):
    settings = StudySettings(name="seen", workspace=str(tmp_path))
    Study(settings).begin()
    return settings


@pytest.fixture
def shown(monkeypatch, settings):
    """Shows a study that downloads a chunk and logs, in a terminal or in a file; gives what stands there."""

    def show(*, is_terminal):
        written = io.StringIO()
        console = Console(file=written, width=100, force_terminal=is_terminal, color_system=None, legacy_windows=False)
        for module in (terminal, progress_display):
            monkeypatch.setattr(module, "console", console)
        log = logging.getLogger("prefect.flow_runs")
        with (
            logged(settings, lambda record: "twice" in record.getMessage()) as kept,
            shown_progress(settings, kept),
            watched(Study(settings)) as told,
        ):
            work = told.begin("download", "download chunk 1")
            work.tell(3, 7)
            log.warning("Beginning task run")
            log.warning("19 candidates are to be decided on")
            log.error("said twice")
            work.end(DONE)
        return written.getvalue()

    return show


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_terminal_shows_the_study_and_what_needs_a_person(shown, settings, is_terminal):
    """The log file, whose path is said, has the rest; what is said elsewhere is not said twice."""
    said = shown(is_terminal=is_terminal)
    assert f"Log: {settings.root / 'run.log'}" in said
    assert "19 candidates are to be decided on" in said
    assert "said twice" not in said
    assert ("Fetch the covers" in said) == is_terminal
    assert ("download chunk 1: done, 0." in said) == (not is_terminal)
    log = (settings.root / "run.log").read_text()
    assert "WARNING prefect.flow_runs: Beginning task run" in log
    assert "said twice" in log


def test_prefect_prints_nothing_meanwhile_and_goes_on_afterwards(shown, settings):
    """Its handler is taken out for as long as the display stands; an earlier log is kept once."""
    theirs = PrefectConsoleHandler()
    logging.getLogger().addHandler(theirs)
    try:
        shown(is_terminal=False)
        assert theirs in logging.getLogger().handlers
        shown(is_terminal=False)
    finally:
        logging.getLogger().removeHandler(theirs)
    assert sorted(file.name for file in settings.root.glob("run*")) == ["run.log", "run.previous.log"]


def test_a_second_run_adds_to_the_log_of_the_first(shown, settings):
    """It takes no log away that another run is writing."""
    with logged(settings, lambda _: True):
        logging.getLogger("prefect.flow_runs").warning("said by the first")
        shown(is_terminal=False)
    log = (settings.root / "run.log").read_text()
    assert "said by the first" in log
    assert "Beginning task run" in log
    assert not (settings.root / "run.previous.log").exists()
