"""Archives and compressed files opened in memory, with limits; nothing is ever written to disk.

`container_format` runs on every file, so it only compares bytes, and the parsers are imported when needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from keysweep.detect.containers.model import Budget, Halt, Member
from keysweep.detect.limits import Limits

__all__ = ["Budget", "Halt", "Member", "container_format", "open_members"]

_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_BEGINNINGS = (b"\x1f\x8b", b"PK", b"BZ", b"\xfd7", b"\x28\xb5", b"\x5d\x00")
"""What containers begin with, so that nearly all content is told apart in one comparison."""
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_END_OF_DIRECTORY = b"PK\x05\x06"
_END_OF_DIRECTORY_BYTES = 22


def container_format(content: bytes) -> str | None:
    """The container that `content` is by its magic bytes, or None.

    Two bytes alone would call random data a gzip, and a container that cannot be opened is a problem that
    ends a clean scan: so as much of each header is compared as has fixed values.
    """
    head = content[:16]
    if not head.startswith(_BEGINNINGS) and head[1:4] != b"\x2a\x4d\x18":
        return _by_its_end_or_middle(content)
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip" if len(head) > 9 and not head[3] & 0xE0 else None
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(b"BZh"):
        return "bzip2" if head[4:10] in _BZIP2_BLOCKS and head[3:4].isdigit() else None
    if head.startswith(_XZ):
        return "xz"
    if head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zstd"
    if head.startswith(b"\x5d\x00\x00") and head[3:5] in (
        b"\x80\x00",
        b"\x00\x01",
        b"\x10\x00",
        b"\x01\x00",
        b"\x00\x04",
    ):
        return "lzma"
    return _by_its_end_or_middle(content)


def _by_its_end_or_middle(content: bytes) -> str | None:
    if content[257:262] == b"ustar":
        return "tar"
    return "zip" if _END_OF_DIRECTORY in content[-_END_OF_DIRECTORY_BYTES - 64 :] else None


def open_members(content: bytes, kind: str, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """What a container of `kind` holds, a member at a time, and a `Halt` for everything that was not opened.

    Never raises for what the content is: damage, encryption and limits are halts, and what could be decoded
    before one is a member.
    """
    yield from _opener(kind)(content, limits, budget)


def _opener(kind: str) -> Callable[[bytes, Limits, Budget], Iterator[Member | Halt]]:
    if kind == "zip":
        from keysweep.detect.containers.zips import open_zip

        return open_zip
    if kind == "tar":
        from keysweep.detect.containers.tars import open_tar

        return open_tar
    from keysweep.detect.containers.streams import opener

    return opener(kind)
