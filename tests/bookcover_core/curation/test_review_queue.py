"""What people are asked about."""

import pytest

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.decisions import append_decision, decisions_file
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.curation.review_queue import ReviewReason, find_open, review_queue
from bookcover_core.errors import DecisionsError, ReviewNeededError, StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_text
from tests.bookcover_core.invented import Record, invented_study, settings_in, write_ledger

BOOKS = [
    Record("a1", title="War: Box Set", role="test"),
    Record("a2", title="Peace, a 4-Book Bundle"),
    Record("a3", title="Plain"),
    Record("a4", title="Another Boxed Set", outcome="missing"),
    Record("b1", title="An Anthology", category="Arts"),
    Record("b2", title="Colours", category="Arts"),
    Record("p1", title="Pool Box Set", role="pool"),
    Record("p2", title="Pool Plain", role="pool"),
]


@pytest.fixture
def study(tmp_path):
    made = invented_study(tmp_path, BOOKS)
    find_candidates(made)
    return made


def keys(study):
    return [item.key for item in review_queue(study).items]


def replace_by(study, *keys_of_pool):
    rows = "".join(f"x,Law,train,missing,{key}\n" for key in keys_of_pool)
    write_text(
        study.workspace.curation / "replacements.csv",
        f"key,genre,split,reason,replaced_by\n{rows}y,Law,train,missing,\n",
    )


def test_candidates_with_a_cover_are_asked_about(study):
    """Wanted books whose title matched, by genre and title; not the pool's, nor those without a usable cover."""
    queue = review_queue(study)
    assert [item.key for item in queue.items] == ["b1", "a2", "a1"]
    assert queue.unusable == 1
    assert {item.kind for item in queue.items} == {ReviewReason.CANDIDATE}
    item = queue.items[2]
    assert (item.genre, item.role, item.author, item.path) == ("Law", "test", "A. N. Other", "covers/law/a1.jpg")
    assert item.title[slice(*item.match)] == "Box Set"


def test_replacements_are_shown_but_not_waited_for(study):
    """A book that came in from the pool can be looked over; the study does not wait for it."""
    replace_by(study, "p2")
    queue = review_queue(study)
    assert [(item.key, item.kind, item.needed) for item in queue.items][-1] == ("p2", ReviewReason.REPLACEMENT, False)
    assert "p2" not in {item.key for item in queue.open}


def test_candidates_of_the_pool_are_asked_about_when_they_would_come_in(tmp_path):
    """A candidate that the choice would bring in joins the queue; once rejected, the one that would come instead."""
    official = [Record(f"{role}{number}", role=role) for role in ("train", "test") for number in range(4)]
    pool = [Record(f"p{number}", role="pool", title=f"Box Set {number}") for number in range(2)]
    books = [*official, *pool, Record("gone", role="train", outcome="missing")]
    study = invented_study(tmp_path, books, curation={"undecided": "ask"})
    find_candidates(study)
    assert review_queue(study).open == []
    with pytest.raises(StageOrderError, match="twins"):
        find_open(study)
    find_twins(study)

    [first] = find_open(study)
    assert (first.kind, first.needed, first.term) == (ReviewReason.REPLACEMENT, True, "box set")
    assert review_queue(study).open == [first], "noted, so that a page shows it"
    with pytest.raises(ReviewNeededError, match="1 box-set candidates"):
        curate(study)
    append_decision(study, first.key, "reject", by="Ada")
    [second] = find_open(study)
    assert {first.key, second.key} == {"p0", "p1"}
    append_decision(study, second.key, "keep", by="Ada")
    assert find_open(study) == []
    assert curate(study).counts["replaced"] == 1
    assert second.key in set(read_table(study.workspace.selection)["key"])


def test_decided_books_stay_in_view(study):
    """What was decided on, of whatever kind, is shown with its decision, so that it can be decided anew."""
    for key, decision in {"a1": "reject", "a3": "reject", "p2": "reject", "a2": "keep", "b1": "open"}.items():
        append_decision(study, key, decision, by="Ada")
    queue = review_queue(study)
    assert {item.key: item.kind.value for item in queue.items}.items() >= {"a3": "other", "p2": "replacement"}.items()
    assert {item.key: item.decision.decision for item in queue.items if item.decision} == {
        "a1": "reject",
        "a2": "keep",
        "a3": "reject",
        "p2": "reject",
    }
    assert [item.key for item in review_queue(study).open] == ["b1"]


def test_the_queue_follows_the_files(study):
    """Covers that come, replacements and decisions by hand show up at the next look."""
    append_decision(study, "a1", "keep", by="Ada")
    assert [item.key for item in review_queue(study).open] == ["b1", "a2"]
    write_text(decisions_file(study), "key,decision\nb1,reject\n")
    assert [item.key for item in review_queue(study).open] == ["a2", "a1"]
    assert "p2" not in keys(study)
    replace_by(study, "p2")
    assert "p2" in keys(study)


def test_covers_may_be_on_their_way(tmp_path):
    """Before its chunk is downloaded, a candidate is counted as coming; then it is asked about."""
    books = [*BOOKS, Record("c1", title="Late Box Set", chunk=2)]
    study = invented_study(tmp_path, books)
    (study.workspace.ledger / "chunk-0002.csv").unlink()
    find_candidates(study)
    assert review_queue(study).coming == 1
    assert "c1" not in keys(study)
    write_ledger(study, 2, books[-1:])
    assert review_queue(study).coming == 0
    assert "c1" in keys(study)


def test_what_must_come_before_is_named(tmp_path):
    """Without listings or candidates there is nothing to ask about, and the message says so."""
    with pytest.raises(StageOrderError, match="candidates"):
        review_queue(Study(settings_in(tmp_path)))
    study = invented_study(tmp_path, BOOKS)
    with pytest.raises(StageOrderError, match="candidates"):
        review_queue(study)


def test_malformed_decisions_are_named(study):
    """A file that a person broke is not read as if nothing were decided."""
    write_text(decisions_file(study), "key,decision\na1,perhaps\n")
    with pytest.raises(DecisionsError, match="line 2"):
        review_queue(study)
