"""How far a study is, on the page of its own run: an artifact that is kept up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.kept_shown import kept_shown
from tasks.stage_artifacts import artifact_key
from tasks.study_progress import watched

# Seconds between two updates: each is a request to the server.
_INTERVAL = 5.0


@contextmanager
def progress_shown(settings: StudySettings) -> Iterator[None]:
    """Show how far a study is while the block lasts."""
    artifact: Any = None
    told = ""

    def show(_: bool) -> None:
        nonlocal artifact, told
        if told == (told := progress.markdown()):
            return
        if artifact is None:
            about = f"How far {settings.name} is"
            artifact = create_markdown_artifact(markdown=told, key=progress_key(settings.name), description=about)
        else:
            with get_client(sync_client=True) as client:
                client.update_artifact(artifact, ArtifactUpdate(data=told))

    with watched(Study(settings)) as progress, kept_shown(f"how far {settings.name} is", show, _INTERVAL):
        yield


def progress_key(study: str) -> str:
    """Key of the artifact that shows how far a study of this name is."""
    return artifact_key("study", study)
