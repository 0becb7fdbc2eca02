"""How far a study is, on the page of its own run: an artifact that is kept up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread
from uuid import UUID

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.stage_artifacts import artifact_key
from tasks.study_progress import StudyProgress, watched

# Seconds between two updates: each is a request to the server.
_INTERVAL = 5.0


@contextmanager
def progress_shown(settings: StudySettings) -> Iterator[None]:
    """Show how far a study is while the block lasts. A server that is slow or gone holds nothing up."""
    with watched(Study(settings)) as progress:
        ending = Event()
        keeper = Thread(target=copy_context().run, args=(_keep_shown, progress, ending), name="study-progress")
        keeper.start()
        try:
            yield
        finally:
            ending.set()
            keeper.join()


def progress_key(study: str) -> str:
    """Key of the artifact that shows how far a study of this name is."""
    return artifact_key("study", study)


def _keep_shown(progress: StudyProgress, ending: Event) -> None:
    """Update the artifact until the end, and once more then."""
    try:
        told = progress.markdown()
        artifact = create_markdown_artifact(
            markdown=told, key=progress_key(progress.name), description=f"How far {progress.name} is"
        )
        assert isinstance(artifact, UUID)  # Prefect's type allows for a coroutine
        with get_client(sync_client=True) as client:
            while True:
                is_ending = ending.wait(_INTERVAL)
                if told != (told := progress.markdown()):
                    client.update_artifact(artifact, ArtifactUpdate(data=told))
                if is_ending:
                    return
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("How far the study is can be shown no longer: %s", error)
