"""Tests of the covers stage as a whole, against a host that misbehaves."""

import gzip
import shutil
import socket
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from bookcover_core.covers import image_checks, retry
from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.image_checks import costly_profile
from bookcover_core.covers.ledger import LedgerRow, read_rows
from bookcover_core.errors import DownloadError, SettingsError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import (
    LoopbackHost,
    endless,
    hang,
    picture,
    reply,
    reset,
    without_length,
)

MakeStudy = Callable[..., Study]


def rows_of(study: Study, chunk: int = 1) -> dict[str, LedgerRow]:
    return {row.key: row for row in read_rows(study.workspace.ledger / f"chunk-{chunk:04d}.csv")}


def fetch(study: Study, **changes: Any) -> dict[str, LedgerRow]:
    download_chunk(study, 1)
    return rows_of(study)


@pytest.mark.usefixtures("processes")
def test_every_answer_of_a_host_becomes_its_outcome(host: LoopbackHost, make_study: MakeStudy):
    """Each thing that a host can do ends in the outcome that names it, and disturbs no other book."""
    cover = picture()
    urls = {
        "good": host.add("/good.jpg", reply(200, cover)),
        "webp": host.add("/webp.jpg", reply(200, picture("WEBP"), Content_Type="text/plain")),
        "gzipped": host.add("/gzipped.jpg", reply(200, gzip.compress(cover), Content_Encoding="gzip")),
        "falsely-gzipped": host.add("/false.jpg", reply(200, cover, Content_Encoding="gzip")),
        "gone": host.add("/gone.jpg", reply(404, b"x" * 100_000)),
        "gone-for-good": host.add("/410.jpg", reply(410)),
        "forbidden": host.add("/403.jpg", reply(403)),
        "bad-request": host.add("/400.jpg", reply(400)),
        "blank": host.add("/blank.jpg", reply(200, picture("GIF", (1, 1), 0, mode="L"))),
        "narrow": host.add("/narrow.jpg", reply(200, picture(size=(40, 90)))),
        "amazon": host.add("/images/I/01RmK%2BJ4pJL.gif", reply(200, cover)),
        "page": host.add("/page.jpg", reply(200, b"<!DOCTYPE html><html></html>", Content_Type="text/html")),
        "empty": host.add("/empty.jpg", reply(200)),
        "no-content": host.add("/204.jpg", reply(204)),
        "noise": host.add("/noise.jpg", reply(200, bytes(range(256)) * 8)),
        "cut": host.add("/cut.jpg", reply(200, picture(size=(300, 300))[:-400])),
        "cut-connection": host.add("/cutc.jpg", without_length(cover[:-200])),
        "cut-then-well": host.add("/cutw.jpg", without_length(cover[:-200]), without_length(cover)),
        "short": host.add("/short.jpg", reply(200, cover, length=len(cover) + 500)),
        "reset": host.add("/reset.jpg", reset()),
        "reset-in-body": host.add("/resetb.jpg", reset(after=cover[:300])),
        "unavailable": host.add("/503.jpg", reply(503)),
        "passing": host.add("/passing.jpg", reply(503), reset(), reply(200, cover)),
        "hangs": host.add("/hangs.jpg", hang),
        "drips": host.add("/drips.jpg", endless(b"x", 0.2)),
        "declared-huge": host.add("/huge.jpg", reply(200, b"x", length=10**9)),
        "huge": host.add("/endless.jpg", endless(b"x" * 60_000, 0)),
        "gzip-bomb": host.add("/bomb.jpg", reply(200, gzip.compress(bytes(5_000_000)), Content_Encoding="gzip")),
        "pixel-bomb": host.add("/pixels.jpg", reply(200, picture("PNG", (5000, 5000), 0, mode="1"))),
        "loop": host.add("/loop.jpg", reply(302, Location="/loop.jpg")),
        "moved": host.add("/moved.jpg", reply(301, Location="moved/here.jpg")),
        "to-private": host.add("/private.jpg", reply(302, Location="http://127.0.0.2/secret.jpg")),
        "to-file": host.add("/file.jpg", reply(302, Location="file:///etc/passwd")),
        "to-nowhere": host.add("/nowhere.jpg", reply(302)),
    }
    host.add("/moved/here.jpg", reply(200, cover))
    study = make_study(urls, max_bytes=1_000_000, max_pixels=1_000_000, read_timeout=1, total_timeout=2.5)
    rows = fetch(study)
    ok = {"good", "webp", "gzipped", "falsely-gzipped", "cut-then-well", "passing", "moved"}
    expected = dict.fromkeys(ok, "ok") | {
        "gone": "missing",
        "gone-for-good": "missing",
        "forbidden": "refused",
        "bad-request": "refused",
        "blank": "placeholder",
        "narrow": "placeholder",
        "amazon": "placeholder",
        "page": "not an image",
        "empty": "not an image",
        "no-content": "not an image",
        "noise": "not an image",
        "cut": "truncated",
        "cut-connection": "truncated",
        "short": "failed for now",
        "reset": "failed for now",
        "reset-in-body": "failed for now",
        "unavailable": "failed for now",
        "hangs": "failed for now",
        "drips": "failed for now",
        "declared-huge": "too large",
        "huge": "too large",
        "gzip-bomb": "too large",
        "pixel-bomb": "too large",
        "loop": "refused",
        "to-private": "refused",
        "to-file": "refused",
        "to-nowhere": "refused",
    }
    assert {key: rows[key].outcome for key in urls} == expected
    assert all(rows[f"well{number}"].outcome == "ok" for number in range(6))
    assert host.count("/images/I/01RmK%2BJ4pJL.gif") == 0
    assert host.count("/unavailable.jpg") == 0
    assert rows["passing"].attempts == 3
    assert rows["unavailable"].status == 503
    assert host.count("/503.jpg") == 3
    assert (study.workspace.root / rows["good"].path).read_bytes() == cover
    assert (rows["good"].format, rows["good"].width, rows["good"].height) == ("JPEG", 90, 120)
    assert rows["to-private"].detail.startswith("127.0.0.2")
    assert all(row.detail for row in rows.values() if row.outcome != "ok")


