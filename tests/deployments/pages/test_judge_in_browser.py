"""The judging page in a real browser: what a person drops, presses and sees."""

import csv
import zipfile
from urllib.parse import parse_qs, urlparse

import pytest

from deployments.loopback import served
from deployments.pages.judge import judge_app
from tests.bookcover_core.inference.trained import GENRES, draw

DROP = """([name, content]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(content)], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def address(trained):
    def make_app(hosts):
        return judge_app({"tiny": trained}, hosts=hosts)

    with served(make_app, "tiny/", usual_port=0) as page:
        yield page.address


@pytest.fixture
def page(chromium, address):
    """The page, open; every error on it that nobody expects fails the test."""
    errors = []
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_selector("#bench:visible")
    yield page
    context.close()
    assert [error for error in errors if "422" not in error] == []


@pytest.fixture
def cover(tmp_path):
    file = tmp_path / "mine.jpg"
    draw(GENRES["Law"], 90, (200, 300)).save(file)
    return file


def drop(page, name, content):
    page.evaluate(DROP, [name, list(content)])


def test_a_cover_that_is_dropped_is_judged(page, cover):
    """Cover, genres as bars of their length, the covers most like it, and how often the network is right."""
    assert page.inner_text("#headline") == "Which of 3 genres is it?"
    drop(page, "mine.jpg", cover.read_bytes())
    page.wait_for_selector(".genres button")
    assert page.locator(".genres button").count() == 3
    shares = [float(text.rstrip("\xa0%")) for text in page.locator(".genres .share").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    page.wait_for_timeout(400)
    full = page.locator(".track").first.bounding_box()["width"]
    width = page.locator(".track span").first.bounding_box()["width"]
    assert width / full == pytest.approx(shares[0] / 100, abs=0.01)
    assert page.inner_text(".genres .name >> nth=0") in page.inner_text("#headline")
    assert "test books (" in page.inner_text("#measured")
    assert "random weights" in page.inner_text("#warnings")
    page.wait_for_function("() => [...document.querySelectorAll('#nearest img')].every((each) => each.naturalWidth)")
    assert page.locator("#nearest li").count() == 6
    assert "likeness means nothing" in page.inner_text("#near-missing"), "of networks that never saw a picture"
    assert page.evaluate("document.querySelector('#cover').naturalWidth") == 200


def test_what_spoke_for_a_genre_is_shown_and_hidden(page, cover):
    """By the button, by its key, and by choosing a genre; keys work from anywhere but a field."""
    page.set_input_files("#file", cover)
    page.wait_for_selector("#explain:visible")
    page.keyboard.press("e")
    page.wait_for_selector("#veil:visible")
    first, *_, last = page.locator(".genres .name").all_inner_texts()
    assert page.get_attribute("#explain", "aria-pressed") == "true"
    assert first in page.inner_text("#caption")
    page.focus(".genres li:last-child button")
    page.keyboard.press("Enter")
    page.wait_for_function("name => document.querySelector('#caption').textContent.includes(name)", arg=last)
    assert page.get_attribute(".genres li:last-child button", "aria-pressed") == "true"
    assert last in page.get_attribute("#veil", "alt")
    page.keyboard.press("e")
    assert not page.is_visible("#veil")
    page.fill("#address", "")
    page.type("#address", "e")
    assert not page.is_visible("#veil")


def test_what_is_no_picture_is_told_and_the_next_cover_is_judged(page, cover):
    """The message goes away by itself when there is something better to say."""
    drop(page, "letter.jpg", b"Dear Sir or Madam")
    page.wait_for_selector("#alert:visible")
    assert "no picture that can be read" in page.inner_text("#alert p")
    assert page.locator(".genres button").count() == 0
    page.wait_for_selector("#invitation:visible")
    drop(page, "large.jpg", bytes(200_001))
    page.wait_for_function("() => document.querySelector('#alert').textContent.includes('200,000')")
    drop(page, "mine.jpg", cover.read_bytes())
    page.wait_for_selector(".genres button")
    assert not page.is_visible("#alert")


def test_a_title_is_of_the_cover_that_it_was_given_for(page, cover):
    """What was refused for want of it is told until it is given; the next cover begins without it."""
    asked = []

    def answer(route):
        asked.append(parse_qs(urlparse(route.request.url).query).get("title", [""])[0])
        if asked[-1]:
            route.continue_()
        else:
            route.fulfill(status=422, json={"error": "Its title is not known."})

    page.route("**/state", lambda route: route.fulfill(json=reading_titles(route.fetch().json())))
    page.route("**/judge?*", answer)
    page.reload()
    page.wait_for_selector("#bench:visible")
    drop(page, "mine.jpg", cover.read_bytes())
    page.wait_for_selector("#alert:visible")
    assert page.inner_text("#status") == ""
    page.fill("#title", "Torts")
    page.press("#title", "Enter")
    page.wait_for_selector(".genres button")
    assert not page.is_visible("#alert")
    drop(page, "other.jpg", cover.read_bytes())
    page.wait_for_selector("#alert:visible")
    assert page.input_value("#title") == ""
    page.fill("#title", "Contracts")  # typed before its cover is dropped
    drop(page, "third.jpg", cover.read_bytes())
    page.wait_for_selector(".genres button")
    assert asked == ["", "Torts", "", "Contracts"]


def reading_titles(state):
    """The page's state, as if its networks read titles."""
    return state | {"models": [each | {"reads_titles": True} for each in state["models"]]}


