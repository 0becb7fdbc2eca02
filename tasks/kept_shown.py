"""What is shown of work that is under way, kept up to date from a thread: a slow server, or none, holds no work up."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread

import httpx
from prefect.exceptions import PrefectException

logger = logging.getLogger(__name__)


@contextmanager
def kept_shown(what: str, show: Callable[[bool], None], seconds: float) -> Iterator[None]:
    """Call `show` every so many seconds while the block lasts, and once more then: told whether it ended well."""
    ending, is_done = Event(), False

    def keep() -> None:
        is_ending = has_failed = False
        while True:
            try:
                show(is_ending and is_done)
            except (httpx.HTTPError, PrefectException) as error:
                if not has_failed:
                    logger.warning("%s could not be shown: %s", what, error)
                has_failed = True
            if is_ending:
                return
            is_ending = ending.wait(seconds)

    keeper = Thread(target=copy_context().run, args=(keep,), name="kept-shown")
    keeper.start()
    try:
        yield
        is_done = True
    finally:
        ending.set()
        keeper.join()
