"""The choice of books: who leaves, why, and who comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import REPLACEMENTS, SELECTION, curate, unite_groups
from bookcover_core.curation.decisions import append_decision, decisions_file
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.errors import DecisionsError, GenreError, PoolExhaustedError, ReviewNeededError, StageOrderError
from bookcover_core.pipeline.workspace import read_table
from tests.bookcover_core.invented import Record, change, invented_study, records, write_ledger

OFFICIAL = [
    *records(12, "la", category="Law", role="train"),
    *records(4, "lt", category="Law", role="test"),
    *records(12, "ta", category="Travel", role="train"),
    *records(4, "tt", category="Travel", role="test"),
    *records(20, "pl", category="Law", role="pool"),
    *records(20, "pt", category="Travel", role="pool"),
    *records(5, "pe", category="Education", role="pool"),
]


def run(folder, books, decisions=None, /, **settings):
    """The study, its manifest, the selection by key, and the replacements by key, once curated."""
    study = invented_study(folder, books, **settings)
    find_candidates(study)
    find_twins(study)
    for key, decision in (decisions or {}).items():
        append_decision(study, key, decision, by="Ada")
    manifest = curate(study)
    selection = read_table(study.workspace.selection)
    replacements = read_table(study.workspace.curation / "replacements.csv")
    assert tuple(selection.columns) == SELECTION
    assert tuple(replacements.columns) == REPLACEMENTS
    assert selection["key"].is_unique
    assert selection["key"].is_monotonic_increasing
    return (
        study,
        manifest,
        {row["key"]: row for row in selection.to_dict("records")},
        {row["key"]: row for row in replacements.to_dict("records")},
    )


def test_sound_books_are_all_selected(tmp_path):
    """Where nothing is at fault the listings' books are the study's, with label, genre, cover and split."""
    _, manifest, selection, replacements = run(tmp_path, OFFICIAL)
    assert sorted(selection) == sorted(book.key for book in OFFICIAL if book.role != "pool")
    assert replacements == {}
    assert selection["tt0001"]["label"] == "1"
    assert selection["tt0001"]["genre"] == "Travel"
    assert selection["tt0001"]["split"] == "test"
    assert selection["tt0001"]["path"] == "covers/travel/tt0001.jpg"
    assert manifest.counts["splits"] == {"test": 8, "train": 24}


@pytest.mark.parametrize(
    "outcome", ["missing", "placeholder", "not an image", "truncated", "too large", "refused", "failed for now"]
)
def test_unusable_covers_are_replaced_like_for_like(tmp_path, outcome: str):
    """A book whose cover is unusable leaves for a pool book of its genre, which takes its split."""
    _, manifest, selection, replacements = run(tmp_path, change(OFFICIAL, "lt0002", outcome=outcome))
    row = replacements["lt0002"]
    assert "lt0002" not in selection
    assert (row["genre"], row["split"], row["reason"]) == ("Law", "test", outcome)
    came = selection[row["replaced_by"]]
    assert row["replaced_by"].startswith("pl")
    assert (came["split"], came["replaces"], came["genre"]) == ("test", "lt0002", "Law")
    assert manifest.counts["reasons"] == {outcome: 1}
    assert manifest.counts["replaced"] == 1


def test_every_reason_has_the_same_rule(tmp_path):
    """Rejected box sets, other rejected books, undownloaded chunks and twins of test books are all replaced."""
    books = change(OFFICIAL, "la0001", title="Box Set")
    books = change(books, "la0002", chunk=2)
    books = change(books, "la0003", picture="same")
    books = change(books, "tt0000", picture="same")
    decisions = {"la0001": "reject", "la0004": "reject"}
    _, manifest, selection, replacements = run(tmp_path, books, decisions, books={"chunks": [1]})
    assert {key: row["reason"] for key, row in replacements.items()} == {
        "la0001": "box set",
        "la0002": "not downloaded",
        "la0003": "twin in the test set",
        "la0004": "rejected",
    }
    assert all(row["replaced_by"].startswith("pl") for row in replacements.values())
    assert "tt0000" in selection
    assert manifest.counts["rejected box sets"] == 1
    assert manifest.counts["twins across splits"] == 1
    assert manifest.counts["splits"] == {"test": 8, "train": 24}


def test_no_faulty_pool_book_comes_in(tmp_path):
    """Of a pool with one sound book, that one comes in: not the missing, the rejected, the candidates, the twins."""
    pool = [
        Record("p1", role="pool", outcome="missing"),
        Record("p2", role="pool", title="Box Set"),
        Record("p3", role="pool"),
        Record("p4", role="pool", picture="la0001"),
        Record("p5", role="pool"),
        Record("p6", role="pool", category="Travel"),
    ]
    books = [book for book in OFFICIAL if book.role != "pool"] + pool
    _, _, _, replacements = run(tmp_path, change(books, "la0000", outcome="missing"), {"p3": "reject"})
    assert replacements["la0000"]["replaced_by"] == "p5"


def test_a_pool_candidate_that_was_kept_may_come_in(tmp_path):
    """A candidate that a person looked at and kept is as good as any other pool book."""
    books = [book for book in OFFICIAL if book.role != "pool"] + [Record("p2", role="pool", title="Box Set")]
    _, _, _, replacements = run(tmp_path, change(books, "la0000", outcome="missing"), {"p2": "keep"})
    assert replacements["la0000"]["replaced_by"] == "p2"


def test_the_rest_of_the_pool_comes_in_where_the_settings_say_so(tmp_path):
    """All usable pool books but those that would be replacements, each picture once, with "pool" for a split."""
    pool = [
        Record("p1", role="pool", outcome="missing"),
        Record("p2", role="pool", title="Box Set"),
        Record("p3", role="pool", picture="la0001"),
        Record("p4", role="pool", picture="x"),
        Record("p5", role="pool", picture="x"),
        Record("p6", role="pool", category="Travel"),
        Record("p7", role="pool", category="Education"),
    ]
    books = change([book for book in OFFICIAL if book.role != "pool"] + pool, "ta0001", outcome="missing")
    listed = run(tmp_path / "without", books)[2]
    selection = run(tmp_path / "with", books, curation={"train_on_pool": True})[2]
    assert {key: row for key, row in selection.items() if row["split"] != "pool"} == listed
    assert listed["p6"]["replaces"] == "ta0001"
    assert [key for key, row in selection.items() if row["split"] == "pool"] == ["p4"]


def test_one_picture_comes_in_once(tmp_path):
    """Two pool books with one picture do not both come in."""
    pool = [Record("p1", role="pool", picture="x"), Record("p2", role="pool", picture="x")]
    books = [book for book in OFFICIAL if book.role != "pool"] + pool
    books = change(change(books, "la0000", outcome="missing"), "la0001", outcome="missing")
    _, manifest, _, _ = run(tmp_path, books)
    assert manifest.counts["replaced"] == 1
    assert manifest.counts["short"] == 1


@pytest.mark.parametrize("kind", ["exact", "near"])
def test_a_training_book_leaves_for_its_twin_in_the_test_set(tmp_path, kind: str):
    """The test book stays; the training book leaves for a pool book of its genre, and the table names its twin."""
    shared = {"picture": "same"} if kind == "exact" else {"look": "same"}
    books = change(change(OFFICIAL, "la0003", **shared), "tt0000", **shared)
    books = change(books, "tt0002", **shared)
    _, manifest, selection, replacements = run(tmp_path, books)
    row = replacements["la0003"]
    assert (row["reason"], row["twin_of"], row["split"], row["genre"]) == (
        "twin in the test set",
        "tt0000",
        "train",
        "Law",
    )
    assert selection[row["replaced_by"]]["replaces"] == "la0003"
    assert {"tt0000", "tt0002"} <= set(selection)
    assert manifest.counts["twins across splits"] == 1
    assert manifest.counts["twins left"] == 1
    assert manifest.counts["splits"] == {"test": 8, "train": 24}


def test_near_twins_stay_where_the_settings_want_exact_ones_alone(tmp_path):
    """With curation.twins = "exact" a training book that only looks like a test book stays."""
    books = change(change(OFFICIAL, "la0003", look="same"), "tt0000", look="same")
    assert run(tmp_path, books, curation={"twins": "exact"})[3] == {}


def test_the_twin_of_an_unusable_test_book_stays(tmp_path):
    """A test book that leaves for another reason takes no training book with it."""
    books = change(change(OFFICIAL, "la0003", look="same"), "lt0000", look="same")
    _, _, selection, replacements = run(tmp_path, books, {"lt0000": "reject"})
    assert set(replacements) == {"lt0000"}
    assert replacements["lt0000"]["twin_of"] == ""
    assert "la0003" in selection


def test_no_replacement_is_a_twin(tmp_path):
    """Of the pool neither a near twin of a chosen book nor one of another replacement comes in."""
    pool = [
        Record("p1", role="pool", look="lt0001"),
        Record("p2", role="pool", look="ta0001"),
        Record("p3", role="pool", look="new"),
        Record("p4", role="pool", look="new", flipped=4),
        Record("p5", role="pool"),
    ]
    books = [book for book in OFFICIAL if book.role != "pool"] + pool
    books = change(change(books, "lt0001", look="lt0001"), "ta0001", look="ta0001")
    for key in ("la0000", "la0001", "lt0000"):
        books = change(books, key, outcome="missing")
    _, manifest, _, replacements = run(tmp_path, books)
    came = {row["replaced_by"] for row in replacements.values()} - {""}
    assert "p5" in came
    assert len(came) == 2
    assert came < {"p3", "p4", "p5"}
    assert manifest.counts["short"] == 1


def test_twins_within_a_split_stay_and_form_a_group(tmp_path):
    """Training books with one picture stay, in one group, so that validation does not part them."""
    books = change(change(OFFICIAL, "la0001", picture="same"), "ta0003", picture="same")
    _, manifest, selection, replacements = run(tmp_path, books)
    assert replacements == {}
    assert selection["la0001"]["group"] == selection["ta0003"]["group"]
    assert manifest.counts["twins left"] == 1


def test_replacements_hang_on_the_seed_alone(tmp_path):
    """The same seed replaces alike whatever the order of the records; another seed differs."""
    books = OFFICIAL
    for key in ("la0000", "la0005", "ta0001", "lt0003"):
        books = change(books, key, outcome="missing")
    chosen = [
        {key: row["replaced_by"] for key, row in run(tmp_path / name, given, seed=seed)[3].items()}
        for name, given, seed in (("a", books, 1), ("b", books[::-1], 1), ("c", books, 2))
    ]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_a_further_fault_leaves_other_replacements_as_they_were(tmp_path):
    """Rejecting one more book in a later review changes no other replacement but a close neighbour's on the ring."""
    books = [*records(100, "a"), *records(10, "t", role="test"), *records(1000, "p", role="pool")]
    for number in range(0, 60, 2):
        books = change(books, f"a{number:04d}", outcome="missing")
    before = run(tmp_path / "a", books)[3]
    after = run(tmp_path / "b", change(books, "a0001", outcome="missing"))[3]
    changed = [key for key in before if before[key]["replaced_by"] != after[key]["replaced_by"]]
    assert len(after) == len(before) + 1
    assert len(changed) <= 1


