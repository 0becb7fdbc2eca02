"""Decisions of people on box-set candidates."""

import pytest

from bookcover_core.curation.decisions import append_decision, decisions_file, read_decisions
from bookcover_core.errors import DecisionsError
from bookcover_core.study import Study
from tests.bookcover_core.invented import settings_in


def test_columns_may_stand_in_any_order_beside_others(tmp_path):
    """Extra columns do no harm, absent ones are empty, and the mark of spreadsheets before UTF-8 is overlooked."""
    file = tmp_path / "decisions.csv"
    file.write_text("Title,decision,key\nÉtudes,Keep,0001\n,reject ,0002\n\n", encoding="utf-8-sig")
    decisions = read_decisions(file)
    assert {key: decision.decision for key, decision in decisions.items()} == {"0001": "keep", "0002": "reject"}
    assert decisions["0001"].by == ""


def test_the_last_decision_on_a_book_counts(tmp_path):
    """A later row overrules an earlier one; a row without a decision decides nothing."""
    file = tmp_path / "decisions.csv"
    file.write_text("key,decision,why\na,keep,\na,reject,two books\na,,\nb,,\n")
    decisions = read_decisions(file)
    assert list(decisions) == ["a"]
    assert decisions["a"].why == "two books"


def test_no_file_is_no_decision(tmp_path):
    """Without a file, or with an empty one, nothing is decided."""
    assert read_decisions(tmp_path / "decisions.csv") == {}
    (tmp_path / "decisions.csv").touch()
    assert read_decisions(tmp_path / "decisions.csv") == {}


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"key,by\na,me\n", "line 1", "no column decision"),
        (b"key;decision\na;keep\n", "line 1", "no column key and no column decision"),
        (b"key,decision\na,keep\nb,maybe\n", "line 3", "'maybe' is no decision"),
        (b"key,decision\n,keep\n", "line 2", "names no book"),
        (b"key,decision\na,keep,x\n", "line 2", "more fields than columns"),
        (b'key,decision\na,keep\nb,"keep\n', "line 3", "not CSV"),
        (b"key,decision\na,keep\nb\xff,keep\n", "line 3", "not text in UTF-8"),
    ],
)
def test_malformed_rows_are_named(tmp_path, content: bytes, place: str, message: str):
    """What is malformed is named with its file and line."""
    file = tmp_path / "decisions.csv"
    file.write_bytes(content)
    with pytest.raises(DecisionsError) as caught:
        read_decisions(file)
    assert message in str(caught.value)
    assert f"decisions.csv, {place}:" in str(caught.value)


def test_appended_decisions_are_read_again(tmp_path):
    """A decision that is appended is read with who, when and why, after those that were there."""
    study = Study(settings_in(tmp_path))
    append_decision(study, "0001", "reject", by="Ada", why='four, "in one"')
    append_decision(study, "0001", "keep", by="Ada")
    made = append_decision(study, "0002", "reject", by="Bo", why="two\nlines")
    decisions = read_decisions(decisions_file(study))
    assert decisions["0002"] == made
    assert decisions["0001"].decision == "keep"
    assert made.at.endswith("Z")
    assert decisions_file(study).read_text().count("0001") == 2


def test_appending_keeps_what_a_person_wrote(tmp_path):
    """The person's rows, columns and their order stay; a missing line end before the new row is set."""
    study = Study(settings_in(tmp_path))
    file = decisions_file(study)
    file.parent.mkdir(parents=True)
    file.write_bytes("why,decision,title,key\r\n,keep,Étude,a".encode())
    append_decision(study, "b", "reject", by="Ada", why="box")
    assert file.read_bytes().decode() == "why,decision,title,key\r\n,keep,Étude,a\nbox,reject,,b\n"


def test_nothing_is_appended_to_a_file_that_cannot_be_read(tmp_path):
    """A malformed file is named and left as it is."""
    study = Study(settings_in(tmp_path))
    file = decisions_file(study)
    file.parent.mkdir(parents=True)
    file.write_text("key,decision\na,perhaps\n")
    with pytest.raises(DecisionsError):
        append_decision(study, "b", "reject", by="Ada")
    assert file.read_text() == "key,decision\na,perhaps\n"
