"""A process that runs stages for another: `python -m bookcover_core.pipeline.stage_worker <id of the other>`.

`stage_process` tells it which stages to run, and hears what comes of them: a line of JSON each, on standard input and
output. It ends when the other one tells it to, or has itself ended.
"""

import json
import logging
import os
import signal
import sys
from importlib import import_module
from threading import Lock
from typing import Any, BinaryIO

from bookcover_core.errors import BookcoverError, WorkerError
from bookcover_core.pipeline.python_process import attend
from bookcover_core.pipeline.study import Study, in_our_words
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)

# What a library raises where the memory is full, by name: TensorFlow's is not imported for it.
_MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError"}


class _Teller(logging.Handler):
    """Tells the other process what it must know; as a handler, of lines of the log."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out
        self._turn = Lock()

    def tell(self, message: dict[str, Any]) -> None:
        """Tell something. Where nobody listens any more, there is nothing left to do."""
        said = json.dumps(message).encode() + b"\n"
        try:
            with self._turn:
                while said:
                    said = said[self._out.write(said) :]
        except BrokenPipeError:
            os._exit(1)

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
    except BookcoverError as error:
        return _told(error)
    except Exception as error:  # noqa: BLE001 - reported to the other process, whatever it was
        return _told(_our_error(error))
    return {"manifest": manifest.model_dump(mode="json"), "reused": manifest.reused}


def _told(error: BookcoverError) -> dict[str, Any]:
    return {"error": [type(error).__name__, error.what, error.where, error.advice, error.exit_code]}


def _our_error(error: Exception) -> BookcoverError:
    """An error of ours for one that is not."""
    if isinstance(error, OSError) and (ours := in_our_words(error)):
        return ours
    if type(error).__name__ in _MEMORY_ERRORS:
        return WorkerError(
            "the memory is full",
            advice="Close other programs, choose a smaller batch_size, or give the machine more memory, and start the"
            " same command again: what is done is kept.",
        )
    logger.error("an error that nobody foresaw", exc_info=error)
    return WorkerError(
        f"a stage met an error that nobody foresaw ({type(error).__name__}: {' '.join(str(error).split())[:300]})",
        advice="The log shows where. What is done is kept: start the same command again when the cause is mended.",
    )


def main() -> None:
    """Run stages as the process that started this one says."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that half-written files are removed
    attend(int(sys.argv[1]))
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    # What anything else prints is no part of the conversation.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    teller = _Teller(out)
    logging.getLogger().addHandler(teller)
    try:
        for line in sys.stdin.buffer:
            teller.tell({"heard": True})
            teller.tell(_run(json.loads(line), teller))
    finally:
        # What is left is memory to be tidied up, for which another process waits.
        os._exit(0)


if __name__ == "__main__":
    main()
