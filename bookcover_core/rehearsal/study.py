"""The settings of the rehearsal's study: everything at work, on little, within minutes on two cores."""

from bookcover_core.rehearsal.catalogue import Catalogue
from bookcover_core.rehearsal.publisher import HOST
from bookcover_core.settings import (
    BookSettings,
    ComparisonSettings,
    CoverSettings,
    CurationSettings,
    ModelSettings,
    PreparationSettings,
    StudySettings,
    TrainingSettings,
)

# 30 genres of 16 + 5 selected books: 630 covers, whose features take about 100 s on two cores
# (InceptionResNetV2 12 a second, ResNeXt50 23, MobileNetV2 177 over three preparations).
TRAIN_PER_GENRE = 16
TEST_PER_GENRE = 5
POOL_PER_GENRE = 5


def rehearsal_settings(catalogue: Catalogue, address: str, workspace: str, name: str = "rehearsal") -> StudySettings:
    """The settings of a whole study of `catalogue`, with untrained networks.

    Args:
        catalogue: What is studied.
        address: Where its pictures are served: `ImageHost.address`. It may change between runs: no stage hangs on it.
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
            chunk_records=200,
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
        training=TrainingSettings(epochs=60, patience=15),
    )
