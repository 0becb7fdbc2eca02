"""What the predictions, and the colours and shapes of the covers, tell beyond recall: section 5.2."""

from bookcover_core.pipeline.graph import declarations, parts
from bookcover_core.pipeline.study import Study
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.spreading import run_parts


@stage_flow("analyse", "analyse {study}", step="analyse")
def analyse(study: str = "", changes: Changes = ()) -> None:
    """Analyse colour, shape, overlap, calibration and agreement, over all systems that are evaluated.

    Where trainings were repeated, what they say together too, and which labels they doubt.

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    for stage in declarations():
        if stage.step == "analyse":
            run_parts(Study(settings), parts(Study(settings), stage.name))
