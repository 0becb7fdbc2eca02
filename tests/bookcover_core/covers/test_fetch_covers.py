"""Tests of how many processes fetch, and of several that fetch one chunk together."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from unittest.mock import Mock

import pytest
from loky import ProcessPoolExecutor

from bookcover_core.covers import download_progress, fetch_covers
from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.fetch_covers import share
from bookcover_core.pipeline import processes
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import LoopbackHost, Reply, picture, reply

MakeStudy = Callable[..., Study]

BOOKS = 80


@pytest.fixture
def _two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_covers, "_processes", Mock(return_value=2))
    # Who watches is told of every row.
    monkeypatch.setattr(download_progress, "_PROGRESS_INTERVAL", 0.0)


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[ProcessPoolExecutor]:
    """The processes that fetch, in the order in which they were taken."""
    taken: list[ProcessPoolExecutor] = []
    take = processes._take

    def remember(number: int) -> ProcessPoolExecutor:
        taken.append(take(number))
        return taken[-1]

    monkeypatch.setattr(processes, "_take", remember)
    return taken


def many(host: LoopbackHost) -> dict[str, str]:
    return {f"b{number:02d}": host.add(f"/{number}.jpg", reply(200, picture())) for number in range(BOOKS)}


class Killer:
    """Watches the progress of a chunk, and kills some of the processes that fetch when a part of it is done."""

    def __init__(self, pools: list[ProcessPoolExecutor], most: int) -> None:
        self.pools = pools
        self.most = most
        self.done = threading.Event()

    def __call__(self, done: int, total: int) -> None:
        if done >= total // 4 and not self.done.is_set():
            for worker in [*self.pools[-1]._processes][: self.most]:
                os.kill(worker, signal.SIGKILL)
            self.done.set()

    def later(self, send: Reply) -> Reply:
        """An answer that waits for the killing, however late the watcher gets its turn."""

        async def wait(writer: asyncio.StreamWriter) -> None:
            assert await asyncio.to_thread(self.done.wait, 60)
            await send(writer)

        return wait


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.usefixtures("_two_processes")
@pytest.mark.parametrize("killed", [1, 2])
def test_what_a_killed_worker_left_is_fetched(
    host: LoopbackHost,
    make_study: MakeStudy,
    caplog: pytest.LogCaptureFixture,
    pools: list[ProcessPoolExecutor],
    killed: int,
):
    """When the system kills workers, a line says so, and every cover is there in the end."""
    killer = Killer(pools, killed)
    books = many(host)
    for number in range(BOOKS // 2, BOOKS):
        host.add(f"/{number}.jpg", killer.later(reply(200, picture())))
    study = make_study(books, requests_per_second=100)
    with caplog.at_level(logging.WARNING, "bookcover_core"):
        manifest = download_chunk(Study(study.settings, killer), 1)
    assert manifest.counts == {"records": BOOKS + 6, "ok": BOOKS + 6}
    said = "a process that did part of the work was killed: what it left is fetched by this one"
    assert warnings_of(caplog) == [said]
    # Only what they had been asking for is asked for again.
    assert len(host.asked) <= BOOKS + 6 + study.settings.covers.concurrency


@pytest.mark.usefixtures("_two_processes")
def test_a_host_is_given_up_by_all_and_said_once(
    host: LoopbackHost, make_study: MakeStudy, caplog: pytest.LogCaptureFixture
):
    """What one worker gives up the other asks no more, while the other hosts of the chunk are asked on."""
    host.otherwise = reply(503)
    bad = {f"bad{n}": f"http://bad.example/bad{n}.jpg" for n in range(300)}
    places = {"bad.example": [f"http://127.0.0.1:{host.port}"]}
    study = make_study({**bad, **many(host)}, hosts=places, backoff=0)
    with caplog.at_level(logging.WARNING, "bookcover_core"):
        counts = download_chunk(study, 1).counts
    assert counts == {"records": 300 + BOOKS + 6, "ok": BOOKS + 6, "failed for now": 300}
    [line] = [message for message in caplog.messages if "given up" in message]
    assert line.startswith("http://bad.example/ was given up: 32 attempts in a row failed; the last: HTTP 503")
    assert sum("example" not in entry.headers["host"] and entry.target in host.replies for entry in host.asked) >= BOOKS
    assert len(host.asked) - BOOKS - 6 < 100


def test_more_hosts_than_are_asked_at_once(host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch):
    """Hosts get their turn one after the other, and none is forgotten."""
    monkeypatch.setattr(fetch_covers, "HOSTS_AT_ONCE", 3)
    host.otherwise = reply(200, picture())
    urls = {f"b{n}": f"http://shop{n % 11}.example/{n}.jpg" for n in range(60)}
    places = {f"shop{n}.example": [f"http://127.0.0.1:{host.port}"] for n in range(11)}
    assert download_chunk(make_study(urls, hosts=places), 1).counts == {"records": 66, "ok": 66}


@pytest.mark.parametrize(("concurrency", "workers"), [(8, 2), (7, 3), (3, 3), (256, 16)])
def test_all_together_ask_what_one_may(concurrency: int, workers: int):
    """The shares of requests in flight and of those a second add up to the settings, and none is empty."""
    settings = CoverSettings(concurrency=concurrency, requests_per_second=900)
    shares = [share(settings, number, workers) for number in range(workers)]
    assert sum(each.concurrency for each in shares) == concurrency
    assert min(each.concurrency for each in shares) >= 1
    assert sum(each.requests_per_second for each in shares) == pytest.approx(900)


@pytest.mark.parametrize(
    ("pictures", "hosts", "settings", "expected"),
    [
        (20_000, 1, {}, 1),
        (20_000, 1, {"requests_per_second": 499}, 1),
        (20_000, 1, {"requests_per_second": 600}, 2),
        (20_000, 1, {"requests_per_second": 100_000}, 4),
        (20_000, 1, {"requests_per_second": 100_000, "concurrency": 3}, 3),
        (20_000, 1_000, {}, 2),
        (999, 1, {"requests_per_second": 100_000}, 1),
        (0, 0, {}, 1),
    ],
)
def test_the_settings_say_how_many_processes_fetch(
    pictures: int, hosts: int, settings: dict[str, float], expected: int, monkeypatch: pytest.MonkeyPatch
):
    """One for the polite pace of the defaults; with more allowed, more: but no more than cores, requests, and work."""
    monkeypatch.setattr(fetch_covers, "cpu_count", Mock(return_value=4))
    assert fetch_covers._processes(pictures, hosts, CoverSettings.model_validate(settings)) == expected
