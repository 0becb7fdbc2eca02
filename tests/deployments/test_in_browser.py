"""Studies in a real browser: what people see, fill in, press and get, on the dashboard of a real `bookcover serve`."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import load_settings
from tests.bookcover_core.inference.trained import GENRES, draw
from tests.conftest import QUICK_SERVER
from tests.deployments.test_serve_command import Served
from tests.waiting import come_true

# Seconds that a step may take on a busy machine.
PATIENCE = 480

BOOKS = 8
REJECTED, KEPT = "The Sea Boxed Set", "An Anthology of Winds"

# Where the settings say that the weights of one network are; at first they are not.
WEIGHTS = "weights/mobilenet.weights.h5"

EPOCHS = 3

# Where it is said at first that they are, and where something else lies; the person corrects that before the retry.
MISSPELT = "weights/mobilnet.weights.h5"

CHANGES = [
    "splits.test_share=0.3",
    "splits.validation_share=0.3",
    'preparation.methods=["padded"]',
    "preparation.size=64",
    f'models.weight_files={{MobileNetV2="{MISSPELT}"}}',
    "training.preparation=padded",
    f"training.epochs={EPOCHS}",
    "scratch.lenet_steps=4",
    "scratch.batch_size=8",
    "evaluation.resamples=100",
    "visualisation={genres=0, grad_cam=0, model='LeNet'}",
]

# Five frames a second: the dashboard draws a run's graph anew in every one, and without a graphics card sixty of them
# take more of the processor than the study that is watched. And nothing fades: a menu that goes out slowly on a busy
# machine covers the page, or stays.
CALM = """
window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), 200);
window.cancelAnimationFrame = clearTimeout;
const still = new CSSStyleSheet();
still.replaceSync("*, ::before, ::after { animation: none !important; transition: none !important }");
document.adoptedStyleSheets = [...document.adoptedStyleSheets, still];
"""

MAKE_WEIGHTS = """
import sys
from bookcover_core.models.backbones import find_backbone
find_backbone("MobileNetV2").build().save_weights(sys.argv[1])
"""


class Person:
    """Somebody at the dashboard.

    Args:
        page: A tab of the browser.
    """

    def __init__(self, page):
        self.page = page

    @property
    def header(self):
        """The head of a run's page, with its state; it can also be read where a menu or a question lies over it."""
        crumbs = self.page.get_by_role("navigation", name="breadcrumb", include_hidden=True)
        return crumbs.locator("xpath=ancestor::div[2]")

    def open_form(self, start):
        """Go from the start page of `bookcover serve` to the form of a study."""
        self.page.goto(start)
        self.page.get_by_role("link", name="New study").click()

    def field(self, label):
        """A field of a form, by its label."""
        return self.page.get_by_label(f"{label} (Optional)", exact=True)

    def give_changes(self, changes):
        """Add lines to the list "changes"."""
        for change in changes:
            self.page.get_by_role("button", name="Add item").last.click()
            self.page.locator("textarea").last.fill(change)

    def choose_network(self, name):
        """Add a network to the list of those to train."""
        self.page.get_by_role("button", name="Select networks").click()
        self.page.get_by_role("option", name=name, exact=True).click()
        self.page.get_by_role("heading", name="Parameters").click()  # closes the list

    def open_deployment(self, dashboard, name):
        """Go to the page of a deployment."""
        self.page.goto(f"{dashboard}/v2/deployments?flowOrDeploymentName={name}")
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def run_with(self, dashboard, name, changes=(), **fields):
        """Fill in the form of a deployment, and go to the page of the run."""
        self.open_deployment(dashboard, name)
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run").click()
        for label, value in fields.items():
            self.field(label).fill(value)
        self.give_changes(changes)
        self.submit()

    def save_schedule(self, cron, **parameters):
        """Fill the dialog of a schedule in, and save it."""
        from playwright.sync_api import expect

        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("tab", name="Cron").click()
        dialog.get_by_label("Value").fill(cron)
        for label, value in parameters.items():
            self.field(label).fill(value)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog, "the schedule is not saved").to_be_hidden()

    def submit(self):
        """Submit the form, and go to the page of the run."""
        self.page.get_by_role("button", name="Submit").click()
        self.page.get_by_role("button", name="View run").click()

    def sees(self, text, message, within=None):
        """Wait until a text stands on the page."""
        from playwright.sync_api import expect

        expect((within or self.page).get_by_text(text).first, message).to_be_visible()

    def sees_end(self, state):
        """Wait until the page of a run says that it ended, and how."""
        from playwright.sync_api import expect

        shown = self.header.get_by_text(re.compile("^(Completed|Failed|Crashed|Suspended|Cancelled|Stopped)$"))
        expect(shown, f"the run has not ended, and should be {state}").to_be_visible()
        expect(shown, "the run ended in another way").to_have_text(state)

    def choose(self, what):
        """Choose in the menu of a run."""
        self.page.get_by_role("button", name="Open menu").click()
        self.page.get_by_role("menuitem", name=what).click()
        self.page.get_by_role("menu").wait_for(state="hidden")

    def retry(self):
        """Retry a run that has failed, and wait until that is under way."""
        from playwright.sync_api import expect

        self.choose("Retry")
        question = self.page.get_by_role("alertdialog")
        question.get_by_role("button", name="Retry").click()
        question.wait_for(state="hidden")
        expect(self.header.get_by_text("Failed", exact=True), "Retry was pressed, and nothing happens").to_be_hidden()

    def open_in(self, tab, name):
        """Open what a tab of a run's page lists."""
        self.page.get_by_role("tab", name=tab).click()
        self.page.get_by_role("tabpanel", name=tab).get_by_role("link", name=name, exact=True).first.click()

    def open_artifact(self, key):
        """Open the newest version of an artifact of a run."""
        from playwright.sync_api import expect

        self.open_in("Artifacts", re.compile(key))
        shown = self.page.get_by_role("navigation", name="breadcrumb")
        expect(shown, "the page of the artifact does not open").to_contain_text(key)
        self.page.locator("a[href*='/artifacts/artifact/']").first.click()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with drawn covers of three genres; in one of them two titles speak of box sets."""
    folder = tmp_path_factory.mktemp("place")
    for genre, colour in GENRES.items():
        (folder / "pictures" / genre).mkdir(parents=True)
        for number in range(BOOKS):
            draw(colour, number).save(folder / "pictures" / genre / f"{genre} {number}.png")
    for number, title in enumerate((REJECTED, KEPT), start=BOOKS):
        draw(GENRES["Travel"], number).save(folder / "pictures" / "Travel" / f"{title}.png")
    (folder / "weights").mkdir()
    (folder / MISSPELT).write_bytes(b"no weights")
    return folder


@pytest.fixture(scope="module")
def serve(programs, place, empty_database):
    """Starts `bookcover serve` in that folder."""
    not_ours = ("PREFECT_", "BOOKCOVER_", "PYTHON")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(not_ours)}
    mine |= QUICK_SERVER | {"PREFECT_HOME": str(place / "prefect"), "PYTHONUNBUFFERED": "1"}
    (place / "prefect").mkdir()
    shutil.copy(empty_database, place / "prefect")
    started = []

    def start():
        started.append(Served(programs / "bookcover", place, mine))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            end(each)


def end(served):
    """Press Ctrl-C."""
    served.process.send_signal(signal.SIGINT)
    try:
        served.process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        served.process.kill()
        served.process.communicate()
    served.api.close()


@pytest.fixture(scope="module")
def served(serve):
    """`bookcover serve` in that folder, until a test ends it."""
    return serve()


@pytest.fixture
def person(chromium, tmp_path, request):
    """A person with a browser; a picture of what was seen last is left where the test fails."""
    from playwright.sync_api import expect

    context = chromium.new_context(viewport={"width": 1200, "height": 700})
    context.set_default_timeout(PATIENCE * 1_000)
    expect.set_options(timeout=PATIENCE * 1_000)
    context.add_init_script(CALM)
    page = context.new_page()
    failed = request.session.testsfailed
    yield Person(page)
    if request.session.testsfailed > failed:
        page.screenshot(path=tmp_path / "seen-last.png")
    context.close()


@pytest.fixture
def spare_weights(served, place):
    """A process that makes weights for the network whose weights are missing, and the file that it writes."""
    file = place / "weights" / "spare.weights.h5"
    with subprocess.Popen([sys.executable, "-c", MAKE_WEIGHTS, str(file)]) as making:
        yield making, file
        making.kill()


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_study_from_its_form_to_its_report(person, served, place, spare_weights):
    """A person starts a study, reviews it, mends and retries the training that failed, and reads what came out."""
    page = person.page
    person.open_form(served.pages)
    person.field("name").fill("drawn")
    person.field("books").fill("pictures")
    for network in ("InceptionResNetV2", "ResNeXt50"):
        page.get_by_role("button", name=f"Remove {network} tag").click()
    person.choose_network("LeNet")
    person.give_changes(CHANGES)
    person.submit()
    person.sees_end("Suspended")
    study_page = page.url
    page.goto(served.pages)
    person.sees("waits for your decisions on 2 candidates", "the start page does not say what the study waits for")
    page.get_by_role("link", name="Its run").click()

    person.open_in("Subflow Runs", "download all chunks of drawn")
    person.open_artifact("covers-chunk-0001-drawn")
    person.sees("drawn by chance", "the artifact shows no covers")
    sheet = page.locator("img[src^='data:image/']").first
    sheet.wait_for()
    assert sheet.evaluate("each => each.decode().then(() => each.naturalWidth)") > 500, "the covers are not shown"

    page.goto(study_page)
    person.choose("Resume")
    form = page.get_by_role("dialog")
    person.sees("2 box-set candidates are to be decided on", "the form does not say what it asks", form)
    form.get_by_text("Select", exact=True).click()
    page.get_by_role("option", name=REJECTED).click()
    form.get_by_role("heading", name="Resume Flow Run").click()  # closes the list; Escape enlarges the graph
    form.get_by_label("Keep All Others (Optional)").click()
    form.get_by_role("button", name="Resume").click()
    form.wait_for(state="hidden")
    person.sees(re.compile("unchanged since"), "the resumed run does not say that it found what was done")
    person.sees_end("Failed")
    chosen = (place / "data" / "studies" / "drawn" / "curation" / "selection.csv").read_text(encoding="utf-8")
    assert KEPT in chosen
    assert REJECTED not in chosen

    page.get_by_role("tab", name="Details").click()
    person.sees(
        re.compile(f"MobileNetV2 could not be trained: .*{MISSPELT}: these are not weights of MobileNetV2"),
        "no cause is named",
    )
    person.sees(
        re.compile("choose Retry in the menu of that training's run, then in the study's"), "no way out is named"
    )
    person.open_in("Subflow Runs", "train LeNet on padded for drawn")
    person.sees_end("Completed")
    person.open_in("Task Runs", "train LeNet from scratch")
    person.sees(re.compile(r"scratch/LeNet-padded: epoch \d of \d"), "the task's log has no line for each epoch")
    settings = load_settings(place / "data" / "studies" / "drawn")
    lenet = Study(settings).manifest("scratch/LeNet-padded")
    assert lenet is not None

    making, file = spare_weights
    assert making.wait(PATIENCE) == 0
    file.rename(place / WEIGHTS)
    page.goto(study_page)
    person.open_in("Subflow Runs", "train MobileNetV2 on padded for drawn")
    person.sees_end("Failed")
    mended = f'models.weight_files={{MobileNetV2="{WEIGHTS}"}}'
    training = page.url
    person.run_with(served.dashboard, "read-listings", study="drawn", changes=[mended])
    person.sees_end("Completed")
    page.goto(training)
    person.retry()
    person.sees_end("Completed")
    person.open_in("Task Runs", "train MobileNetV2")
    person.sees(re.compile(f"epoch {EPOCHS} of {EPOCHS}"), "the epochs are not those of the form")

    page.goto(served.pages)
    person.sees("MobileNetV2 could not be trained", "the start page does not say why the study has failed")
    page.get_by_role("button", name="Retry").click()
    page.locator(".study.finished").wait_for()  # without loading the page again
    person.sees(re.compile(r"is right on [\d.]+ % of \d+ test books \([\d.]+ to [\d.]+ %\)"), "no outcome is shown")
    page.goto(study_page)
    person.sees_end("Completed")
    person.open_in("Artifacts", re.compile("study-drawn"))
    # The list of versions may still be the one of an earlier visit: the newest is asked for.
    wanted = {"artifacts": {"key": {"any_": ["study-drawn"]}}, "sort": "CREATED_DESC", "limit": 1}
    [newest] = served.api.post("artifacts/filter", json=wanted).json()
    page.goto(f"{served.dashboard}/v2/artifacts/artifact/{newest['id']}")
    person.sees("Train the networks", "the study's own page does not show how far it is")
    page.goto(study_page)
    again = Study(settings).manifest("scratch/LeNet-padded")
    assert again is not None
    assert again.finished == lenet.finished, "the trained sibling was trained again"

    person.open_in("Subflow Runs", "report on drawn")
    report_page = page.url
    person.open_artifact("results-drawn")
    for network in ("LeNet", "MobileNetV2"):
        person.sees(network, "the table of results lacks a network", page.locator("table"))
    page.goto(report_page)
    person.open_artifact("report-drawn")
    link = page.get_by_role("link", name="The report on drawn")
    address = link.get_attribute("href")
    assert address == f"{served.pages}report/drawn/"
    page.goto(address)
    person.sees("MobileNetV2", "the link does not open the report")
    page.get_by_role("link", name="All studies").click()
    person.sees("drawn", "the report does not lead back to the start page")


@pytest.fixture
def host(place):
    """A host of six covers, and the listing of their books in the folder."""
    files = sorted((place / "pictures").rglob("* *.png"))[:6]
    rows = []
    for number in range(len(files)):
        label = number % 2
        url = f"http://covers.example/{number}.jpg"
        rows.append([number, f"{number}.jpg", url, f"Title {number}", "", label, ("Law", "Travel")[label]])
    with (place / "nights.csv").open("w", newline="") as lines:
        csv.writer(lines, quoting=csv.QUOTE_ALL).writerows(rows)
    with ImageHost({f"/{number}.jpg": file for number, file in enumerate(files)}) as host:
        yield host


def schedules(served) -> list[tuple[str, bool, dict]]:
    """Hour, switch and parameters of each schedule of the download."""
    found = served.api.get("deployments/name/download-covers/download-covers").json()["schedules"]
    return sorted((each["schedule"]["cron"], each["active"], each["parameters"]) for each in found)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_schedules_of_a_fresh_study(person, served, serve, place, host):
    """Switched on, moved and added in their dialogs, they outlive a restart, and fetch chunks of a study just begun."""
    person.open_form(served.pages)
    person.field("books").fill("nights.csv")
    person.field("only_begin").click()
    person.give_changes(
        [
            "books.chunk_records=3",
            f'covers.hosts={{"covers.example"=["{host.address}"]}}',
            'covers.allowed_private_hosts=["127.0.0.1"]',
        ]
    )
    person.submit()
    person.sees_end("Completed")
    study = Study(load_settings(place / "data" / "studies" / "nights"))
    assert study.manifest("listings").counts["chunks"] == 2

    person.open_deployment(served.dashboard, "download-covers")
    person.page.get_by_role("switch").click()
    person.sees("At 02:00 AM", "there is no nightly schedule")
    person.page.get_by_role("button", name="Open menu").last.click()
    person.page.get_by_role("menuitem", name="Edit").click()
    assert person.field("chunks").input_value() == "next", "the switch has emptied the schedule's parameters"
    person.save_schedule("* * * * *", study="nights")
    person.page.get_by_role("button", name="Schedule", exact=True).click()
    person.save_schedule("*/2 * * * *", study="nights", chunks="2")
    people_s = [
        ("* * * * *", True, {"chunks": "next", "study": "nights"}),
        ("*/2 * * * *", True, {"chunks": "2", "study": "nights"}),
    ]
    assert schedules(served) == people_s
    end(served)

    served = serve()
    assert schedules(served) == people_s
    assert come_true(lambda: len(study.manifests("download")) == 2, PATIENCE * 2), "the schedules did not fetch all"
    assert sum(host.requests.values()) == 6
