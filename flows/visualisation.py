"""What a trained network looks for, and what it sees in covers: section 5.3."""

from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.stages import run_stage


@stage_flow("visualise", "visualise a network of {study}", step="visualise")
def visualise(study: str = "", changes: Changes = ()) -> None:
    """Look into the network that validates best, or the one that `visualisation.model` names.

    Activation maximisation takes minutes to an hour; a run that was cut off goes on where it was.

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    run_stage(settings_of(study, changes), "visualise")
