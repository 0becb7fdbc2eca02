"""Box-set candidates by their covers."""

import pytest
from PIL import Image

from bookcover_core.curation.box_set_candidates import compile_read_term, find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.decisions import append_decision
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.curation.review_queue import review_queue
from bookcover_core.errors import ReviewNeededError, StageOrderError
from bookcover_core.pipeline import graph
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.reading import read_covers
from bookcover_core.reading.cover_candidates import find_cover_candidates, first_read, read_listed
from bookcover_core.reading.cover_words import Word
from bookcover_core.reading.read_covers import read_shard
from bookcover_core.settings import CurationSettings, ReadingSettings, TextSettings
from tests.bookcover_core.invented import Record, invented_study, write_study

TERMS = [(term, compile_read_term(term)) for term in CurationSettings().cover_terms]

# Heights of the covers, by which the invented reader knows them, and what stands on each.
SAID = {
    "a0": "SOUP FOR ALL",
    "a1": "THE COMPLETECOLLECTION OF SOUPS",
    "a2": "SOUPS BOOKS 1 - 3",
    "a3": "BOXED SET",
    "a4": "CALENDAR 2016 OF SOUPS",
    "p0": "BOX SET",
}
BOOKS = [
    Record("a0", title="Soup"),
    Record("a1", title="Soups"),
    Record("a2", title="More Soups"),
    Record("a3", title="A Boxed Set of Soups"),
    Record("a4", title="Soups: Calendar 2016"),
    *(Record(f"b{number}", category="Travel", title=f"Way {number}") for number in range(3)),
]


class Invented:
    """A reader of the covers of `SAID`."""

    def __init__(self):
        self.covers = 0

    def read(self, covers):
        self.covers += len(covers)
        said = dict(enumerate(SAID.values()))
        return [
            tuple(Word(text, 0.9, (0.0, 0.0, 1.0, 1.0)) for text in said.get(cover.height - 100, "").split())
            for cover in covers
        ]


@pytest.fixture
def reader(monkeypatch) -> Invented:
    invented = Invented()
    monkeypatch.setattr(read_covers, "text_reader", lambda _settings, _threads: invented)
    monkeypatch.setattr(read_covers, "cpu_count", lambda: 1)
    return invented


def study_in(folder, books=BOOKS, **curation) -> Study:
    """A study of `books`, with their covers, whose candidates by title are known."""
    study = invented_study(folder, books, curation={"read_box_sets": True, "undecided": "ask", **curation})
    for book in books:
        file = study.workspace.root / book.path
        file.parent.mkdir(parents=True, exist_ok=True)
        number = list(SAID).index(book.key) if book.key in SAID else len(SAID)
        Image.new("RGB", (90, 100 + number), "white").save(file)
    find_candidates(study)
    return study


def look(study: Study) -> None:
    """Read the covers, and look for candidates."""
    for (shard,) in (part.words for part in graph.parts(study, "read-listed")):
        read_listed(study, shard)
    find_cover_candidates(study)
    find_twins(study)


@pytest.mark.parametrize(
    ("read", "term"),
    [
        ("THE BOXSET", "box set"),
        ("Volumes 1-3", "volumes #-#"),
        ("VOLUMES1 \u2013 3", "volumes #-#"),
        ("books 4 to 6", "books #-#"),
        ("BOOKS 1 & 2", "books #-#"),
        ("CALENDAR\n2016", "calendar #"),
        ("the complete  collection", "complete collection"),
        ("VOLUME 13", ""),
        ("books 13", ""),
        ("a calendar of celebrations", ""),
        ("", ""),
    ],
)
def test_terms_are_found_as_readers_lose_spaces(read: str, term: str):
    """Spaces may be missing and hyphens be others; one number is no range."""
    found = first_read(read, "", TERMS)
    assert (found[0] if found else "") == term


def test_what_stands_around_a_term_is_shown():
    """The words before and after, cut where they are many."""
    _, read = first_read(f"{'long ' * 20}BOX SET {'words ' * 20}", "", TERMS)
    assert read.startswith("…")
    assert "BOX SET" in read
    assert read.endswith("…")
    assert len(read) < 100


