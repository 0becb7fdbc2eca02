"""The review page in a real browser: what a person sees, presses and gets."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from bookcover_core.curation.decisions import append_decision, decisions_file, read_decisions
from bookcover_core.pipeline.workspace import write_text
from deployments.pages.guard import loopback_hosts
from deployments.pages.review import review_app
from tests.deployments.pages.conftest import CANDIDATES, SCRIPT


@contextmanager
def served(study, port=0):
    """The address of the study's review page, while it is served."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        at = listener.getsockname()[1]
        app = review_app({"invented": study}, hosts=loopback_hosts(at))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{at}/invented/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(study):
    with served(study) as at:
        yield at


@pytest.fixture
def person(chromium):
    """Opens pages as one person does, in tabs of one browser; every error on a page fails the test."""
    errors = []
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    context.on("weberror", lambda error: errors.append(str(error.error)))

    def open_page(address, **size):
        page = context.new_page()
        page.on(
            "console",
            lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None,
        )
        if size:
            page.set_viewport_size(size)
        page.goto(address)
        page.wait_for_function("() => document.querySelector('#progress-text, #message h2').textContent")
        return page

    yield open_page
    context.close()
    assert errors == []


KEYS = ["b0", "b1", *(f"a{number}" for number in range(8))]
"""The candidates in the order in which they are shown."""


def progress(page, decided, rejected):
    """Wait until the page says so."""
    text = f"{decided} of {CANDIDATES} decided, {rejected} rejected"
    page.wait_for_function("text => document.querySelector('#progress-text').textContent === text", arg=text)


def saved(study, **expected):
    """Wait until these decisions, and no others, stand on disk."""
    deadline = time.monotonic() + 120
    while True:
        standing = {key: each.decision for key, each in read_decisions(decisions_file(study)).items()}
        if standing == expected or time.monotonic() > deadline:
            assert standing == expected
            return
        time.sleep(0.05)


def test_keys_decide_and_go_on(person, address, study):
    """K, R and a reason's number decide on the book that is shown; the next one appears; each decision is saved."""
    page = person(address)
    assert page.inner_text("#position") == f"1 of {CANDIDATES}"
    page.keyboard.press("k")
    page.keyboard.press("r")
    page.keyboard.press("1")
    progress(page, 3, 2)
    assert page.inner_text("#title") == "Tale 1: The 1-Book Collection"
    assert page.inner_text("#title mark") == "1-Book"
    saved(study, b0="keep", b1="reject", a0="reject")
    assert read_decisions(decisions_file(study))["a0"].why == "box set"
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#verdict").startswith("Rejected (box set) by ")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#verdict") == ""


def test_own_words_and_a_name_go_with_a_decision(person, address, study):
    """What is typed belongs to the next decision; letters in a field are no keys; the name is remembered."""
    page = person(address)
    page.fill("#who", "Ada Lovelace")
    page.fill("#why", "kr: one picture")
    page.press("#why", "Enter")
    page.keyboard.press("k")
    saved(study, b0="keep")
    made = read_decisions(decisions_file(study))["b0"]
    assert (made.by, made.why) == ("Ada Lovelace", "kr: one picture")
    assert page.input_value("#why") == ""
    assert person(address).input_value("#who") == "Ada Lovelace"


def test_undo_goes_back_step_by_step(person, address, study):
    """Each step brings back what stood before, over several decisions on one book, and after a reload."""
    page = person(address)
    page.keyboard.press("r")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("k")
    page.keyboard.press("2")
    progress(page, 2, 1)
    saved(study, b0="keep", b1="reject")
    page.keyboard.press("u")
    saved(study, b0="keep")
    assert page.inner_text("#position") == f"2 of {CANDIDATES}"
    page.reload()
    progress(page, 1, 0)
    page.keyboard.press("Control+z")
    saved(study, b0="reject")
    page.keyboard.press("u")
    saved(study)
    page.keyboard.press("u")
    assert "nothing to undo" in page.inner_text("#toast")
    assert decisions_file(study).read_text().count("\nb0,") == 4


def test_a_grid_marks_the_bad_ones_and_keeps_the_rest(person, address, study):
    """A click rejects, a second one takes that back; the others are kept in one step, which one step undoes."""
    page = person(address)
    page.keyboard.press("g")
    tiles = page.locator(".thumb")
    assert tiles.count() == CANDIDATES
    page.wait_for_function("() => [...document.querySelectorAll('.thumb img')].every((each) => each.naturalWidth)")
    tiles.nth(1).click()
    tiles.nth(3).click()
    tiles.nth(3).click()
    saved(study, b1="reject")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("3")
    saved(study, b1="reject", a2="reject")
    assert page.inner_text("#keep-rest").startswith("Keep the other 8")
    page.keyboard.press("a")
    saved(study, **dict.fromkeys(KEYS, "keep") | {"b1": "reject", "a2": "reject"})
    assert page.inner_text("#message h2") == "All decided"
    assert "8 kept, 2 rejected" in page.inner_text("#message p")
    page.keyboard.press("u")
    saved(study, b1="reject", a2="reject")
    progress(page, 2, 2)
    page.keyboard.press("Enter")
    assert page.is_visible("#single")