def exhausted() -> list[Record]:
    """Books of which two of Law have no replacement, one each in training and test."""
    books = [book for book in OFFICIAL if book.role != "pool"]
    return change(change(books, "la0000", outcome="missing"), "lt0000", outcome="missing")


def test_a_genre_may_be_left_short(tmp_path):
    """By default a genre without a replacement is short of a book, and the table says so."""
    _, manifest, selection, replacements = run(tmp_path, exhausted())
    assert replacements["la0000"]["replaced_by"] == ""
    assert manifest.counts["short"] == 2
    assert manifest.counts["genres"] == {"Law": 14, "Travel": 16}
    assert len(selection) == 30


def test_all_genres_may_shrink_alike(tmp_path):
    """With "shrink" every genre loses as many of each split as the one that is short; each that leaves is listed."""
    _, manifest, _, replacements = run(tmp_path, exhausted(), curation={"pool_exhausted": "shrink"})
    assert manifest.counts["genres"] == {"Law": 14, "Travel": 14}
    assert manifest.counts["splits"] == {"test": 6, "train": 22}
    shrunk = [row for row in replacements.values() if row["reason"] == "shrunk"]
    assert sorted((row["genre"], row["split"]) for row in shrunk) == [("Travel", "test"), ("Travel", "train")]


