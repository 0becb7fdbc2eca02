"""Studies of one's own covers: a folder with one subfolder per genre, and a listing with a zip of covers."""

import csv
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from flows.study import continue_study
from tests.begun import begun
from tests.flows.conftest import stages_here

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

GENRES = {"Poesía": (200, 60, 60), "Maps & Atlases": (60, 160, 90), "日本": (60, 80, 200)}
BOOKS = 12


def draw(colour: tuple[int, int, int], number: int) -> Image.Image:
    """A picture in a genre's colour, unlike all others."""
    noise = np.random.default_rng([*colour, number]).integers(-40, 40, (120, 90, 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def run(tmp_path, network: str, **settings) -> Study:
    wanted = StudySettings.model_validate(
        {
            "name": "own",
            "workspace": str(tmp_path / "studies"),
            "preparation": {"methods": ["padded"], "size": 64},
            "models": {"weights": "random", "input_size": 96},
            "training": {"backbones": [network], "preparation": "padded", "epochs": 4},
            "visualisation": {"genres": 1, "steps": 2, "grad_cam": 1},
        }
        | settings
    )
    continue_study(begun(wanted))
    return Study(wanted)


def assert_is_a_study_of_these_genres(done: Study) -> None:
    [network] = done.settings.training.backbones
    books = read_table(done.workspace.splits, label="int64")
    assert len(books) == len(GENRES) * BOOKS
    assert set(books["genre"]) == set(GENRES)
    assert set(books["split"]) == {"train", "validation", "test"}
    card = json.loads((done.workspace.models / f"{network}-padded" / "card.json").read_text(encoding="utf-8"))
    assert len(card["genres"]) == len(GENRES)
    predictions = read_table(done.workspace.evaluation / f"{network}-padded" / "predictions.csv")
    assert len(predictions.columns) == 3 + len(GENRES)  # key, group and label
    assert "Poesía" in (done.workspace.report / "index.html").read_text(encoding="utf-8")


def test_a_folder_with_one_subfolder_per_genre_is_a_study(tmp_path):
    """Any genres, any number of them: the number of classes follows the folders."""
    for genre, colour in GENRES.items():
        (tmp_path / "covers" / genre).mkdir(parents=True)
        for number in range(BOOKS):
            draw(colour, number).save(tmp_path / "covers" / genre / f"{number}.png")
    books = {"source": "folder", "folder": str(tmp_path / "covers")}
    assert_is_a_study_of_these_genres(run(tmp_path, "MobileNetV2", books=books))


def test_a_listing_with_a_zip_of_covers_is_a_study(tmp_path):
    """Covers are found in the archive by their FILENAME, wherever they lie in it; nothing is downloaded."""
    records = []
    with zipfile.ZipFile(tmp_path / "covers.zip", "w") as archive:
        for label, (genre, colour) in enumerate(GENRES.items()):
            for number in range(BOOKS):
                name = f"{label}{number:08}X.jpg"
                draw(colour, number).save(tmp_path / name)
                archive.write(tmp_path / name, f"224x224/{name}")
                title = f"Book {label} {number}"
                records.append([name[1:-4], name, f"http://nowhere.invalid/{name}", title, "", str(label), genre])
    with (tmp_path / "listing.csv").open("w", encoding="utf-8", newline="") as output:
        csv.writer(output, quoting=csv.QUOTE_ALL).writerows(records)
    with stages_here():
        done = run(
            tmp_path,
            "Tiny",
            books={"source": "listing", "listing": str(tmp_path / "listing.csv")},
            covers={"source": "archive", "location": str(tmp_path / "covers.zip")},
            visualisation={"genres": 0, "grad_cam": 0},
        )
    assert_is_a_study_of_these_genres(done)
