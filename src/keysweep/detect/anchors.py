"""The anchors: what the prefilter looks for, and where a match of each is read from.

One table for both engines. An anchor's patterns are in the dialect that `re` and Hyperscan share.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from keysweep.detect.quick import (
    ESCAPED_KEY_ID,
    JOINED_SECRET,
    KEY_ID,
    KEY_ID_PREFIXES,
    SECRET_WORDS,
    SPLIT_KEY_ID,
    WRAPPED_SECRET,
    first_base64,
)

_SECRET_TAIL = rb".{0,100}(?:[^A-Za-z0-9/+][A-Za-z0-9/+]{40}|" + JOINED_SECRET + rb"|" + WRAPPED_SECRET + rb")"
_UNLIKE_WORDS = rb"(?=[A-Za-z/]*[0-9+]|(?-i:(?![A-Za-z/]*[a-z]{7})))"
"""A run without a digit or plus that holds seven small letters in a row is a path or a name made of words."""
_DIGIT_AHEAD = rb"(?=[A-Za-z/]*(?:\\?\r?\n[ \t]{0,40}[A-Za-z/]*){0,3}[0-9+])"
"""Somewhere in the wrapped run is a digit or a plus, which one secret in 2 000 has not."""
_SECRET_CONFIRM = (
    rb"(?:.{0,100}[^A-Za-z0-9/+]"
    + _UNLIKE_WORDS
    + rb"[A-Za-z0-9/+]{40}|.{0,60}(?:"
    + JOINED_SECRET
    + rb"|(?<![A-Za-z0-9/+])"
    + _DIGIT_AHEAD
    + rb"(?:[A-Za-z0-9/+]{16,200}\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]"
    + rb"|[A-Za-z0-9/+]{1,200}\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]{16})))"
)
"""The same places as the tail's but for runs of words, which real code is full of; too much for Hyperscan."""
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
FOUR_NEED = rb"(?:[A-Za-z0-9+/_-]{8}|[A-Za-z0-9+/]{0,7}\r?\n)"
_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_BASE64_TELLS = 6
"""Characters of a literal that are looked for: longer ones only cost time to compile."""
_BASE64_REST = re.compile(rb"[A-Za-z0-9+/_\-]{1,20}")

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


class Anchor(NamedTuple):
    """One row: patterns that lead to hits of one kind."""

    kind: str
    patterns: tuple[bytes, ...]
    """Alternatives, in the dialect that `re` and Hyperscan share; each may match anywhere."""
    caseless: bool
    settle: _Settle
    """From content and the end of a match to canonical positions, or to candidates for `confirm`."""
    confirm: re.Pattern[bytes] | None = None
    """What must match at a candidate; costly, so each candidate is asked once."""


@functools.cache
def anchors() -> tuple[Anchor, ...]:
    """The table; a match is reported as an index into it."""
    return (
        Anchor("id", (KEY_ID,), False, _start_before(20)),
        Anchor("split", (SPLIT_KEY_ID,), False, _split_start),
        _keywords(rb"secret", _SECRET_TAIL, confirm=_SECRET_CONFIRM),
        _keywords(rb"aws", _AWS_TAIL),
        _keywords(rb"(?:session|security)", _SESSION_TAIL),
        _keywords(rb"(?:smtp|mail)", _MAIL_TAIL, SECRET_REACH + 40),
        Anchor("token", (rb"F[QwI]oGZXIvYXdz",), False, _start_before(12)),
        Anchor("token", (rb"IQoJb3JpZ2luX2Vj",), False, _start_before(16)),
        Anchor("token", (rb"AQo[DE]YXdz",), False, _start_before(8)),
        Anchor("api", (rb"ABSK[A-Za-z0-9+/]{60}",), False, _start_before(64)),
        Anchor("api", (rb"bedrock-api-key-[A-Za-z0-9+/]{20}",), False, _start_before(36)),
        Anchor("escape", (ESCAPED_KEY_ID,), True, _where_it_ended),
        Anchor("hex", _hex_patterns(), True, _where_it_ended),
        Anchor("utf16", (rb"A\x00(?:K\x00I|S\x00I|B\x00I|C\x00C)\x00A\x00",), False, _where_it_ended),
        Anchor("utf16", (rb"s\x00e\x00c\x00r\x00e\x00t\x00",), True, _where_it_ended),
        Anchor("base64", base64_patterns(), False, _long_run_end),
        Anchor("base64", base64_seams(), False, _where_it_ended),
    )


@functools.cache
def base64_literals() -> tuple[bytes, ...]:
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
    return tuple(sorted({each[:_BASE64_TELLS] for each in (*first, *second, *first_base64(second))}))


@functools.cache
def base64_patterns() -> tuple[bytes, ...]:
    """The literals as expressions. Four characters are common in text, so they ask for eight more."""
    return tuple(re.escape(each) + (FOUR_NEED if len(each) == 4 else b"") for each in base64_literals())


@functools.cache
def base64_seams() -> tuple[bytes, ...]:
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


def _start_before(length: int) -> _Settle:
    def settle(_content: bytes, end: int) -> Iterable[int]:
        return (end - length,)

    return settle


def _where_it_ended(_content: bytes, end: int) -> Iterable[int]:
    return (end - 1,)


def _split_start(content: bytes, end: int) -> Iterable[int]:
    found = re.compile(SPLIT_KEY_ID).search(content, max(0, end - 20), end)
    return (found.start(),) if found else ()


def _keywords(word: bytes, tail: bytes, reach: int = SECRET_REACH, confirm: bytes = b"") -> Anchor:
    """Hits are the positions of `word` from which `confirm` (or else `tail`) matches.

    Which of the ends of its matches an engine reports does not matter.
    """
    head = re.compile(word)

    def settle(content: bytes, end: int) -> Iterator[int]:
        start = max(0, end - reach)
        return (start + match.start() for match in head.finditer(content[start:end].lower()))

    exact = re.compile(word + (confirm or tail), re.DOTALL | re.IGNORECASE)
    return Anchor(_KIND_BY_WORD[word], (word + tail,), True, settle, exact)


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
