"""Tests of `tasks.study_progress`: what is done, what is being done, and what is expected."""

from types import SimpleNamespace

import pytest

from bookcover_core.pipeline.engine import State
from bookcover_core.pipeline.graph import Part, Prospect, find
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks import study_progress
from tasks.study_progress import DONE, FAILED, UNCHANGED, StudyProgress, at_work, progress_of, watched


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(study_progress.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study that would run five parts, of which three have run before."""
    found = [
        Prospect("download/chunk-0001", State.OTHER_SETTINGS, ("seed",), 60.0),
        Prospect("download/chunk-0002", State.NOT_RUN, (), None),
        Prospect("features ResNeXt50", State.WAITING, (), None),
        Prospect("train/MobileNetV2-padded", State.OTHER_SETTINGS, (), 100.0),
        Prospect("report", State.WAITING, (), 20.0),
    ]
    monkeypatch.setattr(study_progress, "prospects", lambda _: found)
    return Study(StudySettings(name="seen", workspace=str(tmp_path)))


def test_time_is_expected_from_the_last_run_then_from_the_pace(study, clock):
    """What was never run makes the sum a least one; a part without a last run is expected to take what others took."""
    progress = StudyProgress(study)
    first = progress.begin("download", "download chunk 1", "download/chunk-0001")
    clock.now += 4
    first.tell(1, 4)
    assert first.left == 56, "too early for its pace"
    clock.now += 6
    assert first.left == 30
    assert progress.summary() == "Download chunk 1: 1 of 4. 10 s so far; at least 2 min 30 s to go."
    first.end(DONE)
    clock.now += 1
    second = progress.begin("download", "download chunk 2", "download/chunk-0002")
    assert second.left == 10
    assert progress.coming == ["features", "train", "report"]
    assert progress.coming_of("ResNeXt50") == ["features/ResNeXt50"]
    progress.begin("features", "features of ResNeXt50", *progress.coming_of("ResNeXt50"))
    second.end(DONE)
    assert "about" not in progress.summary(), "features were never computed"


def test_of_a_step_that_is_run_alone_nothing_else_is_to_come(study):
    """Though the study would have more to do."""
    assert StudyProgress(study, "train").coming == ["features", "train"]


def test_stages_that_have_begun_are_shown_in_their_order(study, clock):
    """What is being done comes before how it ended; a failure before what went well."""
    progress = StudyProgress(study)
    for stage, title, how in (
        ("train", "train LeNet", FAILED),
        ("train", "train Other", DONE),
        ("listings", "read the listings", UNCHANGED),
        ("download", "download chunk 1", DONE),
        ("download", "download chunk 2", ""),
    ):
        work = progress.begin(stage, title)
        clock.now += 2
        if how:
            work.end(how)
    rows = [(row.state, row.title, row.what, row.seconds) for row in progress.rows()]
    assert rows == [
        (UNCHANGED, find("listings").title, "", 2.0),
        ("now", find("download").title, "download chunk 2", 4.0),
        (FAILED, find("train").title, "2 parts", 4.0),
    ]
    page = progress.markdown()
    assert f"| now | {find('download').title} | download chunk 2 | 4.0 s |" in page
    assert page.endswith("To come: features, report.")


def test_a_part_tells_how_it_ended_where_its_study_is_watched(study):
    """Also where it raised; nothing is kept of a study that nobody watches."""
    part = Part(find("download"), (3,))
    with at_work(study, part) as work:
        assert work.title == "download chunk 3"
    assert progress_of(study) is None
    with watched(study) as progress, watched(study) as same:
        assert same is progress
        with pytest.raises(ValueError, match="broken"), at_work(study, part):
            raise ValueError("broken")
        with at_work(study, part) as work:
            work.end(UNCHANGED)
        assert [each.ended for each in progress.works] == [FAILED, UNCHANGED]
    assert progress_of(study) is None
