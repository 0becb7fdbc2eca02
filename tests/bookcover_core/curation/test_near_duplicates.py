"""Books that show one picture."""

import pytest

from bookcover_core.curation.near_duplicates import (
    Duplicate,
    DuplicatePair,
    duplicate_pairs,
    duplicates_file,
    find_twins,
    name_pictures,
    read_duplicates,
)
from bookcover_core.errors import StageOrderError
from tests.bookcover_core.invented import Record, change, invented_study, records

BOOKS = [
    *records(6, "a", category="Law"),
    *records(6, "b", category="Travel", role="test"),
    *records(4, "p", category="Law", role="pool"),
    *records(2, "q", category="Education", role="pool"),
]


def found(folder, books, **curation):
    """The twins by key, and the manifest."""
    study = invented_study(folder, books, curation=curation)
    manifest = find_twins(study)
    return {twin.key: twin for twin in read_duplicates(study.workspace)}, manifest


def test_books_without_twins_are_not_listed(tmp_path):
    """Where no two covers are alike the table is empty, and has its header."""
    twins, manifest = found(tmp_path, BOOKS)
    assert twins == {}
    assert manifest.counts["covers"] == 16
    assert manifest.counts["clusters"] == manifest.counts["largest cluster"] == 0


def test_one_file_is_an_exact_twin(tmp_path):
    """Books with the same file are exact twins, named after the first, each with the nearest other."""
    books = change(change(BOOKS, "b0001", picture="x"), "a0003", picture="x")
    twins, manifest = found(tmp_path, books)
    assert set(twins) == {"a0003", "b0001"}
    one = twins["b0001"]
    assert (one.cluster, one.kind, one.nearest, one.distance) == ("a0003", "exact", "a0003", 0)
    assert (one.genre, one.role, one.path) == ("Travel", "test", "covers/travel/b0001.jpg")
    assert manifest.counts["exact pairs"] == 1
    assert manifest.counts["clusters in training and test"] == 1
    assert manifest.counts["clusters of several genres"] == 1


def alike(bits: int) -> list[Record]:
    """The books, of which a0001 and b0002 look the same but for so many bits."""
    return change(change(BOOKS, "a0001", look="sea"), "b0002", look="sea", flipped=bits)


@pytest.mark.parametrize("bits", [0, 1, 4, 6])
def test_covers_that_look_the_same_are_near_twins(tmp_path, bits):
    """Up to the distance of the settings, and with the distance in the table."""
    twins, manifest = found(tmp_path, alike(bits))
    assert {key: (twin.kind, twin.distance) for key, twin in twins.items()} == {
        "a0001": ("near", bits),
        "b0002": ("near", bits),
    }
    assert manifest.counts["near pairs"] == 1


def test_the_distance_is_a_setting(tmp_path):
    """7 bits are too many by default and few enough where the settings say so; 0 wants the same hash."""
    assert found(tmp_path / "a", alike(7))[0] == {}
    assert len(found(tmp_path / "b", alike(7), twin_distance=7)[0]) == 2
    assert found(tmp_path / "c", alike(1), twin_distance=0)[0] == {}
    assert len(found(tmp_path / "d", alike(0), twin_distance=0)[0]) == 2


def test_near_twins_can_be_left_out(tmp_path):
    """With "exact" covers that only look the same are no twins; the same file still is one."""
    books = change(change(alike(0), "p0000", picture="x"), "p0001", picture="x")
    twins, manifest = found(tmp_path, books, twins="exact")
    assert set(twins) == {"p0000", "p0001"}
    assert manifest.counts["near pairs"] == 0


def test_what_hangs_together_is_one_cluster(tmp_path):
    """Ends of a chain that do not look alike themselves are of one cluster, each with its own nearest."""
    books = change(change(BOOKS, "a0000", look="sea"), "a0001", look="sea", flipped=5)
    books = change(change(books, "a0002", look="sea", flipped=9), "b0000", look="sea")
    twins, manifest = found(tmp_path, books)
    assert {twin.cluster for twin in twins.values()} == {"a0000"}
    assert {key: (twin.nearest, twin.distance) for key, twin in twins.items()} == {
        "a0000": ("b0000", 0),
        "a0001": ("a0002", 4),
        "a0002": ("a0001", 4),
        "b0000": ("a0000", 0),
    }
    assert manifest.counts["largest cluster"] == 4
    assert manifest.counts["near pairs"] == 2


def test_a_book_of_one_file_and_one_look_is_nearest_to_its_file(tmp_path):
    """An exact twin is nearer than a near one with the same hash; each pair has its own kind."""
    books = change(change(BOOKS, "a0000", look="sea"), "a0001", look="sea", picture="x")
    books = change(books, "b0003", look="sea", picture="x")
    twins, _ = found(tmp_path, books)
    assert {key: (twin.kind, twin.nearest) for key, twin in twins.items()} == {
        "a0000": ("near", "a0001"),
        "a0001": ("exact", "b0003"),
        "b0003": ("exact", "a0001"),
    }
    pairs = duplicate_pairs(twins.values())
    assert pairs == [
        DuplicatePair(twins["a0000"], twins["a0001"], "near", 0),
        DuplicatePair(twins["a0001"], twins["b0003"], "exact", 0),
    ]
    assert [pair.crosses_genres for pair in pairs] == [False, True]


def test_books_of_no_genre_of_the_study_have_no_twins(tmp_path):
    """Pool records of other categories are left out, whatever they show."""
    books = change(change(BOOKS, "q0000", picture="x"), "a0000", picture="x")
    assert found(tmp_path, books)[0] == {}


def test_a_crowd_of_blank_covers_is_told(tmp_path, caplog):
    """Thousands of covers that look the same are one cluster, and the log says so."""
    books = [*records(1500, "a", look="blank"), *records(1500, "b", picture="blank"), *records(9, "c")]
    twins, manifest = found(tmp_path, books)
    assert manifest.counts["largest cluster"] == 3000
    assert manifest.counts["near pairs"] < 3000
    assert len({twin.cluster for twin in twins.values()}) == 1
    assert "3000 books form one cluster" in caplog.text


def test_the_same_books_give_the_same_bytes(tmp_path):
    """The order of the records changes nothing, and what is done is not done again."""
    tables = []
    for name, books in (("a", alike(3)), ("b", alike(3)[::-1])):
        study = invented_study(tmp_path / name, books)
        find_twins(study)
        tables.append(duplicates_file(study.workspace).read_bytes())
        assert find_twins(study).reused
    assert tables[0] == tables[1]


def test_one_picture_has_one_name():
    """All books of a cluster have the same name for their picture, which no digest can be."""
    twin = Duplicate("a", "b", "Law", "", "near", "a", 2, "", "")
    assert name_pictures([twin]) == {"b": "twins of a"}


def test_twins_come_after_the_hashes(tmp_path):
    """A chunk whose hashes are gone is named."""
    study = invented_study(tmp_path, BOOKS)
    study.manifest_file("hashes/chunk-0001").unlink()
    with pytest.raises(StageOrderError, match="hashes/chunk-0001"):
        find_twins(study)


def test_without_one_usable_cover_there_are_none(tmp_path):
    """What is missing then is said by the stages behind, not by a traceback here."""
    twins, manifest = found(tmp_path, [*records(3, "a", outcome="missing"), *records(3, "b", outcome="missing")])
    assert twins == {}
    assert manifest.counts["covers"] == 0
