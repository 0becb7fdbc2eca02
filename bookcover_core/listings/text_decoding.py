r"""Lossless decoding of listings whose bytes are not all UTF-8.

Titles and authors of the real listings hold bytes that are no UTF-8 (always `\\x81E`, where an earlier conversion
lost a character). Nothing of a record is altered or lost on the way through a study's tables, so each such byte is
carried as one character of a private-use block, U+EF80 for 0x80 up to U+EFFF for 0xFF. Every string that `decode`
returns can be written as UTF-8, read again, and turned back into the very bytes that it came from by `encode`.
"""

import re

# The block U+EF80..U+EFFF represents raw bytes: the convention of MirBSD's OPTU-8 encoding.
_BLOCK = 0xEF00
_RAW_BYTES = range(0x80, 0x100)

# What Python's "surrogateescape" makes of a raw byte, and the character that carries it here.
_CARRIED = {0xDC00 + byte: _BLOCK + byte for byte in _RAW_BYTES}
_RAW = {_BLOCK + byte: 0xDC00 + byte for byte in _RAW_BYTES}

# Characters of the block that a listing really holds: each of their bytes is carried as a raw one.
_IN_BLOCK = re.compile(f"[{chr(_BLOCK + 0x80)}-{chr(_BLOCK + 0xFF)}]")

# The first byte of every character from U+E000 to U+EFFF in UTF-8.
_LEAD = b"\xee"


def decode(raw: bytes) -> str:
    """The text of `raw`, read as UTF-8; bytes that are none are carried as private-use characters."""
    if _LEAD not in raw:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            pass
    text = raw.decode("utf-8", "surrogateescape")
    text = _IN_BLOCK.sub(lambda found: found.group().encode().decode("ascii", "surrogateescape"), text)
    return text.translate(_CARRIED)


def encode(text: str) -> bytes:
    """The bytes that `decode` made `text` from."""
    return text.translate(_RAW).encode("utf-8", "surrogateescape")


def readable(text: str) -> str:
    """`text` for people: what carries a raw byte is shown as the replacement character U+FFFD."""
    return _IN_BLOCK.sub("\N{REPLACEMENT CHARACTER}", text)
