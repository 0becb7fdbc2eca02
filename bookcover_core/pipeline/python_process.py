"""How the project starts Python processes of its own: with its own code, whatever lies in the working folder.

A folder in which people keep flows of their own often has packages named `flows` or `tasks`, as this project has.
"""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

# The folder that holds this project's packages: a checkout, or the environment's site-packages.
_HOME = Path(__file__).parents[2]

_WATCH_SECONDS = 0.5  # how often a process looks whether the one that started it still runs, in seconds


def own_environment() -> dict[str, str]:
    """Environment variables by which a Python process finds the code of this one, and none in its working folder.

    A checkout that is not installed is found by PYTHONPATH; what is installed stays behind the standard library.
    """
    found = {"PYTHONSAFEPATH": "1"}
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if Path(sysconfig.get_path("purelib")) != _HOME and str(_HOME) not in paths:
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_HOME), *paths]))
    return found


def attend(caller: int) -> None:
    """Make this process one that ends with the one that started it, `caller`, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(caller,), daemon=True).start()


def _end_with(caller: int) -> None:
    while os.getppid() == caller:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def start_module(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start `python -m module` with the code of this process, variables beside its own, and options of `Popen`."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-u", "-m", module, *arguments],
        env={**os.environ, **(environment or {}), **own_environment()},
        **options,
    )
