"""Splits into training, validation and test books."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.grouped_split import find_quotas
from bookcover_core.curation.near_duplicates import duplicates_file, find_twins, read_duplicates
from bookcover_core.curation.splits import SplitBook, assign_sides, split
from bookcover_core.errors import GenreError
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import SplitSettings
from tests.bookcover_core.invented import Record, change, invented_study, records, write_ledger

SHARES = SplitSettings(validation_share=0.1, test_share=0.1)


def places(*genres: list[int], side: str = "") -> list[SplitBook]:
    """Books of genres, each given by the sizes of its groups."""
    return [
        SplitBook(f"{label}-{group}-{number}", label, f"{label}-{group}", side)
        for label, sizes in enumerate(genres)
        for group, size in enumerate(sizes)
        for number in range(size)
    ]


def count(books: list[SplitBook], sides: dict[str, str], label: int = 0) -> tuple[int, int, int]:
    """Training, validation and test books of a genre."""
    have = Counter(sides[book.key] for book in books if book.label == label)
    return have["train"], have["validation"], have["test"]


GROUP_SIZES = st.lists(st.integers(1, 9), min_size=3, max_size=60)


@given(genres=st.lists(GROUP_SIZES, min_size=1, max_size=4), share=st.floats(0.05, 0.4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_groups_of_one_genre_are_divided_fairly(genres, share, seed):
    """Every book is on one side, no group on two, no side of a genre empty, each quota met within one group's size."""
    books = places(*genres)
    sides = assign_sides(books, SplitSettings(validation_share=share, test_share=share), seed)
    assert set(sides) == {book.key for book in books}
    assert len({(book.group, sides[book.key]) for book in books}) == len({book.group for book in books})
    for label, sizes in enumerate(genres):
        train, validation, test = count(books, sides, label)
        assert min(train, validation, test) > 0
        quota = find_quotas({"": {label: sum(sizes)}}, share, others=2)[label]
        assert abs(test - quota) <= max(sizes)
        quota = find_quotas({"": {label: train + validation}}, share, others=1)[label]
        assert abs(validation - quota) <= max(sizes)


@given(
    groups=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=40),
    seed=st.integers(0, 99),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_groups_across_genres_stay_whole(groups, seed, order):
    """A group that spans genres is on one side too, and neither order nor repetition changes the sides."""
    books = [
        SplitBook(f"{group}-{number}", label, str(group))
        for group, labels in enumerate(groups)
        for number, label in enumerate(labels)
    ]
    sides = assign_sides(books, SHARES, seed)
    assert set(sides) == {book.key for book in books}
    assert len({(book.group, sides[book.key]) for book in books}) == len(groups)
    shuffled = order.sample(books, len(books))
    assert assign_sides(shuffled, SHARES, seed) == sides


@given(
    singles=st.integers(10, 40),
    spanning=st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=3), max_size=15),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_single_books_make_up_for_groups_across_genres(singles, spanning, seed):
    """With enough single books every quota is met exactly, whatever groups span the genres."""
    books = places([1] * singles, [1] * singles, [1] * singles)
    books += [
        SplitBook(f"s{group}-{number}", label, f"s{group}")
        for group, labels in enumerate(spanning)
        for number, label in enumerate(labels)
    ]
    sides = assign_sides(books, SHARES, seed)
    for label in range(3):
        train, validation, test = count(books, sides, label)
        assert test == find_quotas({"": {label: train + validation + test}}, 0.1, others=2)[label]
        assert validation == find_quotas({"": {label: train + validation}}, 0.1, others=1)[label]


def test_a_quota_is_met_exactly_where_groups_allow_it():
    """Groups of 3, 3, 5 and 9 books can give exactly 8 of 20; no other choice does."""
    books = places([3, 3, 5, 9], side="train")
    for seed in range(5):
        sides = assign_sides(books, SplitSettings(validation_share=0.4), seed)
        assert count(books, sides) == (12, 8, 0)


