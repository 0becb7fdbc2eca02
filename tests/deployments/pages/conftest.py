"""A small study with covers on disk, to be reviewed."""

import pytest
from PIL import Image

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.invented import Record, invented_study

SCRIPT = "<script>document.title = 'taken'</script> <img src=x onerror=\"document.title='taken'\"> Box Set"

BOOKS = [
    *(Record(f"a{number}", title=f"Tale {number}: The {number}-Book Collection") for number in range(8)),
    Record("b0", title=SCRIPT, category="Arts", role="test"),
    Record("b1", title="\U0001f4da & an Anthology", category="Arts"),
    Record("n0", title="Nothing to see"),
    Record("gone", title="A Box Set without a cover", outcome="missing"),
    Record("p0", title="From the pool", role="pool"),
    Record("p1", title="Another from the pool", role="pool"),
]
CANDIDATES = 10


def draw_study(folder, books=BOOKS) -> Study:
    """A study of these books whose candidates are found, with a picture of its own for each."""
    study = invented_study(folder, books)
    find_candidates(study)
    for number, book in enumerate(book for book in books if book.outcome == "ok"):
        file = study.workspace.root / book.path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200 + number, 300), (number * 15, 90, 200 - number * 10)).save(file, "JPEG")
    return study


@pytest.fixture
def study(tmp_path):
    return draw_study(tmp_path)
