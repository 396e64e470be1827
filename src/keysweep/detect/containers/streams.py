"""Compressed streams: gzip, bzip2, xz, LZMA and zstd, each possibly several in a row."""

from __future__ import annotations

import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from keysweep.detect.containers.formats import container_format
from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.limits import MIB, Limits

_WINDOW_LOG_MOST = 27
"""Largest zstd window accepted: 128 MiB, the default of the `zstd` command."""
_FEED_LEAST, _FEED_MOST = 512, 256 << 10
"""What a decompressor is fed at once: it copies what it did not need, so short streams get little."""
_LZMA_HEADER_BYTES = 13
_MEMORY_MOST = 520 * MIB
_GZIP_HEADER = re.compile(rb"\x1f\x8b\x08(.).{6}", re.DOTALL)
_PADDING = re.compile(rb"\0*")
_NEXT = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bzip2": re.compile(rb"BZh"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
}
"""How a stream begins that stands right behind another."""
_FURTHER = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL),
    "bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00\x00[\x00-\x0f]"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
"""How one begins behind bytes of any kind, where three would be found by chance."""


class Decompressor(Protocol):
    """What the decompressors of bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""

    @property
    def needs_input(self) -> bool:
        """Whether all that was fed is used up."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes more."""


def opener(kind: str) -> Callable[[bytes, Limits, Budget], Iterator[Member | Halt]]:
    """The function that opens streams of `kind`."""
    return partial(_open_stream, kind)


def unpack(kind: str, content: bytes, room: int) -> tuple[bytes, Halt | None]:
    """Decompress all streams in `content` up to `room` bytes; a halt says why there is not more."""
    output = io.BytesIO()
    at: int | None = 0
    halt = None
    start: Callable[[], Decompressor]
    while at is not None and halt is None and at < len(content):
        if kind == "lzma":
            start = partial(_start_lzma, content[at : at + _LZMA_HEADER_BYTES], room)
            at = min(at + _LZMA_HEADER_BYTES, len(content))
        else:
            start = partial(_start, kind)
        at, halt = _drain(start, content, at, output, room)
        if halt is None:
            at, halt = _next_stream(kind, content, at)
    return output.getvalue(), halt


def unpack_one(start: Callable[[], Decompressor], content: bytes, room: int) -> tuple[bytes, Halt | None]:
    """Decompress one stream with what `start` gives, whatever stands behind it."""
    output = io.BytesIO()
    _, halt = _drain(start, content, 0, output, room)
    return output.getvalue(), halt


def _open_stream(kind: str, content: bytes, limits: Limits, budget: Budget) -> Iterator[Member | Halt]:
    if halt := budget.exhausted(limits):
        yield halt
        return
    name, comment = _gzip_names(content) if kind == "gzip" else ("", b"")
    if comment:
        yield Member("(comment)", comment, kind)
    output, halt = unpack(kind, content, budget.room(limits, len(content)))
    budget.spend(len(output))
    if output:
        yield Member(name, output, kind)
    if halt:
        yield halt


def _start(kind: str) -> Decompressor:
    if kind == "gzip":
        return Zlib(31)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    if kind == "xz":
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_MOST)
    zstd = _zstd()
    decompressor: Decompressor = zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MOST}
    )
    return decompressor


class Zlib:
    """zlib behind the interface of the other decompressors."""

    def __init__(self, wbits: int) -> None:
        """A decompressor of the format that `wbits` says, as for `zlib.decompressobj`."""
        self._inner = zlib.decompressobj(wbits=wbits)

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        """Whether all that was fed is used up."""
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes more."""
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(0, max_length))


def _drain(
    start: Callable[[], Decompressor], content: bytes, at: int, output: io.BytesIO, room: int
) -> tuple[int, Halt | None]:
    """Decompress the stream at `at` a mebibyte at a time; returns where it ends."""
    feed_bytes = _FEED_LEAST
    try:
        decompressor = start()
        while not decompressor.eof:
            feed = content[at : at + feed_bytes] if decompressor.needs_input else b""
            at += len(feed)
            feed_bytes = min(feed_bytes * 2, _FEED_MOST)
            piece = decompressor.decompress(feed, MIB)
            output.write(piece)
            if output.tell() > room:
                output.truncate(room)
                return at, too_large(room)
            if not feed and not piece and not decompressor.eof and decompressor.needs_input:
                return at, damaged("ends early")
    except _errors():
        return at, damaged("its data cannot be decompressed")
    return at - len(decompressor.unused_data), None


def _start_lzma(header: bytes, room: int) -> Decompressor:
    """Fed the header already, with a smaller dictionary: no match reaches farther back than what is unpacked."""
    import lzma

    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_MOST)
    dictionary = min(int.from_bytes(header[1:5], "little"), max(4096, room))
    decompressor.decompress(header[:1] + dictionary.to_bytes(4, "little") + header[5:])
    return decompressor


def _next_stream(kind: str, content: bytes, end: int) -> tuple[int | None, Halt | None]:
    """Where another stream begins behind one that ended at `end`.

    Padding and other bytes there are common and no damage, unless they are a container that nobody opened.
    """
    padding = _PADDING.match(content, end)
    at = padding.end() if padding else end
    if at == len(content):
        return None, None
    if kind == "lzma":
        if container_format(content[at : at + 16]) == kind:
            return at, None
    elif _NEXT[kind].match(content, at):
        return at, None
    elif further := _FURTHER[kind].search(content, at):
        return further.start(), None
    if container_format(content[at:]):
        return None, damaged("bytes behind its end were not opened")
    return None, None


def _gzip_names(content: bytes) -> tuple[str, bytes]:
    """File name and comment of the first gzip header (RFC 1952)."""
    header = _GZIP_HEADER.match(content)
    if header is None:
        return "", b""
    flags, at = header.group(1)[0], 10
    if flags & 4:
        at += 2 + int.from_bytes(content[at : at + 2], "little")
    fields = []
    for bit in (8, 16):
        end = content.find(b"\0", at, at + 4096) if flags & bit else -1
        fields.append(content[at:end] if end >= 0 else b"")
        at = end + 1 if end >= 0 else at
    return fields[0].decode("latin-1"), fields[1]


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _errors() -> tuple[type[BaseException], ...]:
    import lzma

    return (zlib.error, lzma.LZMAError, _zstd().ZstdError, OSError, EOFError, ValueError)
