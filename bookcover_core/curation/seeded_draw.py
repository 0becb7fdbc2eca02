"""Lots: what is left to chance in the choice of books, drawn from the study's seed.

Every book's lot hangs on the seed, the purpose and its key alone. So the same seed gives the same choice on any
machine, whatever the order of the books, and one book more or less leaves the lots of all others as they were.
"""

import hashlib


def draw_lot(seed: int, purpose: str, key: str) -> float:
    """A number that is evenly distributed over [0, 1): the first 53 bits of SHA-256 over seed, purpose and key."""
    digest = hashlib.sha256(f"{seed}\n{purpose}\n{key}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53
