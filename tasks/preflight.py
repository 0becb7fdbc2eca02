"""The first task of a study: what it will need is there."""

from bookcover_core.errors import BookcoverError
from bookcover_core.preflight import check
from bookcover_core.settings import StudySettings
from tasks.clusters import check_cluster
from tasks.stages import stage_task


@stage_task("preflight", "check what the study needs")
def check_needs(settings: StudySettings) -> None:
    """Return where nothing is missing: see `check_all`."""
    check_all(settings)


def check_all(settings: StudySettings) -> None:
    """Return where a study has all that it will need, here and of packages that Prefect brings.

    Raises:
        BookcoverError: It lacks something; the message lists everything.
    """
    missing: list[BookcoverError] = []
    try:
        check_cluster(settings)
    except BookcoverError as error:
        missing.append(error)
    check(settings, *missing)
