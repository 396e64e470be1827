"""Sparse files in a tar: where the stretches that are stored belong (GNU tar, formats old, 0.0, 0.1 and 1.0)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from keysweep.detect.limits import MIB

_BLOCK = 512
_FILLED_MOST = 16 * MIB
"""Holes are filled only up to this size: they hold nothing, but a container in the file has its own offsets."""
_STRETCHES_MOST = 100_000
_DIGITS_MOST = 20

Stretches = list[tuple[int, int]]
"""Offset in the file and length of each stretch, in the order in which they are stored."""


def stretches_of_records(records: Mapping[bytes, list[bytes]]) -> Stretches | None:
    """The map in a pax header; None where there is none that can be read."""
    if b"GNU.sparse.map" in records:
        listed = records[b"GNU.sparse.map"][-1]
        return _pairs(listed.split(b",")) if listed.count(b",") < 2 * _STRETCHES_MOST else None
    offsets, lengths = records.get(b"GNU.sparse.offset", []), records.get(b"GNU.sparse.numbytes", [])
    if not offsets or len(offsets) != len(lengths):
        return None
    return _pairs(number for pair in zip(offsets, lengths, strict=True) for number in pair)


def stretches_of_blocks(header: bytes, content: bytes, at: int) -> tuple[Stretches | None, int]:
    """The map in an old GNU header and the blocks at `at` that continue it, and where the data begin."""
    parts, more = [header[386:482]], header[482]
    while more and at + _BLOCK <= len(content):
        parts.append(content[at : at + 504])
        more = content[at + 504]
        at += _BLOCK
    fields = b"".join(parts)
    numbers = [fields[start : start + 12].strip(b"\0 ") for start in range(0, len(fields), 12)]
    if any(number.strip(b"01234567") for number in numbers):
        return None, at
    octal = [int(number, 8) for number in numbers if number]
    return list(zip(octal[::2], octal[1::2], strict=False)), at


def expanded(stored: bytes, stretches: Stretches | None, room: int) -> bytes:
    """The file with its holes; only what is stored when they are large, or the map cannot be right."""
    if stretches is None:
        stretches, stored = _map_before_data(stored)
    size = max((offset + length for offset, length in stretches), default=0)
    if size > min(room, _FILLED_MOST) or sum(length for _, length in stretches) != len(stored):
        return stored
    output = io.BytesIO()
    at = 0
    for offset, length in stretches:
        output.seek(offset)
        output.write(stored[at : at + length])
        at += length
    return output.getvalue()


def _map_before_data(stored: bytes) -> tuple[Stretches, bytes]:
    """Format 1.0: the count, then offsets and lengths, a line each, filled up to whole blocks."""
    first, newline, _ = stored[: _DIGITS_MOST + 1].partition(b"\n")
    if not newline or not first.isdigit() or int(first) > _STRETCHES_MOST:
        return [], stored
    lines = stored.split(b"\n", 2 * int(first) + 1)
    stretches = _pairs(lines[1 : 2 * int(first) + 1])
    if stretches is None or len(stretches) != int(first):
        return [], stored
    end = sum(len(line) + 1 for line in lines[: 2 * int(first) + 1])
    return stretches, stored[end + -end % _BLOCK :]


def _pairs(numbers: Iterable[bytes]) -> Stretches | None:
    values = list(numbers)
    if len(values) % 2 or not all(value.isdigit() and len(value) <= _DIGITS_MOST for value in values):
        return None
    return [(int(offset), int(length)) for offset, length in zip(values[::2], values[1::2], strict=True)]
