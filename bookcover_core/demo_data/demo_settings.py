"""The settings of the demo study: everything at work, on little, within minutes on two cores."""

from bookcover_core.demo_data.catalogue import Catalogue
from bookcover_core.demo_data.publisher import HOST
from bookcover_core.settings import StudySettings

# 30 genres of 7 + 3 selected books.
TRAIN_PER_GENRE = 7
TEST_PER_GENRE = 3
POOL_PER_GENRE = 3

# ImageNet weights need a network, so the dissertation's three go the whole way untrained.
_UNTRAINED = StudySettings().training.backbones


def demo_settings(catalogue: Catalogue, address: str, workspace: str, name: str = "demo") -> StudySettings:
    """The settings of a whole study of `catalogue`: LeNet learns from its covers, the other networks are untrained.

    Its pictures are served at `address`, which may change between runs: no stage depends on it.
    """
    listed = {"train_listing": catalogue.train, "test_listing": catalogue.test, "pool_listing": catalogue.pool}
    hosts = {"hosts": {HOST: (address,)}, "allowed_private_hosts": ("127.0.0.1",)}
    return StudySettings.model_validate(
        {
            "name": name,
            "workspace": workspace,
            "seed": catalogue.seed,
            "books": {**{name: str(file) for name, file in listed.items()}, "chunk_records": 150},
            "covers": {**hosts, "requests_per_second": 2_000, "backoff": 0.2},
            "curation": {"undecided": "reject"},
            "preparation": {"methods": ("noprep", "padded"), "shard_records": 250},
            # Networks that have learnt nothing see a tenth of the pixels, in a tenth of the time.
            # OpenVINO takes longer to compile InceptionResNetV2 than TensorFlow to compute 300 of them.
            "models": {"weights": "random", "input_size": 96, "engine": "tensorflow"},
            "comparison": {"epochs": 20, "patience": 10},
            "training": {"backbones": ("LeNet", *_UNTRAINED), "epochs": 40, "patience": 10},
            # Small batches, for there are few books: 180 to learn from are 6 steps an epoch.
            "scratch": {"batch_size": 32, "lenet_steps": 180, "patience": 12},
            "ensemble": {"methods": ("weighted",), "members": _UNTRAINED},
            "visualisation": {"model": "LeNet", "steps": 100, "grad_cam": 3},
        }
    )
