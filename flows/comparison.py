"""Which preparation is best: sections 3.2 and 5.4, Figure 3.1, Table 1."""

from bookcover_core.errors import SettingsError
from bookcover_core.families.family import comparison_parts
from bookcover_core.families.systems import are_sound
from bookcover_core.pipeline.study import Study
from bookcover_core.training.preparation_choice import comparing_backbones
from flows.names import name_comparison
from flows.networks import NetworkOrEncoder
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.limits import training_slot
from tasks.spreading import run_parts


@stage_flow("compare-preparations", name_comparison, step="compare")
def compare_preparations(study: str = "", backbones: tuple[NetworkOrEncoder, ...] = (), changes: Changes = ()) -> None:
    """Train a network briefly on every preparation, and choose the one that validates best.

    Where the settings name the preparation, nothing is compared unless networks are named here.

    Args:
        study: Name of the study; empty: the only one of this home.
        backbones: The networks that compare, each for itself; none named: those that the settings want.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    if settings.training.preparation != "best" and not backbones:
        raise SettingsError(
            f"there is nothing to compare: training.preparation is {settings.training.preparation!r}",
            where=settings.name,
            advice="Set training.preparation=best, or name the networks that are to compare all the same.",
        )
    wanted = backbones or comparing_backbones(settings)
    compared = Study(settings)
    with training_slot(unless=lambda: all(are_sound(compared, comparison_parts(compared, each)) for each in wanted)):
        for backbone in wanted:
            run_parts(compared, comparison_parts(compared, backbone))