def test_large_groups_are_drawn_as_often_as_single_books():
    """A book's chance to be held out does not depend on the size of its group."""
    books = places([4] * 50 + [1] * 200, side="train")
    drawn = [
        sum(sides[f"0-{group}-0"] == "validation" for group in range(50))
        for sides in (assign_sides(books, SHARES, seed) for seed in range(200))
    ]
    assert 4.5 < sum(drawn) / len(drawn) < 5.5


def test_another_seed_draws_other_books():
    """The seed decides which books are drawn, not how many."""
    books = places([1] * 50)
    one, other = (assign_sides(books, SHARES, seed) for seed in (1, 2))
    assert one != other
    assert count(books, one) == count(books, other) == (40, 5, 5)


def test_official_test_books_stay_the_test_books():
    """Where the listings name the test books nothing is drawn for the test, not even for a title on both sides."""
    books = [*places([1] * 20, side="train"), SplitBook("t", 0, "0-3", "test")]
    sides = assign_sides(books, SHARES, 1)
    assert [key for key, side in sides.items() if side == "test"] == ["t"]
    assert count(books, sides) == (18, 2, 1)


def test_a_replacement_takes_the_place_of_the_book_it_replaces():
    """A book that comes in for another goes to the same side, and all others stay where they were."""
    books = places([1] * 30, side="train")
    before = assign_sides(books, SHARES, 3)
    for gone in books:
        came = SplitBook("zz", 0, "zz", "train", replaces=gone.key)
        after = assign_sides([book for book in books if book != gone] + [came], SHARES, 3)
        assert after.pop("zz") == before[gone.key]
        assert after == {key: side for key, side in before.items() if key != gone.key}


def curated(study: Study) -> Study:
    """The study once candidates and curation are done."""
    find_candidates(study)
    find_twins(study)
    curate(study)
    return study


def test_the_split_is_written_beside_each_book(tmp_path):
    """splits/books.csv holds the selection's rows in its order, with the split; the counts say what was drawn."""
    books = [*records(20, "l", category="Law", role=""), *records(20, "t", category="Travel", role="")]
    study = curated(invented_study(tmp_path, books))
    manifest = split(study)
    selection, table = read_table(study.workspace.selection), read_table(study.workspace.splits)
    assert table.drop(columns=["split", "shared_with_training"]).equals(selection.drop(columns="split"))
    assert manifest.counts["test books shared with training"] == 0
    assert Counter(table["split"]) == {"train": 32, "validation": 4, "test": 4}
    assert manifest.counts["validation"] == 4
    assert manifest.counts["per genre"]["test"] == {"least": 2, "most": 2}
    assert manifest.counts["genres"]["Law"] == {"train": 16, "validation": 2, "test": 2}
    assert split(study).reused


@pytest.mark.parametrize("by_title", [True, False])
def test_a_file_of_groups_does_not_part_what_titles_unite(tmp_path, by_title):
    """Each book in a group of its own by a file; titles, series, years and twins still keep books on one side."""
    works = {
        "volumes": [f"Naruto, Vol. {number}" for number in range(1, 9)],
        "series": [f"{word} (Stephanie Plum, No. {number})" for number, word in enumerate(("High Five", "Hot Six"), 5)],
        "years": ["Wiley GAAP 2013", "Wiley GAAP 2015: Interpretation", "Wiley GAAP"],
        "one": ["The 50th Law", "The 50th Law: Unabridged", "The 50th Law (Hardcover)"],
        "mixed": ["Emma", "Emma (Large Print, Book 2)", "Large Print: Essays"],
    }
    books = [*records(30, "l", category="Law", role=""), *records(30, "t", category="Travel", role="")]
    titles = [title for work in works.values() for title in work]
    books = [
        replace(book, group=f"file {number}", title=titles[number] if number < len(titles) else "")
        for number, book in enumerate(books)
    ]
    apart = 0
    for seed in range(4):
        settings = {"splits": {"by_title": by_title, "test_share": 0.3, "validation_share": 0.3}, "seed": seed}
        study = curated(invented_study(tmp_path / str(seed), books, **settings))
        split(study)
        table = read_table(study.workspace.splits)
        sides = dict(zip(table["title"], table["split"], strict=True))
        apart += sum(len({sides[title] for title in work}) > 1 for work in works.values())
    assert (apart == 0) == by_title


