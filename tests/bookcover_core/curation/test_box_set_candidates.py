"""Box-set candidates."""

import csv

import pytest

from bookcover_core.curation.box_set_candidates import COLUMNS, compile_term, find_candidates, first_term
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import CurationSettings
from tests.bookcover_core.invented import Record, invented_study

TERMS = [(term, compile_term(term)) for term in CurationSettings().title_terms]


@pytest.mark.parametrize(
    ("title", "term"),
    [
        ("The Four Agreements Toltec Wisdom Collection: 3-Book Boxed Set", "boxed set"),
        ("Harry Potter BOXSET", "boxset"),
        ("The Chronicles: a Box\n Set", "box set"),
        ("The Norton Anthology of Poetry", "anthology"),
        ("Two Bundles of Joy", "bundle"),
        ("Kaplan MCAT Review: Complete 5-Book Series", "#-book"),
        ("Dr Seuss Collection 20 Books Set Pack", "# book"),
        ("The 1979 Book of Common Prayer", "# book"),
        ("The Book of the 3 Bears", ""),
        ("Boxing: a Setback", ""),
        ("The Seven-Book Life", ""),
        ("", ""),
    ],
)
def test_terms_are_found_anywhere_in_a_title(title: str, term: str):
    """A term is found as a part of words and without regard to case; # is a number in digits."""
    assert first_term(title, TERMS) == term


def test_characters_of_a_term_mean_themselves():
    """A term is text, not a regular expression: a full stop is a full stop."""
    assert not compile_term("vol. #").search("volume 3")
    assert compile_term("vol. #").search("Vol. 3")


def test_the_candidates_of_all_roles_are_listed(tmp_path):
    """Training, test and pool books of the study's genres are candidates; those of other categories are not."""
    books = [
        Record("b", title="Box Set", role="pool"),
        Record("a", title="An Anthology", role="test"),
        Record("c", title="A Book", role="train"),
        Record("d", title="Box Set", role="pool", category="Education"),
    ]
    study = invented_study(tmp_path, books)
    manifest = find_candidates(study)
    table = read_table(study.workspace.curation / "candidates.csv")
    assert tuple(table.columns) == COLUMNS
    assert table[["key", "filename", "term"]].values.tolist() == [
        ["a", "a.jpg", "anthology"],
        ["b", "b.jpg", "box set"],
    ]
    assert manifest.counts == {"searched": 3, "candidates": 1, "candidates of the pool": 1}
    assert find_candidates(study).reused


def test_the_real_test_listing_has_about_a_tenth_of_the_dissertations_candidates(real_data):
    """Of the 264 candidates among 57,000 records (section 3.1), 32 are in the official test listing of 5,700."""
    listing = real_data / "listings" / "book30-listing-test.csv"
    with listing.open(encoding="utf-8", errors="replace", newline="") as lines:
        titles = [row[3] for row in csv.reader(lines)]
    assert len(titles) == 5_700
    assert sum(bool(first_term(title, TERMS)) for title in titles) == 32
