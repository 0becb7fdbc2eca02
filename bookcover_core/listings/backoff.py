"""How long to wait before a host is asked again: for fetching listings, and covers after them."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Statuses that say "not now": request time-out, too early, too many requests (RFC 9110, 8470, 6585), and all 5xx.
_NOT_NOW = frozenset({408, 425, 429})

# Seconds that a host's Retry-After is obeyed for, at most.
LONGEST_RETRY_AFTER = 120.0

# Seconds between two attempts, at most, however many there were.
_LONGEST_PAUSE = 60.0


def may_pass(status: int) -> bool:
    """Whether a failure with this HTTP status may be over when the host is asked again."""
    return status in _NOT_NOW or 500 <= status < 600


def pause(attempt: int, base: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): `base`, doubled each time, within jitter.

    The jitter, from half to the whole of it, keeps requests that failed together from coming back together.
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
