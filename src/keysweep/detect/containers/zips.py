"""zip archives, and with them jar, whl, apk and the office formats.

Read by both of a zip's own accounts: the central directory, and the local headers, which may hold members
that the directory hides, and are all there is in a truncated archive.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial

from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.containers.streams import Decompressor, Zlib, unpack, unpack_one
from keysweep.detect.limits import Limits
from keysweep.findings import ProblemCode
from keysweep.frozen import frozen

_LOCAL = struct.Struct("<4s5H3I2H")
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_UNKNOWN = 0xFFFFFFFF
_LOCAL_MAGIC = re.compile(rb"PK\x03\x04")
_DESCRIPTOR = re.compile(rb"PK(?:\x07\x08|\x01\x02|\x03\x04|\x05\x06|\x06\x06)")
_ENCRYPTED = 1
_STREAMED = 8
_UTF8 = 1 << 11


class Records:
    """Where the next record of a zip begins; the last answer holds for all that stands before it."""

    def __init__(self, content: bytes) -> None:
        """Nothing is looked for yet."""
        self._content = content
        self._asked, self._found = 0, -1

    def after(self, at: int) -> int:
        """The offset of the first record from `at` on, or the length of the content."""
        if not self._asked <= at <= self._found:
            following = _DESCRIPTOR.search(self._content, at)
            self._asked, self._found = at, following.start() if following else len(self._content)
        return self._found


def open_zip(content: bytes, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """Every member of a zip once, in the order in which they stand in the file."""
    entries, comment = _directory(content)
    if comment:
        yield Member("(comment)", comment, "zip")
    packed = {entry.header_offset: entry.compress_size for entry in entries}
    for entry in entries:
        if halt := budget.exhausted(limits):
            yield halt
            return
        # `entry.is_dir()` raises for an empty name in Python 3.11.7.
        if not entry.filename.endswith("/") or entry.file_size or entry.compress_size:
            yield from _listed(content, entry, limits, budget)
    end, records = 0, Records(content)
    for magic in _LOCAL_MAGIC.finditer(content):
        if magic.start() in packed:
            end = max(end, _data_start(content, magic.start()) + packed[magic.start()])
        elif magic.start() >= end:
            if halt := budget.exhausted(limits):
                yield halt
                return
            yield from _hidden(content, magic.start(), records, limits, budget)
            end = magic.end()
    if not entries and content.startswith(b"PK\x03\x04"):
        yield damaged("the directory at its end is missing")


def _directory(content: bytes) -> tuple[list[zipfile.ZipInfo], bytes]:
    """The entries of the central directory, their offsets corrected for a prefix, and the archive's comment."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.infolist(), archive.comment
    except (zipfile.BadZipFile, struct.error, ValueError, OSError, EOFError, NotImplementedError, IndexError):
        return [], b""


def _data_start(content: bytes, start: int) -> int:
    if start + _LOCAL.size > len(content):
        return len(content)
    header = _LOCAL.unpack_from(content, start)
    return start + _LOCAL.size + int(header[9]) + int(header[10])


@frozen
class _Packed:
    """A member before it is unpacked."""

    name: str
    data: bytes
    method: int
    encrypted: bool
    crc: int | None
    """None where none is stored that could be compared with."""
    size: int


def _listed(content: bytes, entry: zipfile.ZipInfo, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """A member that the central directory lists."""
    start = entry.header_offset
    if not 0 <= start <= len(content) - _LOCAL.size:
        yield damaged("a member starts outside the file", entry.filename)
        return
    flags, method = _LOCAL.unpack_from(content, start)[2:4]
    begin = _data_start(content, start)
    data = content[begin : begin + entry.compress_size]
    encrypted = bool((flags | entry.flag_bits) & _ENCRYPTED)
    yield from _member(
        _Packed(entry.filename, data, method, encrypted, entry.CRC, entry.file_size), limits, budget
    )


def _hidden(
    content: bytes, start: int, records: Records, limits: Limits, budget: Budget
) -> Iterator[Member | Halt]:
    """A member that has only its local header."""
    if start > len(content) - _LOCAL.size:
        yield damaged("a member starts outside the file")
        return
    _, _, flags, method, _, _, crc, packed, size, name_size, _ = _LOCAL.unpack_from(content, start)
    raw_name = content[start + _LOCAL.size : start + _LOCAL.size + name_size]
    name = raw_name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
    begin = _data_start(content, start)
    end = begin + packed
    if flags & _STREAMED or packed == _UNKNOWN:
        end = records.after(begin)
        described = content[end : end + 4] == _DESCRIPTOR_MAGIC
        size = 0
        if flags & _STREAMED:
            crc = int.from_bytes(content[end + 4 : end + 8], "little") if described else None
    yield from _member(
        _Packed(name, content[begin:end], method, bool(flags & _ENCRYPTED), crc, size), limits, budget
    )


def _member(packed: _Packed, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    if packed.encrypted:
        yield Halt(ProblemCode.ENCRYPTED, "is encrypted", packed.name)
        return
    text, halt = _unpacked(packed.data, packed.method, budget.room(limits, len(packed.data)))
    budget.spend(max(len(text), len(packed.data)))  # members that overlap cost time even if they hold nothing
    if halt is None or halt.code is ProblemCode.DAMAGED:
        halt = _compared(text, packed, halt)
    if text or not halt:
        yield Member(packed.name, text, "zip")
    if halt:
        yield Halt(halt.code, halt.message, packed.name)


def _compared(text: bytes, packed: _Packed, halt: Halt | None) -> Halt | None:
    """What is wrong with a member: nothing if its checksum says so, since LZMA need not mark its end."""
    if packed.crc is None:
        return halt
    if len(text) < packed.size:
        return halt or damaged("ends early")
    return None if zlib.crc32(text) == packed.crc else halt or damaged("its checksum is wrong")


def _unpacked(data: bytes, method: int, room: int) -> tuple[bytes, Halt | None]:
    if method == zipfile.ZIP_STORED:
        return (data, None) if len(data) <= room else (data[:room], too_large(room))
    if method == zipfile.ZIP_DEFLATED:
        return unpack_one(partial(Zlib, -15), data, room)
    if method == zipfile.ZIP_BZIP2:
        return unpack("bzip2", data, room)
    if method == zipfile.ZIP_LZMA:
        return _unpacked_lzma(data, room)
    if method == 93:
        return unpack("zstd", data, room)
    if method == 95:
        return unpack("xz", data, room)
    return b"", Halt(ProblemCode.DAMAGED, f"uses compression method {method}, which is not supported")


def _unpacked_lzma(data: bytes, room: int) -> tuple[bytes, Halt | None]:
    """LZMA in a zip has a header of its own: version, size of the properties, properties (APPNOTE 5.8.8)."""
    begin = 4 + int.from_bytes(data[2:4], "little")
    properties = data[4:begin]
    if len(properties) < 5 or properties[0] >= 225:
        return b"", damaged("has no LZMA properties")
    return unpack_one(partial(_lzma, properties, room), data[begin:], room)


def _lzma(properties: bytes, room: int) -> Decompressor:
    """A decompressor by the properties; no match reaches farther back than what is unpacked."""
    import lzma

    level, dictionary = properties[0], int.from_bytes(properties[1:5], "little")
    chain = [
        {
            "id": lzma.FILTER_LZMA1,
            "dict_size": min(max(4096, dictionary), max(4096, room)),
            "lc": level % 9,
            "lp": level // 9 % 5,
            "pb": level // 45,
        }
    ]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