def test_covers_that_were_not_seen_are_not_kept(person, address, study):
    """What has no picture on the screen stays open when the rest is kept."""
    (study.workspace.covers / "law" / "a4.jpg").unlink()
    page = person(address + "#view=grid")
    page.wait_for_function("() => [...document.images].filter((each) => each.naturalWidth).length === 9")
    page.keyboard.press("a")
    saved(study, **{key: "keep" for key in KEYS if key != "a4"})
    assert "without a picture" in page.inner_text("#toast")


def test_two_tabs_see_each_other(person, address, study):
    """A decision in one tab shows up in the other; decisions in both are all kept."""
    one, other = person(address), person(address)
    one.keyboard.press("r")
    progress(other, 1, 1)
    other.keyboard.press("k")
    assert other.inner_text("#position") == f"2 of {CANDIDATES}"
    other.keyboard.press("k")
    one.keyboard.press("ArrowRight")
    one.keyboard.press("k")
    saved(study, b0="keep", b1="keep", a0="keep")


def test_who_was_slower_is_told(person, address, study):
    """A tab that has not heard of another's decision does not undo it, and says who was faster."""
    page = person(address)
    page.route("**/state", lambda route: route.abort())
    append_decision(study, "b0", "reject", by="Bo")
    page.keyboard.press("k")
    page.wait_for_function("() => document.querySelector('#toast').textContent.startsWith('Bo was faster')")
    progress(page, 1, 1)
    saved(study, b0="reject")


def test_what_cannot_be_saved_is_shown_and_sent_again(person, chromium, study):
    """While no server answers, decisions stand on the page as unsaved; when it is back, anew even, they are saved."""
    with served(study) as address:
        page = person(address)
        port = int(address.split(":")[2].split("/")[0])
    page.keyboard.press("r")
    page.keyboard.press("k")
    page.wait_for_selector("#alert:visible")
    assert page.inner_text("#alert p").startswith("2 decisions are not saved yet")
    page.keyboard.press("ArrowLeft")
    assert "not saved yet" in page.inner_text("#verdict")
    with served(study, port):
        page.click("#try-now")
        saved(study, b0="reject", b1="keep")
        page.wait_for_selector("#alert", state="hidden")


def test_a_file_that_somebody_broke_loses_no_decision(person, address, study):
    """The page names the line, keeps the decision, and saves it when the file is mended."""
    page = person(address)
    write_text(decisions_file(study), "key,decision\na1,perhaps\n")
    page.keyboard.press("r")
    page.wait_for_function("() => document.querySelector('#alert').textContent.includes('line 2')")
    write_text(decisions_file(study), "key,decision\na1,keep\n")
    page.click("#try-now")
    saved(study, a1="keep", b0="reject")


def test_titles_are_text(person, address):
    """A title with markup is shown as it is written, in both views, and nothing in it runs."""
    page = person(address)
    assert page.text_content("#title") == SCRIPT
    page.keyboard.press("g")
    assert page.text_content(".open >> nth=0") == SCRIPT
    assert page.title() == "Review of invented"
    assert page.locator("#title script, #title img, .open script, .open img").count() == 0


def test_the_page_can_be_closed_and_taken_up_again(person, address, study):
    """A new page begins at the first open book; a reload comes back to the very place."""
    page = person(address)
    page.keyboard.press("k")
    page.keyboard.press("k")
    saved(study, b0="keep", b1="keep")
    page.close()
    page = person(address)
    assert page.inner_text("#title").startswith("Tale 0")
    progress(page, 2, 0)
    page.click("#filters >> text=Kept")
    page.keyboard.press("g")
    page.wait_for_function("() => location.hash.includes('view=grid') && location.hash.includes('show=keep')")
    page.reload()
    page.wait_for_selector(".thumb")
    assert page.locator(".thumb").count() == 2


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (768, 1024)])
def test_it_fits_a_small_window(person, address, width, height):
    """Nothing sticks out sideways, and what one decides with is in reach."""
    page = person(address, width=width, height=height)
    for key in ("", "g"):
        if key:
            page.keyboard.press(key)
            page.wait_for_selector(".thumb")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        button = page.locator("#keep-rest" if key else "#keep").bounding_box()
        assert button["y"] + button["height"] <= height
        assert button["height"] >= 40


def test_new_candidates_appear_on_an_open_page(person, address, study):
    """Covers that are downloaded while somebody looks join the list."""
    page = person(address)
    for key in KEYS:
        append_decision(study, key, "keep", by="Bo")
    progress(page, 10, 0)
    assert page.inner_text("#position") == f"1 of {CANDIDATES}"
    write_text(
        study.workspace.curation / "replacements.csv", "key,genre,split,reason,replaced_by\ngone,Law,train,missing,p0\n"
    )
    page.wait_for_selector("#kinds >> text=Replacements")
    page.click("#kinds >> text=Replacements")
    assert page.inner_text("#title") == "From the pool"
