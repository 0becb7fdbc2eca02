"""Stages in a process of their own: whatever imports TensorFlow runs there, for one network at a time.

    run_apart ── stage, settings ─→ stage_worker
              ←─ lines of the log, progress, at last the manifest or an error ──

The machine has the memory of a network again when its process ends, and a training can be stopped whatever it is at.
"""

import json
import logging
import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from multiprocessing import Pipe
from pathlib import Path
from signal import SIGKILL
from threading import Lock, Thread, Timer
from typing import Any

from bookcover_core.errors import TrainingError, WorkerError, error_named
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.python_process import start_module
from bookcover_core.pipeline.stage import Stage
from bookcover_core.pipeline.study import Study

_GRACE_SECONDS = 5.0  # seconds that a process has to end after SIGTERM
_LISTENING_SECONDS = 0.5  # how long it is listened to at a stretch: a cancelled task is interrupted in between
_KEPT_SECONDS = 30.0  # how long a process of `kept_process` waits for the next stage
_KEPT_BYTES, _TOLD_LINES = 4_000, 3  # how much of what it last printed is kept, and told when it has ended


def run_part(study: Study, part: Part, *, apart: bool = False) -> Manifest:
    """The manifest of a part, done here or, where its stage declares that or `apart` asks for it, by `run_apart`."""
    stage, words = part.stage, part.words
    if not (stage.apart or apart):
        return stage(study, *words)
    minutes = study.settings.training.time_limit if stage.timed else 0.0
    return run_apart(study, stage, *words, network=stage.network(study, *words), minutes=minutes)


def run_apart(
    study: Study, stage: Stage[...], *words: Any, network: str | None = None, minutes: float = 0.0
) -> Manifest:
    """The manifest of `stage`, which is run in a process of its own unless it stands already, or the store has it.

    Its log and its progress are reported in this thread. Within `shared_process`, the process is kept for the next
    stage of the same network, or of none. 0 minutes are as many as it likes.

    Raises:
        TrainingError: It took longer, and was ended.
        WorkerError: The process was killed, cannot be started, or met an error that nobody foresaw.
        BookcoverError: What the stage raised.
    """
    run = stage.before(study, *words)
    made = run.take()
    order = {
        "stage": f"{stage.function.__module__}:{stage.function.__name__}",
        "words": words,
        "settings": study.settings.model_dump_json(),
        "folder": str(Path.cwd()),
        "level": logging.getLogger("bookcover_core").getEffectiveLevel(),
    }
    place = _shared.get() or _Place()
    while made is None:
        process = place.take(network)
        try:
            made = process.run(order, run.label, study.progress, minutes)
        finally:
            if process.listens and place is _shared.get():
                place.give(process)
            else:
                process.end()
    return made


@contextmanager
def shared_process() -> Iterator[None]:
    """Within this block, the stages of one network that follow each other share a process, which ends with the block.

    A block within another is part of that one; those of several threads know nothing of each other.
    """
    if _shared.get() is not None:
        yield
        return
    place = _Place()
    token = _shared.set(place)
    try:
        yield
    finally:
        _shared.reset(token)
        place.is_closed = True
        place.give(None)


@contextmanager
def kept_process() -> Iterator[None]:
    """Within this block, stages run in one process, which waits for half a minute after the last block.

    It is for the workers of a cluster, which get stages one by one. Blocks of several threads take turns.
    """
    with _kept_turn:
        _kept.dismissal.cancel()
        token = _shared.set(_kept)
        try:
            yield
        finally:
            _shared.reset(token)
            _kept.dismissal = Timer(_KEPT_SECONDS, _kept.give, [None])
            _kept.dismissal.daemon = True
            _kept.dismissal.start()


