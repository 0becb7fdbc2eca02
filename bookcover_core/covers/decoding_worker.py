"""A process that checks costly images for `decoding_process`: `python -m bookcover_core.covers.decoding_worker`.

Requests are lines of JSON, each followed by the bytes of the image; answers are lines of JSON.
"""

import json
import math
import resource
import sys
import time
from contextlib import suppress
from typing import Any, BinaryIO

from bookcover_core.covers.image_checks import check_here

# Bytes of memory that the process may use, the interpreter included: 50 million pixels of four bytes, several times.
MOST_MEMORY = 2 * 1024**3


def _limit(resource_kind: int, most: int) -> None:
    """Let the process use no more of memory, or seconds of a processor: the system refuses it, or ends the process."""
    _, greatest = resource.getrlimit(resource_kind)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource_kind, (most, greatest))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while line := requests.readline():
        request = json.loads(line)
        body = requests.read(request.pop("bytes"))
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + request.pop("seconds"))
        try:
            answer: dict[str, Any] = check_here(body, **request)._asdict()
        except MemoryError:
            answer = {"shortage": f"decoding needs more than {MOST_MEMORY // 1024**2:,} MiB of memory"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    _limit(resource.RLIMIT_AS, MOST_MEMORY)
    serve(sys.stdin.buffer, sys.stdout.buffer)
