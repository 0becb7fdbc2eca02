"""Writing the report."""

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.pages import page_of
from tasks.stages import StageResult, artifact_key, perform, stage_task


@stage_task("write-report", "write the report")
def write_report(settings: StudySettings, failures: dict[str, str] | None = None) -> StageResult | State[StageResult]:
    """The report, and its result table as an artifact.

    Args:
        settings: The study.
        failures: Why systems could not be trained, by name.
    """
    from bookcover_core.report import write_report  # noqa: PLC0415 - Matplotlib is slow to import

    result = perform(settings, lambda study: write_report.write_report(study, failures))
    _show_results(Study(settings))
    return result


def _show_results(study: Study) -> None:
    """Show the result table and where the report lies, where a task is running."""
    from bookcover_core.report.summary import result_markdown  # noqa: PLC0415 - imports pandas

    if TaskRunContext.get() is None:
        return
    create_markdown_artifact(
        key=artifact_key("results", study.settings.name),
        markdown=result_markdown(study),
        description="Results on the test books",
    )
    served = page_of(study.settings, "report")
    create_link_artifact(
        key=artifact_key("report", study.settings.name),
        link=served or (study.workspace.report / "index.html").as_uri(),
        link_text=f"The report on {study.settings.name}",
        description="The report of the study"
        if served
        else "The report of the study, on the machine that wrote it: a browser opens it from the disk only",
    )