def test_an_exhausted_pool_may_stop_the_study(tmp_path):
    """With "fail" the error names the genres and how many books are short."""
    with pytest.raises(PoolExhaustedError, match=r"replace 2 \(Law 2\)"):
        run(tmp_path, exhausted(), curation={"pool_exhausted": "fail"})


CANDIDATES = change(change(OFFICIAL, "la0001", title="Box Set"), "lt0001", title="Anthology")


@pytest.mark.parametrize(("undecided", "left"), [("keep", []), ("reject", ["la0001", "lt0001"])])
def test_undecided_candidates_stay_or_leave_as_the_settings_say(tmp_path, undecided: str, left: list[str]):
    """An undecided candidate is kept or replaced by the setting; a decided one by its decision."""
    _, manifest, _, replacements = run(tmp_path, CANDIDATES, curation={"undecided": undecided})
    assert sorted(replacements) == left
    assert {row["reason"] for row in replacements.values()} <= {"undecided candidate"}
    assert manifest.counts["candidates"] == 2
    assert manifest.counts["undecided"] == 2


@pytest.mark.parametrize("undecided", ["ask", "fail"])
def test_a_review_can_be_asked_for(tmp_path, undecided: str):
    """Where people are to decide, open.csv lists what is open first; filled in as decisions.csv it opens the way."""
    study = invented_study(tmp_path, CANDIDATES, curation={"undecided": undecided})
    find_candidates(study)
    find_twins(study)
    append_decision(study, "la0001", "reject", by="Ada", why="four books")
    with pytest.raises(ReviewNeededError, match="1 box-set candidates are undecided") as caught:
        curate(study)
    assert str(decisions_file(study)) in str(caught.value)
    file = study.workspace.curation / "open.csv"
    table = read_table(file)
    assert table[["key", "decision", "why"]].values.tolist() == [["lt0001", "", ""], ["la0001", "reject", "four books"]]
    table.loc[0, "decision"] = "keep"
    table.to_csv(decisions_file(study), index=False)
    manifest = curate(study)
    assert manifest.counts["rejected box sets"] == 1
    assert not file.exists()