def test_a_cover_is_stored_as_it_came(host: LoopbackHost, make_study: MakeStudy):
    """Covers lie under their genre and FILENAME, byte for byte, whatever format they have."""
    webp = picture("WEBP")
    study = make_study({"web p": host.add("/a.jpg", reply(200, webp))})
    rows = fetch(study)
    assert rows["web p"].path == "covers/law/web p.jpg"
    assert (study.workspace.covers / "law" / "web p.jpg").read_bytes() == webp


def test_a_header_is_judged_once(host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch):
    """Whether a cover is decoded here is asked once, of its header: that takes as long as hashing it."""
    asked = []

    def ask(body: bytes, settings: CoverSettings) -> bytes | None:
        asked.append(body)
        return costly_profile(body, settings)

    for module in (image_checks, retry):
        monkeypatch.setattr(module, "costly_profile", ask)
    rows = fetch(make_study({"book": host.add("/book.jpg", reply(200, picture()))}))
    assert rows["book"].outcome == "ok"
    assert asked == [picture()] * len(rows)


def test_an_address_is_requested_as_it_stands(host: LoopbackHost, make_study: MakeStudy):
    """Percent-encoding is neither decoded nor done twice, and a query stays."""
    targets = ["/I/51p5aUY%2BOKL.jpg", "/I/51p5aUY+OKL.jpg", "/a%20b.jpg?x=1%2C2&y", "/100%.jpg", "/%7Eme/%c3%a9.jpg"]
    study = make_study({f"book{n}": host.add(target, reply(200, picture())) for n, target in enumerate(targets)})
    rows = fetch(study)
    assert {asked.target for asked in host.asked} >= set(targets)
    assert all(rows[f"book{number}"].outcome == "ok" for number in range(len(targets)))


def test_a_host_is_told_who_asks(host: LoopbackHost, make_study: MakeStudy):
    """The User-Agent names the project and the contact, and the Host header is the listing's."""
    fetch(make_study({}, contact="me@example.org"))
    assert host.asked[0].headers["user-agent"].startswith("bookcover/")
    assert host.asked[0].headers["user-agent"].endswith("(+me@example.org)")
    assert host.asked[0].headers["host"] == f"127.0.0.1:{host.port}"


@pytest.mark.usefixtures("processes")
def test_one_picture_of_two_books_is_fetched_once(host: LoopbackHost, make_study: MakeStudy):
    """Two books with one address get a cover each from one request."""
    url = host.add("/shared.jpg", reply(200, picture()))
    rows = fetch(make_study({"one": url, "other": url}))
    assert host.count("/shared.jpg") == 1
    assert rows["one"].outcome == rows["other"].outcome == "ok"
    assert rows["one"].path != rows["other"].path


