"""The tree of errors."""

import errno
import pickle
import re
from pathlib import Path

import pytest

from bookcover_core import errors
from bookcover_core.errors import (
    BookcoverError,
    DiskFullError,
    FailureError,
    InputError,
    ListingError,
    WorkspaceError,
    from_os_error,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BookcoverError)]


@pytest.mark.parametrize("kind", KINDS)
def test_exit_codes_tell_input_from_failure(kind):
    """What the person gave wrongly ends with 2, work that failed with 1."""
    assert kind("x").exit_code == (2 if issubclass(kind, InputError) else 1)
    assert kind is BookcoverError or issubclass(kind, InputError | FailureError)


def test_the_docstring_draws_the_whole_tree():
    """Every error stands in the drawing, and nothing else does."""
    drawn = re.findall(r"\w+Error\b", errors.__doc__)
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)


def test_a_message_says_what_where_and_what_to_do():
    """Place, fault and advice stand in one line; what is not known is left out."""
    full = InputError("the row is empty", where=Path("a.csv"), advice="Fill it in.")
    assert str(full) == "a.csv: the row is empty. Fill it in."
    assert str(InputError("it is wrong")) == "it is wrong."


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_another_process(kind):
    """An error that was pickled is the same error."""
    error = pickle.loads(pickle.dumps(kind("what", where=Path("there"), advice="Do.")))
    assert type(error) is kind
    assert (error.what, error.where, error.advice) == ("what", "there", "Do.")
    assert str(error) == "there: what. Do."


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, DiskFullError),
        (errno.EDQUOT, DiskFullError),
        (errno.EACCES, WorkspaceError),
        (errno.EPERM, WorkspaceError),
        (errno.EROFS, WorkspaceError),
        (errno.ENOTDIR, WorkspaceError),
        (errno.EEXIST, WorkspaceError),
        (errno.EISDIR, WorkspaceError),
        (errno.EIO, type(None)),
    ],
)
def test_errors_of_the_file_system_become_ours(code, kind):
    """A full disk and a folder that cannot be written are told apart; anything else is not guessed at."""
    error = from_os_error(OSError(code, "reason"), Path("there"))
    assert isinstance(error, kind)
    assert error is None or "there" in str(error)


def test_a_message_commands_no_terminal():
    """Titles and names of strangers may hold escape sequences; they are shown, not sent."""
    error = ListingError("'\x1b[2J\x9b31m' is no genre\nnor a\ttitle", where="a\x07.csv")
    assert str(error) == "a\\x07.csv: '\\x1b[2J\\x9b31m' is no genre\nnor a\ttitle."
