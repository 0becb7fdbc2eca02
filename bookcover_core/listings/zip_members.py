"""Members of a zip file, unpacked piece by piece.

`zipfile` unpacks all of a bzip2 or LZMA member that one read of packed bytes gives: 2 KB may become gigabytes.
"""

import bz2
import copy
import io
import lzma
import zipfile
import zlib
from typing import IO

from bookcover_core.listings.image_files import SYSTEM_FOLDERS

_ENCRYPTED = 0x1  # flag of a member that needs a password

# Bytes that LZMA may look back; what is said of the member's size bounds it too.
_LONGEST_DICTIONARY = 128 * 1024**2
_SHORTEST_DICTIONARY = 4096
_PIECE = 64 * 1024

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_METHOD_NAMES = {1: "shrinking", 6: "implosion", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 97: "WavPack", 98: "PPMd"}

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)  # what damaged members raise, beside OSError


def visible_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive that are neither hidden nor other programs'."""
    return [info for info in archive.infolist() if not info.is_dir() and _is_visible(info.filename)]


def _is_visible(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not any(part in SYSTEM_FOLDERS or (part.startswith(".") and part not in {".", ".."}) for part in parts)


def why_closed(info: zipfile.ZipInfo) -> str:
    """Why a member cannot be unpacked at all: a password, or a method that Python does not have; else empty."""
    if info.flag_bits & _ENCRYPTED:
        return "needs a password"
    method = info.compress_type
    name = _METHOD_NAMES.get(method, f"method {method}")
    return "" if method in _METHODS else f"is packed by {name}, which is not read"


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """The content of a member, which takes little more memory than what is read of it.

    Raises `zipfile.BadZipFile`, as does reading it, where it is damaged or `why_closed` says why it cannot be unpacked;
    `OSError` where the archive cannot be read.
    """
    if reason := why_closed(info):
        raise zipfile.BadZipFile(f"{info.filename} {reason}")
    if info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return archive.open(info)
    return io.BufferedReader(_UnpackedMember(archive, info), _PIECE)


class _UnpackedMember(io.RawIOBase):
    """A member packed by bzip2 or LZMA, of whose packed bytes no more is unpacked than is read."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        # The packed bytes are those of a member that is stored as it is.
        packed = copy.copy(info)
        packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
        del packed.CRC
        self._info, self._left, self._crc = info, info.file_size, 0
        content = archive.open(packed)
        is_bzip2 = info.compress_type == zipfile.ZIP_BZIP2
        self._content = bz2.BZ2File(content) if is_bzip2 else self._lzma(content)

    def _lzma(self, content: IO[bytes]) -> lzma.LZMAFile:
        """The content as the member's head describes it (APPNOTE 5.8.8)."""
        properties = content.read(int.from_bytes(content.read(4)[2:], "little"))
        if len(properties) != 5:
            raise zipfile.BadZipFile(f"{self._info.filename} has no properties of LZMA")
        rest, lc = divmod(properties[0], 9)
        pb, lp = divmod(rest, 5)
        wanted = min(int.from_bytes(properties[1:], "little"), self._left, _LONGEST_DICTIONARY)
        one = {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": max(wanted, _SHORTEST_DICTIONARY)}
        return lzma.LZMAFile(content, format=lzma.FORMAT_RAW, filters=[one])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        try:
            piece = self._content.read(min(len(buffer), self._left))
        except (OSError, ValueError, lzma.LZMAError) as error:
            raise zipfile.BadZipFile(f"{self._info.filename} is damaged ({error})") from error
        self._left -= len(piece)
        self._crc = zlib.crc32(piece, self._crc)
        if (not self._left or not piece) and self._crc != self._info.CRC:
            raise zipfile.BadZipFile(f"bad CRC-32 for file {self._info.filename!r}")
        buffer[: len(piece)] = piece
        return len(piece)