def test_requests_in_flight_keep_their_limit_and_connections_are_kept(
    host: LoopbackHost, make_study: MakeStudy, processes: int
):
    """No more requests than `concurrency` are in flight, over connections that serve many."""
    study = make_study({f"b{n}": host.add(f"/{n}.jpg", reply(200, picture())) for n in range(40)}, concurrency=3)
    fetch(study)
    assert host.most_in_flight <= 3
    # A process that has to wait for its share closes a connection, and opens another.
    assert len({asked.connection for asked in host.asked}) <= (3 if processes == 1 else 6)


@pytest.mark.usefixtures("processes")
def test_requests_keep_their_pace(host: LoopbackHost, make_study: MakeStudy):
    """All together, no more requests are made than `requests_per_second` allows."""
    urls = {f"b{n}": host.add(f"/{n}.jpg", reply(200, picture())) for n in range(80)}
    fetch(make_study(urls, requests_per_second=20))
    times = sorted(asked.at for asked in host.asked)
    # A busy machine lets some arrive late, nearer to those behind them; that counts only if half of all do.
    assert len(times) == 86
    assert statistics.median(times[number + 43] - times[number] for number in range(43)) >= 0.957 * 43 / 20


@pytest.mark.usefixtures("processes")
def test_retry_after_is_obeyed_by_all(host: LoopbackHost, make_study: MakeStudy):
    """When a host says 429, nobody asks it before the time that it names: no request, and no process."""
    urls = {"busy": host.add("/busy.jpg", reply(429, Retry_After="2"), reply(200, picture()))}
    urls |= {f"b{n}": host.add(f"/{n}.jpg", reply(200, picture())) for n in range(40)}
    rows = fetch(make_study(urls, concurrency=4, requests_per_second=20))
    assert rows["busy"].outcome == "ok"
    first = next(asked.at for asked in host.asked if asked.target == "/busy.jpg")
    # What was on its way when the answer came is not called back.
    assert [asked.target for asked in host.asked if first + 0.3 < asked.at < first + 1.95] == []
    assert max(asked.at for asked in host.asked) > first + 1.95


@pytest.mark.usefixtures("processes")
def test_only_what_is_not_there_is_asked_for_again(host: LoopbackHost, make_study: MakeStudy):
    """A second run asks for nothing; vanished and altered covers, and nothing else, are fetched again."""
    study = make_study({"gone": host.add("/gone.jpg", reply(404))})
    first = download_chunk(study, 1)
    asked = len(host.asked)
    assert download_chunk(study, 1).reused
    rows = rows_of(study)
    (study.workspace.root / rows["well0"].path).unlink()
    (study.workspace.root / rows["well1"].path).write_bytes(b"altered")
    again = download_chunk(study, 1)
    assert not again.reused
    assert again.digest == first.digest
    assert sorted(asked.target for asked in host.asked[asked:]) == ["/well0.jpg", "/well1.jpg"]


@pytest.mark.usefixtures("processes")
def test_what_failed_for_now_is_asked_for_again(host: LoopbackHost, make_study: MakeStudy):
    """A chunk with covers that failed for now is not done: the next run asks for those, and for those only."""
    study = make_study({"late": host.add("/late.jpg", *[reply(503)] * 3, reply(200, picture()))})
    assert download_chunk(study, 1).counts == {"records": 7, "ok": 6, "failed for now": 1}
    asked = len(host.asked)
    assert download_chunk(study, 1).counts == {"records": 7, "ok": 7}
    assert [asked.target for asked in host.asked[asked:]] == ["/late.jpg"]


def test_what_is_missing_is_asked_for_again_only_when_wanted(host: LoopbackHost, make_study: MakeStudy):
    """A 404 is final, unless covers.retry_missing is set."""
    study = make_study({"back": host.add("/back.jpg", reply(404), reply(200, picture()))})
    assert fetch(study)["back"].outcome == "missing"
    assert fetch(study)["back"].outcome == "missing"
    covers = study.settings.covers.model_copy(update={"retry_missing": True})
    retrying = Study(study.settings.model_copy(update={"covers": covers}))
    assert fetch(retrying)["back"].outcome == "ok"


def test_covers_are_checked_again_without_fetching_when_settings_change(host: LoopbackHost, make_study: MakeStudy):
    """A larger min_side makes placeholders of small covers that are there, without a request."""
    study = make_study({"large": host.add("/large.jpg", reply(200, picture(size=(300, 300))))})
    fetch(study)
    asked = len(host.asked)
    covers = study.settings.covers.model_copy(update={"min_side": 200})
    rows = fetch(Study(study.settings.model_copy(update={"covers": covers})))
    assert rows["large"].outcome == "ok"
    assert rows["well0"].outcome == "placeholder"
    assert len(host.asked) == asked


