"""Tests of `flows.covers` and `tasks.covers`: chunks by number and one after the other, and what people see of them."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.errors import DownloadError, SettingsError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings
from flows.covers import download_covers
from tasks import stages
from tests.begun import begun

pytestmark = pytest.mark.usefixtures("prefect_server")

task_of = stages.task_of


def untried(name: str):
    """The task of a stage that is tried once only."""
    return task_of(name).with_options(retries=0)


BOOKS = 6
PER_CHUNK = 2


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """A cover for each book, by its path on the host."""
    found = {}
    for number in range(BOOKS):
        file = tmp_path / f"{number}.jpg"
        content = io.BytesIO()
        Image.new("RGB", (90, 120 + number), (40 * number, 90, 120)).save(content, "JPEG")
        file.write_bytes(content.getvalue())
        found[f"/{number}.jpg"] = file
    return found


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., StudySettings]:
    """Settings of a fresh study of three chunks: not even its listings are read."""

    def make(name: str, address: str) -> StudySettings:
        listing = tmp_path / "listing.csv"
        with listing.open("w", newline="") as lines:
            table = csv.writer(lines, quoting=csv.QUOTE_ALL)
            for number in range(BOOKS):
                genre = number % 2
                url = f"http://covers.example/{number}.jpg"
                table.writerow([number, f"{number}.jpg", url, f"Title {number}", "", genre, ("Law", "Travel")[genre]])
        return parse_settings(
            {
                "name": name,
                "workspace": str(tmp_path / "studies"),
                "books": {"source": "listing", "listing": str(listing), "chunk_records": PER_CHUNK},
                "covers": {
                    "hosts": {"covers.example": [address]},
                    "allowed_private_hosts": ["127.0.0.1"],
                    "requests_per_second": 5000,
                    "backoff": 0,
                    "attempts": 1,
                    "max_failed_share": 0,
                },
            }
        )

    return make


@pytest.fixture
def host(pictures: dict[str, Path]) -> Iterator[ImageHost]:
    with ImageHost(pictures) as host:
        yield host


def done(settings: StudySettings) -> list[str]:
    return [manifest.part for manifest in Study(settings).manifests("download")]


def latest_artifact(key: str) -> Artifact | None:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return found[-1] if found else None


def test_a_schedule_of_next_finishes_the_listing_and_then_says_so(host, make_settings):
    """Each run does one chunk, the first reads the listings; the last ends well, asks nobody, says that all is done."""
    settings = make_settings("nightly", host.address)
    for night in range(3):
        assert download_covers(begun(settings), chunks="next", return_state=True).is_completed()
        assert len(done(settings)) == night + 1
        assert sum(host.requests.values()) == PER_CHUNK * (night + 1)
    state = download_covers(begun(settings), chunks="next", return_state=True)
    assert state.is_completed()
    assert state.message == "Nothing is left to download."
    assert sum(host.requests.values()) == BOOKS


def test_chunks_are_downloaded_by_number(host, make_settings):
    """The chunks that are named are done, and no others; a number that the listing has not is refused at once."""
    settings = make_settings("numbers", host.address)
    with pytest.raises(SettingsError, match="no chunk 4: the listings give 3"):
        download_covers(begun(settings), chunks="1, 4")
    assert not host.requests
    download_covers(begun(settings), chunks="3,1")
    assert done(settings) == ["chunk-0001", "chunk-0003"]
    download_covers(begun(settings))
    assert done(settings) == ["chunk-0001", "chunk-0002", "chunk-0003"]


def test_the_first_chunk_that_cannot_be_downloaded_ends_the_run(pictures, make_settings, monkeypatch):
    """What was done before stays, what comes after is not asked for, and people see what went wrong."""
    monkeypatch.setattr(stages, "task_of", untried)
    with ImageHost(pictures, {"/3.jpg": Fault.ERRORS}) as host:
        settings = make_settings("stopped", host.address)
        with pytest.raises(DownloadError, match=r"chunk-0002: 1 of 2 covers failed for now .*HTTP 500"):
            download_covers(begun(settings))
        assert set(host.requests) == {"/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg"}
    assert done(settings) == ["chunk-0001"]
    assert "HTTP 500" in latest_artifact("outcomes-chunk-0002-stopped").data
    assert "Link rot in 1 of 3 chunks" in latest_artifact("link-rot-stopped").data


def test_a_chunk_that_failed_is_retried_alone(pictures, make_settings, monkeypatch):
    """Retry on a run of the deployment asks for what has failed, and for nothing else."""
    monkeypatch.setattr(stages, "task_of", untried)
    with get_client(sync_client=True) as client:
        with ImageHost(pictures, {"/3.jpg": Fault.ERRORS}) as host:
            settings = make_settings("retried", host.address)
            deployment = client.create_deployment(client.create_flow(download_covers), name="retried-chunk")
            parameters = {"study": begun(settings), "chunks": "1-2"}
            run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
            assert run_flow(download_covers, flow_run=run, return_type="state").is_failed()
        client.set_flow_run_state(run.id, AwaitingRetry())
        run = client.read_flow_run(run.id)
        with ImageHost(pictures, port=int(host.address.rpartition(":")[2])) as host:
            assert run_flow(download_covers, flow_run=run, return_type="state").is_completed()
    assert set(host.requests) == {"/3.jpg"}
    assert done(settings) == ["chunk-0001", "chunk-0002"]


def test_people_see_what_came(host, make_settings):
    """A chunk leaves its outcomes by genre, the link rot so far, some covers, and a progress that is complete."""
    settings = make_settings("seen", host.address)
    download_covers(begun(settings), chunks="2")
    assert "| Law | 1 | 1 |" in latest_artifact("outcomes-chunk-0002-seen").data
    assert "Link rot in 1 of 3 chunks" in latest_artifact("link-rot-seen").data
    assert "data:image/jpeg;base64," in latest_artifact("covers-chunk-0002-seen").data
    assert float(latest_artifact("progress-seen-download-chunk-2").data) == 100


def test_the_form_of_a_run_shows_which_chunks_can_be_chosen():
    """A text, which every form can send, with a description and all of them as default."""
    shown = download_covers.parameters.model_dump()["properties"]["chunks"]
    assert shown["default"] == "all"
    assert shown["description"].startswith("Which chunks of the listing")
    assert shown["type"] == "string"
