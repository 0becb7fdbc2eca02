"""The demonstration: a whole study of an invented publisher's books, pictures served on loopback."""

import sys
from pathlib import Path
from shutil import which

from bookcover_core.demo_data.catalogue import publish
from bookcover_core.demo_data.demo_settings import POOL_PER_GENRE, TEST_PER_GENRE, TRAIN_PER_GENRE, demo_settings
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.pipeline.study import reference
from deployments.demo_covers import PUBLISHER
from deployments.run_command import run_study
from deployments.terminal import say


def run_demo(folder: Path, *, seed: int, stay: bool = False) -> None:
    """Invent a publisher, run a whole study on its books, and say what to do with it."""
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
    study = reference(settings)
    if study == settings.name:  # those that lie elsewhere are on no page of this home
        say(f"Look around: `{_program()} serve` opens a page with this study, its covers and its report.")
    say(f"Ask it of a cover: `{_program()} judge FILE --study {study}`.")


def _program() -> str:
    """How this program is called: where it is not on the path, as it was now."""
    return sys.argv[0] if Path(sys.argv[0]).name == "bookcover" and not which("bookcover") else "bookcover"
