"""Marks on labels: what stands in labels.csv, and what a study makes of it."""

import threading

import pytest

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.label_marks import LabelMark, labels_file, read_marks, save_mark, wrong_labels
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.curation.splits import split
from bookcover_core.errors import DecisionsError, GenreError
from bookcover_core.listings.books import each_book
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_text
from tests.bookcover_core.invented import invented_study, records

OFFICIAL = [
    *records(20, "la", category="Law", role="train"),
    *records(4, "lt", category="Law", role="test"),
    *records(20, "ta", category="Travel", role="train"),
    *records(4, "tt", category="Travel", role="test"),
    *records(6, "pl", category="Law", role="pool"),
]
DRAWN = [*records(30, "l", category="Law", role=""), *records(30, "t", category="Travel", role="")]


def mark(key, verdict="wrong", genre="", note="", who="Ada"):
    return LabelMark(key=key, verdict=verdict, genre=genre, note=note, who=who)


@pytest.fixture
def study(tmp_path):
    return invented_study(tmp_path, OFFICIAL)


def divide(study, labels, /):
    """The study's books by key once they are divided under a setting, and the two manifests."""
    study = Study(study.settings.model_copy(update={"curation": study.settings.curation.model_copy(update=labels)}))
    find_candidates(study)
    find_twins(study)
    chosen, divided = curate(study), split(study)
    table = read_table(study.workspace.splits)
    return {row["key"]: row for row in table.to_dict("records")}, chosen, divided


def test_the_last_mark_on_a_book_stands(study):
    """A later one replaces it, one that says nothing takes it back, and no row is lost."""
    assert read_marks(study) == {}
    first = save_mark(study, mark("la0001", genre="Travel"), None)
    assert read_marks(study) == {"la0001": first}
    assert first.when.endswith("Z")
    second = save_mark(study, mark("la0001", "right", note="=1+1, a joke"), first)
    assert read_marks(study) == {"la0001": second}
    assert wrong_labels(study) == {}
    assert save_mark(study, mark("la0001", "open"), second) is None
    assert read_marks(study) == {}
    assert len(labels_file(study).read_text().splitlines()) == 4
    assert "'=1+1" in labels_file(study).read_text()


def test_marks_made_at_once_are_all_kept(study):
    """Two browsers, many threads: no mark overwrites the file of another."""
    threads = [threading.Thread(target=save_mark, args=(study, mark(f"la{n:04}"), None)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_marks(study)) == 20


def test_who_has_not_seen_a_mark_does_not_undo_it(study):
    """What stands is given back."""
    stands = save_mark(study, mark("la0001", who="Bo"), None)
    assert save_mark(study, mark("la0001", "right"), None) == stands
    assert read_marks(study)["la0001"] == stands


def test_a_file_that_a_person_wrote_is_read_and_extended(study):
    """Columns in any order, others among them; what a person added stays."""
    write_text(labels_file(study), "\ufeffVerdict,shelf,Key\nWRONG,B3,la0001\n\n,B4,la0002\n")
    assert read_marks(study) == {"la0001": mark("la0001", who="")}
    save_mark(study, mark("la0002", genre="Travel"), None)
    assert "wrong,B3,la0001".casefold() in labels_file(study).read_text().casefold()
    assert wrong_labels(study) == {"la0001": "", "la0002": "Travel"}


def test_marks_on_keys_that_a_spreadsheet_cut_find_their_books(tmp_path):
    """Without leading zeros, or by FILENAME; the page then replaces the same mark."""
    study = invented_study(tmp_path, [*records(3, "000000000", category="Law"), *records(3, "t", category="Travel")])
    _, second, third, *_ = each_book(study.workspace)
    first, second = second.key, third
    text = f"key;verdict;filename\n{first.lstrip('0')};wrong;\n1E+09;right;{second.filename}\n"
    write_text(labels_file(study), text)
    marks = read_marks(study)
    assert marks == {first: mark(first, who=""), second.key: mark(second.key, "right", who="")}
    save_mark(study, mark(first, "right"), marks[first])
    assert read_marks(study)[first].verdict == "right"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key,genre\nla0001,Law\n", "no column verdict"),
        ("key,verdict\nla0001,perhaps\n", "line 2"),
        ("key,verdict\nla0001,wrong\n,wrong\n", "line 3"),
        ("key,verdict,genre\nla0001,wrong,Poetry\n", "no genre of the study"),
        ("key,verdict\nla0001,wrong,Law\n", "more fields than columns"),
    ],
)
def test_what_cannot_be_read_is_told_and_left_alone(study, text, told):
    """File and line are named, and no mark is made."""
    write_text(labels_file(study), text)
    with pytest.raises(DecisionsError, match=told):
        read_marks(study)
    with pytest.raises(DecisionsError, match=told):
        save_mark(study, mark("la0001"), None)
    assert labels_file(study).read_text() == text


