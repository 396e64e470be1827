"""Where to look: one pass that names the few places of any content worth reading closely.

Hyperscan finds every anchor in one pass; where it cannot be loaded, and for small content where compiling
its database would cost more than it saves, a pure-Python twin finds the same. Both hand what they saw to the
same code, which reduces it to *hits*: a class and the canonical position that class is read from. So the two
cannot differ in more than speed, and a property test holds them to it.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from itertools import accumulate

from keysweep.detect import engine
from keysweep.detect.anchors import FOUR_NEED, Hit, anchors
from keysweep.detect.base64_tells import BASE64_TELLS
from keysweep.detect.quick import KEY_ID_PREFIXES, SECRET_WORDS, first_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hyperscan import Database

HYPERSCAN_FROM_BYTES = 2 << 20
"""From this size on, content pays for loading Hyperscan in a process that has not done so yet."""


_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_\-]{20,}")
_BASE64_SEAM = re.compile(rb"(?<=[A-Za-z0-9+/])(\r?\n[ \t]{0,20})(?=[A-Za-z0-9+/])")


def find_hits(content: bytes, *, hyperscan: bool | None = None) -> list[Hit]:
    """List the hits in `content`, sorted by position.

    `hyperscan` forces the engine; None takes Hyperscan where it is loaded already or the content is large.
    """
    if hyperscan is None:
        hyperscan = len(content) >= HYPERSCAN_FROM_BYTES or engine.is_ready()
    database = engine.database() if hyperscan else None
    ends = _ends_by_hyperscan(content, database) if database is not None else list(_ends_by_re(content))
    if not ends:
        return []
    hits: dict[Hit, bool] = {}
    for index, end in ends:
        anchor = anchors()[index]
        for at in anchor.settle(content, end):
            hit = Hit(anchor.kind, at)
            if hit not in hits:
                hits[hit] = anchor.confirm is None or anchor.confirm(content, at)
    return sorted((hit for hit, holds in hits.items() if holds), key=lambda hit: (hit.position, hit.kind))


def which_may_hit(joined: bytes, sizes: Iterable[int]) -> set[int]:
    """Which of many small contents may have hits, or the marks of a container.

    `joined` is all of them with one byte between each and the next.
    A pass over a few kilobytes is mostly spent on beginning it. A match across the border of two contents makes
    the second one a candidate for nothing; none that stands within one content is missed.
    """
    database = engine.database()
    ends = list(accumulate(size + 1 for size in sizes))
    if database is None:
        return set(range(len(ends)))
    return {bisect_left(ends, end) for _, end in _ends_by_hyperscan(joined, database)}


def _ends_by_hyperscan(content: bytes, database: Database) -> list[tuple[int, int]]:
    ends: list[tuple[int, int]] = []
    database.scan(content, match_event_handler=_keep, context=ends)
    return ends


def _keep(index: int, _start: int, end: int, _flags: int, ends: object) -> None:
    ends.append((index, end))  # type: ignore[attr-defined]


def _ends_by_re(content: bytes) -> Iterator[tuple[int, int]]:
    lowered = content.lower()
    for index, anchor in enumerate(anchors()):
        within = lowered if anchor.caseless else content
        if anchor.search == "none" or (anchor.tells and not any(tell in within for tell in anchor.tells)):
            continue
        if anchor.search == "literals":
            ends = _base64_ends(content)
        elif anchor.search == "seams":
            ends = _base64_seam_ends(content)
        else:
            ends = _overlapping_ends(_twin(index), content)
        yield from ((index, end) for end in ends)


def _overlapping_ends(pattern: re.Pattern[bytes], content: bytes) -> Iterator[int]:
    """Hyperscan reports a match inside another one, so this does too."""
    match = pattern.search(content)
    while match:
        yield match.end()
        match = pattern.search(content, match.start() + 1)


@functools.cache
def _twin(index: int) -> re.Pattern[bytes]:
    anchor = anchors()[index]
    return re.compile(b"|".join(anchor.patterns()), re.DOTALL | (re.IGNORECASE if anchor.caseless else 0))


def _base64_ends(content: bytes) -> Iterator[int]:
    """A thousand literals are too many for one `re`; their first four characters in a set are not."""
    by_start = _literals_by_start()
    for run in _BASE64_RUN.finditer(content):
        text, base = run.group(), run.start()
        for at in range(len(text) - 3):
            for literal in by_start.get(text[at : at + 4], ()):
                end = base + at + len(literal)
                if len(literal) > 4:
                    if text.startswith(literal, at):
                        yield end
                elif need := re.compile(FOUR_NEED).match(content, end):
                    yield need.end()


def _base64_seam_ends(content: bytes) -> Iterator[int]:
    splits = _seam_splits()
    for seam in _BASE64_SEAM.finditer(content):
        cut, resume = seam.span(1)
        for before, after in splits.get((content[cut - 1], content[resume]), ()):
            if content.endswith(before, 0, cut) and content.startswith(after, resume):
                yield resume + len(after)


@functools.cache
def _seam_splits() -> dict[tuple[int, int], list[tuple[bytes, bytes]]]:
    """The literals cut in two at every place, by the bytes on either side of the cut."""
    table: dict[tuple[int, int], list[tuple[bytes, bytes]]] = {}
    for literal in frozenset(first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS))):
        for at in range(1, len(literal)):
            table.setdefault((literal[at - 1], literal[at]), []).append((literal[:at], literal[at:]))
    return table


@functools.cache
def _literals_by_start() -> dict[bytes, list[bytes]]:
    table: dict[bytes, list[bytes]] = {}
    for literal in BASE64_TELLS:
        table.setdefault(literal[:4], []).append(literal)
    return table
