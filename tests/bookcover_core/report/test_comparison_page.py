"""Studies side by side: known answers, honest warnings, and a page that fetches nothing."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.intervals import Standing, difference, share
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.comparison_page import notices, write_comparison
from bookcover_core.report.study_comparison import StudyComparison, compare_studies
from bookcover_core.settings.toml_file import parse_settings
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
    for study in made:
        study.begin()
    return {study.settings.name: study for study in made}


def titles(found) -> list[str]:
    return [notice.title for notice in notices(found)]


def test_the_same_test_books_are_compared_in_pairs(studies):
    """Of 40 books 16 are right in the first alone and 4 in the second: 30 points, and McNemar's p of 4 in 20."""
    found = compare_studies(studies["first"], studies["same-books"])
    ((pair,),) = (each.pairs for each in found.others)
    assert pair.paired
    assert pair.first_books == 40
    assert pair is found.others[0].best
    assert pair.difference.value == pytest.approx((24 - 12) / 40)
    assert pair.p == pytest.approx(2 * (4845 + 1140 + 190 + 20 + 1) / 2**20)
    assert pair.standing is Standing.AHEAD
    assert 0 < pair.difference.low < 0.3 < pair.difference.high
    # Each genre: 4 of 10 only in the first, 1 only in the second.
    assert [genre.difference.value for genre in pair.genres] == pytest.approx([0.3] * 4)
    assert all(genre.difference.holds_zero for genre in pair.genres)
    assert [name for name, *_ in found.settings] == ["training.weight_decay"]
    assert titles(found) == []


def test_other_books_are_compared_by_newcombes_interval(studies):
    """Shared keys under other genres are other books: the interval is that of two independent shares."""
    found = compare_studies(studies["first"], studies["turned"])
    ((pair,),) = (each.pairs for each in found.others)
    assert not pair.paired
    assert pair.p is None
    around = [share(24, 40, 0.95), share(16, 40, 0.95)]
    expected = difference(*around)
    assert pair.difference == expected
    assert pair.standing is Standing.TIE
    assert all(genre.difference is not None for genre in pair.genres)
    assert titles(found) == ["Compared on different books"]


def test_test_books_that_the_other_trained_on_are_counted(studies):
    """Three test books a genre are shared and compared; the other seven were seen by the second study."""
    found = compare_studies(studies["first"], studies["few-tests"])
    (beside,) = found.others
    assert (beside.shared.test, beside.shared.leaked(0), beside.shared.leaked(1)) == (12, 28, 0)
    assert beside.pairs[0].paired
    assert beside.pairs[0].first_books == 12
    assert beside.pairs[0].accuracies[0].value == 1
    assert titles(found) == ["few-tests has seen test books of first", "Compared on the books that both judged"]


def test_keys_of_folders_are_books_only_with_the_same_picture(studies, tmp_path):
    """`0001.jpg` of one folder is not that of another."""
    other = invented(tmp_path, "folder", {1}, books={"source": "folder", "folder": "covers"})
    assert compare_studies(studies["first"], other).others[0].shared.test == 40
    table = read_table(other.workspace.splits)
    table["sha256"] = "f" * 64
    table.to_csv(other.workspace.splits, index=False)
    shared = compare_studies(studies["first"], other).others[0].shared
    assert (shared.test, shared.other_pictures, shared.books(0)) == (0, 60, 60)


def test_other_genres_are_shown_and_not_compared(studies):
    """Without a genre in common nothing is set against each other but the totals, and the page says so."""
    found = compare_studies(studies["first"], studies["strange"])
    (beside,) = found.others
    assert [genre.name for genre in beside.best.genres] == [*GENRES, "X", "Y", "Z"]
    assert all(genre.difference is None for genre in beside.best.genres)
    assert beside.best.genres[0].first.value == pytest.approx(0.6)
    assert beside.best.genres[0].second is None
    assert titles(found)[:2] == [
        "Untrained networks: their numbers mean nothing",
        "The studies have no genre in common",
    ]


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ('text.encoder="all-mpnet-base-v2"', True),
        ('text.listings=["more.csv"]', True),
        ('text.systems=["Title"]', True),
        ("repeats.folds=5", True),
        ("baselines.names=[]", True),
        ("books.chunks=[1]", True),
        ("curation.read_box_sets=true", True),
        ("head.dropout=0.5", True),
        ("covers.attempts=2", False),
        ("spreading.workers=3", False),
    ],
)
def test_a_setting_that_an_outcome_depends_on_is_one_that_differs(change, counts):
    """Whether a stage names it, or it decides which systems, repetitions and books there are."""
    studies = [SimpleNamespace(study=Study(parse_settings({}, given))) for given in ((), (change,))]
    differing = [name for name, _ in StudyComparison(studies, ["one", "other"], []).settings]
    assert differing == ([change.partition("=")[0]] if counts else [])


