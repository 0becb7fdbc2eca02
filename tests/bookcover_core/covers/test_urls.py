"""Tests of addresses."""

import re
import string
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcover_core.covers.urls import parse_address
from bookcover_core.listings.text_decoding import decode, encode

# What may stand in a request line.
VISIBLE = frozenset(string.printable) - frozenset(string.whitespace)

ENCODED = st.from_regex(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}){0,60}", fullmatch=True)


@given(target=ENCODED)
def test_a_target_that_can_be_sent_stays_as_it_is(target: str):
    """Whatever is percent-encoded stays so, in the case that it has; nothing is encoded twice."""
    assert parse_address(f"http://shop.example{target}").target == target


@given(raw=st.binary(max_size=60))
def test_a_target_that_cannot_be_sent_is_encoded(raw: bytes):
    """Spaces, control characters, letters beyond ASCII and bytes that are no text arrive as the bytes that they are."""
    text = decode(raw).partition("#")[0].rstrip()
    target = parse_address(f"http://shop.example/{text}").target
    assert set(target) <= VISIBLE
    assert unquote_to_bytes(target) == unquote_to_bytes(b"/" + encode(text))


ANY = st.text(st.characters(exclude_categories=()), max_size=30)
URLS = ANY | st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp", "file", "javascript", "http ", ""]),
    st.sampled_from(["shop.example", "Shop.Example:8080", "[::1]", "user:secret@shop.example", "bücher.example", ""])
    | ANY,
    st.sampled_from(["", "/", "/I/51p5aUY%2BOKL.jpg", "?", "/../..", "//", "/%", "/%zz%2f"]),
    ANY,
)


@given(url=URLS)
def test_any_text_is_an_address_with_its_path_kept_or_is_refused(url: str):
    """What is asked for is http or https, fits a request line, and names the path of the text byte for byte."""
    try:
        address = parse_address(url)
    except ValueError:
        return
    assert address.scheme in {"http", "https"}
    assert 0 < address.port < 65536
    assert re.fullmatch(r"[a-z0-9._:-]+", address.host)
    path = re.sub(r"^[^:]+://[^/?#]*", "", url.strip()).partition("#")[0]
    path = path if path.startswith("/") else f"/{path}"
    assert set(address.target) <= VISIBLE
    assert unquote_to_bytes(address.target) == unquote_to_bytes(encode(path))
    if set(path) <= VISIBLE:
        assert address.target == path
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Shop.Example", ("http", "shop.example", 80, "/")),
        ("HTTPS://shop.example?id=1", ("https", "shop.example", 443, "/?id=1")),
        ("http://shop.example:8080/a#part", ("http", "shop.example", 8080, "/a")),
        ("http://[::1]:8080/a", ("http", "::1", 8080, "/a")),
        ("http://bücher.example/ü", ("http", "xn--bcher-kva.example", 80, "/%C3%BC")),
    ],
)
def test_the_parts_of_an_address(url: str, expected: tuple[str, str, int, str]):
    """Scheme, host, port and target are told apart, with the port of the scheme where none is named."""
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://shop.example/a",
        "file:///etc/passwd",
        "//shop.example/a",
        "http://",
        "http:///a",
        "http://user:secret@shop.example/",
        "http://shop.example:0/",
        "http://shop.example:99999/",
        "http://shop example/",
        "http://shop.example\r\nX: y/",
    ],
)
def test_what_is_no_address_is_refused(url: str):
    """Other schemes, passwords, impossible ports and smuggled lines are no addresses of covers."""
    with pytest.raises(ValueError, match=r"not an http|no host|no port|empty label|Invalid character"):
        parse_address(url)


def test_the_host_header_leaves_out_a_scheme_s_own_port():
    """Host and port are written as browsers write them."""
    assert parse_address("http://shop.example:80/").authority == "shop.example"
    assert parse_address("https://shop.example:80/").authority == "shop.example:80"
    assert parse_address("http://[::1]:8080/").authority == "[::1]:8080"


def test_redirects_are_relative_to_where_they_come_from():
    """A redirect may name a path, another host, or nothing that can be followed."""
    address = parse_address("https://shop.example/a/b.jpg")
    assert str(address.follow("c%2B.jpg")) == "https://shop.example/a/c%2B.jpg"
    assert str(address.follow("//cdn.example/x")) == "https://cdn.example/x"
    with pytest.raises(ValueError, match="not an http"):
        address.follow("javascript:alert(1)")
    for nothing in ("", " "):
        with pytest.raises(ValueError, match="it names no address"):
            address.follow(nothing)