def test_a_study_that_was_copied_is_still_done(host: LoopbackHost, make_study: MakeStudy):
    """Covers with another time of change, but the same content, are not fetched again."""
    study = make_study({})
    download_chunk(study, 1)
    moved = study.settings.root.with_name("moved")
    shutil.copytree(study.settings.root, moved)
    for file in moved.rglob("*.jpg"):
        file.touch()
    assert download_chunk(Study(study.settings.model_copy(update={"name": "moved"})), 1).reused


@pytest.mark.usefixtures("processes")
def test_too_many_failures_stop_the_chunk_and_lose_nothing(host: LoopbackHost, make_study: MakeStudy):
    """Above max_failed_share the chunk fails, says what failed where, and keeps what was done."""
    urls = {f"bad{n}": host.add(f"/bad{n}.jpg", *[reply(503)] * 3, reply(200, picture())) for n in range(3)}
    study = make_study(urls, max_failed_share=0.1)
    with pytest.raises(DownloadError, match=r"3 of 9 covers failed for now \(127\.0\.0\.1:\d+ 3; mostly: HTTP 503"):
        download_chunk(study, 1)
    assert sum(row.outcome == "ok" for row in rows_of(study).values()) == 6
    asked = len(host.asked)
    assert download_chunk(study, 1).counts["ok"] == 9
    assert len(host.asked) == asked + 3


@pytest.mark.usefixtures("processes")
def test_a_host_that_is_down_is_given_up_quickly(host: LoopbackHost, make_study: MakeStudy):
    """Where nothing listens, a large chunk ends after a few rounds of attempts, not after one round for each book."""
    host.stop()
    urls = {f"b{n}": f"http://127.0.0.1:{host.port}/{n}.jpg" for n in range(2000)}
    study = make_study(urls, backoff=0)
    with pytest.raises(DownloadError, match=r"2,006 of 2,006 covers failed for now .*takes no connection"):
        download_chunk(study, 1)
    tried = [row for row in rows_of(study).values() if row.attempts]
    assert len(tried) < 100
    host.start()


def unknown(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """A name server that knows none of the names; with no names, none at all."""
    known = socket.getaddrinfo

    def look_up(host, *args, **options):
        if host in names or not names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_covers_of_a_host_that_is_gone_are_missing(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch):
    """A name that no name server knows, while others are known, has no covers any more: nothing is left to retry."""
    unknown(monkeypatch, "covers.invalid")
    urls = {f"b{n}": f"http://covers.invalid/{n}.jpg" for n in range(300)}
    rows = fetch(make_study(urls, backoff=0.05, max_failed_share=0))
    assert {(rows[key].outcome, rows[key].detail) for key in urls} == {
        ("missing", "host gone: there is no such name"),
    }
    assert sum(rows[key].attempts > 0 for key in urls) < 100


def test_without_a_network_nothing_is_gone(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch):
    """Where no name is known at all, it is the network that is not there: one message, and all is retried."""
    unknown(monkeypatch)
    urls = {f"b{n}": f"http://covers.invalid/{n}.jpg" for n in range(30)}
    with pytest.raises(DownloadError, match=r"covers\.invalid 30.*cannot be resolved"):
        download_chunk(make_study(urls, backoff=0, max_failed_share=0.5), 1)


def test_a_ban_is_no_verdict_on_covers(host: LoopbackHost, make_study: MakeStudy):
    """A host that refuses everything from some request on has banned this machine: failed for now, and asked again."""
    urls = {f"b{n:02d}": host.add(f"/{n}.jpg", reply(200, picture()), reply(403)) for n in range(30)}
    for n in range(20, 30):
        host.add(f"/{n}.jpg", reply(403), reply(200, picture()))
    study = make_study(urls, concurrency=1)
    assert {rows.outcome for rows in fetch(study).values() if rows.key > "b19" and rows.key[0] == "b"} == {
        "failed for now"
    }
    assert {row.outcome for row in fetch(study).values()} == {"ok"}


def test_a_ban_that_stops_the_download_is_asked_about_again(host: LoopbackHost, make_study: MakeStudy):
    """What a ban refused is no verdict either where it was so much that the chunk failed."""
    urls = {f"b{n:02d}": host.add(f"/{n}.jpg", reply(403), reply(200, picture())) for n in range(20)}
    study = make_study(urls, concurrency=1, max_failed_share=0.1)
    with pytest.raises(DownloadError, match="refused the last requests"):
        download_chunk(study, 1)
    assert {row.outcome for row in fetch(study).values()} == {"ok"}


def test_a_refusal_here_and_there_stands(host: LoopbackHost, make_study: MakeStudy):
    """A host that refuses single covers between others does not have them."""
    urls = {f"b{n}": host.add(f"/{n}.jpg", reply(403) if n % 2 else reply(200, picture())) for n in range(20)}
    rows = fetch(make_study(urls, concurrency=1))
    assert {rows[f"b{n}"].outcome for n in range(1, 18, 2)} == {"refused"}


def test_a_redirect_may_lead_to_hosts_of_a_pattern(host: LoopbackHost, make_study: MakeStudy, monkeypatch):
    """covers.redirect_hosts allows them by name or pattern; without it the message names host and setting."""
    known = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *args, **more: known(name.replace("ia1.us.archive", "127.0.0.1")[:9], *args, **more),
    )
    host.add("/there.jpg", reply(200, picture()))
    away = host.add("/away.jpg", reply(302, Location=f"http://ia1.us.archive.example:{host.port}/there.jpg"))
    private = ["127.0.0.1", "ia1.us.archive.example"]
    rows = fetch(make_study({"b": away}, allowed_private_hosts=private))
    assert rows["b"].outcome == "refused"
    assert "ia1.us.archive.example is no host of the listing" in rows["b"].detail
    assert "covers.redirect_hosts" in rows["b"].detail
    study = make_study(
        {"b": away}, allowed_private_hosts=private, redirect_hosts=["*.archive.example"], retry_missing=True
    )
    assert fetch(study)["b"].outcome == "ok"


