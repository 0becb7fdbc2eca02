"""The home: the folder in which studies are kept (`data/studies`), and in which commands, server and runs work.

It is the folder that BOOKCOVER_HOME names or, without it, the one that the study of a command lies in (beside its
settings file), or in which the command or the worker was started.
"""

import os
from pathlib import Path

from bookcover_core.errors import WorkspaceError
from bookcover_core.settings import HOME, StudySettings
from flows import RUN_HOME


def home() -> Path:
    """The folder that BOOKCOVER_HOME names; without it, the current one. See `live_with`."""
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


def live_with(settings: StudySettings) -> None:
    """Make the home that a study lies in that of this process and of those that it starts, unless one is named.

    So a study meets the server that serves it, whichever folder a command is typed in. One that lies in no home's
    `data/studies` leaves the home as it is.
    """
    kept = settings.root.parent
    inside = Path(StudySettings().workspace).parts
    if not os.environ.get(HOME) and kept.parts[-len(inside) :] == inside:
        os.environ[HOME] = str(kept.parents[len(inside) - 1])


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
