"""Encoded runs opened as views: decoded bytes that still know where each byte stands in the original."""

from __future__ import annotations

import binascii
import re
from bisect import bisect_left, bisect_right
from functools import cache

from keysweep.frozen import frozen

MAX_RUN_BYTES = 64 << 20
"""Longest encoded run opened as one view; a longer one is opened piece by piece."""
_RUN_OVERLAP = 1 << 16
"""So much of the piece before is opened again, for what stands across the border."""


@frozen
class OffsetMap:
    """From offsets in decoded bytes to offsets in the bytes they came from.

    Segments, sorted: from `starts[i]` on, a decoded byte `n` further stands `n * scale[0] // scale[1]` bytes
    behind `sources[i]`. Where characters were taken out or an escape was undone, one segment begins at what
    changed and one behind it.
    """

    starts: tuple[int, ...]
    sources: tuple[int, ...]
    scale: tuple[int, int]

    def source(self, offset: int) -> int:
        """Where the byte at `offset` stands in the original."""
        index = max(0, bisect_right(self.starts, offset) - 1)
        return self.sources[index] + (offset - self.starts[index]) * self.scale[0] // self.scale[1]

    def source_end(self, end: int) -> int:
        """Where bytes that end before `end` end in the original; never inside what encodes their last bit."""
        index = bisect_left(self.starts, end)
        if self.scale == (1, 1) and index < len(self.starts) and self.starts[index] == end:
            return self.sources[index]
        return self.source(end - 1) + -(-self.scale[0] // self.scale[1])


@frozen
class View:
    """A decoded run."""

    content: bytes
    offsets: OffsetMap
    start: int
    end: int
    """The run in the original."""
    step: str
    """The encoding in words, as the decoding path of a finding shows it."""


def open_views(content: bytes, kind: str, position: int, done: int = 0) -> list[View]:
    """Decode the run of `kind` around `position`; several views where the alignment is not known.

    What stands before `done` was opened already: of a run longer than `MAX_RUN_BYTES` only the rest is opened.
    """
    floor = max(0, done - _RUN_OVERLAP)
    if kind == "base64":
        return _base64_views(content, position, floor)
    if kind == "hex":
        return _hex_views(content, position, floor)
    if kind == "utf16":
        return _utf16_views(content, position)
    return _escape_views(content, position)


def whole_utf16(content: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` if `content` is such text, by its mark or by where its zeros stand."""
    if b"\0" not in content[:32] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    if content.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return None
    if content.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if content.startswith(b"\xfe\xff"):
        return "utf-16-be"
    head = content[:4096]
    if len(head) < 32 or len(content) % 2 or head[:32].count(0) < 8:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


@frozen
class _Run:
    """How one text encoding of bytes looks when it is wrapped over lines."""

    alphabet: bytes
    line: re.Pattern[bytes]
    onward: re.Pattern[bytes]
    """Matches a line end after which the run goes on."""
    backward: re.Pattern[bytes]
    """Matches a line end, up to where it is asked to end, before which the run may have begun."""
    shortest: int
    """Characters of a line that another line may continue."""


_WRAP = rb"(?:=?\r?\n[ \t>#*|]{0,24}|\\r\\n|\\n|[\"'][ \t]*[+.,&]?[ \t]*\\?\r?\n[ \t]*[\"'])"


@cache
def _run(alphabet: bytes, shortest: int) -> _Run:
    one = rb"[" + re.escape(alphabet) + rb"]"
    word = one + rb"{%d,}" % shortest
    return _Run(
        alphabet,
        re.compile(one + rb"+"),
        re.compile(_WRAP + rb"(?=" + word + rb"|" + one + rb"{2,3}={1,2}(?![A-Za-z0-9=]))"),
        re.compile(_WRAP + rb"\Z"),
        shortest,
    )


_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE64_LINES = (_LETTERS + b"0123456789+/-_", 4)
_HEX_LINES = (b"0123456789abcdefABCDEF", 16)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _base64_views(content: bytes, position: int, floor: int) -> list[View]:
    pieces = _pieces(content, position, _run(*_BASE64_LINES), floor)
    joined = b"".join(content[start:end] for start, end in pieces).translate(_URL_SAFE)
    views = []
    for skip in range(min(4, len(joined))):
        body = joined[skip:]
        body = body[: len(body) - 1] if len(body) % 4 == 1 else body
        decoded = binascii.a2b_base64(body + b"=" * (-len(body) % 4))
        offsets = _wrapped_map(pieces, skip, (4, 3))
        views.append(View(decoded, offsets, pieces[0][0], pieces[-1][1], "base64"))
    return views


def _hex_views(content: bytes, position: int, floor: int) -> list[View]:
    pieces = _pieces(content, position, _run(*_HEX_LINES), floor)
    joined = b"".join(content[start:end] for start, end in pieces)
    views = []
    for skip in range(min(2, len(joined))):
        body = joined[skip:]
        decoded = binascii.a2b_hex(body[: len(body) & ~1])
        views.append(View(decoded, _wrapped_map(pieces, skip, (2, 1)), pieces[0][0], pieces[-1][1], "hex"))
    return views


def _pieces(content: bytes, position: int, run: _Run, floor: int) -> list[tuple[int, int]]:
    """The lines of the run around `position`, as (start, end), first line first.

    In a wrapped block every line but the last is equally long, so a longer line begins another block.
    """
    start, end = _line_of_run(content, position, run, floor)
    pieces = [(start, end)]
    while end - start < MAX_RUN_BYTES and (wrap := run.onward.match(content, end)):
        line = run.line.match(content, wrap.end())
        if line is None or line.end() - line.start() > pieces[-1][1] - pieces[-1][0]:
            break
        pieces.append(line.span())
        end = line.end()
    while end - start < MAX_RUN_BYTES and (wrap := run.backward.search(content, max(floor, start - 200), start)):
        line_start = _line_of_run(content, wrap.start(), run, floor)[0]
        if wrap.start() - line_start < max(run.shortest, pieces[0][1] - pieces[0][0]):
            break
        start = line_start
        pieces.insert(0, (start, wrap.start()))
    return pieces


def _line_of_run(content: bytes, position: int, run: _Run, floor: int) -> tuple[int, int]:
    start = position
    while start > floor and position - start < MAX_RUN_BYTES:
        chunk_from = max(floor, start - 4096)
        kept = len(content[chunk_from:start].rstrip(run.alphabet))
        start = chunk_from + kept
        if kept:
            break
    if content[start - 1 : start] == b"\\" and content[start : start + 1] in (b"n", b"r", b"t"):
        start += 1  # an escaped line end before the run, as in a JSON string
    line = run.line.match(content, start, start + MAX_RUN_BYTES)
    return line.span() if line else (position, position)


def _wrapped_map(pieces: list[tuple[int, int]], skip: int, scale: tuple[int, int]) -> OffsetMap:
    starts, sources, characters = [], [], -skip
    for start, end in pieces:
        first = max(0, characters)
        starts.append(-(-first * scale[1] // scale[0]))
        sources.append(start + max(0, -characters))
        characters += end - start
    return OffsetMap(tuple(starts), tuple(sources), scale)


_WIDE_RUN = rb"(?:[\t\r\n\x20-\x7e\xa0-\xff]\x00){3,}"
_WIDE_REACH = 16384


def _utf16_views(content: bytes, position: int) -> list[View]:
    """UTF-16 strings among other bytes, a line each; big-endian ones read as little-endian one byte later.

    Programs keep such strings side by side, apart by zeros or length bytes, so the neighbours come along.
    """
    pieces, starts, sources, length = [], [], [], 0
    window = range(max(0, position - _WIDE_REACH), position + _WIDE_REACH)
    runs = list(re.compile(_WIDE_RUN).finditer(content, window.start, window.stop))
    for run in runs:
        starts.append(length)
        sources.append(run.start())
        pieces.append(run.group()[::2])
        length += len(pieces[-1]) + 1
    if not runs:
        return []
    offsets = OffsetMap(tuple(starts), tuple(sources), (2, 1))
    return [View(b"\n".join(pieces), offsets, runs[0].start(), runs[-1].end(), "UTF-16")]


_ESCAPE = (
    rb"\\{1,8}(?:u00([0-9A-Fa-f]{2})|x([0-9A-Fa-f]{2})|([nrtfbv\"'/0]))"
    rb"|\\{2,8}"
    rb"|%(?:25){0,3}([0-9A-Fa-f]{2})"
    rb"|&(?:amp;)?#[xX]0{0,4}([0-9A-Fa-f]{2});"
    rb"|&(?:amp;)?#0{0,4}([0-9]{2,3});"
    rb"|&(?:amp;)?(quot|apos|amp|lt|gt|sol|plus|equals|colon|nbsp|Tab|NewLine);"
    rb"|0(?<![A-Za-z0-9+/]0)x([0-9A-Fa-f]{2})(?:, ?|(?![0-9A-Za-z]))"
    rb"|=(3D|2F|2B)"
    rb"|=\r?\n"
    rb"|\x1b\[[0-9;]{0,16}[mK]"
)
"""Every alternative begins with one certain character, so that `re` can skip all others at once."""
_ESCAPE_TELLS = (b"\\", b"%", b"&", b"0x", b"=3D", b"=2F", b"=2B", b"=\n", b"=\r\n", b"\x1b[")
"""One of these stands in whatever `_ESCAPE` matches."""
_ENTITIES = {
    b"quot": b'"', b"apos": b"'", b"amp": b"&", b"lt": b"<", b"gt": b">", b"sol": b"/", b"plus": b"+",
    b"equals": b"=", b"colon": b":", b"nbsp": b" ", b"Tab": b"\t", b"NewLine": b"\n",
}  # fmt: skip
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b", b"v": b"\v", b"0": b"\0"}


def holds_escape(content: bytes, start: int, end: int) -> bool:
    """Whether `unescape` would change anything between `start` and `end`."""
    return any(content.find(tell, start, end) >= 0 for tell in _ESCAPE_TELLS) and bool(
        re.compile(_ESCAPE).search(content, start, end)
    )


def unescape(content: bytes, start: int = 0, end: int | None = None) -> tuple[bytes, OffsetMap]:
    """Undo escapes of JSON, URLs, HTML, C, quoted-printable and terminals between `start` and `end` of `content`.

    Escapes that were escaped again (JSON inside JSON, `%252F`) are undone in one go.
    """
    end = len(content) if end is None else end
    pieces: list[bytes] = []
    starts, sources, length, at = [0], [start], 0, start
    for match in re.compile(_ESCAPE).finditer(content, start, end):
        plain = content[at : match.start()]
        replacement = _unescaped(match)
        pieces += (plain, replacement)
        length += len(plain)
        starts.append(length)
        sources.append(match.start())
        length += len(replacement)
        at = match.end()
        starts.append(length)
        sources.append(at)
    pieces.append(content[at:end])
    return b"".join(pieces), OffsetMap(tuple(starts), tuple(sources), (1, 1))


def _unescaped(match: re.Match[bytes]) -> bytes:
    for group in (1, 2, 4, 5, 8, 9):
        if digits := match.group(group):
            return bytes((int(digits, 16),))
    if control := match.group(3):
        return _CONTROLS.get(control, control)
    if number := match.group(6):
        return bytes((int(number) & 0xFF,))
    if name := match.group(7):
        return _ENTITIES[name]
    return b""


_ESCAPE_REACH = 4096
_SPACED_HEX = rb"(?:[0-9A-Fa-f]{2}[ :\-]{1,2}){7,}[0-9A-Fa-f]{2}"


def _escape_views(content: bytes, position: int) -> list[View]:
    start, end = max(0, position - _ESCAPE_REACH), min(len(content), position + _ESCAPE_REACH)
    for match in re.compile(_SPACED_HEX).finditer(content, start, end):
        if match.start() <= position < match.end():
            digits = re.sub(rb"[ :\-]+", b"", match.group())
            offsets = OffsetMap((0,), (match.start(),), (3, 1))
            return [View(binascii.a2b_hex(digits), offsets, *match.span(), "hex")]
    decoded, offsets = unescape(content, start, end)
    return [View(decoded, offsets, start, end, "escapes")]


def decode_utf16(content: bytes, code: str) -> tuple[bytes, OffsetMap]:
    """All of a UTF-16 text as UTF-8, without its byte order mark; what is no UTF-16 becomes U+FFFD."""
    text = content.decode(code, "replace")
    mark = text.startswith("\ufeff")
    text = text[mark:]
    starts, sources, at_utf8, at_source, last = [0], [2 * mark], 0, 2 * mark, 0
    for match in re.finditer(r"[^\x00-\x7f]+", text):
        plain = match.start() - last
        wide = match.group()
        at_utf8 += plain + len(wide.encode("utf-8", "replace"))
        at_source += 2 * plain + len(wide.encode("utf-16-le", "replace"))
        last = match.end()
        starts.append(at_utf8)
        sources.append(at_source)
    return text.encode("utf-8", "replace"), OffsetMap(tuple(starts), tuple(sources), (2, 1))
