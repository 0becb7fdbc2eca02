"""Networks from scratch are trained for as many steps as Iwana et al. trained them, in whole epochs."""

import pytest

from bookcover_core.families.from_scratch import train_scratch
from bookcover_core.models import lenet_alexnet
from bookcover_core.models.model_cards import read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.training.stored_probabilities import read_probabilities
from tests.bookcover_core.training.tiny import tiny_study


def small(layers, kernel):
    """Like LeNet's, and few."""
    return [
        layers.Conv2D(4, 5, strides=5, activation="relu", kernel_initializer=kernel()),
        layers.Flatten(),
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study whose small network from scratch was trained: 18 books in batches of 5 are 4 steps an epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(lenet_alexnet.SCRATCH, "LeNet", lenet_alexnet.ScratchNetwork("LeNet", 20, small))
        study = tiny_study(tmp_path_factory.mktemp("study"), patch)
        settings = study.settings.scratch.model_copy(update={"batch_size": 5, "lenet_steps": 9, "learning_rate": 0.05})
        study = Study(study.settings.model_copy(update={"scratch": settings}))
        train_scratch(study, "LeNet")
        yield study


def test_steps_are_taken_in_whole_epochs(trained):
    """9 steps of 4 to an epoch are 3 epochs, none of them before the first."""
    lines = (trained.workspace.models / "LeNet-padded" / "history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2", "3"]


def test_the_card_says_what_the_network_is(trained):
    """A network from scratch has random weights at first, drawn from the seed, and all of them are trained."""
    card = read_card(trained.workspace.models / "LeNet-padded")
    assert (card.name, card.kind, card.backbone, card.preparation) == ("LeNet-padded", "scratch", "LeNet", "padded")
    assert (card.weights, card.weights_digest, card.input_size) == ("random", "random:2020", 20)
    assert card.parameters == {"trainable": (75 + 1) * 4 + (64 + 1) * 3}


def test_it_comes_back_from_its_folder(trained):
    """The saved network gives what was stored when its training ended."""
    import numpy as np

    from bookcover_core.models.input_pipeline import read_pictures
    from bookcover_core.models.networks import load_model

    folder = trained.workspace.models / "LeNet-padded"
    keys, probabilities = read_probabilities(folder, "test")
    files = [trained.workspace.prepared / "padded" / f"{key}.jpg" for key in keys]
    np.testing.assert_allclose(load_model(folder)[0](read_pictures(files, 20)), probabilities, atol=1e-5)


def test_other_networks_steps_do_not_matter(trained):
    """LeNet is not trained again when AlexNet's steps change; when its own do, it is."""
    assert train_scratch(trained, "LeNet").reused

    def stands(**steps):
        settings = trained.settings.scratch.model_copy(update=steps)
        study = Study(trained.settings.model_copy(update={"scratch": settings}))
        return train_scratch.at(study, "LeNet").standing is not None

    assert stands(alexnet_steps=7)
    assert not stands(lenet_steps=7)
