"""Studies that the tests of the report share; none of them changes what it is given."""

from functools import partial

import pytest

from bookcover_core.evaluation.label_noise import LabelNoise, doubtful_file
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.workspace import read_table, write_json, write_table
from bookcover_core.report.write_report import write_report
from tests.bookcover_core.report.analysed import make_analysed_study
from tests.bookcover_core.report.specimen import Specimen, make_study


@pytest.fixture(scope="session")
def bookcover30(study_made_once):
    """A study of the genres of BookCover30 whose third network failed; its report is written."""

    def make(folder):
        study = make_study(folder, Specimen(failed=("ResNeXt50",)))
        write_report(study, {"ResNeXt50": "The graphics card caught <fire>."})
        return study

    return study_made_once("bookcover30", make)


@pytest.fixture(scope="session")
def official(study_made_once):
    """A study with 190 test books of each genre of BookCover30: comparable with what is published."""
    wanted = Specimen(test_per_genre=190, covers_per_genre=1, backbones=("MobileNetV2", "InceptionResNetV2"))
    return study_made_once("official", partial(make_study, specimen=wanted))


@pytest.fixture(scope="session")
def own_genres(study_made_once):
    """Genres of its own, one untrained network, no comparison of preparations, two doubtful labels; with its report."""
    wanted = Specimen(
        genres=("Horror", "Cats & <Dogs>", "$5 meals $x$"),
        backbones=("MobileNetV2",),
        weights="random",
        compared=False,
        test_per_genre=10,
        twins=False,
    )

    def make(folder):
        study = make_study(folder, wanted)
        doubt(study)
        write_report(study)
        return study

    return study_made_once("own-genres", make)


def doubt(study):
    """Write down that a cross-validation doubts the labels of two books."""
    noise = LabelNoise(
        models=["MobileNetV2-padded"],
        books=60,
        accuracy=0.25,
        doubtful=24,
        planted=3,
        found=2,
        found_first=1,
        mistakes=45,
        doubtful_mistakes=24,
    )
    books = read_table(study.workspace.splits).head(2)
    numbers = study.workspace.evaluation / "label_noise.json"
    write_json(numbers, noise.model_dump(mode="json"))
    write_table(doubtful_file(study.workspace), books[["key", "genre"]].assign(suggested="$5 meals $x$"))
    record(study, "label-noise", outputs=[numbers, doubtful_file(study.workspace)])


@pytest.fixture(scope="session")
def analysed(study_made_once):
    """A study of three networks, analysed, with all test books of BookCover30: comparable with what is published."""
    return study_made_once("analysed", make_analysed_study)