def test_further_places_of_a_host_are_tried_and_remembered(host: LoopbackHost, make_study: MakeStudy):
    """covers.hosts is gone through in its order; the place that answers is asked first from then on."""
    urls = {f"b{n}": f"http://shop.example/{n}.jpg" for n in range(20)}
    for number in range(20):
        host.add(f"/{number}.jpg", reply(200, picture()))
    dead = "http://127.0.0.1:9"
    study = make_study(urls, hosts={"shop.example": [dead, f"http://127.0.0.1:{host.port}"]}, concurrency=1)
    rows = fetch(study)
    assert all(rows[key].outcome == "ok" for key in urls)
    assert [rows[f"b{n}"].attempts for n in range(3)] == [2, 1, 1]
    assert rows["b0"].address == f"http://127.0.0.1:{host.port}/0.jpg"


def test_a_place_without_a_picture_is_believed_only_if_it_has_others(host: LoopbackHost, make_study: MakeStudy):
    """A 404 of a place that never served anything does not hide what the next place has."""
    other = LoopbackHost()
    other.start()
    try:
        other.add("/1.jpg", reply(200, picture()))
        study = make_study(
            {"b1": "http://shop.example/1.jpg", "b2": "http://shop.example/2.jpg"},
            hosts={"shop.example": [f"http://127.0.0.1:{host.port}", f"http://127.0.0.1:{other.port}"]},
            concurrency=1,
        )
        rows = fetch(study)
    finally:
        other.stop()
    assert rows["b1"].outcome == "ok"
    assert (rows["b2"].outcome, rows["b2"].attempts) == ("missing", 1)


def test_private_hosts_are_refused(host: LoopbackHost, make_study: MakeStudy):
    """An address of this machine in a listing is not asked, unless the settings allow it."""
    study = make_study({"local": host.add("/l.jpg", reply(200, picture()))}, allowed_private_hosts=[])
    rows = fetch(study)
    assert {row.outcome for row in rows.values()} == {"refused"}
    assert not host.asked


def test_a_place_that_is_no_address_is_a_setting_to_mend(make_study: MakeStudy):
    """covers.hosts with an impossible address is refused with the host that it stands under."""
    with pytest.raises(SettingsError, match=r"covers\.hosts: an address of 'shop'"):
        download_chunk(make_study({}, hosts={"shop": ["ftp://x"]}), 1)


def test_progress_ends_with_everything_done(make_study: MakeStudy):
    """Who watches a chunk is told in the end that all of it is done."""
    told: list[tuple[int, int]] = []
    study = make_study({})
    download_chunk(Study(study.settings, progress=lambda done, total: told.append((done, total))), 1)
    assert told[0] == (0, 6)
    assert told[-1] == (6, 6)
