"""The report of a study."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import report


@stage_flow("report", "report on {settings.name}")
def write_report(settings: StudySettings = DISSERTATION, failures: dict[str, str] | None = None) -> None:
    """Write the tables, the figures, and the page that opens in a browser.

    Args:
        settings: The study.
        failures: Why systems could not be trained, by name.
    """
    report.write_report(settings, failures)
