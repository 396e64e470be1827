"""A window of content read in the ways people write values down: raw, unescaped, joined."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from keysweep.detect.encodings import OffsetMap, holds_escape, unescape
from keysweep.frozen import frozen

NEAR_ID_BYTES = 1200
"""How far from a key ID a named secret or token is looked for; farther ones need a hit of their own."""
BESIDE_ID_BYTES = 320
"""How far from a key ID a secret without any name may stand."""


@frozen
class Reading:
    """A window as read one way: raw, unescaped, or with split strings joined."""

    content: str
    """Latin-1, so that one character is one byte."""
    source: Callable[[int], int]
    """From an offset in `content` to one in the layer."""
    source_end: Callable[[int], int]
    """From where something ends in `content` to where it ends in the layer, the whole last escape included."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the layer stands what this reading has between `start` and `end`."""
        return self.source(start), self.source_end(end)


def readings(content: bytes, start: int, end: int) -> Iterator[Reading]:
    """The bytes from `start` to `end` as they stand, and, where that differs, unescaped and joined."""
    texts = [plain_reading(content, start, end)]
    yield texts[0]
    if holds_escape(content, start, end):
        plain, offsets = unescape(content, start, end)
        texts.append(Reading(plain.decode("latin-1"), offsets.source, offsets.source_end))
        yield texts[1]
    for text in texts:
        if _is_split(text):
            yield joined(text)


def plain_reading(content: bytes, start: int, end: int) -> Reading:
    """The bytes from `start` to `end` as they stand."""

    def source(at: int) -> int:
        return start + at

    return Reading(content[start:end].decode("latin-1"), source, source)


_QUOTE_SEAM = re.compile(
    r"[\"'`][ \t]*(?:\\?\r?\n[ \t]*)?(?:\+|\.\.?|&|\|\||<>|~|\\|_)?[ \t]*_?[ \t]*"
    r"(?:\\?\r?\n[ \t]*(?:[+.&_|][ \t]*)?)?[\"'`]"
)
"""Where one string literal ends and the next begins within a statement, in the languages people write."""
_SORTS = bytes(
    ord(
        "q" if chr(byte) in "\"'`"
        else "b" if chr(byte) in " \t\r\n"
        else "s" if chr(byte) in "\\+.&|<>~_"
        else "a" if (byte < 128 and chr(byte).isalnum()) or chr(byte) in "/-=%"
        else "o"
    )
    for byte in range(256)
)  # fmt: skip
"""Maps quotes, blanks, signs that join, the rest of what values are made of, and all others to a letter each."""
_SPLITTING_SEAM = re.compile(rb"q(?<=[as]q)[bsq]*q[as]")


def _is_split(text: Reading) -> bool:
    """Whether a seam may split something: most stand beside commas and brackets."""
    return _SPLITTING_SEAM.search(text.content.encode("latin-1").translate(_SORTS)) is not None


def joined(text: Reading) -> Reading:
    """Drop the seams of split strings: `"abc" + "def"` reads `"abcdef"`."""
    pieces, starts, sources, at, length = [], [0], [0], 0, 0
    for seam in _QUOTE_SEAM.finditer(text.content):
        pieces.append(text.content[at : seam.start()])
        length += len(pieces[-1])
        at = seam.end()
        starts += (length, length)
        sources += (seam.start(), at)
    pieces.append(text.content[at:])
    offsets = OffsetMap(tuple(starts), tuple(sources), (1, 1))
    return Reading(
        "".join(pieces),
        lambda position: text.source(offsets.source(position)),
        lambda end: text.source_end(offsets.source_end(end)),
    )


def gap_to_nearest(place: tuple[int, int], sorted_places: Sequence[tuple[int, int]], overlap: int = 0) -> int:
    """Bytes between `place` and the nearest of places that do not overlap each other; `overlap` where one does."""
    at = bisect_left(sorted_places, place)
    near = sorted_places[max(0, at - 1) : at + 1]
    if any(place[0] < end and start < place[1] for start, end in near):
        return overlap
    return min((max(start - place[1], place[0] - end) for start, end in near), default=1 << 30)
