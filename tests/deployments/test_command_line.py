"""Tests of `deployments.command_line`: what a person types, and what comes back when it is wrong."""

import csv
import os
import subprocess
import sys
from contextlib import closing
from functools import partial

import pytest
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings.toml_file import parse_settings, to_toml
from tests.deployments.forked_commands import Commands


@pytest.fixture(scope="module")
def commands(prefect_server):
    server = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_HOME": str(PREFECT_HOME.value())}
    with closing(Commands(os.environ | server)) as commands:
        yield commands


@pytest.fixture
def bookcover(commands, tmp_path, tmp_path_factory):
    """Runs a command, as a person would, in a folder of its own; gives the finished process."""
    return partial(commands.run, folder=tmp_path, output=tmp_path_factory.mktemp("output"))


def message(finished: subprocess.CompletedProcess) -> str:
    """The one message that a failed command ends with."""
    assert "Traceback" not in finished.stderr
    _, *said = finished.stderr.split("bookcover: ")
    assert len(said) == 1, finished.stderr
    first = said[0].splitlines()[0]
    assert finished.stderr.count(first) == 1, "said once, however many runs it passed through"
    return said[0]


def write_listing(file, records):
    with file.open("w", encoding="utf-8", newline="") as output:
        csv.writer(output, quoting=csv.QUOTE_ALL).writerows(records)
    return file


def record(number: int, label: int) -> list[str]:
    return [
        str(number),
        f"{number:010}.jpg",
        f"http://ecx.images-amazon.com/images/I/{number:09}.jpg",
        f"Book {number}",
        "",
        str(label),
        BOOKCOVER30[label],
    ]


def test_help_imports_no_network_library():
    """`--help` answers at once: it imports neither TensorFlow nor Prefect."""
    script = (
        "import sys; from deployments.command_line import main; sys.argv = ['bookcover', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('imported', sorted({'tensorflow', 'keras', 'prefect', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "run" in finished.stdout
    assert finished.stdout.splitlines()[-1] == "imported []"


def test_the_graph_of_stages_imports_no_library_that_takes_long():
    """Which stages there are, and what each depends on, is asked by every command and page, and by each new process."""
    script = (
        "import sys; from bookcover_core.pipeline.graph import declarations; declarations()\n"
        "print(sorted({'tensorflow', 'keras', 'prefect', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_printed_settings_are_the_settings(bookcover, tmp_path):
    """What `settings` prints is a settings file that says the same; a relative path begins where the file lies."""
    printed = bookcover("settings", "--set", "training.epochs=7").stdout
    (tmp_path / "printed.toml").write_text(printed, encoding="utf-8")
    assert "epochs = 7" in printed
    again = bookcover("settings", "printed.toml", BOOKCOVER_HOME="").stdout
    assert again.replace(f"{tmp_path}/data", "data") == printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "training.epoch=3"], ["training.epoch", "no such setting"]),
        (["--set", "training.epochs=0"], ["training.epochs", "greater than or equal to 1"]),
        (["--set", "training.backbones=['VGG']"], ["VGG", "MobileNetV2", "ResNeXt50"]),
        (["--set", "books.source=listing", "--set", "books.listing=nowhere.csv"], ["nowhere.csv"]),
        (["--set", "books.source=folder", "--set", "books.folder=nowhere"], ["nowhere"]),
        (["missing.toml"], ["missing.toml", "cannot be read"]),
        (["--only", "dance"], ["dance", "prepare"]),
        (["--only", "split"], ["'split' is done with the step curate, not alone", "listings, download, curate"]),
        (["--only", "train"], ["train builds on curate, which has not been run", "step alone: --only listings."]),
        (["--chunk", "2"], ["--chunk", "--only download"]),
        (["--next", "--only", "prepare"], ["--next", "--only download"]),
        (["--only", "download", "--next", "--chunk", "1"], ["--next", "--chunk"]),
        (["--set", "models.weight_files={MobileNetV2='gone.h5'}"], ["gone.h5", "MobileNetV2"]),
    ],
)
def test_wrong_input_is_one_clear_message_and_exit_code_2(bookcover, arguments, words):
    """Each mistake is named, with what to do, in one message."""
    finished = bookcover("run", *arguments)
    assert finished.returncode == 2, finished.stderr
    for word in words:
        assert word in message(finished)


