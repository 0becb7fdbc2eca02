"""What the report says of systems that read, beside those that look."""

import pytest

from bookcover_core.evaluation.evaluate import evaluate
from bookcover_core.families import ensemble
from bookcover_core.families.cover_text import fit_cover_text
from bookcover_core.families.ensemble import combine
from bookcover_core.families.text import fit_text
from bookcover_core.report.findings import gather
from bookcover_core.report.reading_section import reading_tables, title_words_read
from tests.bookcover_core.families.test_cover_text import invent_network, make_read


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of one network, a reader of covers and one of titles, and what joins them."""
    study = make_read(tmp_path_factory.mktemp("study"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ensemble, "_check_members", lambda _study, _system: None)
        fit_cover_text(study, "CoverText")
        fit_text(study, "TitleAuthor")
        invent_network(study)
        for name in ("CoverAlone", "CoverAndTitle"):
            combine(study, name)
    for name in ("MobileNetV2", "CoverText", "TitleAuthor", "CoverAlone", "CoverAndTitle"):
        evaluate(study, name)
    return study


def test_the_verdict_is_given_for_each_kind_of_evidence(study):
    """By the picture, by the whole cover, by all there is, and by words alone; gains are over the picture."""
    evidence, _ = reading_tables(gather(study))
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
    _, by_genre = reading_tables(gather(study))
    travel = {column.title: cell for column, cell in zip(by_genre.columns, by_genre.rows[0], strict=True)}
    assert travel["Genre"].value == "Travel"
    assert travel["CoverText"].value == 1
    assert "pasta" in travel["Most telling words"].value
    assert any(note.startswith("Of 9 test books both are right on") for note in by_genre.notes)


def test_how_well_covers_were_read_is_told_by_their_titles(study):
    """The share of words of main titles that stand on the covers: what follows a colon is not asked for."""
    assert title_words_read(study) == {0: 1, 1: pytest.approx(11 / 12), 2: 1}  # nothing was read on one cover of 12


def test_a_study_in_which_nobody_reads_has_no_such_tables(bookcover30):
    """Its report is what it was."""
    assert list(reading_tables(gather(bookcover30))) == []
