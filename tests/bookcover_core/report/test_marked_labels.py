"""What the report says of labels that people marked as wrong."""

import pytest

from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.report import gallery
from bookcover_core.report.findings import gather
from bookcover_core.report.write_report import write_report
from tests.bookcover_core.report.specimen import Specimen, make_study

ONE_NETWORK = Specimen(genres=("A", "B", "C"), backbones=("ResNeXt50",), failed=("ResNeXt50",))


@pytest.mark.parametrize(
    ("labels", "marked", "said"),
    [
        ("correct", {"corrected": 1_200, "no right genre": 3}, ("1,200 have the genre that people named, and 3 are",)),
        ("leave-out", {"left out": 4}, ("6 were left out",)),
        ("ignore", {}, ()),
    ],
)
def test_how_many_labels_were_changed_is_said(tmp_path, labels, marked, said):
    """With the test books that keep theirs; a study that uses no marks says nothing of them."""
    study = make_study(tmp_path, ONE_NETWORK, curation={"labels": labels})
    place = study.workspace
    outputs = [place.selection, place.curation / "replacements.csv"]
    record(study, "curate", outputs=outputs, counts={"reasons": {"label marked wrong": 2}})
    counts = {"marked labels": marked | {"test books, as published": 7}} if marked else {}
    record(study, "split", after=["curate"], outputs=[place.splits], counts=counts)
    write_report(study)
    page = (place.report / "index.html").read_text("utf-8")
    assert all(words in page for words in said)
    assert ("of which there are 7, stay as they were published" in page) == bool(said)


def test_a_corrected_label_hides_no_prepared_picture(tmp_path):
    """The pictures lie in the folder of the published genre, and the report shows them all the same."""
    study = make_study(tmp_path, ONE_NETWORK)
    place = study.workspace
    before = gallery.prepared(findings := gather(study), gallery.books_with_covers(findings))
    assert before
    books = read_table(place.splits, label="int64")
    write_table(place.splits, books.assign(label=(books["label"] + 1) % 3))
    after = gallery.prepared(findings, gallery.books_with_covers(findings))
    assert after == before
