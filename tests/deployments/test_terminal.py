"""Tests of `deployments.terminal`: tables in narrow terminals, and in files."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from bookcover_core.curation import review_queue
from bookcover_core.pipeline.study import Study
from bookcover_core.report import summary
from bookcover_core.settings import StudySettings
from deployments import terminal
from deployments.terminal import print_results, print_status, print_studies, print_table
from tests.bookcover_core.invented import record

ROW = {
    "model": "MobileNetV2, fine-tuned",
    "preparation": "NoPrep",
    **{f"top {k}, %": f"2{k}.4 (17.8 to 25.1)" for k in (1, 3, 5)},
}


@pytest.fixture
def printed(monkeypatch):
    """Makes a terminal of a width, or a file where there is none; gives what it holds."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def make(width):
        written = io.StringIO()
        console = Console(file=written, width=width or 80, force_terminal=width is not None, color_system=None)
        monkeypatch.setattr(terminal, "console", console)
        return written

    return make


@pytest.mark.parametrize("width", [80, None])
def test_no_interval_and_no_column_is_cut(printed, tmp_path, monkeypatch, width):
    """Names and explanations give way; where there is no terminal, each row is one line, however long."""
    monkeypatch.setattr(summary, "result_table", lambda _: [ROW])
    monkeypatch.setattr(summary, "verdict", lambda _: "About one in five. It ties with nobody.")
    settings = StudySettings(name="a-study-with-a-name", workspace=str(tmp_path))
    written = printed(width)
    print_results(settings)
    text = written.getvalue()
    assert all(f"2{k}.4 (17.8 to 25.1)" in text for k in (1, 3, 5))
    assert "…" not in text
    assert "About one in five. It ties with nobody." in text
    assert width is not None or "MobileNetV2, fine-tuned NoPrep" in text
    written = printed(width)
    print_status(settings)
    text = written.getvalue()
    assert all(column in text for column in ("stage", "what it does", "done", "state", "seconds"))
    assert "…" not in text
    lines = [line.rstrip() for line in text.splitlines()]
    assert width is None or max(map(len, lines[1:])) <= width


@pytest.mark.parametrize("has_terminal", [True, False])
def test_tables_keep_to_a_narrow_terminal(monkeypatch, tmp_path, has_terminal):
    """All of them, and where no terminal is but COLUMNS says how wide: more is folded, and nothing is cut."""
    monkeypatch.setattr(summary, "result_table", lambda _: [ROW])
    monkeypatch.setattr(summary, "verdict", lambda _: "About one in five.")
    monkeypatch.setenv("COLUMNS", "60")
    written = io.StringIO()
    monkeypatch.setattr(terminal, "console", Console(file=written, force_terminal=has_terminal, color_system=None))
    settings = StudySettings(name="narrow", workspace=str(tmp_path))
    study = Study(settings)
    study.begin()
    for label in ("listings", "hashes/chunk-0001", "hashes/chunk-0002"):
        record(study, label)
    print_status(settings)
    print_results(settings)
    print_studies(tmp_path)
    names = ("stage", "results", "size", "shared", "held by no study", "studies", "last used")
    print_table("Kept", names, [["1 MB"] * 7])
    lines = [line.rstrip() for line in written.getvalue().splitlines() if not line.startswith("Report: ")]
    assert max(map(len, lines)) <= 60
    assert "…" not in written.getvalue()
    words = set(" ".join(lines).split())
    assert {"covers", "seconds", "earlier", "MobileNetV2,", "21.4", "(17.8", "25.1)", "held"} <= words


def test_a_study_that_waits_for_people_says_so(printed, tmp_path, monkeypatch):
    """Until the books are chosen; one that keeps or rejects undecided candidates waits for nobody."""
    monkeypatch.setattr(review_queue, "review_queue", lambda _: SimpleNamespace(open=[1, 2]))
    settings = StudySettings(name="waiting", workspace=str(tmp_path))
    record(Study(settings), "candidates")
    said = "2 box-set candidates wait for a decision: `bookcover review "

    def status(**curation):
        written = printed(None)
        print_status(settings.model_copy(update={"curation": settings.curation.model_copy(update=curation)}))
        return written.getvalue()

    assert said in status()
    assert said not in status(undecided="keep")
    record(Study(settings), "curate")
    assert said not in status()
