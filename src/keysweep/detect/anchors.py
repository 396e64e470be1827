"""The anchors: what the prefilter looks for, and where a match of each is read from.

One table for both engines. An anchor's patterns are in the dialect that `re` and Hyperscan share.
"""

from __future__ import annotations

import functools
import re
from collections import namedtuple

from keysweep.detect.base64_tells import BASE64_TELLS
from keysweep.detect.containers.formats import LATE_MARKS
from keysweep.detect.quick import (
    CLASSES,
    ESCAPE_TELLS,
    ESCAPED_KEY_ID,
    JOINED_SECRET,
    KEY_ID,
    KEY_ID_PREFIXES,
    LONG_RUN,
    SECRET_WORDS,
    SPLIT_KEY_ID,
    WRAPPED_SECRET,
    compiled,
    first_base64,
)
from keysweep.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SECRET_TAIL = rb".{0,100}(?:[^A-Za-z0-9/+][A-Za-z0-9/+]{40}|" + JOINED_SECRET + rb"|" + WRAPPED_SECRET + rb")"
_UNLIKE_WORDS = rb"(?=[A-Za-z/]*[0-9+]|(?-i:(?![A-Za-z/]*[a-z]{7})))"
"""A run without a digit or plus that holds seven small letters in a row is a path or a name made of words."""
_DIGIT_AHEAD = rb"(?=[A-Za-z/]*(?:\\?\r?\n[ \t]{0,40}[A-Za-z/]*){0,3}[0-9+])"
"""Somewhere in the wrapped run is a digit or a plus, which one secret in 2 000 has not."""
_FORTY_UNLIKE_WORDS = _UNLIKE_WORDS + rb"[A-Za-z0-9/+]{40}"
_ESCAPED_WITHIN = (
    rb"[\\%&=](?<=[A-Za-z0-9/+].)"
    rb"(?:(?<=\\)\\{0,3}(?:/|[Uu]00)|(?<=%)(?:25)?2[BbFf]|(?<=&)#|(?<=\\)[Xx]2|(?<==)2[BbFf])"
)
_JOINED_AT = rb"[\"'`](?<=[A-Za-z0-9/+]{4}.)[ \t\r\n]{0,4}[+.&|<>\\]{0,2}[ \t\r\n_]{0,40}[\"'`][A-Za-z0-9/+]{2}"
"""The two kinds of `JOINED_SECRET`, read from the sign in them, because a search for it skips everything else."""
_LINE_END_WITHIN = (
    rb"\n(?:(?<=[A-Za-z0-9/+]\n)|(?<=[A-Za-z0-9/+][\\\r]\n)|(?<=[A-Za-z0-9/+]\\\r\n))[ \t]{0,40}[A-Za-z0-9/+]"
)
_WRAPPED_RUN = (
    rb".{0,60}(?<![A-Za-z0-9/+])"
    + _DIGIT_AHEAD
    + rb"(?:[A-Za-z0-9/+]{16,200}\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]"
    + rb"|[A-Za-z0-9/+]{1,200}\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]{16})"
)
_WIDEST = 300
"""More bytes than any of these spans, but for runs that are far longer than a secret."""
_AWS_TAIL = (
    rb"[A-Za-z0-9_.\- ]{0,24}(?:key|pass|pwd|cred|sk|token|priv|pw)[A-Za-z_]{0,10}[\"'\])}]{0,3}[ \t]{0,4}"
    rb"(?:=>|:=|[=:,>(]){1,2}[ \t]{0,4}[\"'`(<]{0,3}[A-Za-z0-9/+]{40}"
)
_AWS_TAIL_FOR_HYPERSCAN = (
    rb"[A-Za-z0-9_.\- ]*(?:key|pass|pwd|cred|sk|token|priv|pw)[A-Za-z_]*[\"'\])} \t:=,>(`<]+[A-Za-z0-9/+]{20}"
)
"""Wherever the tail matches, this does too, and without counting it takes Hyperscan two thirds of the time."""
_SESSION_TAIL = rb".?token.{0,40}[A-Za-z0-9+/%\\]{80}"
_MAIL_TAIL = rb".{0,160}[^A-Za-z0-9+/][Bb][A-Pa-p][A-Za-z0-9+/]{42}"
_WIDE_KEY_ID = rb"A\x00(?:K\x00I|S\x00I|B\x00I|C\x00C)\x00A\x00"
_BEDROCK = b"bedrock-api-key-"
_PLAIN_HEX = (
    rb"414b4941[0-9a-f]{8}",
    rb"41534941[0-9a-f]{8}",
    rb"41424941[0-9a-f]{8}",
    rb"41434341[0-9a-f]{8}",
    rb"736563726574",
    rb"534543524554",
    rb"536563726574",
    rb"1f8b080[0-9a-f]{9}",
)
FOUR_NEED = rb"(?:[A-Za-z0-9+/_-]{8}|[A-Za-z0-9+/]{0,7}\r?\n)"
_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"

