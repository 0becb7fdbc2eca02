"""Twins in the report: how many, where, and what they say of the genres."""

import json

import numpy as np
import pandas as pd
import pytest

from bookcover_core.curation.near_duplicates import Duplicate, duplicates_file, read_duplicates
from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.report.curation_section import accuracy_ceiling, torn_pairs, twins_markdown
from bookcover_core.report.findings import gather
from bookcover_core.report.report_files import make_tables
from bookcover_core.report.write_report import write_report
from tests.bookcover_core.report.specimen import Specimen, make_study


def test_the_ceiling_is_one_without_disagreement_and_chance_with_all_of_it():
    """Where twins always agree nothing is ruled out; where they agree as often as by chance, all but chance is."""
    assert accuracy_ceiling(0.0, 30) == pytest.approx(1)
    assert accuracy_ceiling(29 / 30, 30) == pytest.approx(1 / 30)
    assert accuracy_ceiling(1.0, 30) == pytest.approx(1 / 30)


def test_no_answer_beats_the_ceiling():
    """For any mixture of pictures with genres at random, the best answers are right at most as often as the ceiling."""
    chance = np.random.default_rng(4)
    for genres in (2, 3, 30):
        for sharpness in (0.05, 0.3, 1.0, 5.0):
            shares = chance.dirichlet(np.full(genres, sharpness), size=50)
            disagreement = float((1 - (shares**2).sum(axis=1)).mean())
            assert shares.max(axis=1).mean() <= accuracy_ceiling(disagreement, genres) + 1e-9


def test_the_ceiling_is_reached_where_all_other_genres_are_alike():
    """The bound is tight: pictures with one likely genre and all others equally unlikely reach it."""
    shares = np.array([0.7, *[0.3 / 9] * 9])
    assert accuracy_ceiling(1 - (shares**2).sum(), 10) == pytest.approx(0.7)


def test_the_tables_say_where_twins_are_and_how_often_genres_differ(bookcover30):
    """A row for each place that has clusters; pairs by kind, with their interval and the accuracy that follows."""
    tables = make_tables(gather(bookcover30))
    assert [[cell.value for cell in row] for row in tables["twins"].rows] == [
        ["Within training", 1, 2, 0, 0],
        ["Within the test", 1, 2, 2, 1],
    ]
    notes = " ".join(tables["twins"].notes)
    assert "1 training books that show the picture of a test book were replaced" in notes
    assert "on two sides of the study's split, after curation: 0" in notes
    exact, near, both = tables["twins-genres"].rows
    assert [cell.value for cell in exact[:4]] == ["The same file", 1, 1, 1.0]
    assert [cell.value for cell in near[:4]] == ["Covers that look the same", 1, 0, 0.0]
    assert [cell.value for cell in both[:4]] == ["All", 2, 1, 0.5]
    interval = share(1, 2, 0.95)
    assert (both[3].low, both[3].high) == (interval.low, interval.high)
    assert both[4].value == pytest.approx(accuracy_ceiling(0.5, 30))
    assert both[4].low == pytest.approx(accuracy_ceiling(interval.high, 30))
    assert both[4].high == pytest.approx(accuracy_ceiling(interval.low, 30))
    assert "Of the 120 test books a network that sees the cover alone can be right on 119 at most" in " ".join(
        tables["twins-genres"].notes
    )


def test_the_page_shows_twins_under_different_genres(bookcover30):
    """Both tables and the pair are in the page; sheet and tables are files, and the numbers are in results.json."""
    page = (bookcover30.workspace.report / "index.html").read_text("utf-8")
    assert 'id="twins"' in page
    assert 'id="twins-genres"' in page
    assert "Twins under different genres." in page
    assert "the same file" in page
    written = {output.path.rsplit("/", 1)[1] for output in bookcover30.manifest("report").outputs}
    assert {"twins.csv", "twins-genres.csv", "twins-of-different-genres.png"} <= written
    results = json.loads((bookcover30.workspace.report / "results.json").read_text("utf-8"))
    assert results["twins"]["counts"]["books"] == 4
    assert [row["under_different_genres"] for row in results["twins"]["genres"]] == [1, 0, 1]


def test_a_study_without_twins_says_so(own_genres):
    """Nothing found is said in a sentence, without an empty table."""
    page = (own_genres.workspace.report / "index.html").read_text("utf-8")
    assert "No twins were found: no two covers are the same file or look the same." in page
    assert 'id="twins"' not in page
    assert "No twins stand under different genres." in twins_markdown(own_genres)


def test_the_artifact_holds_its_picture(bookcover30):
    """The Markdown for the dashboard has the counts, and the sheet within itself."""
    text = twins_markdown(bookcover30)
    assert "### 4 books show a picture that another shows too" in text
    assert "](data:image/jpeg;base64," in text
    assert len(text) < 500_000


def test_twins_of_one_genre_are_no_picture(tmp_path):
    """Where all twins are of one genre the tables stand, and a sentence in place of the pictures."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("ResNeXt50",), failed=("ResNeXt50",)))
    alike = [row for row in read_duplicates(study.workspace) if row.kind == "near"]
    write_table(duplicates_file(study.workspace), pd.DataFrame(alike))
    write_report(study)
    page = (study.workspace.report / "index.html").read_text("utf-8")
    assert 'id="twins-genres"' in page
    assert "No twins stand under different genres." in page
    assert "Twins under different genres." not in page


def twin(cluster: str, key: str, genre: str, nearest: str, bits: int, kind: str = "near") -> Duplicate:
    return Duplicate(cluster, key, genre, "train", kind, nearest, bits, "", "")


def test_the_sheet_shows_the_nearest_pairs_of_many_clusters_first():
    """The same file comes first, then the nearest; a crowd does not fill the sheet; one genre is left out."""
    twins = [
        *(twin("a", f"a{number:02d}", "Law" if number % 2 else "Art", f"a{number ^ 1:02d}", 2) for number in range(40)),
        twin("b", "b1", "Law", "b2", 6),
        twin("b", "b2", "Art", "b1", 6),
        twin("c", "c1", "Law", "c2", 0, "exact"),
        twin("c", "c2", "Art", "c1", 0, "exact"),
        twin("d", "d1", "Law", "d2", 0),
        twin("d", "d2", "Law", "d1", 0),
    ]
    pairs = torn_pairs(twins)
    assert len(pairs) == 12
    assert [pair.one.key for pair in pairs[:3]] == ["c1", "a00", "b1"]
    assert {pair.one.cluster for pair in pairs[3:]} == {"a"}
