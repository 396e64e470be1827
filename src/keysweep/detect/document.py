"""One piece of text as a person would open it: lines, columns, and snippets without secrets."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from itertools import accumulate

from keysweep.detect.credentials import Credential
from keysweep.findings import Origin, Place, Pragma, Role
from keysweep.frozen import frozen

SNIPPET_CHARACTERS = 160
_COLUMN_BYTES = 1 << 20
"""A column is counted from no farther back than this."""


@frozen
class _Position:
    """A byte of a document as an editor names it."""

    offset: int
    line: int
    """1-based."""
    line_start: int
    """Offset of the first byte of the line."""
    column: int
    """1-based, in characters."""


class Document:
    """Content with its own lines: a file, a container member, or a UTF-16 file as UTF-8."""

    def __init__(
        self,
        text: bytes,
        origin: Origin,
        steps: tuple[str, ...] = (),
        stored: Callable[[int], int] = int,
    ) -> None:
        """`steps` say how it was decoded as a whole; containers are in `origin.members`.

        `stored` leads from an offset in `text` to one in the content as stored.
        """
        self.text = text
        self.origin = origin
        self.steps = steps
        self.stored = stored
        self.may_be_marked: bool | None = None
        """Whether a pragma may stand in it, once somebody looked."""
        self._known = [_Position(0, 1, 0, 1)]

    def position_of(self, offset: int) -> _Position:
        """Line and column of a byte; counts on from the nearest place already asked for."""
        before = self._known[bisect_right(self._known, offset, key=lambda each: each.offset) - 1]
        lines = self.text.count(b"\n", before.offset, offset)
        line_start, start, column = before.line_start, before.offset, before.column
        if lines:
            line_start = self.text.rfind(b"\n", before.offset, offset) + 1
            start, column = line_start, 1
        start = max(start, offset - _COLUMN_BYTES)
        column += len(self.text[start:offset].decode("utf-8", "replace"))
        found = _Position(offset, before.line + lines, line_start, column)
        insort(self._known, found, key=lambda each: each.offset)
        return found

    def place(self, credential: Credential, around: Redactions, pragma: Pragma | None = None) -> Place:
        """Where `credential` stands, and what allows it there.

        Its snippet redacts all of `around`, the document's credentials.
        """
        position = self.position_of(credential.start)
        snippet, mark = self._snippet(credential, around, position.line_start)
        steps = credential.steps
        if steps:
            steps = (f"{steps[0]} in line {position.line}", *steps[1:])
        offset = self.stored(credential.start)
        return Place(
            line=position.line,
            column=position.column,
            offset=offset,
            length=self.stored(credential.end - 1) + 1 - offset,
            decoding=(*self.steps, *steps),
            snippet=snippet,
            mark=mark,
            pragma=pragma,
        )

    def shown(self, start: int, end: int, around: Redactions) -> str:
        """The text from `start` to `end` as a snippet shows it."""
        pieces: list[str] = []
        for each in around.within(start, end):
            if each.end > start:
                pieces += (_readable(self.text[start : max(start, each.start)]), _shown(each))
                start = each.end
        return "".join((*pieces, _readable(self.text[start:end])))

    def _snippet(self, credential: Credential, around: Redactions, line_start: int) -> tuple[str, tuple[int, int]]:
        line_end = self.text.find(b"\n", credential.start, credential.start + 4096)
        line_end = line_end if line_end >= 0 else min(len(self.text), credential.start + 4096)
        line_end = max(line_end, credential.start)
        start = max(line_start, credential.start - SNIPPET_CHARACTERS // 2)
        end = min(line_end, max(credential.end, start) + SNIPPET_CHARACTERS // 2)
        for run in _CUT_RUN.finditer(
            self.text, max(line_start, start - _RUN_BYTES), min(line_end, end + _RUN_BYTES)
        ):
            if run.start() < start < run.end():  # what is left of it is too short to be hidden for its length
                start = max(start, min(run.end(), credential.start))
            if run.start() < end < run.end():
                end = min(end, max(run.start(), credential.end))
        pieces: list[str] = ["…"] if start > line_start else []
        mark = (0, 0)
        at = start
        for each in around.within(start, end):
            if each.end <= at:
                continue
            pieces.append(_readable(self.text[at : max(at, each.start)]))
            shown = _shown(each)
            if each.start <= credential.start < each.end:
                before = sum(map(len, pieces))
                mark = (before, before + len(shown))
            pieces.append(shown)
            at = each.end
        pieces.append(_readable(self.text[at:end]))
        if at < end < line_end:
            pieces.append("…")
        return "".join(pieces).rstrip("\r"), mark


@frozen
class Redactions:
    """The credentials of a document, sorted by place; use `redactions` to make one."""

    credentials: tuple[Credential, ...]
    starts: tuple[int, ...]
    farthest: tuple[int, ...]
    """For each credential the farthest end of it and all before it."""

    def within(self, start: int, end: int) -> list[Credential]:
        """Those that stand at least partly between `start` and `end`."""
        last = bisect_left(self.starts, end)
        first = last
        while first > 0 and self.farthest[first - 1] > start:
            first -= 1
        return list(self.credentials[first:last])


def redactions(credentials: Iterable[Credential]) -> Redactions:
    """What snippets must not show.

    Of those that stand at the very same place, as everything in an encoded archive does, the plainest is enough.
    """
    by_place: dict[tuple[int, int], Credential] = {}
    for each in sorted(credentials, key=lambda each: (each.start, -each.end, len(each.steps))):
        by_place.setdefault((each.start, each.end), each)
    ordered = tuple(by_place.values())
    return Redactions(
        ordered,
        tuple(each.start for each in ordered),
        tuple(accumulate((each.end for each in ordered), max)),
    )


def _shown(credential: Credential) -> str:
    """A key ID is no secret and stays whole; anything else, and anything encoded, keeps four characters."""
    if credential.steps:
        return f"‹{credential.role.value} in {credential.steps[0]}›"
    return credential.value if credential.role is Role.KEY_ID else f"{credential.value[:4]}…"


_LONG_RUN = re.compile(r"(?<![A-Za-z0-9+/])(?![0-9a-f]*(?![A-Za-z0-9+/]))([A-Za-z0-9+/]{4})[A-Za-z0-9+/]{36,}")


_URL_SAFE_RUN = re.compile(
    r"(?<![\w+/-])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])(?=[\w+/-]*[0-9])([\w+/-]{4})[\w+/-]{36,}", re.ASCII
)
"""In names of files and in addresses `_` or `-` stand for `/` and `+`; a name in code rarely has all of these."""


_CUT_RUN = re.compile(rb"[\w+/-]{40,}")
_RUN_BYTES = 40


def _readable(content: bytes) -> str:
    """Text as it is, but for runs as long as a secret, which may be one even where nothing calls it so."""
    text = content.decode("utf-8", "replace")
    return _LONG_RUN.sub(r"\1…", _URL_SAFE_RUN.sub(r"\1…", text))
