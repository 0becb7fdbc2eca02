"""Colour profiles, made by hand after ICC.1:2022."""

import itertools
import struct
from collections.abc import Mapping, Sequence

import numpy as np

# Colours of the primaries as XYZ of D50, by row: red, green, blue.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82521))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))

_D50 = (0.9642, 1.0, 0.8249)

# Inks of a press, as sRGB of 0 to 1: cyan, magenta, yellow, black.
INKS = ((0.0, 0.68, 0.94), (0.93, 0.0, 0.55), (1.0, 0.95, 0.0), (0.14, 0.12, 0.13))


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(space: bytes, pcs: bytes, tags: Mapping[bytes, bytes], kind: bytes = b"mntr") -> bytes:
    text = b"test"
    every = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50),
        b"cprt": b"text\0\0\0\0none\0",
        **tags,
    }
    table, content, start = struct.pack(">I", len(every)), b"", 128 + 4 + 12 * len(every)
    for name, value in every.items():
        padded = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", start + len(content), len(value))
        content += padded
    head = struct.pack(">I", start + len(content)) + b"lcms" + struct.pack(">I", 0x02400000) + kind + space + pcs
    head += bytes(12) + b"acsp" + bytes(24) + struct.pack(">I", 0) + _fixed(*_D50)
    return head.ljust(128, b"\0") + table + content


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def rgb_profile(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    """A profile of three primaries and one gamma."""
    colours = {b"rXYZ": primaries[0], b"gXYZ": primaries[1], b"bXYZ": primaries[2]}
    tags = {name: b"XYZ \0\0\0\0" + _fixed(*value) for name, value in colours.items()}
    return _profile(b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(gamma)))


def grey_profile(gamma: float) -> bytes:
    """A profile of grey."""
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _gamma(gamma)})


def cmyk_profile() -> bytes:
    """A profile of a press with `INKS`, which are printed over each other."""
    steps = bytes(range(256))
    corners = b"".join(_lab(mixed(inks)) for inks in itertools.product((0, 1), repeat=4))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + steps * 4 + corners + steps * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": lut}, kind=b"prtr")


def mixed(inks: Sequence[float]) -> np.ndarray:
    """Red, green and blue, of 0 to 1, where these inks are."""
    return np.prod([np.where(ink, colour, 1.0) for ink, colour in zip(inks, INKS, strict=True)], axis=0)


def _lab(colour: np.ndarray) -> bytes:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    ratio = (linear @ np.array(SRGB)) / _D50
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    values = ((116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128)
    return bytes(int(np.clip(round(value), 0, 255)) for value in values)


def to_srgb(colour: Sequence[int], primaries: Sequence[Sequence[float]], gamma: float) -> np.ndarray:
    """The sRGB levels of a colour of `rgb_profile`, by the definition."""
    linear = (np.array(colour) / 255) ** gamma @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
