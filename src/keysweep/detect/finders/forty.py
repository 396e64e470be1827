"""Forty characters of the secret alphabet however they are written: plainly, in base64, in hex, wrapped."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from functools import cache

from keysweep.detect.quick import CLASSES
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.frozen import frozen


@frozen
class Candidate:
    """Forty characters that could be a secret; offsets are those of the text they were read from."""

    value: str
    start: int
    end: int
    rule: Rule
    steps: tuple[str, ...] = ()

    @property
    def is_wrapped(self) -> bool:
        """Whether it stands in more than one line."""
        return not self.steps and self.end - self.start != len(self.value)


_PLAIN = BY_NAME["secret-access-key"]
_BASE64 = BY_NAME["base64-secret-access-key"]
_HEX = BY_NAME["hex-secret-access-key"]
_FORTY = re.compile(rb"[A-Za-z0-9/+]{40}")
_LEAST_PIECE = 13
"""The longest piece of forty characters over four lines has at least as many."""


def candidates(text: str) -> Iterator[Candidate]:
    """Everything in `text` (Latin-1 in a string) that reads as forty characters; the plainest first."""
    content = text.encode("latin-1")
    runs = list(_runs(content))
    for start, end in runs:
        # Whatever stands before it, a plain secret ends where its run does.
        if end - start >= 40 and (match := _PLAIN.regex.match(content, end - 40)):
            yield Candidate(match.group(1).decode("ascii"), *match.span(1), _PLAIN)
    if b"\0" in content:
        yield from _glued(content)
    for start, end in runs:
        if end - start >= 54 and (match := _BASE64.regex.match(content, start)):
            yield from _decoded(a2b_base64(match.group(1)), match, _BASE64, "base64")
        if end - start == 80 and (match := _HEX.regex.match(content, start)):
            yield from _decoded(bytes.fromhex(match.group(1).decode("ascii")), match, _HEX, "hex")
    yield from _wrapped(content, runs)


def _runs(content: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the runs of the alphabet that are long enough to be a piece of a secret."""
    mask = content.translate(CLASSES)
    least = b"a" * _LEAST_PIECE
    start = mask.find(least)
    while start >= 0:
        end = mask.find(b" ", start + _LEAST_PIECE)
        end = len(mask) if end < 0 else end
        yield start, end
        start = mask.find(least, end)


def _decoded(decoded: bytes, match: re.Match[bytes], rule: Rule, step: str) -> Iterator[Candidate]:
    value = decoded.removesuffix(b"\n")
    if _FORTY.fullmatch(value):
        yield Candidate(value.decode("ascii"), *match.span(1), rule, (step,))


def _glued(content: bytes) -> Iterator[Candidate]:
    """In binary data a value may touch its name, its key ID, or a length byte: forty is an opening bracket."""
    for pattern in _glued_patterns():
        for match in pattern.finditer(content):
            yield Candidate(match.group(1).decode("ascii"), *match.span(1), _PLAIN)


@cache
def _glued_patterns() -> tuple[re.Pattern[bytes], ...]:
    patterns = (
        rb"(?i:secret[_\-]?(?:access)?[_\-]?(?:key)?)[=:]?([A-Za-z0-9/+]{40})",
        rb"A[KS]IA[A-Z2-7]{16}[\x00-\x20(]{0,4}([A-Za-z0-9/+]{40})",
        rb"\(([A-Za-z0-9/+]{40})",
        rb"([A-Za-z0-9/+]{40})(?=A[KS]IA[A-Z2-7]{16})",
        rb"(?<![A-Za-z0-9/+])([A-Za-z0-9/+]{40})",
    )
    return tuple(re.compile(pattern) for pattern in patterns)


_SEAM = rb"\\?\r?\n[ \t]*(?:[#*>|][ \t]+)?"
_REACH = 260
"""More than forty characters over four lines take, with their indents."""


def _wrapped(content: bytes, runs: Sequence[tuple[int, int]]) -> Iterator[Candidate]:
    """Values over two, three and four lines, each tried for itself: the next line may look like a part.

    One that begins with the name of an assignment is none, although its first letters may fill up the forty.
    """
    spans = list(_near_line_ends(content, runs))
    for pattern in _wrapped_patterns() if spans else ():
        for start, end in spans:
            for match in pattern.finditer(content, start, end):
                value = re.sub(_SEAM, b"", match.group(1))
                if _FORTY.fullmatch(value):
                    yield Candidate(value.decode("ascii"), *match.span(1), _PLAIN)


@cache
def _wrapped_patterns() -> tuple[re.Pattern[bytes], ...]:
    piece = rb"[A-Za-z0-9/+]{1,39}"
    line = piece + rb"\\?\r?\n[ \t]{0,40}(?:[#*>|][ \t]{1,4})?"
    end = rb"(?![A-Za-z0-9/+=_]|[\w.\-]{0,60}[ \t]{0,4}[:=])"
    return tuple(
        re.compile(rb"(?<![A-Za-z0-9/+])((?:" + line + rb"){%d}" % seams + piece + rb")" + end)
        for seams in (1, 2, 3)
    )


def _near_line_ends(content: bytes, runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Merged (start, end) around the runs shorter than a secret that end or begin a line."""
    low = high = -1
    for start, end in runs:
        ends_line = content[end : end + 2].lstrip(b"\\\r")[:1] == b"\n" or content[end : end + 3] == b"\\\r\n"
        if end - start >= 40 or not (ends_line or _begins_line(content, start)):
            continue
        if start - _REACH > high:
            if high >= 0:
                yield low, high
            low = max(0, start - _REACH)
        high = end + _REACH
    if high >= 0:
        yield low, min(high, len(content))


def _begins_line(content: bytes, start: int) -> bool:
    before = content[max(0, start - 48) : start].rstrip(b" \t#*>|")
    return before.endswith(b"\n")
