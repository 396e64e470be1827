"""tar archives of every dialect, truncated, damaged and concatenated ones included.

Not `tarfile`: it passes over headers that it cannot read, skips what it takes for links, fills the holes of
sparse files, and repeats the content in its errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from keysweep.detect.containers.formats import container_format
from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.containers.sparse import expanded, stretches_of_blocks, stretches_of_records
from keysweep.detect.limits import Limits
from keysweep.frozen import frozen

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_MAGIC, _MAGIC_AT = b"ustar", 257
_LINKS_AND_DEVICES = b"123456"
_RECORDS, _SHARED_RECORDS, _LONG_NAME, _LONG_LINK, _SPARSE = b"xX", b"g", b"L", b"K", b"S"
_RECORD = re.compile(rb"([0-9]{1,12}) ([^=]*)=", re.DOTALL)
_SIZE_DIGITS_MOST = 20

Records = dict[bytes, list[bytes]]
"""The values of each keyword of a pax header; the sparse format 0.0 repeats its keywords."""


@frozen
class _Header:
    name: bytes
    kind: bytes
    size: int
    block: bytes


class _Reader:
    """One pass through the blocks of an archive."""

    def __init__(self, content: bytes, limits: Limits, budget: Budget) -> None:
        self.content, self.limits, self.budget = content, limits, budget
        self.at = 0
        self.zero_blocks = 0
        self.shared: Records = {}
        self.records: Records = {}
        self.long_name: bytes | None = None

    def members(self) -> Iterator[Member | Halt]:
        content = self.content
        while self.at < len(content):
            block = content[self.at : self.at + _BLOCK]
            if block == _ZEROS[: len(block)]:
                self.at += _BLOCK
                self.zero_blocks += 1
            elif (header := _header(block)) is None:
                yield from self._resume()
            elif halt := self.budget.exhausted(self.limits):
                yield halt
                return
            else:
                self.at += _BLOCK
                self.zero_blocks = 0
                yield from self._entry(header)
        if self.records or self.long_name is not None:
            yield damaged("ends early")

    def _resume(self) -> Iterator[Halt]:
        """Go on at the next header behind bytes that are none; behind the end of an archive these may be."""
        begin, self.at = self.at, _next_header(self.content, self.at)
        if len(self.content) - begin < _BLOCK and self.zero_blocks < 2:
            yield damaged("ends early")
        elif self.zero_blocks < 2 or self.at < len(self.content):
            yield damaged("a header cannot be read")
        elif container_format(self.content[begin:]):
            yield damaged("bytes behind its end were not opened")
        self.zero_blocks = 0

    def _entry(self, header: _Header) -> Iterator[Member | Halt]:
        if header.kind in _RECORDS + _SHARED_RECORDS + _LONG_NAME + _LONG_LINK:
            yield from self._about_the_next(header)
            return
        records, name = self.shared | self.records, self.long_name
        self.records, self.long_name = {}, None
        size = _size(header, records)
        if size is None:
            yield damaged("an extended header cannot be read")
            size = header.size
        if name is None:
            name = (records.get(b"GNU.sparse.name") or records.get(b"path") or [header.name])[-1]
        if self._has_content(header, size):
            yield from self._file(header, size, records, name.decode("utf-8", "surrogateescape"))

    def _about_the_next(self, header: _Header) -> Iterator[Halt]:
        data = self.content[self.at : self.at + header.size]
        self.at += _padded(header.size)
        if len(data) < header.size:
            yield damaged("ends early")
            self.at = len(self.content)
        elif header.kind in _LONG_NAME + _LONG_LINK:
            if header.kind == _LONG_NAME:
                self.long_name = data.split(b"\0", 1)[0]
        else:
            parsed, whole = _parsed(data)
            target = self.shared if header.kind == _SHARED_RECORDS else self.records
            target.update(parsed)
            if not whole:
                yield damaged("an extended header cannot be read")

    def _has_content(self, header: _Header, size: int) -> bool:
        """Whether data follow: for links and folders some writers give a size and no data, others both."""
        folder = header.kind in b"0\0" and header.name.endswith(b"/")
        if not size or not (folder or header.kind in _LINKS_AND_DEVICES):
            return True if size else header.kind not in _LINKS_AND_DEVICES and not folder
        block = self.content[self.at : self.at + _BLOCK]
        if block != _ZEROS[: len(block)]:
            return _header(block) is None
        behind = self.at + _padded(size)
        return _header(self.content[behind : behind + _BLOCK]) is not None

    def _file(self, header: _Header, size: int, records: Records, name: str) -> Iterator[Member | Halt]:
        content, stretches = self.content, stretches_of_records(records)
        if header.kind == _SPARSE:
            stretches, self.at = stretches_of_blocks(header.block, content, self.at)
        begin, self.at = self.at, self.at + _padded(size)
        room = self.budget.room(self.limits, min(size, max(0, len(content) - begin)))
        text = content[begin : begin + min(size, room)]
        if stretches is not None or b"GNU.sparse.major" in records:
            text = expanded(text, stretches, room)
        self.budget.spend(len(text))
        yield Member(name, text, "tar")
        if size > room:
            yield too_large(room, name)
        if begin + size > len(content):
            yield damaged("ends early")
            self.at = len(content)


def open_tar(content: bytes, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    """The files of a tar, and whatever else in it has content."""
    yield from _Reader(content, limits, budget).members()


def _header(block: bytes) -> _Header | None:
    """What a block says when its checksum is right."""
    if len(block) < _BLOCK:
        return None
    checksum, size = _number(block[148:156]), _number(block[124:136])
    if checksum is None or size is None:
        return None
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if total != checksum and total - 256 * sum(byte > 127 for byte in block) != checksum:
        return None  # some old writers summed signed bytes
    name, prefix = block[:100].split(b"\0", 1)[0], block[345:500].split(b"\0", 1)[0]
    if prefix and block[_MAGIC_AT : _MAGIC_AT + 6] == b"ustar\0":
        name = prefix + b"/" + name
    return _Header(name, block[156:157], size, block)


def _number(field: bytes) -> int | None:
    """Octal digits, or for what these cannot hold the bytes of a number behind a mark."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if digits.strip(b"01234567"):
        return None
    return int(digits or b"0", 8)


def _size(header: _Header, records: Records) -> int | None:
    values = records.get(b"size")
    if values is None:
        return header.size
    return int(values[-1]) if values[-1].isdigit() and len(values[-1]) <= _SIZE_DIGITS_MOST else None


def _parsed(data: bytes) -> tuple[Records, bool]:
    """The records of a pax header, and whether all of it could be read."""
    records: Records = {}
    at = 0
    while at < len(data) and data[at]:
        start = _RECORD.match(data, at)
        end = at + int(start.group(1)) if start else 0
        if start is None or not start.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            return records, False
        records.setdefault(start.group(2), []).append(data[start.end() : end - 1])
        at = end
    return records, True


def _padded(size: int) -> int:
    return size + -size % _BLOCK


def _next_header(content: bytes, at: int) -> int:
    """Where the next block is that is a header, or the end."""
    found = content.find(_MAGIC, at + _MAGIC_AT)
    while found >= 0:
        begin = found - _MAGIC_AT
        if begin % _BLOCK == 0 and _header(content[begin : begin + _BLOCK]):
            return begin
        found = content.find(_MAGIC, found + 1)
    return len(content)