def test_another_network_judges_the_same_cover(page, cover):
    """The choice above the page asks anew."""
    page.set_input_files("#file", cover)
    page.wait_for_selector(".genres button")
    page.select_option("#model", "Small-padded")
    page.wait_for_function("() => document.querySelector('#eyebrow').textContent.startsWith('Small')")
    page.wait_for_selector("#answer[aria-busy=false]")
    assert page.locator(".genres button").count() == 3


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (1000, 700)])
def test_it_fits_every_window(page, cover, width, height):
    """Nothing sticks out sideways, before and after."""
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_input_files("#file", cover)
    page.wait_for_selector(".genres button")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#cover").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(2 / 3, abs=0.01)


def test_many_covers_become_a_table(page, tmp_path):
    """Files, a folder and a zip file alike; what is no picture is counted, what cannot be judged is said in its row."""
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    for number, genre in enumerate(GENRES):
        draw(GENRES[genre], 90 + number, (200, 300)).save(folder / f"{number}.jpg")
    draw(GENRES["Law"], 99, (200, 300)).save(folder / "deep" / "=10.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("none")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(tmp_path))
    tables = []
    for field, given in (("#folder", folder), ("#file", tmp_path / "mine.zip")):
        page.set_input_files(field, given)
        page.wait_for_selector("#many-csv:visible")
        assert page.inner_text("#many-count") == "5 of 5"
        assert "Not pictures, left out: 1." in page.inner_text("#many-by")
        rows = page.locator("#many-rows tr")
        assert rows.locator(".name").all_inner_texts() == [
            "mine/0.jpg", "mine/1.jpg", "mine/2.jpg", "mine/broken.jpg", "mine/deep/=10.jpg"
        ]  # fmt: skip
        assert "This is no picture that can be read" in rows.nth(3).inner_text()
        with page.expect_download() as download:
            page.click("#many-csv")
        tables.append(list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines())))
    assert tables[0] == tables[1]
    assert [bool(row["error"]) for row in tables[0]] == [False, False, False, True, False]
    assert sum(float(tables[0][0][f"probability_{place}"]) for place in (1, 2, 3)) == pytest.approx(1, abs=0.001)
    page.click("#many-rows button >> nth=0")
    page.wait_for_selector(".genres button")
    assert page.inner_text(".genres .name >> nth=0") == tables[0][0]["genre_1"]


def test_covers_that_are_dropped_together_are_judged_until_somebody_stops(page, tmp_path):
    """What is judged by then stays, and can be saved."""
    files = []
    for number in range(40):
        files.append(tmp_path / f"{number}.jpg")
        draw(GENRES["Law"], number, (200, 300)).save(files[-1])
    page.set_input_files("#file", files)
    page.wait_for_selector("#many-rows tr")
    page.click("#many-stop")
    page.wait_for_selector("#many-csv:visible")
    page.wait_for_timeout(500)
    done = page.locator("#many-rows tr").count()
    assert 0 < done < 40
    page.wait_for_timeout(500)
    assert page.locator("#many-rows tr").count() == done


def test_an_archive_that_is_none_is_said_to_be_so(page, tmp_path):
    """Instead of an empty table."""
    (tmp_path / "mine.zip").write_bytes(b"PK but no more")
    page.set_input_files("#file", tmp_path / "mine.zip")
    page.wait_for_selector("#alert:visible")
    assert "no whole zip file" in page.inner_text("#alert")


def test_what_cannot_be_opened_leaves_a_table_that_is_being_made(page, tmp_path):
    """The covers before it are judged to the end, and can be saved: nobody wanted them stopped."""
    files = []
    for number in range(12):
        files.append(tmp_path / f"{number}.jpg")
        draw(GENRES["Law"], number, (200, 300)).save(files[-1])
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("notes.txt", "none")
    (tmp_path / "broken.zip").write_bytes(b"PK but no more")
    page.set_input_files("#file", files)
    page.wait_for_selector("#many-rows tr")
    for name, said in (("none.zip", "no picture in it"), ("broken.zip", "no whole zip file")):
        page.set_input_files("#file", tmp_path / name)
        page.wait_for_selector(f"#alert:has-text('{said}')")
    page.wait_for_selector("#many-csv:visible")
    assert page.inner_text("#many-count") == "12 of 12"
    page.set_input_files("#file", tmp_path / "none.zip")
    page.wait_for_selector("#alert:has-text('no picture in it')")
    assert page.is_visible("#many-csv"), "the table is still there to be saved"


def test_an_address_that_gives_nothing_leaves_the_cover_before_it(page, cover):
    """Its verdict comes, whatever else was asked for meanwhile: no cover stands beside the verdict on another."""
    held = []

    def hold(route):
        held.append(route)

    page.route("**/judge?*", hold)
    drop(page, "mine.jpg", cover.read_bytes())
    page.fill("#address", "http://127.0.0.1/x.jpg")
    page.press("#address", "Enter")
    page.wait_for_selector("#alert:has-text('no public address')")
    held[0].continue_()
    page.wait_for_selector(".genres button")
    assert page.is_visible("#cover")


def test_an_address_of_the_page_that_names_no_network_is_no_hindrance(chromium, address):
    """Whatever stands behind its #, the page is there."""
    page = chromium.new_page()
    page.goto(f"{address}#100%")
    page.wait_for_selector("#bench:visible")
    page.close()


def test_avif_is_judged_as_other_pictures_are(page, tmp_path):
    """Studies read it, and browsers show it."""
    draw(GENRES["Law"], 90, (200, 300)).save(tmp_path / "mine.avif")
    page.set_input_files("#file", tmp_path / "mine.avif")
    page.wait_for_selector(".genres button")
    assert page.is_visible("#cover")
