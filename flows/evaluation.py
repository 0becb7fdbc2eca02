"""How good the trained systems are: chapter 5."""

from bookcover_core.families.systems import systems
from flows.names import name_evaluation
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from flows.training import fit_baselines
from tasks.stages import run_stage


@stage_flow("evaluate", name_evaluation, step="evaluate")
def evaluate(study: str = "", names: tuple[str, ...] = (), changes: Changes = ()) -> None:
    """Judge the test books with every system that is trained.

    Args:
        study: Name of the study; empty: the only one of this home.
        names: The systems to evaluate; none named: all of the study.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    if not names:
        fit_baselines(settings)
    for name in names or [system.name for system in systems(settings)]:
        run_stage(settings, "evaluate", name)
