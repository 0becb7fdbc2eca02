"""Flows of the steps that are a stage, or some, and nothing more: sections 3.1, 3.2, and chapter 5."""

from bookcover_core.families.systems import systems
from bookcover_core.pipeline.graph import Part, declarations, find, parts
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shards
from flows.names import name_evaluation
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from flows.training import fit_baselines
from tasks.spreading import run_parts, spread
from tasks.stages import run_stage


@stage_flow("read-listings", "read the listings of {study}", step="listings")
def read_listings(study: str = "", changes: Changes = ()) -> None:
    """Read the listings, check every record, and number the records into chunks."""
    run_stage(settings_of(study, changes), "listings")


@stage_flow("prepare", "prepare the covers of {study}", step="prepare")
def prepare(study: str = "", changes: Changes = ()) -> None:
    """Measure every cover and make it square in every wanted way, shard by shard, or many shards at once.

    Where the settings ask for the words on the covers, they are read afterwards.
    """
    wanted = Study(settings_of(study, changes))
    spread(wanted, [Part(find("prepare"), (shard,)) for shard in shards(wanted)])
    spread(wanted, parts(wanted, "read"))


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


@stage_flow("analyse", "analyse {study}", step="analyse")
def analyse(study: str = "", changes: Changes = ()) -> None:
    """Analyse colour, shape, overlap, calibration and agreement, over all systems that are evaluated.

    Where trainings were repeated, what they say together too, and which labels they doubt.
    """
    settings = settings_of(study, changes)
    for stage in declarations():
        if stage.step == "analyse":
            run_parts(Study(settings), parts(Study(settings), stage.name))


@stage_flow("visualise", "visualise a network of {study}", step="visualise")
def visualise(study: str = "", changes: Changes = ()) -> None:
    """Look into the network that validates best, or the one that `visualisation.model` names.

    Activation maximisation takes minutes to an hour; a run that was cut off goes on where it was.
    """
    wanted = Study(settings_of(study, changes))
    run_parts(wanted, parts(wanted, "visualise"))


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
