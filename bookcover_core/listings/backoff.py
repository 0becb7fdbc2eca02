"""Retry policy for HTTP: which failures are temporary, and how long to wait. Used for listings and for covers."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Statuses that say "not now": request time-out, too early, too many requests (RFC 9110, 8470, 6585), and all 5xx.
_NOT_NOW = frozenset({408, 425, 429})

# Greatest Retry-After that is obeyed, in seconds.
LONGEST_RETRY_AFTER = 120.0

# Greatest pause between two attempts, in seconds.
_LONGEST_PAUSE = 60.0


def may_pass(status: int) -> bool:
    """Whether a failure with this HTTP status is temporary."""
    return status in _NOT_NOW or 500 <= status < 600


def pause(attempt: int, base: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): `base`, doubled each time, within jitter.

    The jitter, from half to the whole, spreads the retries of requests that failed together.
    """
    return min(base * 2.0 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait, at most `LONGEST_RETRY_AFTER`; None where there is none."""
    wanted = headers.get("retry-after", "").strip()
    if wanted.isascii() and wanted.isdigit():
        seconds = float(wanted)
    else:
        try:
            moment = parsedate_to_datetime(wanted)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
