"""What the log of a run says of errors: those of this project explain themselves, without a traceback."""

import logging

from bookcover_core.errors import BookcoverError

OURS = "tells_of_our_error"
"""Marks a record that tells of an error of this project, once its traceback is gone."""


class _PlainErrors(logging.Filter):
    """Leaves the traceback out of a record whose error explains itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info is not None and isinstance(record.exc_info[1], BookcoverError):
            setattr(record, OURS, True)
            record.exc_info = None
            record.exc_text = None
        return True


_plain_errors = _PlainErrors()


def explain_errors() -> None:
    """Let this project's errors stand in each run's log as their message."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_plain_errors)  # once: a handler takes no filter twice
