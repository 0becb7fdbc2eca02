"""A process that runs stages for another: `python -m bookcover_core.pipeline.stage_worker <id of the other> <pipe>`.

`stage_process` tells it which stages to run, and hears what comes of them: JSON, by a pipe. It ends when the other one
tells it to, or has itself ended.
"""

import json
import logging
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from bookcover_core.errors import BookcoverError, WorkerError
from bookcover_core.pipeline.python_process import attend
from bookcover_core.pipeline.study import Study, in_our_words
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)

# What a library raises where the memory is full, by name: TensorFlow's is not imported for it.
_MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError"}


class _Teller(logging.Handler):
    """Tells the other process what it must know; as a handler, of lines of the log."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def tell(self, message: dict[str, Any]) -> None:
        """Tell something. Where nobody listens any more, there is nothing left to do."""
        self.acquire()
        try:
            self._pipe.send_bytes(json.dumps(message).encode())
        except OSError:
            os._exit(1)
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a line of the log."""
        self.tell({"log": [record.name, record.levelno, self.format(record)]})

    def progress(self, done: int, total: int) -> None:
        """Tell how far a stage is."""
        self.tell({"progress": [int(done), int(total)]})


def _run(order: dict[str, Any], teller: _Teller) -> dict[str, Any]:
    """What came of the stage that `order` names: its manifest, or an error."""
    try:
        os.chdir(order["folder"])
        logging.getLogger("bookcover_core").setLevel(order["level"])
        study = Study(StudySettings.model_validate_json(order["settings"]), progress=teller.progress)
        module, _, name = order["stage"].partition(":")
        manifest = getattr(import_module(module), name)(study, *order["words"])
    except Exception as met:  # noqa: BLE001 - reported to the other process, whatever it was
        error = _as_ours(met)
        return {"error": [type(error).__name__, error.what, error.where, error.advice, error.exit_code]}
    return {"manifest": manifest.model_dump(mode="json"), "reused": manifest.reused}


def _as_ours(error: Exception) -> BookcoverError:
    """The error, or one of ours for it."""
    if isinstance(error, BookcoverError):
        return error
    if isinstance(error, OSError) and (ours := in_our_words(error)):
        return ours
    if type(error).__name__ in _MEMORY_ERRORS:
        smaller = "Close other programs, choose a smaller batch_size, or give the machine more memory, and start the"
        return WorkerError("the memory is full", advice=f"{smaller} same command again: what is done is kept.")
    logger.error("an error that nobody foresaw", exc_info=error)
    what = f"a stage met an error that nobody foresaw ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
    advice = "The log shows where. What is done is kept: start the same command again when the cause is mended."
    return WorkerError(what, advice=advice)


def main() -> None:
    """Run stages as the process that started this one says."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half-written files are removed
    caller, pipe = map(int, sys.argv[1:])
    attend(caller)
    # Loky's tracker removes what its pools have left at the end below, and need not warn of it.
    sys.warnoptions.append("ignore::UserWarning:loky.backend.resource_tracker")
    orders = Connection(pipe)
    teller = _Teller(orders)
    logging.getLogger().addHandler(teller)
    try:
        with suppress(EOFError):
            while True:
                teller.tell(_run(json.loads(orders.recv_bytes()), teller))
    finally:
        # What is left is memory to be tidied up, for which another process waits.
        os._exit(0)


if __name__ == "__main__":
    main()
