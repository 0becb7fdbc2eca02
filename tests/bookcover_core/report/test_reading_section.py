"""What the report says of systems that read, beside those that look."""

import shutil

import pytest
from PIL import Image

from bookcover_core.evaluation.giveaways import known_authors
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.cover_text import fit_cover_text
from bookcover_core.families.ensemble import combine
from bookcover_core.families.family import System
from bookcover_core.families.learnable_titles import learnable_titles
from bookcover_core.families.text import fit_text
from bookcover_core.listings.books import BookText, each_book
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_csv
from bookcover_core.report.findings import gather
from bookcover_core.report.gallery import books_with_covers, told_apart
from bookcover_core.report.reading_section import judges_by_evidence, looking_and_reading, reading_tables
from bookcover_core.report.summary import verdict_words
from bookcover_core.settings import StudySettings
from tests.bookcover_core.families.test_cover_text import invent_network, make_read


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of one network, a reader of covers and one of titles, and what joins them."""
    study = make_read(tmp_path_factory.mktemp("study"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(System, "is_made", lambda _system, _study: True)
        fit_cover_text(study, "CoverText")
        fit_text(study, "TitleAuthor")
        invent_network(study)
        for name in ("CoverAlone", "CoverAndTitle"):
            combine(study, name)
    for name in ("MobileNetV2", "CoverText", "TitleAuthor", "CoverAlone", "CoverAndTitle"):
        evaluate(study, name)
    return study


def tables(study):
    return {table.name: table for table in reading_tables(gather(study)) if table}


def test_the_verdict_is_given_for_each_kind_of_evidence(study):
    """By the picture, by the whole cover, by all there is, and by words alone; gains are over the picture."""
    evidence = tables(study)["evidence"]
    rows = {row[0].value: row for row in evidence.rows}
    assert list(rows) == [
        "the picture, the words on the cover and what the listing says",
        "the picture and the words on the cover",
        "the picture",
        "the words on the cover",
        "what the listing says",
    ]
    assert rows["the picture and the words on the cover"][1].value == "CoverAlone"
    gain = rows["the words on the cover"][-1]
    assert gain.value == pytest.approx(rows["the words on the cover"][2].value - rows["the picture"][2].value)
    assert gain.low < gain.value < gain.high
    assert rows["the picture"][-1].value is None


def test_genres_that_words_tell_are_named_with_their_words(study):
    """By genre: both recalls, their paired difference, how well covers were read, and the words."""
    by_genre = tables(study)["words-by-genre"]
    travel = {column.title: cell for column, cell in zip(by_genre.columns, by_genre.rows[0], strict=True)}
    assert travel["Genre"].value == "Travel"
    assert travel["CoverText"].value == 1
    assert "pasta" in travel["Most telling words"].value
    assert any(note.startswith("Of 9 test books both are right on") for note in by_genre.notes)


def test_readers_that_are_joined_are_told_without_words_of_their_own(study, tmp_path):
    """An ensemble of readers may validate best of those that only read: it has no one list of words."""
    shutil.copytree(study.workspace.root, tmp_path / study.settings.name)
    wanted = study.settings.model_dump(mode="json") | {"workspace": str(tmp_path)}
    wanted["ensemble"] |= {"methods": ["mean"], "members": ["CoverText", "TitleAuthor"]}
    joined = Study(StudySettings.model_validate(wanted))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(System, "is_made", lambda _system, _study: True)
        combine(joined, "Ensemble-mean")
    evaluate(joined, "Ensemble-mean")
    by_genre = tables(joined)["words-by-genre"]
    titles = [column.title for column in by_genre.columns]
    assert "Ensemble, mean" in titles
    assert "Most telling words" not in titles
    assert gather(joined).best.name == "MobileNetV2"


def test_how_well_covers_were_read_is_told_by_their_titles(study):
    """The share of words of main titles that stand on the covers: what follows a colon is not asked for."""
    by_genre = tables(study)["words-by-genre"]
    place = [column.title for column in by_genre.columns].index("Title words read")
    assert [row[place].value for row in by_genre.rows] == [1, pytest.approx(11 / 12), 1]  # on one of 12 nothing


def test_how_well_covers_were_read_is_told_by_their_size(study):
    """Groups of about as many covers, the smallest pictures first; scans of one size are one group."""
    keys = read_table(study.workspace.splits, ("key",))["key"].tolist()
    rows = [(key, 100, 150 + 10 * (place % 8), 0, 0, 0) for place, key in enumerate(keys)]
    file = study.workspace.prepared / "measurements" / "shard-0001.csv"
    write_csv(file, ("key", "width", "height", "red", "green", "blue"), rows)
    sizes = tables(study)["reading-by-size"].rows
    assert [row[0].value for row in sizes] == ["150 to 160", "170 to 180", "190 to 200", "210 to 220"]
    assert sum(row[1].value for row in sizes) == len(keys)
    assert sum(row[2].value * row[1].value for row in sizes) == pytest.approx(1), "one cover says nothing"
    write_csv(file, ("key", "width", "height", "red", "green", "blue"), [(key, 9, 9, 0, 0, 0) for key in keys])
    [row] = tables(study)["reading-by-size"].rows
    assert row[0].value == "9"


def test_what_flatters_readers_is_told(study):
    """Accuracy of every judge where authors are unknown, titles name no genre, and both; with the numbers of books."""
    table = tables(study)["unaided"]
    rows = {row[0].value: row for row in table.rows}
    assert set(rows) == {row[0].value for row in tables(study)["evidence"].rows}
    books = {book.key: book for book in each_book(study.workspace)}
    test = [key for key, split in read_table(study.workspace.splits, ("key", "split")).values if split == "test"]
    authors = known_authors(learnable_titles(study).texts)
    new = sum(BookText("", books[key].author).author_as_word not in authors for key in test)
    assert any(f"Author unknown: the {new} of {len(test)} test books" in note for note in table.notes)
    everything = tables(study)["evidence"].rows
    assert [row[2].value for row in table.rows] == [row[2].value for row in everything]


def test_the_summary_gives_three_verdicts(study, bookcover30):
    """By the picture, by the whole cover, by cover and listing; none where nobody reads."""
    said = verdict_words(gather(study))
    assert [each.partition(":")[0] for each in said] == [
        "By its picture",
        "By the whole cover, picture and words",
        "By cover and listing",
    ]
    assert "CoverAlone)" in said[1]
    # Of nine test books none says more than the headline does.
    assert all(": 9 test books are too few to say (" in each for each in said)
    assert verdict_words(gather(bookcover30)) == []


def test_covers_that_only_words_tell_are_shown(study, tmp_path):
    """Three galleries: told by words alone, by the picture alone, by neither; each says what both took a cover for."""
    findings = gather(study)
    books = books_with_covers(findings).assign(path="cover.png", title="Soup")
    Image.new("RGB", (40, 60), "white").save(study.workspace.root / "cover.png")
    shown = told_apart(findings, books, tmp_path)
    (_, looked), (_, read) = looking_and_reading(judges_by_evidence(findings))
    rights = [each.probabilities.argmax(axis=1) == each.labels for each in (looked, read)]
    assert len(shown["only_reading"].tiles) == min(12, (rights[1] & ~rights[0]).sum()) > 0
    assert len(shown["neither_right"].tiles) == min(12, (~rights[1] & ~rights[0]).sum())
    tile = shown["only_reading"].tiles[0]
    own = tile.lines[0].removeprefix("is ")
    assert tile.lines[1].startswith("picture: ")
    assert tile.lines[2].startswith(f"words: {own}, ")
    assert shown["only_reading"].file.is_file()


def test_a_study_in_which_nobody_reads_has_no_such_tables(bookcover30):
    """Its report is what it was."""
    assert list(reading_tables(gather(bookcover30))) == []
