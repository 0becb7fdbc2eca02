"""Random draws for books, from the study's seed.

A book's draw depends on the seed, the purpose and its key alone. So the same seed gives the same selection on any
machine and in any order of books, and one book more or less leaves all other draws unchanged.
"""

import hashlib


def seeded_draw(seed: int, purpose: str, key: str) -> float:
    """A uniform number in [0, 1): the first 53 bits of SHA-256 over seed, purpose and key."""
    digest = hashlib.sha256(f"{seed}\n{purpose}\n{key}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53
