"""Studies that the tests of the report share; none of them changes what it is given."""

from functools import partial

import pytest

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
    """Genres of its own, one untrained network, no comparison of preparations; its report is written."""
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
        write_report(study)
        return study

    return study_made_once("own-genres", make)


@pytest.fixture(scope="session")
def analysed(study_made_once):
    """A study of three networks, analysed, with all test books of BookCover30: comparable with what is published."""
    return study_made_once("analysed", make_analysed_study)
