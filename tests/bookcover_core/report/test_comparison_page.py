"""Two studies side by side: known answers, honest warnings, and a page that fetches nothing."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.evaluate import evaluate
from bookcover_core.evaluation.intervals import difference, share
from bookcover_core.evaluation.significance import Standing
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.comparison_page import notices, write_side_by_side
from bookcover_core.report.study_comparison import compare_studies
from tests.bookcover_core.report.specimen import Specimen, make_study

GENRES = ("Cats", "Dogs", "Eels", "Fish & <Chips>")


def invented(folder: Path, name: str, right: set[int], *, genres=GENRES, test=10, **settings: object) -> Study:
    """A study whose one network is right on the test books numbered in `right`, in each genre."""
    wanted = Specimen(
        genres=genres,
        test_per_genre=test,
        train_per_genre=15 - test,
        backbones=("MobileNetV2",),
        covers_per_genre=0,
        compared=False,
        twins=False,
    )
    study = make_study(folder, wanted, name=name, **settings)
    study.manifest_file("evaluate/MobileNetV2-padded").unlink()

    def predict(study: Study, model: str, split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
        books = read_table(study.workspace.splits, label="int64")
        books = books[books["split"] == split]
        labels = books["label"].to_numpy()
        numbers = books["key"].str[2:].astype(int)
        named = np.where(numbers.isin(right), labels, (labels + 1) % len(genres))
        return list(books["key"]), labels, np.eye(len(genres), dtype=np.float32)[named]

    evaluate(study, "MobileNetV2", predict=predict)
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """Studies by name; none of the tests changes one."""
    folder = tmp_path_factory.mktemp("studies")
    first = range(6)
    training = {"backbones": ["MobileNetV2"], "preparation": "padded", "weight_decay": 1.0}
    made = [
        invented(folder, "first", set(first)),
        invented(folder, "same-books", {0, 1, 9}, training=training),
        invented(folder, "few-tests", {0}, test=3),
        invented(folder, "turned", {0, 1, 2, 3}, genres=GENRES[::-1]),
        invented(folder, "strange", {0, 1}, genres=("X", "Y", "Z"), models={"weights": "random"}),
    ]
    return {study.settings.name: study for study in made}


def titles(found) -> list[str]:
    return [notice.title for notice in notices(found)]


def test_the_same_test_books_are_compared_in_pairs(studies):
    """Of 40 books 16 are right in the first alone and 4 in the second: 30 points, and McNemar's p of 4 in 20."""
    found = compare_studies(studies["first"], studies["same-books"])
    (pair,) = found.pairs
    assert pair.paired
    assert pair.first_books == 40
    assert pair is found.best
    assert pair.accuracy.difference.value == pytest.approx((24 - 12) / 40)
    assert pair.accuracy.p == pytest.approx(2 * (4845 + 1140 + 190 + 20 + 1) / 2**20)
    assert pair.accuracy.standing is Standing.AHEAD
    assert 0 < pair.accuracy.difference.low < 0.3 < pair.accuracy.difference.high
    # Each genre: 4 of 10 only in the first, 1 only in the second.
    assert [genre.difference.value for genre in pair.genres] == pytest.approx([0.3] * 4)
    assert {genre.standing for genre in pair.genres} == {Standing.TIE}
    assert [name for name, *_ in found.settings] == ["training.weight_decay"]
    assert titles(found) == []


def test_other_books_are_compared_by_newcombes_interval(studies):
    """Shared keys under other genres are other books: the interval is that of two independent shares."""
    found = compare_studies(studies["first"], studies["turned"])
    (pair,) = found.pairs
    assert not pair.paired
    assert pair.accuracy.p is None
    around = [share(24, 40, 0.95), share(16, 40, 0.95)]
    expected = difference(*around)
    assert pair.accuracy.difference == expected
    assert pair.accuracy.standing is Standing.TIE
    assert all(genre.difference is not None for genre in pair.genres)
    assert titles(found) == ["Compared on different books"]


