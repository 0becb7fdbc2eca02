"""Tests of carrying bytes that are no UTF-8."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from bookcover_core.listings.text_decoding import carry, decode, encode, readable


@given(raw=st.binary(max_size=200))
@example(raw=b"1890\x81E\x80\x81E1975")
@example(raw="\uef81 stands here".encode())
@example(raw="\uef81".encode()[:2] + b"\x81")
@example(raw=b"\xed\xb2\x80")
def test_every_byte_comes_back(raw: bytes):
    """Whatever a listing holds, its text is valid UTF-8, and turns back into the very same bytes."""
    text = decode(raw)
    assert encode(text.encode().decode()) == raw


def is_plain(letter: str) -> bool:
    return not "\uef00" <= letter <= "\uefff" and (unicodedata.category(letter) != "Cc" or letter in "\t\n\r")


@given(text=st.text(max_size=100).filter(lambda text: all(map(is_plain, text))))
def test_text_stays_text(text: str):
    """Valid UTF-8 is read as what it is."""
    assert decode(text.encode()) == text


@given(text=st.text(st.characters(categories=["Cc", "Lu", "Co"], codec="utf-8"), max_size=30))
@example(text="Emma\x1b[2J\x9b31m\x7f\0")
def test_no_control_character_is_left(text: str):
    """What a terminal would obey is carried, tabs and ends of lines aside, and comes back."""
    carried = decode(text.encode())
    assert {letter for letter in carried if unicodedata.category(letter) == "Cc"} <= set("\t\n\r")
    assert carry(text) == carried
    assert encode(carried) == text.encode()


def test_people_see_a_replacement_character():
    """What carries a raw byte is shown in the usual way."""
    assert readable(decode(b"Insider\x81E\x80\x81Es")) == "Insider\ufffdE\ufffd\ufffdEs"
