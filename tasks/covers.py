"""Fetching the covers, a chunk at a time, and showing what came."""

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext

from bookcover_core.covers import download
from bookcover_core.errors import DownloadError
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import BookSource, CoverSource, StudySettings
from tasks.limits import DOWNLOADS, slot
from tasks.stages import StageResult, artifact_key, network_task, perform


@network_task("download-chunk", "download chunk {chunk}")
def download_chunk(settings: StudySettings, chunk: int) -> StageResult | State[StageResult]:
    """What became of the records of one chunk, counted by outcome; tables and a contact sheet as artifacts.

    Chunks that are fetched from hosts are downloaded one after the other by all workers, or as many at once as the
    limit `bookcover-downloads` says.
    """
    try:
        result = perform(settings, lambda study: _download(study, chunk))
    except DownloadError:
        _show_chunk(Study(settings), chunk)
        raise
    if isinstance(result, StageResult):
        _show_chunk(Study(settings), chunk)
    return result


def _download(study: Study, chunk: int) -> Manifest:
    """The manifest of a chunk, downloaded when it is its turn."""
    settings = study.settings
    if settings.books.source is BookSource.FOLDER or settings.covers.source is not CoverSource.HTTP:
        return download.download_chunk(study, chunk)
    with slot(DOWNLOADS, unless=lambda: download.download_chunk.at(study, chunk).done is not None):
        return download.download_chunk(study, chunk)


def _show_chunk(study: Study, chunk: int) -> None:
    """Show outcomes and link rot by genre, what went wrong, and some covers, where a task is running."""
    from bookcover_core.report import download_summary  # noqa: PLC0415 - Matplotlib and pandas are slow to import

    if TaskRunContext.get() is None:
        return
    part = f"chunk-{chunk:04d}"
    for key, markdown, description in (
        (("outcomes", part), download_summary.outcomes_markdown(study, chunk), f"What became of the covers of {part}"),
        (("link-rot",), download_summary.link_rot_markdown(study), "Covers that are not to be had any more, by genre"),
        (("covers", part), download_summary.sample_markdown(study, chunk), f"Some covers of {part}"),
    ):
        if markdown:
            create_markdown_artifact(
                key=artifact_key(*key, study.settings.name), markdown=markdown, description=description
            )
