"""The report: one page that fetches nothing, escapes everything, and is honest about what it shows."""

import json
import re
import shutil
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from bookcover_core.evaluation.scores import read_scores
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.report.write_report import write_report
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.report.specimen import Specimen, make_study

# Elements without an end tag.
VOID = {"meta", "img", "source", "br", "link", "input", "hr", "wbr"}


class _Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _page(study: Study) -> _Page:
    return _Page((study.workspace.report / "index.html").read_text("utf-8"))


@pytest.mark.parametrize("name", ["bookcover30", "own_genres"])
def test_the_page_fetches_nothing_and_can_be_mailed(name: str, request: pytest.FixtureRequest):
    """Every picture is in the page, no address leads outside, and the file is below 6 MB."""
    study = request.getfixturevalue(name)
    page = _page(study)
    assert (study.workspace.report / "index.html").stat().st_size < 6_000_000
    for tag, attributes in page.tags:
        for attribute in ("src", "srcset"):
            assert attributes.get(attribute, "data:").startswith("data:"), tag
        assert attributes.get("href", "#").startswith("data:" if tag == "link" else "#")
        assert not any(attribute.startswith("on") for attribute in attributes)
    assert "url(" not in (study.workspace.report / "index.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["bookcover30", "own_genres"])
def test_the_page_is_accessible(name: str, request: pytest.FixtureRequest):
    """Landmarks, one h1, text for every picture, scopes and captions in tables, links that lead somewhere."""
    page = _page(request.getfixturevalue(name))
    assert len(page.named("h1")) == len(page.named("main")) == 1
    assert page.named("html")[0]["lang"] == "en"
    assert page.named("nav")
    assert page.named("footer")
    assert all("alt" in attributes for attributes in page.named("img"))
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(attributes["scope"] in {"col", "row", "colgroup"} for attributes in page.named("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes in page.named("a")} <= set(ids)


def test_what_comes_from_outside_is_escaped(bookcover30, own_genres):
    """Titles, genres and reasons appear as they are, and never as markup."""
    page = _page(bookcover30)
    assert len(page.named("script")) == 1
    assert "<script>alert('title')</script>" in page.text
    assert "The graphics card caught <fire>." in page.text
    own = _page(own_genres)
    assert "Cats & <Dogs>" in own.text
    assert not own.named("dogs")


def test_doubtful_labels_are_told_and_shown(bookcover30, own_genres):
    """How many there are, what that is worth, how much of the error it may be, and the covers; else nothing."""
    page = _page(own_genres)
    assert "24 of 60 books (40.0" in page.text
    assert "at most 60.0" in page.text
    assert "Of the 45 books that the networks judge otherwise than the listing, 24 have a doubtful genre" in page.text
    assert page.text.count("rather: $5 meals $x$") == 2
    assert (own_genres.workspace.report / "figures" / "doubtful-labels.png").is_file()
    assert "Labels that may be wrong" not in _page(bookcover30).text


@pytest.mark.parametrize("name", ["bookcover30", "own_genres"])
def test_cards_say_what_the_study_says(name: str, request: pytest.FixtureRequest):
    """YAML heads that parse, every genre in a table of its own, and the numbers of the best system's scores."""
    study = request.getfixturevalue(name)
    head, data = _card(study, "data-card.md")
    assert head["pretty_name"] == study.settings.name
    splits = read_table(study.workspace.splits)["split"].value_counts()
    assert "| **all** | " + " | ".join(f"{splits.get(side, 0):,}" for side in ("train", "validation", "test")) in data
    head, model = _card(study, "model-card.md")
    best = json.loads((study.workspace.report / "results.json").read_text("utf-8"))["networks"][0]["backbone"]
    scores = read_scores(next(study.workspace.evaluation.glob(f"{best}-*")) / "metrics.json")
    metrics = {each["type"]: each["value"] for each in head["model-index"][0]["results"][0]["metrics"]}
    assert metrics["accuracy"] == pytest.approx(scores.accuracy.value, abs=1e-4)
    for genre in scores.genres:
        assert f"| {genre.name} | {genre.books} | " in model
        assert re.search(rf"\| {re.escape(genre.name)} \| \d+ \| \d+ \| {genre.books} \|", data)
    assert ("random weights" in model) == (name == "own_genres")
    assert str(study.workspace.root.parent) not in data + model


def _card(study: Study, name: str) -> tuple[dict, str]:
    """The YAML head of a card, and its text."""
    _, head, text = (study.workspace.report / name).read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def test_untrained_networks_are_marked(bookcover30, own_genres):
    """Random weights put a notice on top that names the networks, and mark their columns; ImageNet weights do not."""
    page = _page(own_genres).text
    assert "Untrained networks: their numbers mean nothing" in page
    assert "MobileNetV2: random weights" in page
    assert "MobileNetV2, untrained, this study" in page
    assert "Untrained networks" not in _page(bookcover30).text
    assert ", untrained" not in _page(bookcover30).text


def test_the_page_says_why_it_is_not_comparable(bookcover30, own_genres):
    """Another test set is named where published numbers stand; genres of one's own have no published numbers."""
    assert "published: of the 5,700 official test books 120 are left, below 80 %." in _page(bookcover30).text
    assert "Hill 2020" not in _page(own_genres).text


def test_the_settings_in_the_page_make_the_study_again(bookcover30):
    """The TOML in the page gives the settings of the study, but for the folder, which it keeps quiet."""
    toml = re.search(r"<summary>settings.toml</summary>\s*<pre[^>]*><code>(.*?)</code>", _raw(bookcover30), re.DOTALL)
    assert toml is not None
    import html
    import tomllib

    again = parse_settings(tomllib.loads(html.unescape(toml[1])))
    assert again == bookcover30.settings.model_copy(update={"workspace": "data/studies"})
    assert bookcover30.settings.workspace not in _raw(bookcover30)


def _raw(study: Study) -> str:
    return (study.workspace.report / "index.html").read_text("utf-8")


def test_no_folder_of_this_machine_is_in_the_page(bookcover30, tmp_path: Path):
    """Of a setting that names a file the page shows the name alone, and no value stands there as Python writes it."""
    small = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), compared=False)
    books = {"source": "listing", "listing": str(tmp_path / "secret" / "books.csv")}
    study = make_study(tmp_path, small, books=books, evaluation={"resamples": 200})
    write_report(study, {"MobileNetV2": f"{study.workspace.models}/MobileNetV2-padded/card.json: it is altered"})
    assert "models/MobileNetV2-padded/card.json: it is altered" in _page(study).text
    assert str(tmp_path) not in _raw(study)
    assert "books.csv" in _page(study).text
    assert "[&#34;MobileNetV2&#34;]" in _raw(study)
    assert "(&#39;MobileNetV2&#39;" not in _raw(study)
    # Where there is no pool, nothing replaces a book whose cover cannot be had.
    assert "cannot be had are left out." in _raw(study)
    assert "cannot be had are left out." not in _raw(bookcover30)


def test_files_beside_the_page(bookcover30):
    """Figures as SVG and PNG, tables as CSV, all numbers as JSON, all of them in the manifest."""
    folder = bookcover30.workspace.report
    manifest = bookcover30.manifest("report")
    named = {Path(output.path).name for output in manifest.outputs}
    figures = {"standing", "extremes", "preparations", "training", "recall", "confusion-MobileNetV2"}
    assert {f"{name}.{kind}" for name in figures for kind in ("svg", "png")} <= named
    assert {
        "table-1-preparations.csv",
        "table-2-recall.csv",
        "table-3-precision.csv",
        "counts.csv",
        "covers.csv",
    } <= named
    assert {"samples.png", "most-confident-mistakes.png", "areas.json"} <= named
    areas = json.loads((folder / "figures" / "areas.json").read_text("utf-8"))
    assert {"standing", "extremes", "recall", "confusion-MobileNetV2"} <= areas.keys()
    assert areas["standing"].keys() == {"wide", "narrow"}
    assert areas["confusion-MobileNetV2"].keys() == {"wide"}
    results = json.loads((folder / "results.json").read_text("utf-8"))
    assert [row["backbone"] for row in results["networks"]] == ["InceptionResNetV2", "MobileNetV2"]
    assert results["missing"] == [{"backbone": "ResNeXt50", "reason": "The graphics card caught <fire>."}]
    assert not results["comparable_with_published"]
    assert StudySettings.model_validate(results["settings"]) == bookcover30.settings


def test_the_report_is_written_again_only_when_something_changed(tmp_path: Path):
    """Unchanged: reused. A network more, or a file altered: written again, and to the byte where nothing differs."""
    small = Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2", "ResNeXt50"), failed=("ResNeXt50",))
    study = make_study(tmp_path, small)
    write_report(study)
    first = _raw(study)
    assert write_report(study).reused
    assert not write_report(study, {"ResNeXt50": "No memory."}).reused
    assert "No memory." in _raw(study)
    (study.workspace.report / "index.html").write_text("altered", "utf-8")
    assert not write_report(study).reused
    assert _raw(study) == first


def test_a_study_that_has_only_begun_has_a_report(tmp_path: Path):
    """With the listings read and nothing else, it says that there is no answer yet, and what will be compared."""
    import pandas as pd

    study = Study(parse_settings({"name": "begun", "workspace": str(tmp_path), "comparison": {"share": 0.125}}))
    run = partial(record, study, "listings")
    genres = pd.DataFrame([(0, "A", "a", 0, 3), (1, "B", "b", 1, 3)])
    write_table(study.workspace.genres, genres.set_axis(["label", "name", "slug", "category_id", "records"], axis=1))
    run(outputs=[study.workspace.genres])
    manifest = write_report(study)
    assert manifest.counts["networks"] == 0
    assert "No answer yet." in _page(study).text
    assert "Preparations are compared on 12.5 % of the training books." in _page(study).text


@pytest.mark.slow
def test_a_browser_shows_the_page_without_complaint(bookcover30):
    """In Chromium: no request, message or dialog, nothing wider than a phone, tables that sort, figures that open."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda wanted: said.append(wanted.url) if wanted.url.startswith("http") else None)
        page.goto((bookcover30.workspace.report / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        heading = page.locator("#table-2-recall thead tr").last.locator("button").nth(1)
        heading.click()
        values = page.locator("#table-2-recall tbody td:nth-child(2)").evaluate_all(
            "cells => cells.map(cell => Number(cell.dataset.value))"
        )
        assert values == sorted(values, reverse=True)
        page.locator("#figure-standing button").click()
        assert page.locator("dialog#large").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("dialog#large").is_visible()
        browser.close()
    assert said == []
