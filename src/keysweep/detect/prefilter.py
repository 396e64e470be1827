"""Where to look: one pass that names the few places of any content worth reading closely.

Hyperscan finds every anchor in one pass; where it cannot be loaded, and for small content where compiling
its database would cost more than it saves, a pure-Python twin finds the same. Both hand what they saw to the
same code, which reduces it to *hits*: a class and the canonical position that class is read from. So the two
cannot differ in more than speed, and a property test holds them to it.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from keysweep.detect.quick import (
    BROKEN_SECRET,
    ESCAPED_KEY_ID,
    KEY_ID,
    KEY_ID_PREFIXES,
    SECRET_WORDS,
    SPLIT_KEY_ID,
    first_base64,
)

if TYPE_CHECKING:
    from hyperscan import Database

HYPERSCAN_FROM_BYTES = 4 << 20
"""Content from this size on pays for loading Hyperscan in a process that has not done so yet."""

_SECRET_TAIL = rb"(?:.{0,100}[^A-Za-z0-9/+][A-Za-z0-9/+]{40}|" + BROKEN_SECRET + rb")"
_AWS_TAIL = (
    rb"[A-Za-z0-9_.\- ]{0,24}(?:key|pass|pwd|cred|sk|token|priv|pw)[A-Za-z_]{0,10}[\"'\])}]{0,3}[ \t]{0,4}"
    rb"(?:=>|:=|[=:,>(]){1,2}[ \t]{0,4}[\"'`(<]{0,3}[A-Za-z0-9/+]{40}"
)
_SESSION_TAIL = rb".?token.{0,40}[A-Za-z0-9+/%\\]{80}"
_MAIL_TAIL = rb".{0,160}[^A-Za-z0-9+/][Bb][A-Pa-p][A-Za-z0-9+/]{42}"
_PLAIN_HEX = (
    rb"41(?:4b49|5349|4249|4343)41[0-9a-f]{8}",
    rb"736563726574",
    rb"534543524554",
    rb"536563726574",
    rb"1f8b080[0-9a-f]{9}",
)
_ENCODED_WORDS = (*SECRET_WORDS, b"oJb3JpZ2luX2Vj", b"QmVkcm9ja0FQSUtleS")
_FOUR_NEED = rb"(?:[A-Za-z0-9+/_-]{8}|[A-Za-z0-9+/]{0,7}\r?\n)"
_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_\-]{20,}")
_BASE64_REST = re.compile(rb"[A-Za-z0-9+/_\-]{1,20}")
_FOUR = re.compile(_FOUR_NEED)
_BASE64_SEAM = re.compile(rb"(?<=[A-Za-z0-9+/])(\r?\n[ \t]{0,20})(?=[A-Za-z0-9+/])")

SECRET_REACH = 210
"""Bytes from the start of `secret` to the end of the farthest token that counts as near it."""


_Settle = Callable[[bytes, int], Iterable[int]]


class Hit(NamedTuple):
    """One place to read closely."""

    kind: str
    """`id`, `split`, `secret`, `aws`, `session`, `mail`, `token`, `api`, or an encoding: `escape`, `hex`,
    `base64`, `utf16`."""
    position: int
    """Byte offset; for the encodings anywhere inside the encoded run, else where the anchor starts."""


class _Anchor(NamedTuple):
    kind: str
    patterns: tuple[bytes, ...]
    """Alternatives, in the dialect that `re` and Hyperscan share; each may match anywhere."""
    caseless: bool
    settle: _Settle
    """From content and the end of a match to canonical positions, or to candidates for `confirm`."""
    confirm: re.Pattern[bytes] | None = None
    """What must match at a candidate; costly, so each candidate is asked once."""


def find_hits(content: bytes, *, hyperscan: bool | None = None) -> list[Hit]:
    """List the hits in `content`, sorted by position.

    `hyperscan` forces the engine; None takes Hyperscan where it is loaded already or the content is large.
    """
    if hyperscan is None:
        hyperscan = len(content) >= HYPERSCAN_FROM_BYTES or _database.cache_info().currsize > 0
    database = _database() if hyperscan else None
    ends = _ends_by_hyperscan(content, database) if database is not None else list(_ends_by_re(content))
    if not ends:
        return []
    hits: dict[Hit, bool] = {}
    for index, end in ends:
        anchor = _anchors()[index]
        for at in anchor.settle(content, end):
            hit = Hit(anchor.kind, at)
            if hit not in hits:
                hits[hit] = anchor.confirm is None or anchor.confirm.match(content, at) is not None
    return sorted((hit for hit, holds in hits.items() if holds), key=lambda hit: (hit.position, hit.kind))


def warm_up() -> bool:
    """Load Hyperscan now, once for this process; False where it cannot be loaded."""
    return _database() is not None


def _start_before(length: int) -> _Settle:
    def settle(_content: bytes, end: int) -> Iterable[int]:
        return (end - length,)

    return settle


def _where_it_ended(_content: bytes, end: int) -> Iterable[int]:
    return (end - 1,)


def _split_start(content: bytes, end: int) -> Iterable[int]:
    found = re.compile(SPLIT_KEY_ID).search(content, max(0, end - 20), end)
    return (found.start(),) if found else ()


def _keywords(word: bytes, tail: bytes, reach: int = SECRET_REACH) -> _Anchor:
    """Hits are the positions of `word` from which `tail` matches, whichever end of the match was reported."""
    head = re.compile(word)

    def settle(content: bytes, end: int) -> Iterator[int]:
        start = max(0, end - reach)
        return (start + match.start() for match in head.finditer(content[start:end].lower()))

    whole = word + tail
    return _Anchor(_KIND_BY_WORD[word], (whole,), True, settle, re.compile(whole, re.DOTALL | re.IGNORECASE))


_KIND_BY_WORD = {
    rb"secret": "secret",
    rb"aws": "aws",
    rb"(?:session|security)": "session",
    rb"(?:smtp|mail)": "mail",
}


def _long_run_end(content: bytes, end: int) -> Iterable[int]:
    """A base64 literal counts only inside a run that could hold a key: twenty characters in one line."""
    end -= len(content[max(0, end - 2) : end]) - len(content[max(0, end - 2) : end].rstrip(b"\r\n"))
    start = max(0, end - 20)
    before = len(content[start:end]) - len(content[start:end].rstrip(_BASE64_BYTES))
    after = _BASE64_REST.match(content, end)
    return (end - 1,) if before + (len(after.group()) if after else 0) >= 20 else ()


@functools.cache
def _anchors() -> tuple[_Anchor, ...]:
    return (
        _Anchor("id", (KEY_ID,), False, _start_before(20)),
        _Anchor("split", (SPLIT_KEY_ID,), False, _split_start),
        _keywords(rb"secret", _SECRET_TAIL),
        _keywords(rb"aws", _AWS_TAIL),
        _keywords(rb"(?:session|security)", _SESSION_TAIL),
        _keywords(rb"(?:smtp|mail)", _MAIL_TAIL, SECRET_REACH + 40),
        _Anchor("token", (rb"F[QwI]oGZXIvYXdz",), False, _start_before(12)),
        _Anchor("token", (rb"IQoJb3JpZ2luX2Vj",), False, _start_before(16)),
        _Anchor("token", (rb"AQo[DE]YXdz",), False, _start_before(8)),
        _Anchor("api", (rb"ABSK[A-Za-z0-9+/]{60}",), False, _start_before(64)),
        _Anchor("api", (rb"bedrock-api-key-[A-Za-z0-9+/]{20}",), False, _start_before(36)),
        _Anchor("escape", (ESCAPED_KEY_ID,), True, _where_it_ended),
        _Anchor("hex", _hex_patterns(), True, _where_it_ended),
        _Anchor("utf16", (rb"A\x00(?:K\x00I|S\x00I|B\x00I|C\x00C)\x00A\x00",), False, _where_it_ended),
        _Anchor("utf16", (rb"s\x00e\x00c\x00r\x00e\x00t\x00",), True, _where_it_ended),
        _Anchor("base64", _base64_patterns(), False, _long_run_end),
        _Anchor("base64", _base64_seams(), False, _where_it_ended),
    )


@functools.cache
def _base64_literals() -> tuple[bytes, ...]:
    """What anchors look like after one, two or three rounds of base64, at each of the three alignments.

    Only the characters that the anchor determines whatever stands beside it.
    """
    wide = [
        word.decode().encode(code)
        for word in (*KEY_ID_PREFIXES, *SECRET_WORDS)
        for code in ("utf-16-le", "utf-16-be")
    ]
    hexes = (b"414b4941", b"41534941", b"414B4941", b"736563726574")
    magic = (b"\x1f\x8b\x08", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"BZh91AY&SY")
    first = [*first_base64((*KEY_ID_PREFIXES, *_ENCODED_WORDS, *wide, *hexes))]
    first += [base64.b64encode(word)[: len(word) * 8 // 6] for word in magic]
    second = first_base64(first)
    return tuple(sorted({*first, *second, *first_base64(second)}))


@functools.cache
def _base64_patterns() -> tuple[bytes, ...]:
    """The literals as expressions. Four characters are common in text, so they ask for eight more."""
    return tuple(re.escape(each) + (_FOUR_NEED if len(each) == 4 else b"") for each in _base64_literals())


@functools.cache
def _base64_seams() -> tuple[bytes, ...]:
    """Wrapped base64 may break inside an anchor; those of the first round are found across a line end too."""
    return tuple(
        re.escape(each[:at]) + rb"\r?\n[ \t]{0,20}" + re.escape(each[at:])
        for each in first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS))
        for at in range(1, len(each))
    )


def _hex_patterns() -> tuple[bytes, ...]:
    """Anchors in hexadecimal, and those that were in base64 or hexadecimal before."""
    inner = (
        *first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS)),
        b"414b4941",
        b"41534941",
        b"736563726574",
    )
    return (*_PLAIN_HEX, *(literal.hex().encode() for literal in inner))


def _ends_by_hyperscan(content: bytes, database: Database) -> list[tuple[int, int]]:
    ends: list[tuple[int, int]] = []

    def seen(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
        ends.append((index, end))

    database.scan(content, match_event_handler=seen)
    return ends


@functools.cache
def _database() -> Database | None:
    try:
        import hyperscan
    except ImportError:
        return None
    anchors = _anchors()
    expressions = [(index, each) for index, anchor in enumerate(anchors) for each in anchor.patterns]
    flags = [hyperscan.HS_FLAG_CASELESS * anchor.caseless | hyperscan.HS_FLAG_DOTALL for anchor in anchors]
    database = hyperscan.Database()
    database.compile(
        expressions=[pattern for _, pattern in expressions],
        ids=[index for index, _ in expressions],
        flags=[flags[index] for index, _ in expressions],
    )
    return database


def _ends_by_re(content: bytes) -> Iterator[tuple[int, int]]:
    for index, anchor in enumerate(_anchors()):
        if anchor.patterns == _base64_patterns():
            ends = _base64_ends(content)
        elif anchor.patterns == _base64_seams():
            ends = _base64_seam_ends(content)
        else:
            ends = (match.end() for match in _twin(index).finditer(content))
        yield from ((index, end) for end in ends)


@functools.cache
def _twin(index: int) -> re.Pattern[bytes]:
    anchor = _anchors()[index]
    return re.compile(b"|".join(anchor.patterns), re.DOTALL | (re.IGNORECASE if anchor.caseless else 0))


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
                elif need := _FOUR.match(content, end):
                    yield need.end()


def _base64_seam_ends(content: bytes) -> Iterator[int]:
    literals = frozenset(first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS)))
    for seam in _BASE64_SEAM.finditer(content):
        cut, resume = seam.span(1)
        for literal in literals:
            for at in range(1, len(literal)):
                if content.endswith(literal[:at], 0, cut) and content.startswith(literal[at:], resume):
                    yield resume + len(literal) - at


@functools.cache
def _literals_by_start() -> dict[bytes, list[bytes]]:
    table: dict[bytes, list[bytes]] = {}
    for literal in _base64_literals():
        table.setdefault(literal[:4], []).append(literal)
    return table
