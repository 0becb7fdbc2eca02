"""The report of a study."""

from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.stages import run_stage


@stage_flow("report", "report on {study}", step="report")
def write_report(study: str = "", failures: tuple[str, ...] = (), changes: Changes = ()) -> None:
    """Write the tables, the figures, and the page that opens in a browser.

    Args:
        study: Name of the study; empty: the only one of this home.
        failures: Why systems could not be trained: their name, a colon, and the cause.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    causes = dict(each.split(": ", 1) for each in failures if ": " in each)
    run_stage(settings_of(study, changes), "report", causes or None)
