"""Tests that a chunk which is stopped the hard way, or runs out of disk, loses nothing that was done."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bookcover_core.covers.download import download_chunk
from bookcover_core.covers.ledger import LedgerJournal, LedgerRow, read_journal
from bookcover_core.errors import DiskFullError, WorkspaceError
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

MakeStudy = Callable[..., Study]

BOOKS = 90

# A device without space.
FULL = Path("/dev/full")

RUN = """
import sys
from bookcover_core.covers import fetch_covers as fetching
from bookcover_core.covers.download import download_chunk
from bookcover_core.settings import StudySettings
from bookcover_core.pipeline.study import Study
fetching._processes = lambda pictures, hosts, settings: int(sys.argv[1])
download_chunk(Study(StudySettings.model_validate_json(sys.stdin.read())), 1)
"""

# Where the study's folder has next to no space, and then has some.
FILL = """
import json, subprocess, sys
from pathlib import Path
from bookcover_core.covers import fetch_covers as fetching
from bookcover_core.covers.ledger import read_journal
from bookcover_core.covers.download import download_chunk
from bookcover_core.errors import DiskFullError
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.settings import StudySettings
from bookcover_core.pipeline.study import Study
fetching._processes = lambda pictures, hosts, settings: int(sys.argv[1])
study = Study(StudySettings.model_validate_json(sys.stdin.read()))
disk = study.settings.root.parent
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], check=True)
read_listings(study)
try:
    download_chunk(study, 1)
except DiskFullError as error:
    message = str(error)
known = read_journal(study.workspace.ledger / "chunk-0001.jsonl").values()
there = [(study.workspace.root / entry.row.path).is_file() for entry in known]
torn = [file.name for file in study.workspace.covers.rglob(".*")]
subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
print(json.dumps([message, there, torn, download_chunk(study, 1).counts]))
"""


def many(host: LoopbackHost) -> dict[str, str]:
    return {f"b{number:02d}": host.add(f"/{number}.jpg", reply(200, picture())) for number in range(BOOKS)}


def run_apart(script: str, study: Study, processes: int) -> subprocess.Popen[str]:
    """A process that downloads the chunk."""
    command = [sys.executable, "-c", script, str(processes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(study.settings.model_dump_json())
    process.stdin.close()
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_stopped_process_loses_at_most_what_was_in_flight(
    host: LoopbackHost, make_study: MakeStudy, processes: int, how: signal.Signals
):
    """After kill -9 or Ctrl-C no process is left, and the next run asks only for what was in flight."""
    study = make_study(many(host), requests_per_second=50, concurrency=4)
    process = run_apart(RUN, study, processes)
    deadline = time.monotonic() + 120
    while len(host.asked) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    started = psutil.Process(process.pid).children()
    workers = [child for child in started if "loky.backend.popen_loky_posix" in child.cmdline()]
    assert len(workers) == (0 if processes == 1 else processes)
    os.kill(process.pid, how)
    process.wait()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert not alive
    asked = [entry.target for entry in host.asked]
    assert 20 <= len(asked) < BOOKS
    known = read_journal(study.workspace.ledger / "chunk-0001.jsonl")
    assert len(known) >= len(asked) - 4
    quick = study.settings.covers.model_copy(update={"requests_per_second": 5000.0})
    manifest = download_chunk(Study(study.settings.model_copy(update={"covers": quick})), 1)
    assert manifest.counts == {"records": BOOKS + 6, "ok": BOOKS + 6}
    again = {entry.target for entry in host.asked[len(asked) :]} & set(asked)
    assert len(again) <= 4
    assert not (study.workspace.ledger / "chunk-0001.jsonl").exists()
    assert len(list(study.workspace.covers.rglob("*/.*"))) <= len(again)


def test_a_full_disk_stops_the_chunk_and_leaves_the_ledger_whole(
    host: LoopbackHost, make_study: MakeStudy, processes: int
):
    """On a disk that is really full, the chunk ends with one clear error; with space again, the rest is fetched."""
    if sys.platform != "linux" or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("only where a process may mount a small disk of its own can one be filled")
    study = make_study(many(host), concurrency=2)
    command = ["unshare", "-rm", sys.executable, "-c", FILL, str(processes)]
    settings = study.settings.model_dump_json()
    done = subprocess.run(command, input=settings, capture_output=True, text=True, check=True)
    message, there, torn, counts = json.loads(done.stdout)
    assert "no space is left on the disk. Free some space" in message
    assert len(there) > 10
    assert all(there)
    assert not torn
    assert counts == {"records": BOOKS + 6, "ok": BOOKS + 6}
    assert len(host.asked) <= BOOKS + 6 + 2
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("processes")
def test_a_folder_that_cannot_be_written_is_one_error(host: LoopbackHost, make_study: MakeStudy):
    """What hinders whoever writes the covers is told as it is, and ends everybody's work."""
    study = make_study(many(host))
    study.workspace.covers.write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        download_chunk(study, 1)
    study.workspace.covers.unlink()
    assert download_chunk(study, 1).counts["ok"] == BOOKS + 6


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device without space")
def test_a_full_disk_under_the_journal_is_the_same_error(
    host: LoopbackHost, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch
):
    """A journal that cannot be written to stops the chunk too; the next run mends its torn line."""
    study = make_study(many(host), concurrency=2)
    append = LedgerJournal.append

    def torn(self: LedgerJournal, row: LedgerRow) -> None:
        if len(host.asked) > 30:
            self._lines.write(b'{"run": "torn')
            self._lines = FULL.open("wb", buffering=0)
        append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(LedgerJournal, "append", torn)
        with pytest.raises(DiskFullError, match=r"chunk-0001\.jsonl"):
            download_chunk(study, 1)
    assert len(read_journal(study.workspace.ledger / "chunk-0001.jsonl")) >= 28
    assert download_chunk(study, 1).counts["ok"] == BOOKS + 6
