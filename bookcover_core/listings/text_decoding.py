r"""Lossless decoding of text that others wrote: listings, and names of files.

Bytes that are no UTF-8, which the real listings have, and control characters, which a terminal obeys, are carried as
characters of a private-use block: U+EF80 for 0x80 up to U+EFFF for 0xFF, and U+EF1B for an escape (0x1B). What `decode`
returns can be written as UTF-8, read again, and turned back into the very bytes that it came from by `encode`.
"""

import re

# The block U+EF80..U+EFFF represents raw bytes: the convention of MirBSD's OPTU-8 encoding. What lies below it carries
# control characters, but for tabs and ends of lines.
_BLOCK = 0xEF00
_CONTROLS = [byte for byte in (*range(0x20), 0x7F) if byte not in b"\t\n\r"]
_RAW_BYTES = range(0x80, 0x100)

# What Python's "surrogateescape" makes of a raw byte, and control characters, with what carries them here. Those of C1
# (U+0080..U+009F) are two bytes in UTF-8, and carried as such.
_CARRIED = {
    **{0xDC00 + byte: chr(_BLOCK + byte) for byte in _RAW_BYTES},
    **{byte: chr(_BLOCK + byte) for byte in _CONTROLS},
    **{code: chr(_BLOCK + 0xC2) + chr(_BLOCK + code) for code in range(0x80, 0xA0)},
}
_RAW = {_BLOCK + byte: 0xDC00 + byte for byte in _RAW_BYTES} | {_BLOCK + byte: byte for byte in _CONTROLS}

# Characters of the block that a text really holds: each of their bytes is carried as a raw one.
_IN_BLOCK = re.compile(f"[{''.join(map(chr, _RAW))}]")

# What `carry` changes: nearly all texts have none of it, which is quickly told.
_TO_CARRY = re.compile(f"[{''.join(map(chr, (*_CARRIED, *_RAW)))}]")


def decode(raw: bytes) -> str:
    """The text of `raw`, read as UTF-8; bytes that are none, and control characters, are carried."""
    return carry(raw.decode("utf-8", "surrogateescape"))


def carry(text: str) -> str:
    """`text` of another encoding, or of "surrogateescape", in the form that `decode` gives."""
    if not _TO_CARRY.search(text):
        return text
    text = _IN_BLOCK.sub(lambda found: found.group().encode().decode("ascii", "surrogateescape"), text)
    return text.translate(_CARRIED)


def encode(text: str) -> bytes:
    """The bytes that `decode` made `text` from."""
    return text.translate(_RAW).encode("utf-8", "surrogateescape")


def readable(text: str) -> str:
    """`text` for people: what carries a byte is shown as the replacement character U+FFFD."""
    return _IN_BLOCK.sub("\N{REPLACEMENT CHARACTER}", text)
