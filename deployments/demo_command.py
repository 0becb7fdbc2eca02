"""The demonstration: a whole study of an invented publisher's books, pictures served on loopback."""

from pathlib import Path

from bookcover_core.demo_data.catalogue import publish
from bookcover_core.demo_data.demo_settings import POOL_PER_GENRE, TEST_PER_GENRE, TRAIN_PER_GENRE, demo_settings
from bookcover_core.demo_data.image_host import ImageHost
from deployments.demo_covers import PUBLISHER
from deployments.run_command import run_study
from deployments.terminal import say


def run_demo(folder: Path, *, seed: int, stay: bool = False) -> None:
    """Invent a publisher, and run a whole study on its books."""
    say("Drawing the covers of an invented publisher ...")
    catalogue = publish(
        folder / PUBLISHER,
        seed=seed,
        train_per_genre=TRAIN_PER_GENRE,
        test_per_genre=TEST_PER_GENRE,
        pool_per_genre=POOL_PER_GENRE,
    )
    with ImageHost(catalogue.pictures, catalogue.faults) as host:
        settings = demo_settings(catalogue, host.address, workspace=str(folder))
        run_study(settings, stay=stay)