@pytest.mark.parametrize("grouped", [True, False])
def test_the_pool_is_trained_on_but_gives_nothing_away(tmp_path, grouped):
    """Pool books are training books, but for those of a group with a validation or test book; those two stay."""
    books = [*records(20, "a", role="train"), *records(4, "t", role="test")]
    books += [*records(20, "b", category="Travel", role="train"), *records(4, "u", category="Travel", role="test")]
    settings = {"splits": {"grouped": grouped, "by_title": False}}
    before = curated(invented_study(tmp_path / "without", books, **settings))
    split(before)
    held = read_table(before.workspace.splits).set_index("key")["split"].loc[lambda sides: sides != "train"]
    tell = {key: f"group of {key}" for key in held.index}
    books = [replace(book, group=tell.get(book.key, book.key)) for book in books]
    pool = [Record(f"p{key}", role="pool", group=group) for key, group in tell.items()]
    pool += records(9, "q", role="pool")
    study = curated(invented_study(tmp_path / "with", [*books, *pool], curation={"train_on_pool": True}, **settings))
    split(study)
    sides = read_table(study.workspace.splits).set_index("key")["split"]
    assert sides.loc[held.index].to_dict() == held.to_dict()
    assert {key for key in sides.index if key[0] in "pq"} == {book.key for book in pool if book.key[0] == "q"}
    assert set(sides.loc[sides.index.str.startswith("q")]) == {"train"}


def test_a_leak_of_the_official_split_is_found(tmp_path, caplog):
    """The test listing stays as it is: what shares a title or series with training books is counted, named, marked."""
    books = [*records(40, "a"), *records(8, "t", role="test"), *records(20, "p", role="pool")]
    planted = {
        "a0003": "One Piece, Vol. 46",
        "t0001": "One Piece, Vol. 1: Romance Dawn",
        "a0005": "Emma",
        "t0004": "Emma",
    }
    books = [replace(book, title=planted.get(book.key, "")) for book in books]
    study = curated(invented_study(tmp_path, change(books, "t0006", outcome="missing")))
    assert split(study).counts["test books shared with training"] == 2
    assert "One Piece, Vol. 1: Romance Dawn; Emma" in caplog.text
    table = read_table(study.workspace.splits).set_index("key")
    assert set(table.index[table["shared_with_training"] == "yes"]) == {"t0001", "t0004"}
    assert set(table.loc[["t0001", "t0004"], "split"]) == {"test"}


def test_a_genre_of_too_few_groups_is_named(tmp_path):
    """A genre whose books all are one group cannot be split, and is named with the reason."""
    books = [*records(9, "l", category="Law", role="", group="series"), *records(9, "t", category="Travel", role="")]
    study = curated(invented_study(tmp_path, books))
    with pytest.raises(GenreError, match=r"Law: the genre has no book for .* 9 books form 1 groups"):
        split(study)


def test_books_can_be_drawn_one_by_one(tmp_path):
    """As in section 3.1: a group is divided like any other books, and the counts say that it is on several sides."""
    books = [*records(9, "l", category="Law", role="", group="series"), *records(9, "t", category="Travel", role="")]
    manifest = split(curated(invented_study(tmp_path, books, splits={"grouped": False})))
    assert manifest.counts["genres"]["Law"] == {"train": 7, "validation": 1, "test": 1}
    assert manifest.counts["test books shared with training"] == 1


def test_nobody_looks_for_twins_where_the_settings_say_so(tmp_path):
    """A training book with the file of a test book stays, and is no twin; by default it is replaced."""
    books = [
        *records(9, "l", category="Law", role="train"),
        *records(3, "m", category="Law", role="test"),
        *records(3, "p", category="Law", role="pool"),
    ]
    books = change(change(books, "l0001", picture="x"), "m0001", picture="x")
    kept = {}
    for twins in ("none", "near"):
        study = curated(invented_study(tmp_path / twins, books, curation={"twins": twins}))
        kept[twins] = "l0001" in set(read_table(study.workspace.selection)["key"])
    assert kept == {"none": True, "near": False}


