"""The whole study, from its listings to its report: chapters 3 to 5."""

from collections.abc import Callable, Collection, Mapping

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Completed

from bookcover_core.errors import InputError, StudyBusyError, TrainingError
from bookcover_core.families.systems import systems
from bookcover_core.pipeline.study import Study, reference
from bookcover_core.settings import PoolCovers, StudySettings, Undecided
from bookcover_core.settings.short_form import fill_in
from flows.child_runs import how_to_go_on, train_networks
from flows.comparison import compare_preparations
from flows.covers import download_covers
from flows.curation import curate
from flows.names import name_begun_study, name_study_of_settings
from flows.networks import Network
from flows.progress_artifact import progress_shown
from flows.run_states import REFUSED
from flows.stages import stage_flow
from flows.steps import analyse, evaluate, prepare, read_listings, visualise, write_report
from flows.studies import Changes, settings_of, store
from flows.training import combine, fit_baselines
from tasks.pages import outcome_in_words, report_address
from tasks.preflight import check_all
from tasks.stage_artifacts import show_results
from tasks.stages import stage_task

Ended = State[None] | None
"""What a run of a whole study gives: the state that it ends in, with what came out as its message."""

_DISSERTATION = StudySettings()

# Seconds for which a run that was cancelled just now may take to end.
_PATIENCE = 10.0

_check_needs = stage_task("preflight", "check what the study needs")(check_all)


@stage_flow("study", name_begun_study)
def begin_study(
    name: str = "",
    books: str = "",
    covers: str = "",
    networks: tuple[Network, ...] = _DISSERTATION.training.backbones,
    undecided: Undecided = "ask",
    pool: PoolCovers = "all",
    only_begin: bool = False,
    changes: Changes = (),
) -> Ended:
    """Start here: begin a study, and take it from its books to a report on how well covers tell their genre.

    With nothing filled in it is the dissertation's study of 57,000 books. Whatever is not asked here has the
    dissertation's value, and `changes` can change it. The settings are kept with the study: every other deployment, and
    every schedule, asks for its name alone.

    Args:
        name: Name of the study: letters, digits, dots, dashes. Empty: that of the folder or listing of its books.
        books: A folder of pictures with one subfolder for each genre; or the file or address of a listing. Empty: the
            listings of BookCover30.
        covers: Where the covers of a listing are: a folder, or a zip file. Empty: they are downloaded.
        networks: The networks to train.
        undecided: What to do with books that may be box sets. ask: the study waits until you have decided; keep or
            reject them and go on; fail: stop.
        pool: Which covers of the pool are fetched, from which books come in for others (BookCover30). all: every one,
            207,572 covers together. as-needed: those that come in, and the 57,000; the books chosen are the same.
        only_begin: Read the listings and stop there: where a schedule downloads the covers, night by night.
        changes: Any other settings, a line each: training.epochs=400, say. `bookcover settings` lists them all.
    """
    return _begin(fill_in(name, books, covers, networks, undecided, changes, pool), only_begin)


@stage_flow("study-every-setting", name_study_of_settings)
def begin_study_with_every_setting(only_begin: bool = False, settings: StudySettings = _DISSERTATION) -> Ended:
    """Begin a study in a form that shows every setting, with its meaning and the dissertation's value.

    Only *Run*, then *Custom run* fills this form in. A schedule runs the study by its name, with `continue-study`.

    Args:
        only_begin: Read the listings and stop there: where a schedule downloads the covers, night by night.
        settings: The study.
    """
    return _begin(settings, only_begin)


def _begin(settings: StudySettings, only_begin: bool) -> Ended:
    def begin() -> Ended:
        study = reference(store(settings))
        if not only_begin:
            return continue_study.fn(study)
        read_listings(study)
        return None

    return _alone(settings, begin)


def _alone(settings: StudySettings, work: Callable[[], Ended]) -> Ended:
    """Do `work` while no other run is at the study; where one is, nothing is done, and the run ends as refused."""
    try:
        with Study(settings).alone(patience=_PATIENCE, within=True):
            return work()
    except StudyBusyError as error:
        get_run_logger().warning("%s", error)
        return Cancelled(name=REFUSED, message=str(error))


@stage_flow("continue-study", "study {study}")
def continue_study(study: str = "", changes: Changes = ()) -> Ended:
    """Take a study up where it stopped, or do again what depends on changed settings: from its listings to its report.

    A network that cannot be trained does not stop the others: they are evaluated and reported, then the study fails
    and names it. Run again, it picks up from there; what is done is kept, also where the study was cancelled or its
    process died.

    A study that came from a deployment starts a run of its own for each training (`flows.child_runs`).

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """

    def go_on() -> Ended:
        settings = settings_of(study, changes)
        _check_needs(settings)
        with progress_shown(settings):
            _take_to_its_end(settings)
        return Completed(message=f"{outcome_in_words(settings)} Report: {report_address(settings)}")

    return _alone(settings_of(study), go_on)


WHOLE = (begin_study, begin_study_with_every_setting, continue_study)
"""The flows that take a whole study to its end."""


def _take_to_its_end(settings: StudySettings) -> None:
    study = reference(settings)
    read_listings(study)
    download_covers(study)
    curate.fn(study)  # within this run: one of its own could not be suspended for the review
    prepare(study)
    if settings.compares_for_all:
        compare_preparations(study)

    causes = train_networks(settings)
    fit_baselines(settings)
    ensembles = [system.name for system in systems(settings) if system.members]
    joined = {name: combine(study, name, return_state=True) for name in ensembles}
    causes |= {name: state.result(raise_on_failure=False) for name, state in joined.items() if not state.is_completed()}
    made = [system for system in systems(settings) if system.is_made(Study(settings))]
    trained = [system.name for system in made if system.competes]
    if trained:
        evaluate(study, tuple(system.name for system in made))
        analyse(study)
        looked = visualise(study, return_state=True)
        write_report(study, tuple(f"{name}: {why}" for name, why in reasons(settings, trained, causes).items()))
        show_results(Study(settings))
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
