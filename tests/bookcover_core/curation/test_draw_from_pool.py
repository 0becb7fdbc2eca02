"""Covers of the pool that are fetched when they are drawn, on a host on loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookcover_core.covers.chunks import chunks
from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import read_rows
from bookcover_core.curation import draw_from_pool as drawing
from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.decisions import append_decision, decisions_file
from bookcover_core.curation.draw_from_pool import draw_from_pool
from bookcover_core.curation.fingerprints import hash_chunk
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.curation.review_queue import find_open
from bookcover_core.errors import DownloadError, SettingsError
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.report.download_outcomes import cover_table
from bookcover_core.report.findings import gather
from bookcover_core.report.record_tables import funnel
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import LoopbackHost, reply
from tests.bookcover_core.curation.pool_on_loopback import asked, cover, settings_with_pool

MakeStudy = Callable[..., Study]


@pytest.fixture
def host() -> Iterator[LoopbackHost]:
    host = LoopbackHost()
    host.start()
    yield host
    host.stop()


@pytest.fixture
def make_study(tmp_path: Path, host: LoopbackHost) -> MakeStudy:
    """A study of `settings_with_pool` in a workspace of its own."""
    return lambda folder, **settings: Study(settings_with_pool(tmp_path / folder, host, **settings))


def prepare(study: Study) -> None:
    """All that is known before anything is drawn."""
    read_listings(study)
    find_candidates(study)
    for chunk in chunks(study):
        download_chunk(study, chunk)
        hash_chunk(study, chunk)


def selected(study: Study) -> tuple[bytes, bytes]:
    """The tables of the selection, once all stages have been run."""
    prepare(study)
    if study.settings.draws_from_pool:
        draw_from_pool(study)
    find_twins(study)
    curate(study)
    return study.workspace.selection.read_bytes(), (study.workspace.curation / "replacements.csv").read_bytes()


@pytest.mark.parametrize("faulty", [False, True], ids=["all usable", "some unusable"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_books_are_those_that_the_whole_pool_would_give(
    host: LoopbackHost, make_study: MakeStudy, seed: int, faulty: bool
):
    """To the byte, with twins of listed books and among the pool's; and few of its covers are fetched, each once."""
    for number in range(6):
        host.add(f"/pool0{number:02d}.jpg", *host.replies.get("/train000.jpg", [reply(200, cover(1))]))
        host.add(f"/pool1{number:02d}.jpg", reply(200, cover(999)))
        if faulty:
            host.add(f"/pool0{number + 6:02d}.jpg", reply(404))
            host.add(f"/pool1{number + 6:02d}.jpg", reply(200, b"no picture"))
    drawing_study = make_study("few", seed=seed)
    drawn = selected(drawing_study)
    few = asked(host)
    assert len(few) == len(set(few)) < 30
    assert selected(make_study("all", seed=seed, covers={"pool": "all"})) == drawn
    assert len(asked(host)) == 40 + len(few)
    rows = read_rows(drawing_study.workspace.ledger / "pool.csv")
    assert sorted(few) == [row.key for row in rows]
    manifest = drawing_study.manifest("download/pool")
    assert manifest.counts["of the pool"] == 40
    assert ("missing" in manifest.counts) == (faulty and any(row.outcome == "missing" for row in rows))
    findings = gather(drawing_study)
    [why] = [why for step, *_, why in funnel(findings) if step == "Covers"]
    assert f"{len(few)} of the pool's 40 were drawn and fetched" in why
    assert cover_table(findings).rows[-1][1].value == 32 + len(few)
    assert draw_from_pool(drawing_study).reused


def test_a_run_that_is_cut_off_fetches_nothing_twice(
    host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
):
    """What was fetched before the end of a killed run is known to the next, which comes to the same books."""
    whole = selected(make_study("whole"))
    host.asked.clear()
    study = make_study("cut")
    prepare(study)
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "hash_covers", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            draw_from_pool(study)
    assert asked(host)
    assert selected(study) == whole
    assert len(asked(host)) == len(set(asked(host)))


def test_people_are_asked_of_drawn_candidates_and_history_leaves_no_trace(host: LoopbackHost, make_study: MakeStudy):
    """A drawn candidate is fetched and asked about; the same decisions, made at once, give the same selection."""
    titles = {f"pool{genre}{place:02d}": f"Box Set {place}" for genre in (0, 1) for place in range(20)}
    study = make_study("asked", titles=titles, curation={"undecided": "ask"})
    prepare(study)
    rejected = 0
    while True:
        draw_from_pool(study)
        find_twins(study)
        waiting = find_open(study)
        if not waiting:
            break
        for item in waiting:
            assert item.path
            append_decision(study, item.key, "reject" if rejected < 4 else "keep", by="Ada")
            rejected += 1
    append_decision(study, "test003", "reject", by="Ada")
    draw_from_pool(study)
    append_decision(study, "test003", "keep", by="Ada")
    asked_first = len(asked(host))
    assert len(set(asked(host))) == asked_first
    history = selected(study)
    at_once = make_study("at-once", titles=titles, curation={"undecided": "ask"})
    decisions_file(at_once).parent.mkdir(parents=True)
    decisions_file(at_once).write_bytes(decisions_file(study).read_bytes())
    assert selected(at_once) == history
    keys = {row.key for row in read_rows(at_once.workspace.ledger / "pool.csv")}
    assert keys == {row.key for row in read_rows(study.workspace.ledger / "pool.csv")}


def test_a_host_that_fails_stops_the_drawing_and_is_asked_again(host: LoopbackHost, make_study: MakeStudy):
    """Rounds do not run through a pool whose host is down; the next run asks for what failed."""
    study = make_study("down", covers={"max_failed_share": 0.1})
    sound = {target: replies for target, replies in host.replies.items() if target.startswith("/pool")}
    prepare(study)
    host.replies |= {target: [reply(503)] for target in sound}
    with pytest.raises(DownloadError, match="failed for now"):
        draw_from_pool(study)
    assert len(set(asked(host))) < 20
    host.replies |= sound
    selection, _ = selected(study)
    assert b"pool" in selection
    assert draw_from_pool(study).reused


def test_what_wants_the_whole_pool_is_refused(make_study: MakeStudy):
    """Training on the pool, or naming chunks, cannot be had from the drawn covers alone."""
    with pytest.raises(SettingsError, match="train_on_pool"):
        make_study("one", curation={"train_on_pool": True})
    settings = make_study("two").settings
    with pytest.raises(SettingsError, match="as-needed"):
        parse_settings(settings.model_dump(mode="json"), ["books.chunks=[1]"])
