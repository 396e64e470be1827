"""Compressed streams: gzip, bzip2, xz, LZMA and zstd, each possibly several in a row."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from keysweep.detect.containers.model import Budget, Halt, Member, damaged, too_large
from keysweep.detect.limits import MIB, Limits

_WINDOW_LOG_MOST = 27
"""Largest zstd window accepted: 128 MiB, the default of the `zstd` command."""
_GZIP_HEADER = re.compile(rb"\x1f\x8b\x08(.).{6}", re.DOTALL)


class _Decompressor(Protocol):
    """What the decompressors of bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def opener(kind: str) -> Callable[[bytes, Limits, Budget], Iterator[Member | Halt]]:
    """The function that opens streams of `kind`."""
    return partial(_open_stream, kind)


def unpack(kind: str, content: bytes, room: int) -> tuple[bytes, Halt | None]:
    """Decompress all streams in `content` up to `room` bytes; a halt says why there is not more."""
    output = bytearray()
    try:
        rest = content
        while rest:
            decompressor = _start(kind)
            rest = _drain(decompressor, rest, output, room)
            if len(output) > room:
                return bytes(output[:room]), too_large(room)
            if not decompressor.eof:
                return bytes(output), damaged("ends early")
            rest = _next_stream(kind, rest)
    except _errors() as error:
        return bytes(output[:room]), damaged(error)
    return bytes(output), None


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


def _start(kind: str) -> _Decompressor:
    if kind == "gzip":
        return _Gzip()
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    if kind in {"xz", "lzma"}:
        import lzma

        form = lzma.FORMAT_XZ if kind == "xz" else lzma.FORMAT_ALONE
        return lzma.LZMADecompressor(form, memlimit=512 * MIB)
    zstd = _zstd()
    decompressor: _Decompressor = zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MOST}
    )
    return decompressor


class _Gzip:
    """zlib's gzip mode behind the interface of the other decompressors."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(0, max_length))


def _drain(decompressor: _Decompressor, data: bytes, output: bytearray, room: int) -> bytes:
    """Decompress one stream a mebibyte at a time; returns what stands behind it."""
    feed = data
    while True:
        piece = decompressor.decompress(feed, MIB)
        feed = b""
        output += piece
        if decompressor.eof:
            return decompressor.unused_data
        if len(output) > room or (not piece and decompressor.needs_input):
            return b""


def _next_stream(kind: str, rest: bytes) -> bytes:
    """What may follow a stream: another one, or padding and other trailing bytes, which are no damage."""
    magic = {"gzip": b"\x1f\x8b\x08", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}.get(kind)
    if magic is not None:
        rest = rest.lstrip(b"\0")
        return rest if rest.startswith(magic) else b""
    frame = kind == "zstd" and (rest.startswith(b"\x28\xb5\x2f\xfd") or rest[1:4] == b"\x2a\x4d\x18")
    return rest if frame else b""


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
