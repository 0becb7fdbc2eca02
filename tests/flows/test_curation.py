"""Curation as a flow, where replacements are fetched from the pool as they are drawn."""

from pathlib import Path

import pytest

from bookcover_core.covers.ledger import read_rows
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from flows import review_gate
from flows.covers import download_covers
from flows.curation import curate
from flows.review_gate import Answer
from tests.begun import begun
from tests.bookcover_core.covers.loopback import LoopbackHost
from tests.bookcover_core.curation.pool_on_loopback import asked, settings_with_pool

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_drawn_candidates_are_fetched_before_people_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An answer that rejects some brings others in: they are fetched, asked about with their covers, and selected."""
    host = LoopbackHost()
    host.start()
    titles = {f"pool{genre}{place:02d}": f"Box Set {place}" for genre in (0, 1) for place in range(20)}
    settings = settings_with_pool(tmp_path / "studies", host, titles=titles, curation={"undecided": "ask"})
    study, rounds = Study(settings), []

    def answer(_run, _study, waiting, _page):
        assert all((study.workspace.root / item.path).is_file() for item in waiting)
        rounds.append({item.key for item in waiting})
        rejected = [review_gate._choice(item) for item in waiting] if len(rounds) == 1 else []
        return Answer(reject=rejected, keep_all_others=True, reviewer="Ada")

    monkeypatch.setattr(review_gate, "_ask", answer)
    try:
        name = begun(settings)
        assert download_covers(name, return_state=True).is_completed()
        assert asked(host) == []
        assert curate(name, return_state=True).is_completed()
    finally:
        host.stop()
    first, second = rounds
    replacing = {row["key"] for row in read_table(study.workspace.selection).to_dict("records") if row["replaces"]}
    assert replacing == second
    assert {row.key for row in read_rows(study.workspace.ledger / "pool.csv")} == first | second == set(asked(host))
