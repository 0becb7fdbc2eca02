"""Which IP addresses are public, and how long to wait before a host is asked again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bookcover_core.listings.host_access import LONGEST_RETRY_AFTER, is_public, may_pass, pause, retry_after


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


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "255.255.255.255",
        "fe80::1%eth0",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "fe80::1",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::808:808",
        "2002:a00:1::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_addresses_of_a_network_of_ones_own_are_not_public(address):
    """In whatever way an IPv4 address is wrapped in an IPv6 one."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_addresses_of_the_internet_are_public(address):
    """Wrapped ones too."""
    assert is_public(address)