SECRET_REACH = 210
"""Bytes from the start of `secret` to the end of the farthest token that counts as near it."""


class Hit(namedtuple("Hit", ("kind", "position"))):
    """One place to read closely; a tuple, because dense content has millions."""

    __slots__ = ()
    kind: str
    """`id`, `split`, `secret`, `aws`, `session`, `mail`, `token`, `api`, or an encoding: `escape`, `hex`,
    `base64`, `utf16`."""
    position: int
    """Byte offset; for the encodings anywhere inside the encoded run, else where the anchor starts."""


@frozen
class Anchor:
    """One row: patterns that lead to hits of one kind."""

    kind: str
    tells: tuple[bytes, ...]
    """One of these stands in all content that has a hit, in small letters where `caseless`; empty if unknown."""
    patterns: Callable[[], tuple[bytes, ...]]
    """Alternatives, in the dialect that `re` and Hyperscan share; each may match anywhere."""
    caseless: bool
    settle: Callable[[bytes, int], Iterable[int]]
    """From content and the end of a match to canonical positions, or to candidates for `confirm`."""
    confirm: Callable[[bytes, int], bool] | None = None
    """What must hold at a candidate; costly, so each candidate is asked once."""
    search: str = "patterns"
    """How the pure-Python engine looks for it: by the `patterns`, as base64 `literals` or their `seams`, or not
    at all, where it leads to no hit."""
    for_hyperscan: Callable[[], tuple[bytes, ...]] | None = None
    """What Hyperscan looks for instead of the `patterns`: looser, because that is faster."""


@functools.cache
def anchors() -> tuple[Anchor, ...]:
    """The table; a match is reported as an index into it."""
    return (
        Anchor("id", (*KEY_ID_PREFIXES, b"A3T"), _these(KEY_ID), False, _start_before(20)),
        Anchor("split", (b"AKIA", b"ASIA"), _these(SPLIT_KEY_ID), False, _split_start),
        _keywords("secret", (b"secret",), _SECRET_TAIL, confirm=_is_near_a_run),
        replace(_keywords("aws", (b"aws",), _AWS_TAIL), for_hyperscan=_these(b"aws" + _AWS_TAIL_FOR_HYPERSCAN)),
        _keywords("session", (b"session", b"security"), _SESSION_TAIL),
        _keywords("mail", (b"smtp", b"mail"), _MAIL_TAIL, SECRET_REACH + 40),
        Anchor("token", (b"oGZXIvYXdz",), _these(rb"F[QwI]oGZXIvYXdz"), False, _start_before(12)),
        Anchor("token", (b"IQoJb3JpZ2luX2Vj",), _these(rb"IQoJb3JpZ2luX2Vj"), False, _start_before(16)),
        Anchor("token", (b"AQoDYXdz", b"AQoEYXdz"), _these(rb"AQo[DE]YXdz"), False, _start_before(8)),
        Anchor("api", (b"ABSK",), _these(rb"ABSK[A-Za-z0-9+/]{60}"), False, _start_before(64)),
        Anchor("api", (_BEDROCK,), _these(_BEDROCK + rb"[A-Za-z0-9+/]{20}"), False, _start_before(36)),
        Anchor("escape", ESCAPE_TELLS, _these(ESCAPED_KEY_ID), True, _where_it_ended),
        Anchor("hex", _hex_tells(), _hex_patterns, True, _where_it_ended),
        Anchor("utf16", (b"A\0",), _these(_WIDE_KEY_ID), False, _where_it_ended),
        Anchor("utf16", (b"s\0e\0",), _these(rb"s\x00e\x00c\x00r\x00e\x00t\x00"), True, _where_it_ended),
        Anchor("base64", (), _base64_patterns, False, _long_run_end, search="literals"),
        Anchor("base64", (), _base64_seams, False, _where_it_ended, search="seams"),
        Anchor("container", LATE_MARKS, _late_marks, False, _nowhere, search="none"),
    )


def _base64_patterns() -> tuple[bytes, ...]:
    """The literals as expressions. Four characters are common in text, so they ask for eight more."""
    return tuple(re.escape(each) + (FOUR_NEED if len(each) == 4 else b"") for each in BASE64_TELLS)


