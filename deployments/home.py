"""The home: the folder in which studies are kept (`data/studies`), and in which commands, server and runs work.

It is the folder that BOOKCOVER_HOME names or, without it, the one in which the command or the worker was started.
"""

import os
from pathlib import Path

from bookcover_core.errors import WorkspaceError
from bookcover_core.settings import HOME
from flows import RUN_HOME


def home() -> Path:
    """The folder that BOOKCOVER_HOME names; without it, the current one."""
    named = os.environ.get(HOME)
    return _existing(named, HOME) if named else Path.cwd()


def stand_in_for_home_folder() -> None:
    """Let the home stand in for the home folder of a user who has none: no HOME, and unknown to the system.

    Prefect and Keras look for one when they are imported, and end with a traceback.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(home())


def go_home() -> Path:
    """Work in the home from now on, as do all processes that are started from here."""
    os.chdir(home())
    os.environ[HOME] = str(Path.cwd())
    return Path.cwd()


def enter_home() -> None:
    """Tell a run of a worker in which folder to work: a step before it, which its deployment names.

    A worker starts its runs in a folder that is removed afterwards. The folder in which it was started itself is what
    the shell left in PWD. The run enters it when it imports `flows`: Prefect would look for packages there.

    Raises:
        WorkspaceError: Nothing says where, or there is no such folder.
    """
    for name in (HOME, "PWD"):
        if named := os.environ.get(name):
            os.environ[RUN_HOME] = str(_existing(named, name))
            return
    raise WorkspaceError(
        "nothing says in which folder this worker keeps studies",
        where=HOME,
        advice="Set it to a folder, and start the worker again.",
    )


def _existing(named: str, name: str) -> Path:
    folder = Path(named).expanduser().resolve()
    if not folder.is_dir():
        raise WorkspaceError("there is no such folder", where=folder, advice=f"Make it, or let {name} name another.")
    return folder