def test_a_study_that_is_being_run_is_refused_before_anything_is_done(bookcover, tmp_path):
    """No run of it is made, no setting is stored, and its log stays; `status` tells of the run, by the study's name."""
    study = Study(parse_settings({"name": "busy", "workspace": str(tmp_path / "data" / "studies")}))
    study.begin()
    write_text(study.workspace.root / "run.log", "the run that is under way")
    before = study.workspace.settings.read_bytes()
    with study.alone():
        finished = bookcover("run", "busy", "--set", "seed=7")
        assert "is under way." in bookcover("status", "busy").stdout
        assert "; it is being run" in bookcover("status").stdout
    assert finished.returncode == 2
    assert "another run of this study is under way" in message(finished)
    assert f"process {os.getpid()}, begun" in message(finished)
    assert study.workspace.settings.read_bytes() == before
    assert {file.name for file in study.workspace.root.glob("run*")} == {"run.log"}
    with get_client(sync_client=True) as client:
        assert not [
            each for each in client.read_flow_runs() if each.parameters.get("study") == str(study.settings.root)
        ]
    (study.workspace.root / ".run.lock").write_text("7 2026-11-28T01:00:00+00:00")
    assert "was interrupted: `bookcover run busy` goes on" in bookcover("status", "busy").stdout


def test_a_workspace_that_cannot_be_written_is_named(bookcover, tmp_path):
    """A folder below a file cannot be made: exit code 2, and the path."""
    (tmp_path / "file").write_text("")
    finished = bookcover("run", "--set", "workspace=file/studies")
    assert finished.returncode == 2
    assert "file/studies" in message(finished)


def test_a_listing_with_other_columns_is_refused_with_its_line(bookcover, tmp_path):
    """File, line and reason are given."""
    listing = write_listing(tmp_path / "listing.csv", [record(1, 0), ["two", "fields"]])
    source = ("--set", "books.source=listing", "--set", f"books.listing={listing}")
    finished = bookcover("run", *source, "--set", "models.weights=random")
    assert finished.returncode == 2
    assert "listing.csv" in message(finished)
    assert "2" in message(finished)


def test_a_step_before_its_turn_is_answered_with_the_next_one(bookcover, tmp_path):
    """One that can run, whatever else is missing: a step is named when those before it have been run."""
    for genre in ("Poetry", "Maps"):
        (tmp_path / "covers" / genre).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (90, 120), (number * 90, 80, 120)).save(tmp_path / "covers" / genre / f"{number}.png")
    given = ("--set", "books.source=folder", "--set", "books.folder=covers", "--set", "training.preparation=padded")
    for step in ("listings", "download", "curate"):
        refused = message(bookcover("run", "--only", "prepare", *given))
        assert "prepare builds on curate, which has not been run" in refused
        assert f"or its next step alone: --only {step}.\n" in refused
        if step != "curate":
            assert bookcover("run", "--only", step, *given).returncode == 0


def test_chunks_are_downloaded_by_number_and_one_after_the_other(bookcover, tmp_path):
    """--chunk takes numbers that the listing has, and --next goes on from there."""
    pictures = {}
    for number in range(6):
        path = f"/images/I/{number:09}.jpg"
        pictures[path] = tmp_path / f"{number}.jpg"
        Image.new("RGB", (90, 120 + number), (number * 9, 80, 120)).save(pictures[path])
    listing = write_listing(tmp_path / "listing.csv", [record(number, number % 2) for number in range(6)])
    with ImageHost(pictures) as host:
        settings = parse_settings(
            {
                "workspace": str(tmp_path),
                "books": {"source": "listing", "listing": str(listing), "chunk_records": 2},
                "covers": {
                    "hosts": {"ecx.images-amazon.com": [host.address]},
                    "allowed_private_hosts": ["127.0.0.1"],
                },
                "models": {"weights": "random"},
            }
        )
        (tmp_path / "study.toml").write_text(to_toml(settings), encoding="utf-8")
        study = Study(settings)
        read_listings(study)
        download = ("run", "study.toml", "--only", "download")
        wrong = bookcover(*download, "--chunk", "4")
        assert wrong.returncode == 2
        assert "--chunk: there is no chunk 4: the listings give 3" in message(wrong)
        assert bookcover(*download, "--chunk", "3", "--chunk", "1").returncode == 0
        assert [manifest.part for manifest in study.manifests("download")] == ["chunk-0001", "chunk-0003"]
        assert bookcover(*download, "--next").returncode == 0
        assert len(study.manifests("download")) == 3
        assert sum(host.requests.values()) == 6


def test_a_genre_with_two_books_is_refused_by_name(bookcover, tmp_path):
    """A genre needs a book in each of three splits."""
    for genre, books in (("Poetry", 4), ("Maps", 2)):
        (tmp_path / "covers" / genre).mkdir(parents=True)
        for number in range(books):
            Image.new("RGB", (90, 120), (number * 9, 80, 120)).save(
                tmp_path / "covers" / genre / f"{genre}{number}.jpg"
            )
    source = ("--set", "books.source=folder", "--set", "books.folder=covers")
    finished = bookcover("run", *source, "--set", "models.weights=random")
    assert finished.returncode == 2
    assert "Maps" in message(finished)


