"""Files below a person's folder, and which of them are images: by content, whatever they are called.

Every reader of such a folder (books.folder, covers.location, `bookcover judge FOLDER`) walks it here. Links are
followed; hidden files, other programs' thumbnails and pictures of studies are skipped; no pipe is opened.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bookcover_core.errors import FolderError
from bookcover_core.listings.text_decoding import decode, encode
from bookcover_core.settings import is_study_folder

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".jp2"}
)
"""Suffixes of image files. Such a file counts as an image here; whether it is one, the download stage checks."""

# Folders that file systems, network disks and archivers add: thumbnails, deleted files, resource forks.
SYSTEM_FOLDERS = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)

_HEAD = 1024  # bytes that tell the format of an image

_JPEG2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", *_JPEG2000)
NO_IMAGE = "not an image"  # why a file is left out of whose format nothing is known

# How files begin that people take for covers, and that are not read.
_FOREIGN = {
    "HEIC, which iPhones write": rb"....ftyp(?:hei|hev|mif1|msf1)",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG XR": rb"II\xbc",
    "Photoshop": rb"8BPS",
    "PDF": rb"\s*%PDF",
    "PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"\s*(?:<(?:\?xml|!doctype|!--)[^>]*>\s*)*<svg",
    "an icon": rb"\0\0[\x01\x02]\0",
    "a zip file": rb"PK\x03\x04",
    "a pointer of Git LFS": rb"version https://git-lfs",
}
_FOREIGN_STARTS = {name: re.compile(start, re.DOTALL | re.IGNORECASE) for name, start in _FOREIGN.items()}

WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
"""How a web page begins, which many hosts send in place of a file."""

# Sizes of a bitmap's second header, which tell it from a text that begins with BM.
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


class FoundFile(NamedTuple):
    """A regular file below a folder."""

    name: str  # path below the folder, with forward slashes, as valid text (`text_decoding`)
    bytes: int
    mtime_ns: int


class LeftOut(NamedTuple):
    """A file or folder that is not read."""

    name: str  # path below the folder, with forward slashes
    reason: str


def walk_files(
    folder: Path,
    left_out: list[LeftOut],
    *,
    own: Path | None = None,
    is_strict: bool = True,
    read: dict[Path, int] | None = None,
) -> Iterator[FoundFile]:
    """All regular files below `folder`, hidden ones and system folders aside. Links are followed, each folder once.

    `left_out` receives what is not read: links to nothing, pipes and devices, folders met before, and studies' folders,
    of which `own` is one; `read` receives the folders that are, with their times of change. A folder that cannot be
    read is an OSError; a subfolder only if `is_strict`, else it is left out.
    """
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()
    while folders or links:
        # Links come last of all: a folder that is met twice is read under its own name, wherever the link lies.
        below = folders.pop() if folders else links.pop(0)
        path = file_path(folder, below) if below else folder
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                left_out.append(LeftOut(below, "a link to a folder that is read already"))
                continue
            seen.add((status.st_dev, status.st_ino))
            if read is not None:
                read[path] = status.st_mtime_ns
            if is_study_folder(path) or (own is not None and path.resolve() == own):
                left_out.append(LeftOut(below, "a folder of studies, which is no source of covers"))
                continue
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            if is_strict or not below:
                raise
            left_out.append(LeftOut(below, f"cannot be read ({error.strerror})"))
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
                continue
            name = "/".join(filter(None, (below, decode(os.fsencode(entry.name)))))
            try:
                status = entry.stat()
            except OSError as error:
                reason = "a link to nothing" if entry.is_symlink() else f"cannot be read ({error.strerror})"
                left_out.append(LeftOut(name, reason))
                continue
            if stat.S_ISDIR(status.st_mode):
                (links if entry.is_symlink() else folders).append(name)
            elif stat.S_ISREG(status.st_mode):
                yield FoundFile(name, status.st_size, status.st_mtime_ns)
            else:
                left_out.append(LeftOut(name, f"{name_kind(status.st_mode)}, which is not read"))


def list_files(
    folder: Path, advice: str, own: Path | None = None
) -> tuple[list[FoundFile], list[LeftOut], dict[Path, int]]:
    """What `walk_files` finds in a folder that the settings name, what it leaves out, and the folders that it reads.

    Raises `FolderError`, with this advice, where it is no folder, cannot be read, or is one of studies.
    """
    left_out, read = list[LeftOut](), dict[Path, int]()
    if not folder.is_dir():
        what = "this is a file, not a folder of pictures" if folder.exists() else "there is no such folder of pictures"
        raise FolderError(what, where=folder, advice=advice)
    try:
        files = list(walk_files(folder, left_out, own=own, read=read))
    except OSError as error:
        what = f"the folder cannot be read ({error.strerror})"
        raise FolderError(what, where=error.filename or folder, advice=advice) from error
    if any(not each.name for each in left_out):
        raise FolderError(f"this is {left_out[0].reason}", where=folder, advice=advice)
    return files, left_out, read


def name_kind(mode: int) -> str:
    """What a file that is neither a regular one nor a folder is, by its mode."""
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a disk"}
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def file_path(folder: Path, name: str) -> Path:
    """The file that `walk_files` calls `name`."""
    return folder / os.fsdecode(encode(name))


def has_image_suffix(name: str) -> bool:
    """Whether a file's name ends as those of images do."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - a name, not a path


def why_no_image(folder: Path, name: str) -> str:
    """Why the file called `name` is no image; empty where it is one by its suffix or, failing that, its first bytes."""
    if has_image_suffix(name):
        return ""
    try:
        with file_path(folder, name).open("rb") as content:
            head = content.read(_HEAD)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if has_image_magic(head):
        return ""
    return f"{found}: not read" if (found := foreign_format(head)) else NO_IMAGE


def foreign_format(head: bytes) -> str:
    """The format of a file that begins with `head`, by name, if it is one that people take for a cover; else empty."""
    return next((name for name, start in _FOREIGN_STARTS.items() if start.match(head)), "")


def has_image_magic(head: bytes) -> bool:
    """Whether a file that begins with `head` is an image of a format that is read."""
    if head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in {b"avif", b"avis"}
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS
