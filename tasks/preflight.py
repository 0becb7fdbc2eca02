"""What a study needs beyond the core's checks: packages by which work is spread. Imports nothing of Prefect's."""

from bookcover_core.errors import BookcoverError
from bookcover_core.preflight import check
from bookcover_core.settings import StudySettings
from tasks.clusters import check_cluster


def check_all(settings: StudySettings) -> None:
    """Return where a study has all that it will need."""
    missing: list[BookcoverError] = []
    try:
        check_cluster(settings)
    except BookcoverError as error:
        missing.append(error)
    check(settings, *missing)
