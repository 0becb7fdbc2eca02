"""What a study makes of every fault of an image host: one chunk with a book for each, downloaded once for all tests."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.demo_data.faults import INSIDE, Fault, cmyk_picture
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import picture

ATTEMPTS = 3
WELLS = 12


class Expected(NamedTuple):
    """What the ledger and the host should say of a fault."""

    status: int
    """HTTP status of the last answer; 0: none came to its end."""
    requests: int
    words: str = ""
    """Part of the reason."""


EXPECTED = {
    Fault.MISSING: Expected(404, 1, "HTTP 404"),
    Fault.GONE: Expected(410, 1, "HTTP 410"),
    Fault.FORBIDDEN: Expected(403, 1, "HTTP 403"),
    Fault.ERRORS: Expected(500, ATTEMPTS, "HTTP 500"),
    Fault.PLACEHOLDER: Expected(200, 1, "1 x 1 pixels"),
    Fault.NO_IMAGE: Expected(200, 1, "60 x 60 pixels"),
    Fault.TRUNCATED: Expected(200, 1, "breaks off"),
    Fault.HTML: Expected(200, 1, "a web page"),
    Fault.EMPTY: Expected(200, 1, "empty"),
    Fault.NOISE: Expected(200, 1, "no picture of a known format"),
    Fault.HUGE: Expected(200, 1, "more than 200,000 bytes"),
    Fault.ENDLESS: Expected(200, 1, "more than 200,000 bytes"),
    Fault.BOMB: Expected(200, 1, "2500000000 pixels"),
    Fault.REDIRECT: Expected(200, 1),
    Fault.REDIRECT_LOOP: Expected(302, 6, "more than 5 redirects"),
    Fault.REDIRECT_INSIDE: Expected(0, 1, "169.254.169.254"),
    Fault.REDIRECT_FILE: Expected(302, 1, "not an http or https address"),
    Fault.WRONG_TYPE: Expected(200, 1),
    Fault.GZIP: Expected(200, 1),
    Fault.FALSE_GZIP: Expected(200, 1),
    Fault.CHUNKED: Expected(200, 1),
    Fault.CMYK: Expected(200, 1),
    Fault.SLOW: Expected(200, 1),
    Fault.DRIP: Expected(0, 1, "no cover in 4 s"),
    Fault.HANG: Expected(0, 2, "no cover in 4 s"),
    Fault.HANG_UP: Expected(0, ATTEMPTS, "without sending a response"),
    Fault.BROKEN: Expected(200, ATTEMPTS),
    Fault.WRONG_LENGTH: Expected(200, ATTEMPTS),
    Fault.RESET: Expected(200, 2),
    Fault.UNDECLARED: Expected(200, 2),
    Fault.FLAPPING: Expected(200, 2),
    Fault.BUSY: Expected(200, 2),
    Fault.BUSY_UNTIL: Expected(200, 2),
}


@dataclass(frozen=True)
class Downloaded:
    """A chunk that was downloaded from a host with every fault."""

    study: Study
    host: ImageHost
    rows: dict[str, LedgerRow]
    pictures: dict[str, Path]
    connected: frozenset[str]
    """IP addresses that the download connected to."""
    counts: dict[str, Any]


def key_of(fault: Fault) -> str:
    return fault.name.lower()


def path_of(key: str) -> str:
    return f"/images/I/51{key}%2BL.jpg"


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Downloaded]:
    """Every fault and some books that are well, all asked for at once."""
    folder = tmp_path_factory.mktemp("faults")
    keys = [*map(key_of, Fault), *(f"well{number}" for number in range(WELLS))]
    pictures = {}
    for number, key in enumerate(keys):
        pictures[key] = folder / f"{key}.jpg"
        pictures[key].write_bytes(picture(size=(90, 120 + number), colour=(5 * number, 40, 60)))
    listing = folder / "listing.csv"
    with listing.open("w", newline="") as lines:
        table = csv.writer(lines, quoting=csv.QUOTE_ALL)
        for number, key in enumerate(keys):
            url, genre = f"http://covers.example{path_of(key)}", number % 2
            table.writerow([key, f"{key}.jpg", url, f"Title {key}", "", str(genre), ("Law", "Travel")[genre]])
    faults = {path_of(key_of(fault)): fault for fault in Fault}
    with ImageHost({path_of(key): file for key, file in pictures.items()}, faults) as host:
        study = Study(
            parse_settings(
                {
                    "name": "faults",
                    "workspace": str(folder),
                    "books": {"source": "listing", "listing": str(listing)},
                    "covers": {
                        "hosts": {"covers.example": [host.address]},
                        "allowed_private_hosts": ["127.0.0.1"],
                        "concurrency": len(keys),
                        "requests_per_second": 5000,
                        "backoff": 0.01,
                        "read_timeout": 2.5,
                        "total_timeout": 4,
                        "attempts": ATTEMPTS,
                        "max_bytes": 200_000,
                        "max_failed_share": 0.5,
                    },
                }
            )
        )
        read_listings(study)
        with connections() as connected:
            manifest = download_chunk(study, 1)
        rows = {row.key: row for row in read_rows(study.workspace.ledger / "chunk-0001.csv")}
        yield Downloaded(study, host, rows, pictures, frozenset(connected), manifest.counts)


@contextmanager
def connections() -> Iterator[set[str]]:
    """The IP addresses that this process connects to within the block, as the interpreter itself reports them."""
    found: set[str] = set()
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "socket.connect" and isinstance(arguments[1], tuple):
            found.add(str(arguments[1][0]))

    sys.addaudithook(watch)
    yield found
    watching = False


def sent(downloaded: Downloaded, fault: Fault) -> bytes:
    """The bytes that a cover with this fault should lie there with."""
    content = downloaded.pictures[key_of(fault)].read_bytes()
    return cmyk_picture(content) if fault is Fault.CMYK else content


def test_every_fault_has_an_outcome_and_an_expectation():
    """Nobody adds a fault without saying what a study makes of it."""
    assert len(Fault) >= 18
    assert {fault.outcome for fault in Fault} == {outcome.value for outcome in CoverOutcome} - {"ambiguous"}
    assert set(EXPECTED) == set(Fault)


@pytest.mark.parametrize("fault", Fault, ids=key_of)
def test_a_fault_ends_in_the_outcome_that_names_it(downloaded: Downloaded, fault: Fault):
    """The ledger says what became of the cover, with which status and why."""
    row, expected = downloaded.rows[key_of(fault)], EXPECTED[fault]
    assert (row.outcome, row.status) == (fault.outcome, expected.status)
    assert expected.words in row.detail
    assert bool(row.detail) == (fault.outcome != "ok")


@pytest.mark.parametrize("fault", Fault, ids=key_of)
def test_only_what_may_pass_is_asked_for_again(downloaded: Downloaded, fault: Fault):
    """What is final is asked for once; what may pass, as often as the settings and the time allow."""
    assert downloaded.host.requests[path_of(key_of(fault))] == EXPECTED[fault].requests


@pytest.mark.parametrize("fault", Fault, ids=key_of)
def test_only_covers_lie_on_disk(downloaded: Downloaded, fault: Fault):
    """A right cover lies there byte for byte, whatever clothes it came in; of all else there is no file."""
    row = downloaded.rows[key_of(fault)]
    files = list(downloaded.study.workspace.covers.rglob(f"{key_of(fault)}.*"))
    if fault.outcome == "ok":
        assert [downloaded.study.workspace.relative(file) for file in files] == [row.path]
        assert files[0].read_bytes() == sent(downloaded, fault)
    else:
        assert not files
        assert not row.path


def test_the_other_books_are_undisturbed(downloaded: Downloaded):
    """Covers beside the faults come whole, each at the first attempt."""
    for number in range(WELLS):
        row = downloaded.rows[f"well{number}"]
        assert (row.outcome, row.status, row.attempts) == ("ok", 200, 1)
        cover = downloaded.study.workspace.root / row.path
        assert cover.read_bytes() == downloaded.pictures[f"well{number}"].read_bytes()


def test_every_record_is_counted_once(downloaded: Downloaded):
    """The manifest's counts are those of the outcomes."""
    outcomes = [fault.outcome for fault in Fault] + ["ok"] * WELLS
    counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
    assert downloaded.counts == {"records": len(outcomes), **counts}


def test_no_redirect_makes_this_machine_ask_its_own_network(downloaded: Downloaded):
    """Nothing but the host was connected to: not the address that a redirect into the inside names."""
    assert downloaded.connected == {"127.0.0.1"}
    assert INSIDE.split("/")[2] in downloaded.rows[key_of(Fault.REDIRECT_INSIDE)].detail


def test_nothing_is_left_behind(downloaded: Downloaded):
    """No temporary file stays beside the covers, and no journal beside the ledger."""
    workspace = downloaded.study.workspace
    found = {workspace.relative(file) for file in workspace.covers.rglob("*") if file.is_file()}
    assert found == {row.path for row in downloaded.rows.values() if row.path}
    assert [file.name for file in workspace.ledger.iterdir()] == ["chunk-0001.csv"]