def test_covers_propose_what_titles_do_not_show(tmp_path, reader):
    """Candidates by title are not proposed twice, nor is what the title says itself; a pool's cover is not read."""
    study = study_in(tmp_path, [*BOOKS, Record("p0", title="Soup", role="pool")])
    look(study)
    table = read_table(study.workspace.curation / "cover_candidates.csv")
    assert table[["key", "term", "read"]].values.tolist() == [
        ["a1", "complete collection", "THE COMPLETECOLLECTION OF SOUPS"],
        ["a2", "books #-#", "SOUPS BOOKS 1 - 3"],
    ]
    assert reader.covers == len(BOOKS)


def test_people_are_asked_with_what_was_read(tmp_path, reader):
    """The queue has them with what was read; the selection waits for them; one that is rejected leaves the study."""
    del reader
    study = study_in(tmp_path)
    look(study)
    assert [(item.key, item.term, item.read) for item in review_queue(study).open] == [
        ("a3", "boxed set", ""),
        ("a2", "books #-#", "SOUPS BOOKS 1 - 3"),
        ("a1", "complete collection", "THE COMPLETECOLLECTION OF SOUPS"),
    ]
    with pytest.raises(ReviewNeededError, match="3 box-set candidates"):
        curate(study)
    opened = read_table(study.workspace.curation / "open.csv").set_index("key")
    assert opened.loc["a2", "read"] == "SOUPS BOOKS 1 - 3"
    assert opened.loc["a3", "read"] == ""
    append_decision(study, "a1", "keep", by="Ada")
    append_decision(study, "a2", "reject", by="Ada")
    append_decision(study, "a3", "keep", by="Ada")
    curate(study)
    left = read_table(study.workspace.curation / "replacements.csv").set_index("key")
    assert left.loc["a2", "reason"] == "box set"
    assert "a1" in set(read_table(study.workspace.selection)["key"])


def test_nothing_is_read_unless_the_setting_asks(tmp_path, reader):
    """Off, which is the default, no part is known, and what an earlier run proposed counts no more."""
    look(study_in(tmp_path))
    before = reader.covers
    study = study_in(tmp_path, read_box_sets=False)
    assert not CurationSettings().read_box_sets
    assert graph.parts(study, "read-listed") == graph.parts(study, "cover-candidates") == []
    assert [item.key for item in review_queue(study).items] == ["a3"]
    assert reader.covers == before


def test_curation_waits_for_what_covers_say(tmp_path, reader):
    """With the setting, no books are selected before their covers were searched."""
    del reader
    study = study_in(tmp_path)
    find_twins(study)
    with pytest.raises(StageOrderError, match="cover-candidates"):
        curate(study)


def test_a_cover_that_comes_is_read_alone(tmp_path, reader):
    """What was read before is taken over, as are words for other terms; only the new cover is read."""
    study = study_in(tmp_path)
    look(study)
    late = [*BOOKS, Record("b9", category="Travel", title="Late")]
    more = study_in(tmp_path, late)
    write_study(more, late)
    find_candidates(more)
    look(more)
    assert reader.covers == len(late)
    look(study_in(tmp_path, late, cover_terms=["soup for all"]))
    assert reader.covers == len(late)
    assert read_table(study.workspace.curation / "cover_candidates.csv")["key"].tolist() == ["a0"]


def test_a_cover_that_cannot_be_read_proposes_nothing(tmp_path, reader):
    """The cover counts as not readable; the others are searched."""
    del reader
    study = study_in(tmp_path)
    (study.workspace.root / BOOKS[1].path).write_bytes(b"no picture")
    look(study)
    assert study.manifest("cover-candidates").counts == {"covers": 8, "candidates": 1, "not readable": 1}


def test_no_cover_is_read_twice(tmp_path, reader):
    """What was read before the review is taken over by the stage `read`, and the other way round."""
    study = study_in(tmp_path, undecided="keep")
    settings = study.settings.model_copy(update={"text": TextSettings(systems=("CoverText",))})
    study = Study(settings)
    look(study)
    curate(study)
    for part in graph.parts(study, "read"):
        assert read_shard(study, *part.words).counts["read anew"] == 0
    assert reader.covers == len(BOOKS)
    other = settings.model_copy(update={"reading": ReadingSettings(side=320)})
    for part in graph.parts(Study(other), "read"):
        read_shard(Study(other), *part.words)
    assert reader.covers == 2 * len(BOOKS), "read in another way"
    for part in graph.parts(Study(other), "read-listed"):
        assert read_listed(Study(other), *part.words).counts["read anew"] == 0
