"""How fast covers are downloaded, and in how much memory, against img2dataset on the same host and cores.

    python benchmarks/download.py                          5,000 covers, drawn here
    python benchmarks/download.py --covers FOLDER          real covers, from a folder of JPEGs
    python benchmarks/download.py --img2dataset PYTHON     an environment that has img2dataset; without it, one is made

A host on loopback, in a process of its own (nginx where it is installed), serves the covers. Both download them to the
same disk on two cores, turn by turn:

- the stage `download_chunk`, whole, in a fresh process: every cover is decoded, hashed, written atomically, and entered
  in the journal and then in the ledger. All settings are the defaults, but for the pace.
- img2dataset at its cheapest: no decoding, no hash, no EXIF, files as they came, with the numbers of processes and
  threads that do best here.

Both are timed in three ways: as whole commands, from start to end; by their own clocks, that is the stage from its
call to its return (the start of its processes, ledger and manifest included) against img2dataset from its first shard's
start to its last one's end (its own start and end, which take longer than the download, left out); and so against
img2dataset with the checks that it has, decoding and SHA-256. CPU seconds are those of whole commands. Memory is the
peak of each process of the stage, for 1,000 and for 50,000 records. Writes benchmarks/results/download.json.
"""

import argparse
import asyncio
import csv
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

RESULTS = Path(__file__).parent / "results" / "download.json"
COVERS = 5_000
ROUNDS = 5
CORES = 2
MEMORY_RECORDS = (1_000, 50_000)
CONCURRENCY = 32

# Processes and threads in each, of which the best is taken.
RIVAL_CHOICES = ((1, 16), (1, 32), (2, 4), (2, 8), (2, 16), (2, 32))

# On a disk, a run would wait for the writing of the one before.
IN_MEMORY = Path("/dev/shm")
SCRATCH = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100000;
    types {{ image/jpeg jpg; }}
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/covers; }}
}}
"""


def draw_covers(folder: Path, count: int) -> None:
    """Draw JPEGs of 219 pixels at most, with the weight of real covers: 9 KB, from 2 to 30."""
    chance = np.random.default_rng(1)
    grain = chance.normal(0, 1, (512, 512, 3)).astype(np.float32)
    for number in range(count):
        width, height = int(chance.integers(120, 180)), 219
        coarse = Image.fromarray(chance.integers(0, 256, (9, 6, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.float32)
        top, left = chance.integers(0, 290, 2)
        pixels += grain[top : top + height, left : left + width] * chance.lognormal(1.9, 0.6)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:06d}.jpg", quality=85)


def serve(folder: Path, port: int) -> None:
    """Serve the covers, where nginx is not installed: everything is in memory."""
    files = {f"/{file.name}".encode(): file.read_bytes() for file in folder.iterdir()}
    answer(port, files.__getitem__)


def answer(port: int, body_of: Callable[[bytes], bytes]) -> None:
    """Answer requests for a path with what `body_of` gives for it; a request is its first line."""

    class Talk(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport, self._asked = transport, b""

        def data_received(self, data: bytes) -> None:
            *requests, self._asked = (self._asked + data).split(b"\r\n\r\n")
            for request in requests:
                body = body_of(request.split(b" ", 2)[1])
                self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                if b"connection: close" in request.lower():
                    self._transport.close()

    async def work() -> None:
        server = await asyncio.get_running_loop().create_server(Talk, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    asyncio.run(work())


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def answering(command: list[str], port: int, path: str) -> Iterator[str]:
    """Address of a host that `command` starts, once it answers for `path`; it is ended with the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            with suppress(OSError):
                urllib.request.urlopen(f"{address}{path}").read()
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def host(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and name of a host that serves what lies in folder/covers."""
    port = free_port()
    nginx = shutil.which("nginx")
    if nginx:
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=port))
        version = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
        name = version.strip().rpartition(" ")[2]
        command = [nginx, "-c", str(configuration), "-p", str(folder)]
    else:
        name = "asyncio, in memory"
        command = [sys.executable, __file__, "--serve", str(folder / "covers"), "--port", str(port)]
    with answering(command, port, "/000000.jpg") as address:
        yield address, name


def run(command: list[str], **options: Any) -> tuple[str, float, float]:
    """What a command prints, and its wall and CPU seconds, those of its processes included."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(command, stdout=out, stderr=complaints, text=True, **options)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        complaints.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{complaints.read()}")
        return out.read(), seconds, used.ru_utime + used.ru_stime


