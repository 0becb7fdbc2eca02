"""The page of covers over HTTP: what is filtered, what is shown of a book, and what is marked."""

import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from bookcover_core.curation.label_marks import labels_file, read_marks
from bookcover_core.evaluation.label_noise import doubtful_file
from bookcover_core.evaluation.scores import read_scores
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_json, write_table, write_text
from bookcover_core.reading.cover_words import CoverWords, Word, words_file, write_words
from bookcover_core.training.stored_probabilities import read_probabilities
from deployments.pages.browse import browse_app
from deployments.pages.guard import TOKEN_HEADER, loopback_hosts
from tests.bookcover_core.inference.trained import BOOKS, GENRES
from tests.bookcover_core.invented import settings_in
from tests.deployments.pages.visitor import ORIGIN, Visitor


def visit(study) -> Visitor:
    return Visitor(browse_app({study.settings.name: study}, hosts=loopback_hosts(4280)))


@pytest.fixture
def client(trained):
    return visit(trained)


@pytest.fixture
def own(trained, tmp_path) -> Study:
    """The trained study, to be altered."""
    shutil.copytree(trained.settings.root, tmp_path / "tiny", symlinks=True)
    return Study(trained.settings.model_copy(update={"workspace": str(tmp_path)}))


def books(client, **words) -> list[dict]:
    return client.get("/tiny/books", params=words).json()["books"]


def mark(client, key, verdict="wrong", seen=None, **fields):
    """Mark a book, as the page does."""
    token = client.get("/tiny/").text.partition('name="token" content="')[2].partition('"')[0]
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", TOKEN_HEADER: token}
    post = {"key": key, "verdict": verdict, "who": "Ada", "seen": seen, **fields}
    return client.post("/tiny/mark", json=post, headers=headers)


def test_every_book_is_there_the_most_confident_first(client, trained):
    """Predictions are those of the system that validates best; training books, which have none, come last."""
    said = client.get("/tiny/books").json()
    assert said["total"] == len(GENRES) * BOOKS == len(said["books"])
    confidences = [book["confidence"] for book in said["books"]]
    judged = [each for each in confidences if each is not None]
    assert confidences == [*sorted(judged, reverse=True), *[None] * (len(confidences) - len(judged))]
    keys, probabilities = read_probabilities(trained.workspace.models / said["model"], "test")
    shown = {book["key"]: book for book in said["books"]}
    assert [shown[key]["confidence"] for key in keys] == pytest.approx(probabilities.max(axis=1).tolist())
    assert {book["split"] for book in said["books"] if not book["predicted"]} == {"train"}
    unsure = [each["confidence"] for each in books(client, order="unsure")]
    assert unsure[: len(judged)] == sorted(judged)


def test_a_cell_of_the_confusion_matrix_leads_to_its_covers(client, trained):
    """Each number is that of the covers behind its link, for every system, and is the evaluation's own."""
    for model in ("Tiny-padded", "Ensemble-mean-padded"):
        said = client.get("/tiny/confusion", params={"model": model}).json()
        assert said["counts"] == read_scores(trained.workspace.evaluation / model / "metrics.json").confusion
        for genre, row in zip(said["genres"], said["counts"], strict=True):
            for predicted, number in zip(said["genres"], row, strict=True):
                found = books(client, model=model, split="test", genre=genre, predicted=predicted)
                assert len(found) == number


def test_filters_go_together(client):
    """Right or wrong, confidence, and words of title and key: each takes away, none adds."""
    judged = [book for book in books(client) if book["predicted"]]
    right = books(client, right="yes")
    assert [book["key"] for book in right] == [b["key"] for b in judged if b["predicted"] == b["genre"]]
    assert len(right) + len(books(client, right="no")) == len(judged)
    half = np.median([book["confidence"] for book in judged])
    assert all(book["confidence"] >= half for book in books(client, least=100 * half))
    assert len(books(client, least=100 * half)) + len(books(client, most=99.999 * half)) == len(judged)
    assert [book["key"] for book in books(client, text="l03")] == ["L03"]
    assert books(client, text="l03", genre="Travel") == []
    assert books(client, boxset="yes") == books(client, twin="yes") == []
    assert len(books(client, boxset="no", twin="no")) == len(GENRES) * BOOKS


