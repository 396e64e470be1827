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

from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.containers.streams import unpack
from keysweep.detect.limits import MIB, Limits
from keysweep.findings import ProblemCode

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = re.compile(rb"PK\x03\x04")
_DESCRIPTOR = re.compile(rb"PK(?:\x07\x08|\x01\x02|\x03\x04|\x05\x06|\x06\x06)")
_ENCRYPTED = 1
_STREAMED = 8
_UTF8 = 1 << 11


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
        if not entry.is_dir():
            yield from _member(content, entry.header_offset, entry, limits, budget)
    end = 0
    for magic in _LOCAL_MAGIC.finditer(content):
        if magic.start() in packed:
            end = max(end, _data_start(content, magic.start()) + packed[magic.start()])
        elif magic.start() >= end:
            if halt := budget.exhausted(limits):
                yield halt
                return
            yield from _member(content, magic.start(), None, limits, budget)
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


def _member(
    content: bytes, start: int, entry: zipfile.ZipInfo | None, limits: Limits, budget: Budget
) -> Iterator[Member | Halt]:
    if not 0 <= start <= len(content) - _LOCAL.size:
        yield damaged("a member starts outside the file", entry.filename if entry else None)
        return
    _, _, flags, method, _, _, _, packed, _, name_size, _ = _LOCAL.unpack_from(content, start)
    raw_name = content[start + _LOCAL.size : start + _LOCAL.size + name_size]
    name = entry.filename if entry else raw_name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
    if flags & _ENCRYPTED:
        yield Halt(ProblemCode.ENCRYPTED, "is encrypted", name)
        return
    begin = _data_start(content, start)
    data = content[begin : begin + (entry.compress_size if entry else _packed_size(content, begin, flags, packed))]
    room = budget.room(limits, len(data))
    text, halt = _unpacked(data, method, room)
    budget.spend(len(text))
    if text or not halt:
        yield Member(name, text, "zip")
    if halt is None and entry and entry.file_size > len(text) and len(data) < entry.compress_size:
        halt = damaged("ends early")
    if halt:
        yield Halt(halt.code, halt.message, name)


def _packed_size(content: bytes, begin: int, flags: int, packed: int) -> int:
    """Without a directory a streamed member ends where the next record begins."""
    if not flags & _STREAMED and packed != 0xFFFFFFFF:
        return packed
    following = _DESCRIPTOR.search(content, begin)
    return (following.start() if following else len(content)) - begin


def _unpacked(data: bytes, method: int, room: int) -> tuple[bytes, Halt | None]:
    if method == zipfile.ZIP_STORED:
        return (data, None) if len(data) <= room else (data[:room], too_large(room))
    if method == zipfile.ZIP_DEFLATED:
        return _inflated(data, room)
    if method == zipfile.ZIP_BZIP2:
        return unpack("bzip2", data, room)
    if method == zipfile.ZIP_LZMA:
        return _lzma(data, room)
    if method == 93:
        return unpack("zstd", data, room)
    if method == 95:
        return unpack("xz", data, room)
    return b"", Halt(ProblemCode.DAMAGED, f"uses compression method {method}, which is not supported")


def _inflated(data: bytes, room: int) -> tuple[bytes, Halt | None]:
    inflater = zlib.decompressobj(wbits=-15)
    output = bytearray()
    try:
        feed = data
        while not inflater.eof:
            piece = inflater.decompress(feed, MIB)
            output += piece
            feed = inflater.unconsumed_tail
            if len(output) > room:
                return bytes(output[:room]), too_large(room)
            if not piece and not feed and not inflater.eof:
                return bytes(output), damaged("ends early")
    except zlib.error as error:
        return bytes(output), damaged(error)
    return bytes(output), None


def _lzma(data: bytes, room: int) -> tuple[bytes, Halt | None]:
    """LZMA in a zip has a header of its own: version, size of the properties, properties (APPNOTE 5.8.8)."""
    import lzma

    size = int.from_bytes(data[2:4], "little")
    properties = data[4 : 4 + size]
    if len(properties) < 5 or properties[0] >= 225:
        return b"", damaged("has no LZMA properties")
    level, dictionary = properties[0], int.from_bytes(properties[1:5], "little")
    if dictionary > 512 * MIB:
        return b"", Halt(ProblemCode.LIMIT, "asks for a dictionary above 512 MiB")
    chain = [
        {
            "id": lzma.FILTER_LZMA1,
            "dict_size": max(4096, dictionary),
            "lc": level % 9,
            "lp": level // 9 % 5,
            "pb": level // 45,
        }
    ]
    output = bytearray()
    try:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
        feed = data[4 + size :]
        while not decompressor.eof:
            piece = decompressor.decompress(feed, MIB)
            feed = b""
            output += piece
            if len(output) > room:
                return bytes(output[:room]), too_large(room)
            if not piece and decompressor.needs_input:
                break
    except (lzma.LZMAError, EOFError, ValueError) as error:
        return bytes(output), damaged(error)
    return bytes(output), None
