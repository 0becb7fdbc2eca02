"""The page of covers in a real browser: what a person filters, presses and marks."""

import shutil

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bookcover_core.curation.label_marks import read_marks
from bookcover_core.pipeline.study import Study
from deployments.loopback import served
from deployments.pages.browse import browse_app
from deployments.pages.judge import judge_app
from tests.bookcover_core.inference.trained import BOOKS, GENRES


@pytest.fixture
def study(trained, tmp_path) -> Study:
    """The trained study, to be altered."""
    shutil.copytree(trained.settings.root, tmp_path / "tiny", symlinks=True)
    return Study(trained.settings.model_copy(update={"workspace": str(tmp_path)}))


@pytest.fixture
def open_page(chromium, study):
    """Opens the page in a browser of its own; every error on it fails the test."""
    errors, contexts = [], []

    def open_in(**window):
        contexts.append(chromium.new_context(**window))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(site.address)
        page.wait_for_selector(".thumb")
        return page

    def both(hosts):
        apps = {"/browse": browse_app, "/judge": judge_app}
        return Starlette(
            routes=[Mount(path, app({"tiny": study}, hosts=hosts, home="../../")) for path, app in apps.items()]
        )

    with served(both, "browse/tiny/", usual_port=0) as site:
        yield open_in
        for context in contexts:
            context.close()
    assert errors == []


def count(page, words) -> None:
    page.wait_for_function("words => document.querySelector('#count').textContent === words", arg=words)


def test_covers_are_found_and_looked_at(open_page):
    """Filters and the confusion matrix lead to covers; keys go from one to the next; the address remembers."""
    page = open_page(viewport={"width": 1280, "height": 800})
    count(page, f"{len(GENRES) * BOOKS} covers")
    page.select_option("[name=genre]", "Law")
    count(page, f"{BOOKS} covers")
    page.fill("[name=text]", "l03")
    count(page, "1 cover")
    page.reload()
    count(page, "1 cover")
    assert page.input_value("[name=genre]") == "Law"
    page.click("button[type=reset]")
    count(page, f"{len(GENRES) * BOOKS} covers")
    page.click("#show-confusion")
    cell = page.locator(".confusion td:not(.recall) a").first
    number = int(cell.inner_text())
    cell.click()
    count(page, "1 cover" if number == 1 else f"{number} covers")
    assert page.input_value("[name=split]") == "test"
    page.goto(page.url.partition("?")[0] + "?split=test")
    page.wait_for_selector(".thumb")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#near .thumb")
    assert "likeness means nothing" in page.inner_text("#near-doubt"), "of networks that never saw a picture"
    assert page.locator("#systems tbody tr").count() >= 3
    titles = page.locator("#covers .title").all_inner_texts()
    assert page.inner_text("#large-title") == titles[1]
    page.keyboard.press("ArrowRight")
    page.wait_for_function("title => document.querySelector('#large-title').textContent === title", arg=titles[2])
    page.keyboard.press("Escape")
    assert not page.is_visible("#large")
    page.keyboard.press("Enter")
    page.click("#leads a >> text=Judge it")
    page.wait_for_selector(".genres button")
    page.go_back()
    page.wait_for_selector(".thumb")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_people_mark_labels_by_their_keys(open_page, study):
    """W, a genre and a note are saved at once; who has not seen another's mark is told of it."""
    one, two = open_page(), open_page()
    key = two.evaluate("fetch('books').then(answer => answer.json()).then(said => said.books[0].key)")
    for page in (one, two):
        page.click(".thumb >> nth=0")
        page.wait_for_selector("#large[open]")
    one.keyboard.press("w")
    one.wait_for_selector("#right-genre:visible")
    one.wait_for_function("() => document.querySelector('#standing').textContent.startsWith('Saved')")
    one.select_option("#right-genre", "Travel")
    one.keyboard.press("Enter")
    one.keyboard.press("n")
    one.keyboard.type("an atlas")
    one.keyboard.press("Enter")
    one.wait_for_function("() => document.querySelector('#covers .flags').textContent === 'marked: Travel'")
    two.wait_for_function("() => fetch('books').then(answer => answer.json()).then(said => said.books[0].mark?.note)")
    mark = read_marks(study)[key]
    assert (mark.verdict, mark.genre, mark.note) == ("wrong", "Travel", "an atlas")
    two.keyboard.press("r")
    two.wait_for_function("() => document.querySelector('#standing').textContent.includes('meanwhile')")
    assert two.input_value("#note") == "an atlas"
    assert read_marks(study)[key] == mark


def test_a_key_that_is_pressed_before_the_cover_is_there_is_not_lost(open_page, study):
    """A mark is of the cover that was gone to when its key was pressed, however late that comes."""
    page, held = open_page(), []
    keys = page.evaluate("fetch('books').then(answer => answer.json()).then(said => said.books.map(book => book.key))")
    page.click(".thumb >> nth=0")
    page.wait_for_selector("#large[open]")

    def hold(route):
        held.append(route)

    page.route("**/book?*", hold)
    for key in ("ArrowRight", "w", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    later, latest = held
    latest.continue_()
    titles = page.locator("#covers .title").all_inner_texts()
    page.wait_for_function("title => document.querySelector('#large-title').textContent === title", arg=titles[2])
    later.continue_()
    page.wait_for_function("() => document.querySelectorAll('#covers .flags')[1].textContent === 'marked: wrong'")
    assert list(read_marks(study)) == [keys[1]]
    assert page.inner_text("#large-title") == titles[2], "the last one that was gone to stays"