def test_a_notice_of_several_studies_is_said_once(studies):
    """Each title and each sentence, with all studies that it is true of."""
    names = ("first", "few-tests", "turned", "strange")
    other_confidence = studies["same-books"].settings.model_copy(update={"name": "same-books"})
    found = notices(compare_studies(*(studies[name] for name in names), Study(other_confidence)))
    said = [notice.title for notice in found]
    assert len(said) == len(set(said)) == 5
    told = [line for notice in found for line in re.split(r"(?<=\.) ", notice.text)]
    assert len(told) == len(set(told))
    apart = next(notice for notice in found if notice.title == "Compared on different books")
    assert "Of the 40 of turned none, of the 30 of strange none are among them" in apart.text
    for notice in notices(compare_studies(*map(studies.get, names[::-1]))):
        assert not re.search(r"  |\bnone none|[,;] [.:]", notice.text)


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
    written = write_comparison(*pair, folder=tmp_path / "both")
    assert [_state(study) for study in pair] == before
    assert written.headline.startswith("first is ahead. Best against best: MobileNetV2 of first is right on 60.0")
    text = written.page.read_text("utf-8")
    page = _Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "href"):
            assert (attributes.get(name) or "#").startswith(("data:", "#")), tag
    assert "http" not in re.sub(r"data:[^\"]+|http-equiv", "", text)
    names = [tag for tag, _ in page.tags]
    assert names.count("table") == names.count("caption") == 4
    assert names.count("figure") == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "Fish &amp; &lt;Chips&gt;" in text
    numbers = json.loads((tmp_path / "both" / "comparison.json").read_text("utf-8"))
    assert numbers["beside_the_first"][0]["pairs"][0]["difference"]["value"] == pytest.approx(0.3)
    assert numbers["beside_the_first"][0]["shared_test_books"] == 40
    with (tmp_path / "both" / "tables" / "genres.csv").open(encoding="utf-8", newline="") as lines:
        assert [row["less same-books"] for row in csv.DictReader(lines)] == ["0.3"] * 4


def _state(study: Study) -> set[tuple[Path, int]]:
    return {(file, file.stat().st_mtime_ns) for file in study.workspace.root.rglob("*")}


def test_what_cannot_be_compared_is_refused(studies, tmp_path):
    """One study twice, a study without results, and a folder that belongs to a study."""
    first, other = studies["first"], studies["same-books"]
    with pytest.raises(SettingsError, match="nothing to compare"):
        write_comparison(first, folder=tmp_path)
    with pytest.raises(SettingsError, match="are one"):
        write_comparison(first, first, folder=tmp_path)
    empty = Study(first.settings.model_copy(update={"name": "empty"}))
    with pytest.raises(StageOrderError, match=r"'empty' has no results yet.*bookcover run"):
        write_comparison(first, empty, folder=tmp_path)
    with pytest.raises(WorkspaceError, match="belongs to a study"):
        write_comparison(first, other, folder=other.workspace.report)


def test_many_studies_stand_in_one_table_and_a_setting_that_varies_is_a_curve(studies, tmp_path):
    """Each system has its study's value of what differs and its difference to the first; Holm corrects over all."""
    training = {"backbones": ["MobileNetV2"], "preparation": "padded"}
    swept = [
        invented(tmp_path, f"decay-{decay:g}", right, training=training | {"weight_decay": decay})
        for decay, right in ((2.0, {0, 1, 2, 3, 4, 5}), (0.5, {0, 1}), (1.0, {0, 1, 9}))
    ]
    written = write_comparison(*swept)
    assert written.page.parent == tmp_path / "decay-2-decay-0.5-decay-1"
    assert written.headline.startswith("3 studies, 1 setting that differs. The best of each, on its own test books: ")
    assert "Beyond luck, decay-2 is ahead of decay-0.5; decay-2 is ahead of decay-1." in written.headline.replace(
        "\xa0", " "
    )
    with (written.page.parent / "tables" / "systems.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["study"]: row for row in csv.DictReader(lines) if row["system"] == "MobileNetV2"}
    assert [float(row["training.weight_decay"]) for row in rows.values()] == [2.0, 1.0, 0.5]
    assert [row["difference"] for row in rows.values()] == ["", "-0.3", "-0.4"]
    assert rows["decay-2"]["compared"] == ""
    assert rows["decay-1"]["compared"] == "paired, the same 40"
    alone = compare_studies(swept[0], swept[2]).others[0].best
    assert float(rows["decay-1"]["Holm p"]) == pytest.approx(
        max(alone.p, 2 * compare_studies(*swept).others[0].best.p), abs=1e-6
    )
    page = written.page.read_text("utf-8")
    assert 'id="figure-setting"' in page
    assert 'id="figure-recall-of-both"' not in page
    assert "by training.weight_decay. MobileNetV2: 60.0, 20.0, 30.0, with 2.0, 0.5, 1.0." in page