def test_candidates_without_a_cover_need_no_review(tmp_path):
    """A candidate whose cover is missing is replaced for that, and nobody is asked about it."""
    books = change(change(CANDIDATES, "la0001", outcome="missing", title="Box Set"), "lt0001", outcome="missing")
    _, manifest, _, _ = run(tmp_path, books, curation={"undecided": "fail"})
    assert manifest.counts["undecided"] == 0


def test_decisions_redo_the_choice(tmp_path):
    """Curation is done until the decisions change; a decision on an unknown book is told and changes nothing else."""
    study, _, _, _ = run(tmp_path, CANDIDATES)
    assert curate(study).reused
    append_decision(study, "la0001", "reject", by="Ada")
    assert not curate(study).reused
    assert "la0001" not in set(read_table(study.workspace.selection)["key"])


def test_decisions_on_unknown_books_stop_the_stage(tmp_path, caplog):
    """A decision that names no book is not overlooked; a setting goes on, and says so."""
    with pytest.raises(DecisionsError, match=r"1 decisions name no book of the study, or several \(nobody\)"):
        run(tmp_path, OFFICIAL, {"nobody": "reject"})
    run(tmp_path, OFFICIAL, {"nobody": "reject"}, curation={"unmatched": "skip"})
    assert "1 decisions name no book of the study" in caplog.text


