"""The whole study, from its listings to its report: chapters 3 to 5."""

from collections.abc import Mapping

from bookcover_core.errors import InputError, TrainingError
from bookcover_core.models.weights import check_networks
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from flows.comparison import compare_preparations
from flows.covers import download_covers
from flows.curation import curate
from flows.evaluation import evaluate
from flows.listings import read_listings
from flows.preparation import prepare
from flows.report import write_report
from flows.stages import DISSERTATION, stage_flow
from flows.training import train_backbone


@stage_flow("study", "study {settings.name}")
def study(settings: StudySettings = DISSERTATION) -> None:
    """Take listings of books to a report on how well networks judge them by their covers.

    A network that cannot be trained does not stop the others: they are evaluated and reported, then the study fails
    and names it. Run again, it picks up from there.
    """
    Study(settings).begin()
    check_networks(settings)
    read_listings(settings)
    download_covers(settings)
    curate.fn(settings)  # within this run: one of its own could not be suspended for the review
    prepare(settings)
    if settings.training.preparation == "best":
        compare_preparations(settings)

    trainings = {
        backbone: train_backbone(settings, backbone, return_state=True) for backbone in settings.training.backbones
    }
    trained = [backbone for backbone, state in trainings.items() if state.is_completed()]
    causes = {
        backbone: state.result(raise_on_failure=False)
        for backbone, state in trainings.items()
        if not state.is_completed()
    }
    if trained:
        evaluate(settings, trained)
        write_report(settings, {backbone: str(cause) for backbone, cause in causes.items()})
    if causes:
        raise training_error(settings, causes)


def training_error(settings: StudySettings, causes: Mapping[str, object]) -> TrainingError:
    """What to say of networks that could not be trained: which, why, and how to go on."""
    error = TrainingError(
        "; ".join(f"{backbone} could not be trained: {str(cause).rstrip('.')}" for backbone, cause in causes.items()),
        where=settings.root,
        advice="Mend the cause and run the study again: everything else is kept.",
    )
    if all(isinstance(cause, InputError) for cause in causes.values()):
        error.exit_code = InputError.exit_code
    return error