def test_box_sets_twins_doubts_and_words_are_found(own):
    """By the study's own tables; of doubtful labels the most doubtful comes first, with what is suggested."""
    curation = own.workspace.curation
    write_text(curation / "candidates.csv", "key,filename,title,category,term\nL01,L01.png,A Box Set,Law,box set\n")
    header = (curation / "twins.csv").read_text().splitlines()[0].split(",")
    twin = dict.fromkeys(header, "") | {"cluster": "L02", "distance": "0"}
    rows = [",".join((twin | {"key": key}).values()) for key in ("L02", "T02")]
    write_text(curation / "twins.csv", "\n".join([",".join(header), *rows]) + "\n")
    write_text(doubtful_file(own.workspace), "key,suggested\nT05,Law\nL05,Travel\n")
    write_words(
        words_file(own, "shard-0001"), [CoverWords(key="M03", sha256="", words=(Word("Äpfel", 0.9, (0, 0, 1, 1)),))]
    )
    client = visit(own)
    assert [(book["key"], book["term"]) for book in books(client, boxset="yes")] == [("L01", "box set")]
    assert {book["key"] for book in books(client, twin="yes")} == {"L02", "T02"}
    assert [(b["key"], b["suggested"]) for b in books(client, doubtful="yes")] == [("T05", "Law"), ("L05", "Travel")]
    assert [book["key"] for book in books(client, text="ÄPFEL m03")] == ["M03"]
    assert client.get("/tiny/book?book=M03").json()["words"] == "Äpfel"


def test_pages_have_a_limit_and_an_end(own, monkeypatch):
    """No page has more than 120 covers; one beyond the last is the last."""
    monkeypatch.setattr("deployments.pages.browse.PAGE", 10)
    client = visit(own)
    pages = [client.get("/tiny/books", params={"page": page}).json() for page in (1, 2, 5, 99)]
    assert [len(page["books"]) for page in pages] == [10, 10, 2, 2]
    assert [(page["page"], page["pages"]) for page in pages] == [(1, 5), (2, 5), (5, 5), (5, 5)]


def test_a_book_is_shown_with_what_all_systems_say(client, trained):
    """Three genres of each system with their probabilities, what it gives the label, and the covers most like it."""
    key = books(client, split="test")[0]["key"]
    said = client.get("/tiny/book", params={"book": key}).json()
    assert {each["model"] for each in said["systems"]} >= {"Tiny-padded", "Small-padded", "Ensemble-mean-padded"}
    for each in said["systems"]:
        assert each["title"].endswith(", untrained"), "its network has random weights"
        keys, probabilities = read_probabilities(trained.workspace.models / each["model"], "test")
        row = probabilities[keys.index(key)].tolist()
        assert [guess["probability"] for guess in each["genres"]] == sorted(row, reverse=True)
        assert each["own"] == pytest.approx(row[sorted(GENRES).index(said["genre"])])
    near = client.get("/tiny/near", params={"book": key}).json()
    assert len(near["books"]) == 8
    assert key not in {book["key"] for book in near["books"]}
    assert "Tiny compares covers and was never trained on pictures" in near["doubt"]
    assert client.get("/tiny/book?book=nobody").status_code == 404
    learnt = books(client, split="train")[0]["key"]
    assert client.get("/tiny/book", params={"book": learnt}).json()["systems"] == []


def test_covers_come_as_they_are_and_small_and_may_be_kept(client, trained):
    """A browser asks once: the address has the digest of the cover."""
    book = books(client, text="l03")[0]
    large = client.get(f"/tiny/{book['picture']}")
    row = read_table(trained.workspace.splits).set_index("key").loc["L03"]
    assert large.content == (trained.workspace.root / row["path"]).read_bytes()
    small = client.get(f"/tiny/{book['small']}")
    assert Image.open(io.BytesIO(small.content)).format == "JPEG"
    assert "immutable" in small.headers["Cache-Control"]
    assert client.get("/tiny/small?book=../../etc/passwd").status_code == 404
    assert client.get("/tiny/seen?book=L03&model=Tiny-padded").status_code == 404


def test_what_a_network_saw_is_shown_where_the_study_has_it(own):
    """The heat map of that very book and network; no path in the file leads out of the study."""
    place = own.workspace
    seen = {"title": "", "genre": "Law", "predicted": "Law", "probability": 0.5, "cover": ""}
    pictures = {"L03": "visualisation/Tiny-padded/heat.png", "L04": "../secret.png"}
    examples = [seen | {"key": key, "picture": picture} for key, picture in pictures.items()]
    about = {"model": "Tiny-padded", "network": "Tiny", "title": "Tiny", "input_size": 32, "ideals": []}
    write_json(place.visualisation / "Tiny-padded" / "insight.json", about | {"seen": examples})
    write_text(place.visualisation / "Tiny-padded" / "heat.png", "a picture")
    write_text(place.root.parent / "secret.png", "a secret")
    client = visit(own)
    [told] = client.get("/tiny/book?book=L03").json()["seen"]
    assert told["title"] == "Tiny, untrained"
    assert client.get(f"/tiny/{told['picture']}").text == "a picture"
    assert client.get("/tiny/seen?book=L04&model=Tiny-padded").status_code == 404
    assert client.get("/tiny/book?book=L05").json()["seen"] == []