ONE_LISTING = [*records(8, "l", category="Law", role=""), *records(8, "t", category="Travel", role="")]


def test_without_official_splits_unusable_books_are_left_out(tmp_path):
    """Of one listing or a folder, an unusable book leaves with its reason, and the split stays open."""
    books = change(change(ONE_LISTING, "l0001", outcome="missing"), "t0002", title="Box Set")
    _, manifest, selection, replacements = run(tmp_path, books, {"t0002": "reject"})
    assert len(selection) == 14
    assert {row["split"] for row in selection.values()} == {""}
    assert {key: (row["reason"], row["replaced_by"]) for key, row in replacements.items()} == {
        "l0001": ("missing", ""),
        "t0002": ("box set", ""),
    }
    assert manifest.counts["splits"] == {}


def test_twins_of_one_listing_form_a_group(tmp_path):
    """Books of one listing with one picture stay, and their groups, all members included, are one."""
    books = change(change(ONE_LISTING, "l0001", picture="x", group="g"), "l0002", picture="x", group="h")
    books = change(books, "l0003", group="h")
    selection = run(tmp_path, books)[2]
    assert {selection[f"l000{number}"]["group"] for number in (1, 2, 3)} == {"g"}


def test_a_genre_with_too_few_books_is_named(tmp_path):
    """A genre left with fewer than three books is named with its count."""
    books = ONE_LISTING
    for number in range(6):
        books = change(books, f"l000{number}", outcome="missing")
    with pytest.raises(GenreError, match="Law 2"):
        run(tmp_path, books)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    """Two studies of one seed have the same choice and the same audit, byte for byte."""
    books = change(change(OFFICIAL, "la0003", look="same"), "tt0000", look="same", flipped=2)
    books = change(books, "ta0002", outcome="missing")
    written = []
    for name in ("a", "b"):
        study = run(tmp_path / name, books)[0]
        files = (study.workspace.selection, study.workspace.curation / "replacements.csv")
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_curation_comes_after_every_chunk(tmp_path):
    """A chunk that is wanted but not downloaded stops curation by name."""
    study = invented_study(tmp_path, change(OFFICIAL, "la0000", chunk=2))
    find_candidates(study)
    find_twins(study)
    study.manifest_file("download/chunk-0002").unlink()
    with pytest.raises(StageOrderError, match="download/chunk-0002"):
        curate(study)
    write_ledger(study, 2, [])
    (study.workspace.ledger / "chunk-0002.csv").unlink()
    with pytest.raises(StageOrderError, match="ledger of chunk-0002 is gone"):
        curate(study)


LINKS = st.sets(st.sampled_from("uvwxyz"), max_size=3)
BOOKS = st.lists(st.tuples(st.sampled_from("abcdef"), LINKS), max_size=20).map(
    lambda rows: [(f"k{number}", group, links) for number, (group, links) in enumerate(rows)]
)


@given(books=BOOKS)
def test_books_that_share_a_group_or_a_link_are_united(books):
    """Two books of one group, or with one link, are in one group afterwards; the order of books does not matter."""
    groups = unite_groups(books)
    assert set(groups) == {key for key, _, _ in books}
    for one in books:
        for other in books:
            if one[1] == other[1] or one[2] & other[2]:
                assert groups[one[0]] == groups[other[0]]
    assert unite_groups(books[::-1]) == groups


def test_only_what_is_linked_is_united():
    """Links go through other books; a group is named after the first of its names, and is no link itself."""
    books = [("1", "b", "x"), ("2", "c", "x"), ("3", "c", "y"), ("4", "a", "yw"), ("5", "d", "z"), ("6", "e", "d")]
    assert unite_groups(books) == {"1": "a", "2": "a", "3": "a", "4": "a", "5": "d", "6": "e"}
