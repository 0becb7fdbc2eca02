"""Decisions of people on box-set candidates."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookcover_core.curation.decisions import (
    Decision,
    append_decision,
    append_decisions,
    decisions_file,
    read_decisions,
    standing_decisions,
)
from bookcover_core.errors import DecisionsError
from bookcover_core.listings.books import each_book
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.invented import invented_study, records, settings_in
from tests.conftest import PROJECT


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
        (b"name|decided\na|keep\n", "line 1", "no column key and no column decision"),
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


def test_a_decision_can_be_taken_back(tmp_path):
    """A later row "open" makes a book undecided again, and erases nothing; it can be decided anew."""
    study = Study(settings_in(tmp_path))
    append_decision(study, "a", "reject", by="Ada")
    append_decision(study, "a", "open", by="Bo", why="looked again")
    assert read_decisions(decisions_file(study)) == {}
    assert decisions_file(study).read_text().count("\na,") == 2
    append_decision(study, "a", "keep", by="Bo")
    assert read_decisions(decisions_file(study))["a"].decision == "keep"


def wish(key: str, decision: str, by: str = "Ada", why: str = "") -> Decision:
    return Decision(key=key, decision=decision, by=by, why=why)


def test_several_decisions_are_made_in_one_step(tmp_path):
    """What stands afterwards comes back by key: the decision with its time, or nothing for a book that is open."""
    study = Study(settings_in(tmp_path))
    standing = append_decisions(study, [wish("a", "keep"), wish("b", "reject"), wish("c", "open")], {})
    assert standing["c"] is None
    assert standing["a"].at
    assert read_decisions(decisions_file(study)) == {"a": standing["a"], "b": standing["b"]}
    standing = append_decisions(study, [wish("a", "open")], {"a": standing["a"]})
    assert standing == {"a": None}


def test_what_somebody_else_decided_meanwhile_stays(tmp_path):
    """A decision by a person who has not seen what stands changes nothing on that book, and is made on others."""
    study = Study(settings_in(tmp_path))
    first = append_decision(study, "a", "reject", by="Ada")
    standing = append_decisions(study, [wish("a", "keep", by="Bo"), wish("b", "keep", by="Bo")], {"a": None, "b": None})
    assert standing["a"] == first
    assert standing["b"].by == "Bo"
    standing = append_decisions(study, [wish("a", "keep", by="Bo")], {"a": first})
    assert standing["a"].decision == "keep"


def test_a_decision_that_is_sent_twice_is_made_once(tmp_path):
    """Whoever got no answer may ask again: the same decision of the same person is not written a second time."""
    study = Study(settings_in(tmp_path))
    for _ in range(2):
        standing = append_decisions(study, [wish("a", "reject", why="box set")], {"a": None})
        assert standing["a"].decision == "reject"
    assert decisions_file(study).read_text().count("\na,") == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["keep", "reject", "open"]),
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
        ),
        max_size=12,
    )
)
@settings(max_examples=30, deadline=None)
def test_the_file_tells_what_was_decided_last(made):
    """After any sequence of decisions, the last one on each book stands, with its reason; none where it is open."""
    with TemporaryDirectory() as folder:
        study = Study(settings_in(Path(folder)))
        expected = {}
        for key, decision, why in made:
            append_decision(study, key, decision, by="Ada", why=why)
            expected[key] = (decision, why.strip())
        standing = read_decisions(decisions_file(study))
        assert {key: (each.decision, each.why) for key, each in standing.items()} == {
            key: each for key, each in expected.items() if each[0] != "open"
        }


APPEND = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from bookcover_core.curation.decisions import append_decision
from bookcover_core.listings.books import each_book
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.invented import invented_study, records, settings_in

study = Study(settings_in(Path(sys.argv[1])))
with ThreadPoolExecutor(2) as threads:
    made = [threads.submit(append_decision, study, f"{sys.argv[2]}-{n}", "keep", by=sys.argv[2]) for n in range(30)]
    [each.result() for each in made]
"""


def test_no_decision_is_lost_when_several_processes_decide(tmp_path):
    """Processes and their threads append at the same time: every row is there, once, and the file is whole."""
    writers = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), name], cwd=PROJECT)
        for name in ("one", "two", "six")
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    file = decisions_file(Study(settings_in(tmp_path)))
    assert set(read_decisions(file)) == {f"{name}-{n}" for name in ("one", "two", "six") for n in range(30)}
    assert len(file.read_text().splitlines()) == 91


@pytest.mark.parametrize("named", ["0000000001", "1", "0000000001.jpg", "Law/0000000001.jpg"])
def test_a_decision_that_went_through_a_spreadsheet_finds_its_book(tmp_path, named):
    """By key, without its leading zeros, or by FILENAME; the page then extends the same decision."""
    study = invented_study(tmp_path, [*records(3, "000000000", category="Law"), *records(3, "t", category="Travel")])
    study.workspace.curation.mkdir(parents=True, exist_ok=True)
    keys = [book.key for book in each_book(study.workspace)]
    key = keys[1]
    text = named.replace("0000000001", key) if named != "1" else key.lstrip("0")
    decisions_file(study).write_text(f"key,decision,by,at,why\n{text},reject,Ada,,\n")
    standing = standing_decisions(study)
    assert list(standing) == [key]
    assert append_decisions(study, [Decision(key=key, decision="keep", by="Bo")], standing)[key].decision == "keep"


def test_a_file_name_beside_a_damaged_key_finds_the_book(tmp_path):
    """The table of open candidates has both."""
    study = invented_study(tmp_path, records(3, "a", category="Law"))
    study.workspace.curation.mkdir(parents=True, exist_ok=True)
    first = next(each_book(study.workspace))
    decisions_file(study).write_text(f"key,decision,filename\n9.78E+12,reject,{first.filename}\n")
    assert list(standing_decisions(study)) == [first.key]


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8"), ("\t", "utf-16"), (",", "utf-8-sig")])
def test_decisions_as_spreadsheets_save_them_are_read_and_extended(tmp_path, delimiter, encoding):
    """Semicolons, tabs and UTF-16 stay what they are to the next reader."""
    study = Study(settings_in(tmp_path))
    file = decisions_file(study)
    file.parent.mkdir(parents=True)
    file.write_text(delimiter.join(("key", "decision", "why")) + f"\na{delimiter}keep{delimiter}é\n", encoding=encoding)
    append_decision(study, "b", "reject", by="Ada", why="box")
    standing = read_decisions(file)
    assert {key: (each.decision, each.why) for key, each in standing.items()} == {
        "a": ("keep", "é"),
        "b": ("reject", "box"),
    }


def test_a_pipe_is_no_file_of_decisions(tmp_path):
    """It would hang."""
    os.mkfifo(tmp_path / "decisions.csv")
    with pytest.raises(DecisionsError, match="no file"):
        read_decisions(tmp_path / "decisions.csv")