class _Process:
    """A process that runs stages, and what it says."""

    def __init__(self, network: str | None) -> None:
        self.network = network
        self.listens = False
        """Whether it is ready for another stage."""
        self._last_words = b""
        self._pipe, other_end = Pipe()
        try:
            self._process = start_module(
                "bookcover_core.pipeline.stage_worker",
                str(os.getpid()),
                str(other_end.fileno()),
                pass_fds=[other_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Ctrl-C at a terminal is for this process alone, which then ends the other.
                process_group=0,
            )
        except OSError as error:
            what = f"a process for the networks cannot be started ({error.strerror})"
            advice = "Close other programs, and start the same command again: what is done is kept."
            raise WorkerError(what, advice=advice) from error
        finally:
            other_end.close()
        self._passing_on = Thread(target=self._pass_on, name="stage-process-output", daemon=True)
        self._passing_on.start()

    def run(
        self, order: dict[str, Any], label: str, progress: Callable[[int, int], None], minutes: float
    ) -> Manifest | None:
        """The manifest of the stage that `order` names: see `run_apart`. None where it was killed while it waited."""
        has_waited, self.listens = self.listens, False
        with suppress(OSError):  # it has ended, which is heard below
            self._pipe.send_bytes(json.dumps(order).encode())
        until = time.monotonic() + 60 * minutes if minutes else math.inf
        for message in self._hear(until):
            has_waited = False
            match message:
                case {"log": [name, level, text]}:
                    logging.getLogger(name).log(level, "%s", text)
                case {"progress": [done, total]}:
                    progress(done, total)
                case {"error": [kind, what, where, advice, exit_code]}:
                    self.listens = True
                    error = error_named(kind)(what, where=where, advice=advice)
                    error.exit_code = exit_code
                    raise error
                case {"manifest": manifest, "reused": reused}:
                    self.listens = True
                    return Manifest.model_validate(manifest).model_copy(update={"reused": reused})
        if time.monotonic() >= until:
            what = f"it took longer than {minutes:g} minutes, and was ended"
            advice = "The same command goes on from what it did; training.time_limit says how long it may take."
            raise TrainingError(what, where=label, advice=advice)
        if has_waited:
            return None
        raise self._ended(label)

    def serves(self, network: str | None) -> bool:
        """Whether it is still there, and may run a stage of this network, or of none."""
        return self._process.poll() is None and (network is None or self.network in {None, network})

    def end(self) -> None:
        """End it, whatever it is at."""
        self._process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._passing_on.join(_GRACE_SECONDS)
            self._pipe.close()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _hear(self, until: float) -> Iterator[dict[str, Any]]:
        """What it says, until it ends or the time is up."""
        with suppress(EOFError, OSError):
            while (left := until - time.monotonic()) > 0:
                if self._pipe.poll(min(left, _LISTENING_SECONDS)):
                    yield json.loads(self._pipe.recv_bytes())

    def _pass_on(self) -> None:
        """Pass on what it prints, and keep the last of it."""
        assert self._process.stdout is not None
        while words := os.read(self._process.stdout.fileno(), 4_096):
            self._last_words = (self._last_words + words)[-_KEPT_BYTES:]
            with suppress(OSError):
                os.write(2, words)

    def _ended(self, label: str) -> WorkerError:
        """What to say of its end, which nobody asked for."""
        status = self._process.wait()
        self._passing_on.join(_GRACE_SECONDS)
        how = f"was killed (signal {-status})" if status < 0 else f"ended by itself (status {status})"
        last = " | ".join(self._last_words.decode(errors="replace").split("\n")[-_TOLD_LINES - 1 :]).strip(" |")
        memory = "Most often the memory was full: close other programs, or give the machine more. "
        what = f"its process {how}" + (f"; its last words were: {last}" if last else "")
        advice = f"{memory if status == -SIGKILL else ''}What is done is kept: start the same command again."
        return WorkerError(what, where=label, advice=advice)


class _Place:
    """The place where the process of a block waits for the next stage."""

    def __init__(self) -> None:
        self.is_closed = False
        self.dismissal = Timer(_KEPT_SECONDS, self.give, [None])
        self._waiting: _Process | None = None
        self._lock = Lock()

    def take(self, network: str | None) -> _Process:
        """The process that waits, if it is one for this network; else it is ended, and this is another."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is None or not waiting.serves(network):
            if waiting is not None:
                waiting.end()
            return _Process(network)
        waiting.network = waiting.network or network
        return waiting

    def give(self, process: _Process | None) -> None:
        """Let `process` wait for the next stage, and none where the place is closed; end the one that waited."""
        with self._lock:
            waiting, self._waiting = self._waiting, process
        if waiting is not None:
            waiting.end()
        if process is not None and self.is_closed:
            self.give(None)


_shared: ContextVar[_Place | None] = ContextVar("shared_process", default=None)

# The place of the process of `kept_process`.
_kept = _Place()
_kept_turn = Lock()
