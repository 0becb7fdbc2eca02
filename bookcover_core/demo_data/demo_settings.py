"""The settings of the demo study: everything at work, on little, within minutes on two cores."""

from bookcover_core.demo_data.catalogue import Catalogue
from bookcover_core.demo_data.publisher import HOST
from bookcover_core.settings import (
    BookSettings,
    ComparisonSettings,
    CoverSettings,
    CurationSettings,
    EnsembleSettings,
    ModelSettings,
    PreparationSettings,
    StudySettings,
    TrainingSettings,
    VisualisationSettings,
)

# 30 genres of 12 + 4 selected books: 480 covers, whose features take about two minutes on two slow cores
# (InceptionResNetV2 7 a second, ResNeXt50 14, MobileNetV2 130 over three preparations).
TRAIN_PER_GENRE = 12
TEST_PER_GENRE = 4
POOL_PER_GENRE = 4


def demo_settings(catalogue: Catalogue, address: str, workspace: str, name: str = "demo") -> StudySettings:
    """The settings of a whole study of `catalogue`, with untrained networks.

    Args:
        catalogue: What is studied.
        address: Where its pictures are served: `ImageHost.address`. It may change between runs: no stage depends on it.
        workspace: Folder that holds the studies.
        name: Name of the study.
    """
    return StudySettings(
        name=name,
        workspace=workspace,
        seed=catalogue.seed,
        books=BookSettings(
            train_listing=str(catalogue.train),
            test_listing=str(catalogue.test),
            pool_listing=str(catalogue.pool),
            chunk_records=150,
        ),
        covers=CoverSettings(
            hosts={HOST: (address,)},
            allowed_private_hosts=("127.0.0.1",),
            requests_per_second=2_000,
            backoff=0.2,
        ),
        curation=CurationSettings(undecided="reject"),
        preparation=PreparationSettings(shard_records=250),
        models=ModelSettings(weights="random"),
        comparison=ComparisonSettings(epochs=30, patience=15),
        # Few books and the small features of untrained networks: with the dissertation's 0.001 they learn too slowly.
        training=TrainingSettings(epochs=60, patience=15, learning_rate=0.003),
        ensemble=EnsembleSettings(methods=("mean", "weighted")),
        # The fastest network, for a few seconds: untrained networks want nothing that people would recognise.
        visualisation=VisualisationSettings(model="MobileNetV2", steps=10, grad_cam=3),
    )
