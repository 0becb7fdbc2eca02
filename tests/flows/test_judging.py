"""The flow that judges any covers."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from bookcover_core.errors import FolderError
from flows.judging import judge
from tests.begun import begun
from tests.bookcover_core.inference.trained import GENRES, draw


@pytest.fixture
def covers(tmp_path):
    """Two covers, and a file that is none."""
    for number in range(2):
        draw(GENRES["Law"], 60 + number).save(tmp_path / f"cover_{number}.png")
    (tmp_path / "page.jpg").write_text("<html>")
    return tmp_path


def read_artifact(key: str) -> str:
    with get_client(sync_client=True) as client:
        [artifact] = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return artifact.data


def test_verdicts_are_shown_with_pictures(prefect_server, trained, covers):
    """Cover, what spoke for its genre, the genres and the nearest covers, in one artifact; failures at its end."""
    judge([str(covers)], begun(trained.settings), model="Tiny", near=2)
    shown = read_artifact("verdicts-tiny")
    assert shown.startswith("### Tiny, on padded covers\n\nIt is right on ")
    assert shown.count("](data:image/jpeg;base64,") == 4
    assert shown.count("| Law | ") >= 2
    assert shown.count("| similar cover | genre | similarity |") == 2
    assert shown.count("their likeness means nothing") == 2
    assert r"cover\_0\.png" in shown
    assert r"page\.jpg | not an image \(a web page\) |" in shown


@pytest.mark.parametrize("names", [[], ["page.jpg"]])
def test_a_run_that_judges_nothing_fails(prefect_server, trained, covers, monkeypatch, names):
    """And says what was wrong."""
    monkeypatch.chdir(covers)
    with pytest.raises(FolderError, match="a web page" if names else "no cover to judge"):
        judge(names, begun(trained.settings), model="Tiny")