def test_weights_that_cannot_be_had_are_named_with_digest_and_place(bookcover, tmp_path):
    """Without a network the published weights cannot be fetched: the message says which file, and where to put it."""
    covers = tmp_path / "covers"
    for genre in ("Poetry", "Maps"):
        (covers / genre).mkdir(parents=True)
        for number in range(12):
            Image.effect_noise((90, 120), 80).save(covers / genre / f"{genre}{number}.jpg")
    finished = bookcover(
        "run",
        "--set",
        "books.source=folder",
        "--set",
        "books.folder=covers",
        KERAS_HOME=str(tmp_path / "keras"),
        HTTPS_PROXY="http://127.0.0.1:9",
    )
    assert finished.returncode == 2
    assert "mobilenet_v2" in message(finished)
    assert "weight_files" in message(finished)


def test_a_study_lies_in_the_home_wherever_a_command_is_typed(bookcover, tmp_path):
    """In BOOKCOVER_HOME or, without it, beside its settings file: never a second one in the current folder."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    write_listing(project / "books.csv", [record(12 * label + n, label) for label in range(2) for n in range(3)])
    (project / "mine.toml").write_text('name = "mine"\n[books]\nsource = "listing"\nlisting = "books.csv"\n')
    for kept, surroundings in ((project, {"BOOKCOVER_HOME": ""}), (home, {"BOOKCOVER_HOME": str(home)})):
        study = kept / "data" / "studies" / "mine"
        assert bookcover("run", "project/mine.toml", "--only", "listings", **surroundings).returncode == 0
        assert (study / "listings" / "books.csv").is_file()
        assert str(study) in bookcover("status", "project/mine.toml", **surroundings).stdout.replace("\n", "")
    assert not (tmp_path / "data").exists()
    assert bookcover("settings", BOOKCOVER_HOME=str(tmp_path / "gone")).returncode == 0, "that needs no home"
    assert bookcover("--version", BOOKCOVER_HOME=str(tmp_path / "gone")).returncode == 0
    gone = bookcover("status", BOOKCOVER_HOME=str(tmp_path / "gone"))
    assert gone.returncode == 2
    assert "there is no such folder" in message(gone)


def test_all_that_a_study_lacks_is_listed_before_any_work(bookcover, tmp_path):
    """`check` does that alone, and `run` does it first: each thing with what to do, exit code 2, nothing begun."""
    (tmp_path / "study.toml").write_text(
        'name = "wanting"\n[books]\nsource = "folder"\nfolder = "nowhere"\ngroups = "groups.csv"\n'
        '[models]\nweight_files = { VGG16 = "vgg.h5", MobileNetV2 = "mobile.h5" }\n'
        '[training]\nbackbones = ["VGG16", "LeNet"]\n[visualisation]\nmodel = "MobileNetV2"\n',
        encoding="utf-8",
    )
    for command in ("check", "run"):
        finished = bookcover(command, "study.toml")
        assert finished.returncode == 2
        said = message(finished)
        assert said.startswith("wanting: 5 things are to be mended before this study can run\n  1. ")
        for word in ("nowhere", "groups.csv", "vgg.h5", "mobile.h5", "no system called"):
            assert word in said
        assert not (tmp_path / "data" / "studies").exists()


def test_a_study_that_lacks_nothing_is_told_so(bookcover, tmp_path):
    """With the room that it takes."""
    for genre in ("Poetry", "Maps"):
        (tmp_path / "covers" / genre).mkdir(parents=True)
    given = ("--set", "books.source=folder", "--set", "books.folder=covers", "--set", "models.weights=random")
    assert "no pictures in its subfolders" in message(bookcover("check", *given))
    for genre in ("Poetry", "Maps"):
        for name in ("one", "two", "three"):
            Image.new("RGB", (60, 90)).save(tmp_path / "covers" / genre / f"{name}.png")
    finished = bookcover("check", *given)
    assert finished.returncode == 0, finished.stderr
    assert "6 books in 2 genres: Maps 3, Poetry 3." in finished.stdout
    assert "bookcover30 has all that it needs, and takes about 0.0 GB" in finished.stdout


def test_a_folder_of_pictures_is_enough(bookcover, tmp_path):
    """It says what it takes for granted; a folder that is not there, or a settings file beside it, is refused."""
    for genre in ("Cats", "Dogs"):
        (tmp_path / "my pets" / genre).mkdir(parents=True)
        Image.new("RGB", (64, 96)).save(tmp_path / "my pets" / genre / "1.png")
    told = bookcover("run", "--folder", "my pets", "--dry-run", "--set", 'training.backbones=["LeNet"]')
    assert told.returncode == 0, told.stderr
    assert "A study named my-pets of the pictures in my pets: LeNet, possible box sets are kept" in told.stdout
    assert "no such folder" in message(bookcover("run", "--folder", "no pets"))
    write_text(tmp_path / "study.toml", "seed = 7\n")
    assert "--folder" in message(bookcover("run", "study.toml", "--folder", "my pets"))