def test_marks_change_nothing_unless_the_setting_says_so(study):
    """Neither a book nor the key of a stage."""
    before = divide(study, {})
    save_mark(study, mark("la0001", genre="Travel"), None)
    after = divide(study, {})
    assert after[0] == before[0]
    assert [manifest.reused for manifest in after[1:]] == [True, True]
    assert "marked labels" not in after[2].counts


def test_labels_are_corrected_but_for_test_books(study):
    """Genre and label change, no book changes its side, and the counts say what became of every mark."""
    before, *_ = divide(study, {})
    for key, genre in (
        ("la0001", "Travel"),
        ("ta0002", "Law"),
        ("la0003", ""),
        ("lt0001", "Travel"),
        ("la0004", "Law"),
    ):
        save_mark(study, mark(key, genre=genre), None)
    save_mark(study, mark("la0005", "right"), None)
    after, chosen, divided = divide(study, {"labels": "correct"})
    changed = {key: (row["genre"], row["label"]) for key, row in after.items() if row != before[key]}
    assert changed == {"la0001": ("Travel", "1"), "ta0002": ("Law", "0")}
    assert {key: row["split"] for key, row in after.items()} == {key: row["split"] for key, row in before.items()}
    assert divided.counts["marked labels"] == {"test books, as published": 1, "corrected": 2, "no right genre": 1}
    assert chosen.key == curate.at(study_with(study, "correct")).key


def study_with(study, labels):
    return Study(
        study.settings.model_copy(update={"curation": study.settings.curation.model_copy(update={"labels": labels})})
    )


@pytest.mark.parametrize("labels", ["correct", "leave-out"])
def test_only_what_counts_runs_a_stage_again(study, labels):
    """Another wrong label does; a note, a time, or a label that is right does not."""
    save_mark(study, mark("la0001", genre="Travel"), None)
    key = split.at(study_with(study, labels)) if divide(study, {"labels": labels}) else None
    save_mark(study, mark("la0002", "right", note="fine"), None)
    save_mark(study, mark("la0001", genre="Travel", note="more"), read_marks(study)["la0001"])
    assert split.at(study_with(study, labels)).key == key.key
    save_mark(study, mark("la0003"), None)
    assert split.at(study_with(study, labels)).key != key.key


def test_wrong_labels_are_replaced_from_the_pool(study):
    """As box sets are, on their side; a test book stays, and no pool book with a wrong label comes in."""
    before, *_ = divide(study, {})
    for key in ("la0001", "lt0001", "ta0001", *(f"pl000{number}" for number in range(5))):
        save_mark(study, mark(key, genre="Travel" if key[0] != "t" else "Law"), None)
    after, chosen, divided = divide(study, {"labels": "leave-out"})
    assert before.keys() - after.keys() == {"la0001", "ta0001"}
    assert after.keys() - before.keys() == {"pl0005"}
    assert after["pl0005"]["split"] == before["la0001"]["split"]
    assert after["lt0001"] == before["lt0001"]
    assert chosen.counts["reasons"] == {"label marked wrong": 2}
    assert divided.counts["marked labels"] == {"test books, as published": 1, "left out": 0}


def test_where_test_books_are_drawn_none_of_them_is_left_out(tmp_path):
    """The same test books are drawn with and without marks; the marked ones of the rest leave."""
    study = invented_study(tmp_path, DRAWN)
    before, *_ = divide(study, {})
    for key in before:
        if key[-1] in "135":
            save_mark(study, mark(key), None)
    after, _, divided = divide(study, {"labels": "leave-out"})
    gone = {key for key, row in before.items() if key[-1] in "135" and row["split"] != "test"}
    assert after == {key: row for key, row in before.items() if key not in gone}
    tested = sum(row["split"] == "test" and key[-1] in "135" for key, row in before.items())
    assert tested > 0
    assert divided.counts["marked labels"] == {"test books, as published": tested, "left out": len(gone)}


def test_a_genre_that_marks_leave_without_books_is_told(study):
    """Instead of a network that never sees it."""
    for number in range(20):
        save_mark(study, mark(f"la{number:04}", genre="Travel"), None)
    with pytest.raises(GenreError, match="no book for train and validation"):
        divide(study, {"labels": "correct"})