def test_a_further_replacement_changes_one_row_of_the_split(tmp_path):
    """When a cover turns out missing, its replacement takes its side, and every other book keeps its own."""
    books = [*records(40, "a"), *records(5, "t", role="test"), *records(20, "p", role="pool")]
    study = curated(invented_study(tmp_path, books))
    split(study)
    before = read_table(study.workspace.splits).set_index("key")["split"]
    write_ledger(study, 1, change(books, "a0007", outcome="missing"))
    curate(study)
    split(study)
    table = read_table(study.workspace.splits).set_index("key")
    (came,) = table.index[table["replaces"] == "a0007"]
    assert table["split"][came] == before["a0007"]
    assert table["split"].drop(came).equals(before.drop("a0007"))


# Training books of the fixture below that are twins of test books.
LEAKS = 160

# Two books of different genres that share an address in the official test listing.
OFFICIAL_TWINS = ("0966378695", "096637861X")


@pytest.fixture(scope="module")
def official(real_data) -> list[Record]:
    """All of BookCover30 by the official labels, with an invented pool, and titles and pictures that some books share.

    Every 40th training book shares its main title with the next, across genres; every 500th its picture, and every
    700th looks like the next. One in 200 covers is missing, as is one in ten of the pool. Every 300th training book is
    a twin of a test book, by turns exact and near, and every 20th of the pool looks like a training or test book. The
    two test books that share an address in the official listing share a picture.
    """
    books = []
    lists: dict[str, list[str]] = {}
    for role in ("train", "test"):
        lines = (real_data / "listings" / f"bookcover30-labels-{role}.txt").read_text().split("\n")
        for number, line in enumerate(filter(None, lines)):
            filename, label = line.split()
            books.append(
                Record(
                    filename.removesuffix(".jpg"),
                    BOOKCOVER30[int(label)],
                    role,
                    group=f"g{role}{number // 2}" if number % 40 < 2 else "",
                    picture=f"p{role}{number // 2}" if number % 500 < 2 else "",
                    look=f"l{role}{number // 2}" if number % 700 in {100, 101} else "",
                    outcome="missing" if number % 200 == 7 else "ok",
                )
            )
            lists.setdefault(role, []).append(books[-1].key)
    assert len(books) == 57_000
    shared = {key: {"picture": "official", "look": ""} for key in OFFICIAL_TWINS}
    for turn in range(LEAKS):
        train, test = lists["train"][150 + 300 * turn], lists["test"][20 + 30 * turn]
        fields = {"picture": "", "look": test} if turn % 2 else {"picture": test, "look": ""}
        shared |= {train: fields, test: fields}
    books = [replace(book, **shared.get(book.key, {})) for book in books]
    chosen = [*lists["train"][30:30_000:17], *lists["test"][33:5_000:13]]
    looks = {book.key: book.look or book.picture or book.key for book in books}
    books += [
        Record(
            f"pool{label:02d}{number:03d}",
            name,
            "pool",
            outcome="missing" if number % 10 == 0 else "ok",
            look=looks[chosen[(60 * label + number) % len(chosen)]] if number % 20 == 3 else "",
        )
        for label, name in enumerate(BOOKCOVER30)
        for number in range(60)
    ]
    return books


