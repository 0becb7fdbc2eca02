"""Tests that a chunk which is stopped the hard way, or runs out of disk, loses nothing that was done."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bookcover_core.covers.ledger import Journal, Row, read_journal
from bookcover_core.covers.stage import download_chunk
from bookcover_core.errors import DiskFullError
from bookcover_core.study import Study
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

MakeStudy = Callable[..., Study]

BOOKS = 60

# A device without space.
FULL = Path("/dev/full")

RUN = """
import sys
from bookcover_core.covers.stage import download_chunk
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
download_chunk(Study(StudySettings.model_validate_json(sys.stdin.read())), 1)
"""


def many(host: LoopbackHost) -> dict[str, str]:
    return {f"b{number:02d}": host.add(f"/{number}.jpg", reply(200, picture())) for number in range(BOOKS)}


def test_a_killed_process_loses_at_most_what_was_in_flight(host: LoopbackHost, make_study: MakeStudy):
    """After kill -9 the next run asks only for covers that the journal does not tell of: those in flight."""
    study = make_study(many(host), requests_per_second=50, concurrency=4)
    process = subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(study.settings.model_dump_json())
    process.stdin.close()
    deadline = time.monotonic() + 60
    while len(host.asked) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    asked = [entry.target for entry in host.asked]
    assert 20 <= len(asked) < BOOKS
    known = read_journal(study.workspace.ledger / "chunk-0001.jsonl")
    assert len(known) >= len(asked) - 4
    manifest = download_chunk(study, 1)
    assert manifest.counts == {"records": BOOKS + 6, "ok": BOOKS + 6}
    again = {entry.target for entry in host.asked[len(asked) :]} & set(asked)
    assert len(again) <= 4
    assert not (study.workspace.ledger / "chunk-0001.jsonl").exists()
    assert not list(study.workspace.covers.rglob("*/.*")) or len(again) <= 4


def test_a_full_disk_stops_the_chunk_and_leaves_the_ledger_whole(
    host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
):
    """No space left is one clear error; with space again, only what was not done is fetched."""
    study = make_study(many(host), concurrency=2)
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if len(host.asked) > 30 and self.suffix == ".jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DiskFullError, match="no space is left"):
            download_chunk(study, 1)
    known = read_journal(study.workspace.ledger / "chunk-0001.jsonl")
    assert 28 <= len(known) <= 31
    assert all((study.workspace.root / entry.row.path).is_file() for entry in known.values())
    assert not list(study.workspace.covers.rglob(".*"))
    asked = len(host.asked)
    assert download_chunk(study, 1).counts["ok"] == BOOKS + 6
    assert len(host.asked) - asked == BOOKS + 6 - len(known)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device without space")
def test_a_full_disk_under_the_journal_is_the_same_error(
    host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
):
    """A journal that cannot be written to stops the chunk too; the next run mends its torn line."""
    study = make_study(many(host), concurrency=2)
    append = Journal.append

    def torn(self: Journal, row: Row) -> None:
        if len(host.asked) > 30:
            self._lines.write(b'{"run": "torn')
            self._lines = FULL.open("wb", buffering=0)
        append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", torn)
        with pytest.raises(DiskFullError, match=r"chunk-0001\.jsonl"):
            download_chunk(study, 1)
    assert len(read_journal(study.workspace.ledger / "chunk-0001.jsonl")) >= 28
    assert download_chunk(study, 1).counts["ok"] == BOOKS + 6
