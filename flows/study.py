"""The whole study, from its listings to its report: chapters 3 to 5."""

from collections.abc import Collection, Mapping

from bookcover_core.errors import InputError, TrainingError
from bookcover_core.models.systems import ensembles, systems
from bookcover_core.models.weights import check_networks
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.making import is_made
from flows.analysis import analyse
from flows.child_runs import how_to_go_on, train_networks
from flows.comparison import compare_preparations
from flows.covers import download_covers
from flows.curation import curate
from flows.evaluation import evaluate
from flows.listings import read_listings
from flows.preparation import prepare
from flows.report import write_report
from flows.stages import DISSERTATION, stage_flow
from flows.training import combine
from flows.visualisation import visualise
from tasks.clusters import check_cluster


@stage_flow("study", "study {settings.name}")
def study(settings: StudySettings = DISSERTATION) -> None:
    """Take listings of books to a report on how well networks judge them by their covers.

    A network that cannot be trained does not stop the others: they are evaluated and reported, then the study fails
    and names it. Run again, it picks up from there; what is done is kept, also where the study was cancelled or its
    process died.

    A study that came from a deployment starts a run of its own for each training (`flows.child_runs`).
    """
    Study(settings).begin()
    check_networks(settings)
    check_cluster(settings)
    read_listings(settings)
    download_covers(settings)
    curate.fn(settings)  # within this run: one of its own could not be suspended for the review
    prepare(settings)
    if settings.training.preparation == "best" and not settings.comparison.per_backbone:
        compare_preparations(settings)

    causes = train_networks(settings)
    joined = {name: combine(settings, name, return_state=True) for name in ensembles(settings)}
    causes |= {name: state.result(raise_on_failure=False) for name, state in joined.items() if not state.is_completed()}
    trained = [system.name for system in systems(settings) if is_made(Study(settings), system)]
    if trained:
        evaluate(settings, trained)
        analyse(settings)
        looked = visualise(settings, return_state=True)
        write_report(settings, reasons(settings, trained, causes))
    if causes:
        raise training_error(settings, causes)
    if trained:
        looked.result()  # what was wrong with it, if anything was: it stops no report


def reasons(settings: StudySettings, trained: Collection[str], causes: Mapping[str, object]) -> dict[str, str]:
    """Why the systems that are not trained are not: what stopped them, or the training of their network."""
    missing = [system for system in systems(settings) if system.name not in trained]
    stopped = {system.name: causes.get(system.name, causes.get(system.network)) for system in missing}
    return {name: str(cause) for name, cause in stopped.items() if cause is not None}


def training_error(settings: StudySettings, causes: Mapping[str, object]) -> TrainingError:
    """What to say of systems that could not be trained: which, why, and how to go on."""
    error = TrainingError(
        "; ".join(f"{name} could not be trained: {str(cause).rstrip('.')}" for name, cause in causes.items()),
        where=settings.root,
        advice=how_to_go_on(),
    )
    if all(isinstance(cause, InputError) for cause in causes.values()):
        error.exit_code = InputError.exit_code
    return error