def test_the_table_goes_out_as_csv_without_formulas(own):
    """All pages of what is wanted; what a spreadsheet would run stands behind an apostrophe."""
    table = read_table(own.workspace.splits)
    table.loc[table["key"] == "L03", "title"] = '=HYPERLINK("http://evil.example")'
    write_table(own.workspace.splits, table)
    client = visit(own)
    mark(client, "L03", "wrong", genre="Travel", note="=1+1")
    answer = client.get("/tiny/table.csv?genre=Law")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"), newline=""))}
    assert len(rows) == BOOKS
    assert rows["L03"]["title"] == '\'=HYPERLINK("http://evil.example")'
    said = [rows["L03"][name] for name in ("verdict", "right_genre", "note", "who")]
    assert said == ["wrong", "Travel", "'=1+1", "Ada"]


def test_a_mark_is_saved_when_it_is_made(own):
    """Verdict, right genre, note, who and when stand in labels.csv before the answer comes, and are a filter."""
    client = visit(own)
    answer = mark(client, "L03", "wrong", genre="Travel", note="  a\nmap ")
    saved = read_marks(own)["L03"]
    assert answer.json() == {"mark": saved.model_dump()}
    assert (saved.verdict, saved.genre, saved.note, saved.who) == ("wrong", "Travel", "a map", "Ada")
    assert [book["mark"]["note"] for book in books(client, marked="wrong")] == ["a map"]
    assert len(books(client, marked="none")) == len(GENRES) * BOOKS - 1
    assert mark(client, "L03", "open", seen=saved.model_dump()).json() == {"mark": None}
    assert read_marks(own) == {}


def test_a_corrected_book_is_asked_about_as_it_was_published(own):
    """A mark is on the published label, which the page names beside the one that people gave it."""
    table = read_table(own.workspace.splits)
    table.loc[table["key"] == "L03", "genre"] = "Travel"
    write_table(own.workspace.splits, table)
    curation = own.settings.curation.model_copy(update={"labels": "correct"})
    client = visit(Study(own.settings.model_copy(update={"curation": curation})))
    book = books(client, text="l03")[0]
    assert (book["genre"], book["published"]) == ("Travel", "Law")


def test_two_browsers_do_not_overrule_each_other_unseen(own):
    """Who has not seen another's mark does not undo it, and is told what stands."""
    client = visit(own)
    stands = mark(client, "L03", "right", who="Bo").json()["mark"]
    assert mark(client, "L03", "wrong").json()["mark"] == stands
    assert read_marks(own)["L03"].who == "Bo"


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"key": "nobody"}, 404), ({"genre": "Poetry"}, 404), ({"verdict": "burn"}, 422), ({"note": "x" * 9_000}, 422)],
)
def test_a_mark_that_makes_no_sense_is_refused(own, fields, status):
    """Nothing is written."""
    answer = mark(visit(own), **{"key": "L03", **fields})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not labels_file(own).exists()


def test_a_mark_needs_the_pages_token(client, trained):
    """No other site can make one."""
    post = {"key": "L03", "verdict": "wrong", "seen": None}
    assert client.post("/tiny/mark", json=post, headers={"Origin": ORIGIN}).status_code == 403
    assert not labels_file(trained).exists()


def test_predictions_of_an_earlier_split_are_left_out(own):
    """What a system said about books as they were divided before is not shown beside those of now."""
    table = read_table(own.workspace.splits)
    table.loc[table["split"] == "test", "split"] = "train"
    write_table(own.workspace.splits, table)
    said = visit(own).get("/tiny/books").json()
    assert said["model"] == ""
    assert not any(book["predicted"] for book in said["books"])


def test_a_filter_that_makes_no_sense_is_named(client):
    """Instead of an empty page."""
    answer = client.get("/tiny/books?least=many")
    assert answer.status_code == 422
    assert "least" in answer.json()["error"]


def test_a_study_that_is_not_so_far_is_told(tmp_path):
    """Before the books are divided the page is there, and says what is missing."""
    client = visit(Study(settings_in(tmp_path)))
    page = client.get("/invented/")
    assert page.status_code == 200
    assert "has not been run" in page.text
    assert client.get("/invented/books").status_code == 409


def test_the_page_brings_everything_itself(client):
    """Scripts and styles come from here, and the page has no inline ones."""
    page = client.get("/tiny/").text
    assert page.startswith("<!DOCTYPE html>")
    assert not any(each in page for each in ("style=", "onclick", "<script>", "http:"))
    for name in ("browse.js", "browse.css", "pages.css", "icon.svg"):
        assert f"../-/{name}?" in page
        assert client.get(f"/-/{name}").status_code == 200