def test_bookcover30_has_the_dissertations_numbers(official, tmp_path):
    """46,170 / 5,130 / 5,700 books, and 1,539 / 171 / 190 of each genre, exactly, with replacements and groups: 3.1."""
    study = curated(invented_study(tmp_path, official))
    chosen = study.manifest("curate").counts
    assert chosen["selected"] == 57_000
    assert chosen["short"] == 0
    assert chosen["reasons"] == {"missing": 286, "twin in the test set": LEAKS}  # 257 of 51,300 and 29 of 5,700
    assert chosen["replaced"] == 286 + LEAKS
    assert chosen["twins left"] > 100
    manifest = split(study)
    table = read_table(study.workspace.splits, label="int64")
    assert table["split"].value_counts().to_dict() == {"train": 46_170, "test": 5_700, "validation": 5_130}
    per_genre = pd.crosstab(table["label"], table["split"])
    assert len(per_genre) == 30
    assert (per_genre[["train", "validation", "test"]] == [1_539, 171, 190]).all(axis=None)
    assert manifest.counts["validation books off quota"] == 0
    learnt = table[table["split"] != "test"]
    sides = defaultdict(set)
    for group, side in zip(learnt["group"], learnt["split"], strict=True):
        sides[group].add(side)
    assert all(len(side) == 1 for side in sides.values())

    place = dict(zip(table["key"], table["split"], strict=True))
    assert [place[key] for key in OFFICIAL_TWINS] == ["test", "test"]
    clusters = defaultdict(list)
    for twin in read_duplicates(study.workspace):
        if twin.key in place:
            clusters[twin.cluster].append(place[twin.key])
    assert sum(len(cluster) > 1 for cluster in clusters.values()) > 100
    assert all(len(set(cluster)) == 1 for cluster in clusters.values())
    left = read_table(study.workspace.curation / "replacements.csv")
    leaks = left[left["reason"] == "twin in the test set"]
    assert all(place[key] == "test" for key in leaks["twin_of"])
    came = set(left["replaced_by"])
    assert "" not in came
    assert not came & {twin.key for twin in read_duplicates(study.workspace) if len(clusters[twin.cluster]) > 1}


PICTURES = st.lists(
    st.tuples(
        st.sampled_from(["Law", "Travel"]),
        st.sampled_from(["train", "train", "train", "test", "pool", "pool"]),
        st.sampled_from(["", "", "", "x", "y", "z"]),
        st.booleans(),
        st.sampled_from(["ok"] * 7 + ["missing"]),
    ),
    max_size=40,
)


@given(drawn=PICTURES, undrawn=st.booleans(), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_no_cluster_stands_on_two_sides(drawn, undrawn, seed):
    """Whatever books share a picture, exactly or nearly, in whatever lists: one cluster is on one side of the split.

    Test books of the official listing stay, and every genre is as large as its listing but for what is short.
    """
    books = [
        *records(12, "l", category="Law", role="train"),
        *records(12, "t", category="Travel", role="train"),
        *records(3, "m", category="Law", role="test"),
        *records(3, "u", category="Travel", role="test"),
    ]
    for number, (category, role, shared, exact, outcome) in enumerate(drawn):
        picture = f"{shared} file" if exact and shared else ""
        books.append(Record(f"d{number}", category, role, look=shared, picture=picture, outcome=outcome))
    if undrawn:
        books = [replace(book, role="") for book in books if book.role != "pool"]
    with TemporaryDirectory() as folder:
        study = curated(invented_study(Path(folder), books, seed=seed))
        split(study)
        table = read_table(study.workspace.splits)
        twins = read_duplicates(study.workspace)
        left = read_table(study.workspace.curation / "replacements.csv")
    place = dict(zip(table["key"], table["split"], strict=True))
    clusters = defaultdict(set)
    for twin in twins:
        if twin.key in place:
            clusters[twin.cluster].add(place[twin.key])
    assert all(len(sides) == 1 for sides in clusters.values())
    tested = {book.key for book in books if book.role == "test" and book.outcome == "ok"}
    assert tested <= {key for key, side in place.items() if side == "test"}
    wanted = Counter(book.category for book in books if book.role != "pool")
    assert Counter(table["genre"]) == wanted - Counter(left["genre"][left["replaced_by"] == ""])


def test_the_same_seed_gives_the_same_split(tmp_path):
    """Two studies of one seed have the same twins and splits, byte for byte."""
    books = [*records(30, "a"), *records(5, "t", role="test"), *records(20, "p", role="pool")]
    books = change(change(books, "a0003", look="x"), "t0001", look="x", flipped=3)
    books = change(change(books, "a0005", look="y"), "a0006", look="y", flipped=2)
    written = []
    for name in ("a", "b"):
        study = curated(invented_study(tmp_path / name, books))
        split(study)
        written.append([file.read_bytes() for file in (study.workspace.splits, duplicates_file(study.workspace))])
    assert written[0] == written[1]