def make_study(folder: Path, address: str, records: int, distinct: int) -> Path:
    """Settings of a study of so many records, whose listing has been read."""
    from bookcover_core.listings.read_listings import read_listings
    from bookcover_core.pipeline.study import Study
    from bookcover_core.settings.toml_file import parse_settings

    folder.mkdir()
    listing = folder / "listing.csv"
    with listing.open("w", newline="") as lines:
        table = csv.writer(lines, quoting=csv.QUOTE_ALL)
        for number in range(records):
            # Past the covers that there are, an address tells one picture from another that is the same.
            repeated = f"?{number // distinct}" if number >= distinct else ""
            url = f"{address}/{number % distinct:06d}.jpg{repeated}"
            title = f"A book called {number}: its subtitle"
            genre = number % 30
            table.writerow([number, f"{number:06d}.jpg", url, title, "An Author", genre, f"Genre {genre}"])
    covers = {
        "allowed_private_hosts": ["127.0.0.1"],
        "concurrency": CONCURRENCY,
        "requests_per_second": 100_000,
    }
    books = {"source": "listing", "listing": str(listing), "chunk_records": 1_000_000}
    study = Study(parse_settings({"workspace": str(folder), "books": books, "covers": covers}))
    read_listings(study)
    settings = folder / "settings.json"
    settings.write_text(study.settings.model_dump_json())
    return settings


def download(settings: Path) -> float:
    """Seconds that the stage takes in this process."""
    from bookcover_core.covers.download import download_chunk
    from bookcover_core.pipeline.study import Study
    from bookcover_core.settings import StudySettings

    study = Study(StudySettings.model_validate_json(settings.read_text()))
    started = time.perf_counter()
    counts = download_chunk(study, 1).counts
    seconds = time.perf_counter() - started
    # A few of the real covers are narrower than 64 pixels: placeholders, by the settings.
    assert "failed for now" not in counts
    assert counts["ok"] > 0.99 * counts["records"]
    return seconds


def ours(folder: Path, address: str, count: int) -> dict[str, float]:
    """How the stage does in a process of its own."""
    settings = make_study(folder, address, count, count)
    printed, wall, computed = run([sys.executable, __file__, "--download", str(settings)])
    return {"seconds": float(printed), "wall": wall, "cpu": computed, "got": count}


