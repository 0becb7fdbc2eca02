"""Looking into a trained network."""

from prefect.client.schemas.objects import State

from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.visualisation import visualise as looking
from tasks.stages import StageResult, perform, stage_task


@stage_task("visualise", "look into a network")
def visualise(settings: StudySettings) -> StageResult | State[StageResult]:
    """Ideal pictures of genres, and covers with what the network saw in them."""

    def look(study: Study) -> Manifest:
        network = looking.chosen_system(study).network
        return run_apart(study, looking.visualise, network=network)

    return perform(settings, look)