def test_test_books_that_the_other_trained_on_are_counted(studies):
    """Three test books a genre are shared and compared; the other seven were seen by the second study."""
    found = compare_studies(studies["first"], studies["few-tests"])
    assert (found.shared.test, found.shared.leaked(0), found.shared.leaked(1)) == (12, 28, 0)
    assert found.pairs[0].paired
    assert found.pairs[0].first_books == 12
    assert found.pairs[0].accuracy.first.value == 1
    assert titles(found) == ["few-tests has seen test books of first", "Compared on the books that both judged"]


def test_keys_of_folders_are_books_only_with_the_same_picture(studies, tmp_path):
    """`0001.jpg` of one folder is not that of another."""
    other = invented(tmp_path, "folder", {1}, books={"source": "folder", "folder": "covers"})
    assert compare_studies(studies["first"], other).shared.test == 40
    table = read_table(other.workspace.splits)
    table["sha256"] = "f" * 64
    table.to_csv(other.workspace.splits, index=False)
    shared = compare_studies(studies["first"], other).shared
    assert (shared.test, shared.other_pictures, shared.books(0, "test")) == (0, 60, 40)


def test_other_genres_are_shown_and_not_compared(studies):
    """Without a genre in common nothing is set against each other but the totals, and the page says so."""
    found = compare_studies(studies["first"], studies["strange"])
    assert [genre.name for genre in found.best.genres] == [*GENRES, "X", "Y", "Z"]
    assert all(genre.difference is None for genre in found.best.genres)
    assert found.best.genres[0].first.value == pytest.approx(0.6)
    assert found.best.genres[0].second is None
    assert "top3" not in found.best.measures
    assert titles(found)[:2] == [
        "Untrained networks: their numbers mean nothing",
        "The studies have no genre in common",
    ]


class _Page(HTMLParser):
    """Tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_the_page_fetches_nothing_and_no_study_is_touched(studies, tmp_path):
    """Pictures are in the page, every table has a caption, all numbers lie beside it; the studies stay as they are."""
    pair = studies["first"], studies["same-books"]
    before = [_state(study) for study in pair]
    written = write_side_by_side(*pair, tmp_path / "both")
    assert [_state(study) for study in pair] == before
    assert written.headline.startswith("first is ahead. Best against best: MobileNetV2 of first is right on 60.0")
    text = written.page.read_text("utf-8")
    page = _Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "href"):
            assert (attributes.get(name) or "#").startswith(("data:", "#")), tag
    assert "http" not in re.sub(r"data:[^\"]+|http-equiv", "", text)
    names = [tag for tag, _ in page.tags]
    assert names.count("table") == names.count("caption") == 5
    assert names.count("figure") == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "Fish &amp; &lt;Chips&gt;" in text
    numbers = json.loads((tmp_path / "both" / "comparison.json").read_text("utf-8"))
    assert numbers["pairs"][0]["measures"]["accuracy"]["difference"]["value"] == pytest.approx(0.3)
    assert numbers["shared_test_books"] == 40
    with (tmp_path / "both" / "tables" / "genres.csv").open(encoding="utf-8", newline="") as lines:
        assert [row["difference"] for row in csv.DictReader(lines)] == ["0.3"] * 4


def _state(study: Study) -> set[tuple[Path, int]]:
    return {(file, file.stat().st_mtime_ns) for file in study.workspace.root.rglob("*")}


def test_what_cannot_be_compared_is_refused(studies, tmp_path):
    """One study twice, a study without results, and a folder that belongs to a study."""
    first, other = studies["first"], studies["same-books"]
    with pytest.raises(SettingsError, match="are one"):
        write_side_by_side(first, first, tmp_path)
    empty = Study(first.settings.model_copy(update={"name": "empty"}))
    with pytest.raises(StageOrderError, match=r"'empty' has no results yet.*bookcover run"):
        write_side_by_side(first, empty, tmp_path)
    with pytest.raises(WorkspaceError, match="belongs to a study"):
        write_side_by_side(first, other, other.workspace.report)
