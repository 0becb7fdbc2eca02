"""Looking into a trained network."""

from prefect.client.schemas.objects import State

from bookcover_core.manifests import Manifest
from bookcover_core.settings import StudySettings
from bookcover_core.stage_process import run_apart
from bookcover_core.study import Study
from bookcover_core.visualisation import maximisation
from tasks.stages import StageResult, perform, stage_task


@stage_task("visualise", "look into a network")
def visualise(settings: StudySettings) -> StageResult | State[StageResult]:
    """Ideal pictures of genres, and covers with what the network saw in them."""

    def look(study: Study) -> Manifest:
        network = maximisation.chosen_system(study).network
        return run_apart(study, maximisation.visualise, network=network)

    return perform(settings, look)
