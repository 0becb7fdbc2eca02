"""Tests of how long to wait before a host is asked again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bookcover_core.listings.backoff import LONGEST_RETRY_AFTER, may_pass, pause, retry_after


def test_pauses_double_within_their_jitter():
    """Each pause is up to twice the one before, never less than half of that, and never longer than a minute."""
    for attempt, most in ((1, 2.0), (2, 4.0), (3, 8.0), (50, 60.0)):
        drawn = [pause(attempt, 2.0) for _ in range(50)]
        assert most / 2 <= min(drawn) <= max(drawn) <= most
        assert len(set(drawn)) > 1
    assert pause(5, 0) == 0


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (" 0 ", 0.0), ("99999", LONGEST_RETRY_AFTER), ("soon", None), ("-3", None)]
)
def test_retry_after_in_seconds(header: str, seconds: float | None):
    """Seconds are taken as they are, up to a limit; what cannot be read counts as nothing."""
    assert retry_after({"retry-after": header}) == seconds
    assert retry_after({}) is None


def test_retry_after_as_a_date():
    """A date in the future is so many seconds away, one in the past none."""
    now = datetime.now(UTC)
    wait = retry_after({"retry-after": format_datetime(now + timedelta(seconds=30), usegmt=True)})
    assert wait == pytest.approx(30, abs=5)
    assert retry_after({"retry-after": format_datetime(now - timedelta(days=1), usegmt=True)}) == 0


def test_what_may_pass():
    """Time-outs, too many requests and errors of the host may pass; refusals and missing things do not."""
    assert [status for status in range(100, 600) if may_pass(status)] == [408, 425, 429, *range(500, 600)]