def _base64_seams() -> tuple[bytes, ...]:
    """Wrapped base64 may break inside an anchor; those of the first round are found across a line end too.

    The two line ends are patterns of their own: with an optional carriage return, Hyperscan 5.4 misses matches
    behind a long run where only one character stands before the line end.
    """
    return tuple(
        re.escape(each[:at]) + line_end + rb"[ \t]{0,20}" + re.escape(each[at:])
        for each in dict.fromkeys(first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS)))
        for at in range(1, len(each))
        for line_end in (rb"\n", rb"\r\n")
    )


def _late_marks() -> tuple[bytes, ...]:
    """Those containers are told by a look at certain bytes; the anchor only says where to take it, of many."""
    return tuple(map(re.escape, LATE_MARKS))


def _nowhere(_content: bytes, _end: int) -> Iterable[int]:
    return ()


def _these(*patterns: bytes) -> Callable[[], tuple[bytes, ...]]:
    return lambda: patterns


@functools.cache
def _hex_patterns() -> tuple[bytes, ...]:
    """Anchors in hexadecimal, and those that were in base64 or hexadecimal before."""
    inner = (
        *first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS)),
        b"414b4941",
        b"41534941",
        b"736563726574",
    )
    return (*_PLAIN_HEX, *(literal.hex().encode() for literal in inner))


def _hex_tells() -> tuple[bytes, ...]:
    """The certain beginnings of the patterns, as hexadecimal digits."""
    return tuple(each.partition(b"[")[0] for each in _hex_patterns())


def _start_before(length: int) -> Callable[[bytes, int], Iterable[int]]:
    def settle(_content: bytes, end: int) -> Iterable[int]:
        return (end - length,)

    return settle


def _where_it_ended(_content: bytes, end: int) -> Iterable[int]:
    return (end - 1,)


def _split_start(content: bytes, end: int) -> Iterable[int]:
    found = re.compile(SPLIT_KEY_ID).search(content, max(0, end - 20), end)
    return (found.start(),) if found else ()


def _keywords(
    kind: str,
    words: tuple[bytes, ...],
    tail: bytes,
    reach: int = SECRET_REACH,
    confirm: Callable[[bytes, int], bool] | None = None,
) -> Anchor:
    """Hits are the positions of `words` at which `confirm` holds, or from which else `tail` matches.

    Which of the ends of its matches an engine reports does not matter.
    """
    word = b"(?:" + b"|".join(words) + b")"
    head = re.compile(word)

    def settle(content: bytes, end: int) -> Iterator[int]:
        start = max(0, end - reach)
        return (start + match.start() for match in head.finditer(content[start:end].lower()))

    def matches(content: bytes, at: int) -> bool:
        return compiled(word + tail, re.IGNORECASE).match(content, at) is not None

    return Anchor(kind, words, _these(word + tail), True, settle, confirm or matches)


def _is_near_a_run(content: bytes, at: int) -> bool:
    """Whether the tail of `secret` matches behind it, but for runs of words, which real code is full of.

    Too much for Hyperscan, and asked often: so each kind of run is searched from what is rare in it.
    """
    begin = at + len(b"secret")
    mask = content[begin : begin + 141].translate(CLASSES)
    start = mask.find(LONG_RUN)
    while start >= 0:
        if start and compiled(_FORTY_UNLIKE_WORDS).match(content, begin + start):
            return True
        end = mask.find(b" ", start)
        start = mask.find(LONG_RUN, end) if end >= 0 else -1
    for pattern, before in ((_ESCAPED_WITHIN, 1), (_JOINED_AT, 4)):
        joined = compiled(pattern).search(content, begin + before, begin + 60 + _WIDEST)
        if joined and joined.start() <= begin + 60 + before:
            return True
    if not compiled(_LINE_END_WITHIN).search(content, begin, begin + 60 + _WIDEST):
        return False
    return compiled(_WRAPPED_RUN).match(content, begin) is not None


def _long_run_end(content: bytes, end: int) -> Iterable[int]:
    """A base64 literal counts only inside a run that could hold a key: twenty characters in one line."""
    end -= len(content[max(0, end - 2) : end]) - len(content[max(0, end - 2) : end].rstrip(b"\r\n"))
    start = max(0, end - 20)
    before = len(content[start:end]) - len(content[start:end].rstrip(_BASE64_BYTES))
    rest = content[end : end + 20]
    after = len(rest) - len(rest.lstrip(_BASE64_BYTES))
    return (end - 1,) if before + after >= 20 else ()