def rival(
    python: Path, folder: Path, address: str, count: int, workers: tuple[int, int], *, checked: bool = False
) -> dict[str, float]:
    """How img2dataset does with so many processes and threads, with or without the checks that it has."""
    folder.mkdir()
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{address}/{number:06d}.jpg\n" for number in range(count)))
    output = folder / "output"
    options = {
        "url_list": urls,
        "output_folder": output,
        "output_format": "files",
        "processes_count": workers[0],
        "thread_count": workers[1],
        "number_sample_per_shard": count // 4,
        "resize_mode": "no",
        "extract_exif": False,
        **({"skip_reencode": True} if checked else {"disable_all_reencoding": True, "compute_hash": None}),
    }
    command = [str(python.parent / "img2dataset"), *(f"--{name}={value}" for name, value in options.items())]
    _, wall, computed = run(command, env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"})
    shards = [json.loads(file.read_text()) for file in output.glob("*_stats.json")]
    seconds = max(shard["end_time"] for shard in shards) - min(shard["start_time"] for shard in shards)
    return {"seconds": seconds, "wall": wall, "cpu": computed, "got": sum(shard["successes"] for shard in shards)}


def rival_environment(folder: Path) -> Path:
    """The interpreter of an environment with the latest img2dataset."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / "img2dataset").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "img2dataset"], check=True)
    return python


def compare(folder: Path, address: str, count: int, python: Path) -> dict[str, Any]:
    """Both, turn by turn."""
    speeds = {}
    for choice in RIVAL_CHOICES:
        found = rival(python, folder / f"choice-{choice[0]}-{choice[1]}", address, count, choice)
        speeds[choice] = round(found["got"] / found["seconds"])
        print(f"img2dataset, {choice[0]} x {choice[1]} threads: {speeds[choice]:,} covers/s", flush=True)
    best = max(speeds, key=speeds.__getitem__)
    ways: dict[str, Callable[[Path], dict[str, float]]] = {
        "img2dataset": lambda output: rival(python, output, address, count, best),
        "stage": lambda output: ours(output, address, count),
        "img2dataset, checked": lambda output: rival(python, output, address, count, best, checked=True),
    }
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    loads = []
    for number in range(ROUNDS):
        loads.append(round(os.getloadavg()[0], 1))
        for name, way in ways.items():
            measured[name].append(way(folder / f"{number}-{name}"))
            assert measured[name][-1]["got"] == count, f"{name} got {measured[name][-1]['got']} of {count}"
        rates = {name: round(count / found[-1]["seconds"]) for name, found in measured.items()}
        print(f"round {number + 1}: covers/s by their own clocks {rates}", flush=True)

    def against(name: str, clock: str) -> dict[str, Any]:
        pairs = list(zip(measured["stage"], measured[name], strict=True))
        ratios = [round(theirs[clock] / mine[clock], 2) for mine, theirs in pairs]
        return {
            "stage": [round(count / mine[clock]) for mine, _ in pairs],
            "img2dataset": [round(count / theirs[clock]) for _, theirs in pairs],
            "ratios": ratios,
            "median_ratio": round(statistics.median(ratios), 2),
        }

    version = "from importlib.metadata import version; print(version('img2dataset'))"
    return {
        "img2dataset": {
            "version": subprocess.run([python, "-c", version], capture_output=True, text=True, check=True).stdout[:-1],
            "processes": best[0],
            "threads_in_each": best[1],
            "tried": {f"{choice[0]} x {choice[1]}": speed for choice, speed in speeds.items()},
        },
        "covers_per_second": {
            "whole commands": against("img2dataset", "wall"),
            "by their own clocks": against("img2dataset", "seconds"),
            "by their own clocks, img2dataset with its checks": against("img2dataset, checked", "seconds"),
        },
        "cpu_seconds": {name: [round(each["cpu"], 1) for each in found] for name, found in measured.items()},
        "load_before": loads,
    }


def memory(folder: Path, address: str, distinct: int) -> dict[str, Any]:
    """Peaks of the stage by the number of records."""
    peaks = {}
    for records in MEMORY_RECORDS:
        settings = make_study(folder / f"memory-{records}", address, records, distinct)
        process = subprocess.Popen([sys.executable, __file__, "--download", str(settings)], stdout=subprocess.DEVNULL)
        peaks[records] = peaks_of(process)
        assert process.wait() == 0
    few, many = (sum(peaks[records]) for records in MEMORY_RECORDS)
    return {
        "peak_mib": {f"{records:,} records": [round(each) for each in peak] for records, peak in peaks.items()},
        "growth_mib": round(many - few),
    }


def peaks_of(process: subprocess.Popen[bytes]) -> list[float]:
    """The most memory that a process, and each of its own, had while it ran, in MiB."""
    peaks: dict[int, float] = {}
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess, OSError):
            for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children()]:
                for line in Path(f"/proc/{each.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        peaks[each.pid] = int(line.split()[1]) / 1024
        time.sleep(0.02)
    return list(peaks.values())


def main() -> None:
    """Measure, print and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--covers", type=Path, help="folder of real JPEGs")
    options.add_argument("--img2dataset", type=Path, help="interpreter of an environment that has it")
    options.add_argument("--download", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--port", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.download:
        print(download(chosen.download))
        return
    if chosen.serve:
        serve(chosen.serve, chosen.port)
        return
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    python = chosen.img2dataset or rival_environment(Path(tempfile.gettempdir(), "img2dataset-environment"))
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        folder = Path(scratch)
        # The host's processes may be another user's.
        folder.chmod(0o755)
        covers = folder / "covers"
        covers.mkdir()
        count = COVERS
        if chosen.covers:
            real = sorted(chosen.covers.glob("*.jpg"))
            for number in range(count):
                shutil.copy(real[number % len(real)], covers / f"{number:06d}.jpg")
        else:
            draw_covers(covers, count)
        sizes = [file.stat().st_size for file in covers.iterdir()]
        with host(folder) as (address, name):
            result = {
                "covers": count,
                "mean_bytes": round(statistics.mean(sizes)),
                "host": name,
                "requests_in_flight": CONCURRENCY,
                **compare(folder, address, count, python),
                "memory": memory(folder, address, count),
                "machine": {
                    "cores": len(cores),
                    "processor": platform.machine(),
                    "python": platform.python_version(),
                },
            }
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[f"{count:,} {'real' if chosen.covers else 'drawn'} covers"] = result
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
