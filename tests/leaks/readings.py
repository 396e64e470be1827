"""Bytes as they are, and what they say to whoever undoes the obvious encodings of them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{24,}")
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def readings(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each reading, with its name; base64 and hexadecimal at every alignment."""
    yield "as it is", content
    if b"\0" in content:
        yield "in UTF-16", content.replace(b"\0", b"")
    if _PERCENT.search(content):
        yield "with percent signs", unquote_to_bytes(content)
    for run in _BASE64.findall(content):
        run = run.translate(_URL_SAFE)
        for skip in range(4):
            yield "in base64", binascii.a2b_base64(run[skip : skip + (len(run) - skip) // 4 * 4])
    for run in _HEX.findall(content):
        for skip in range(2):
            yield "in hexadecimal", binascii.a2b_hex(run[skip : skip + (len(run) - skip) // 2 * 2])
