"""Tests of carrying bytes that are no UTF-8."""

from hypothesis import example, given
from hypothesis import strategies as st

from bookcover_core.listings.text_decoding import decode, encode, readable


@given(raw=st.binary(max_size=200))
@example(raw=b"1890\x81E\x80\x81E1975")
@example(raw="\uef81 stands here".encode())
@example(raw="\uef81".encode()[:2] + b"\x81")
@example(raw=b"\xed\xb2\x80")
def test_every_byte_comes_back(raw: bytes):
    """Whatever a listing holds, its text is valid UTF-8, and turns back into the very same bytes."""
    text = decode(raw)
    assert encode(text.encode().decode()) == raw


@given(text=st.text(max_size=100).filter(lambda text: not any("\uef80" <= letter <= "\uefff" for letter in text)))
def test_text_stays_text(text: str):
    """Valid UTF-8 is read as what it is."""
    assert decode(text.encode()) == text


def test_people_see_a_replacement_character():
    """What carries a raw byte is shown in the usual way."""
    assert readable(decode(b"Insider\x81E\x80\x81Es")) == "Insider\ufffdE\ufffd\ufffdEs"
