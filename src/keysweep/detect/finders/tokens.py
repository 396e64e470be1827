"""Session tokens of STS and API keys of Bedrock: long runs that say themselves what they are."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator

from keysweep.detect.anchors import Hit
from keysweep.detect.credentials import Credential
from keysweep.detect.finders.readings import readings
from keysweep.detect.finders.wraps import rest_of
from keysweep.detect.naming import identifier
from keysweep.detect.placeholders import placeholder_token
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.detect.secrets import shannon
from keysweep.findings import Role
from keysweep.frozen import frozen

TOKEN_BYTES = 8192
"""Longest session token or API key read."""


def find_session_tokens(content: bytes, hit: Hit) -> Iterator[Credential]:
    """The session token at a hit, by its first characters or by its name."""
    rule = BY_NAME["session-token" if hit.kind == "token" else "named-session-token"]
    start = max(0, hit.position - (8 if hit.kind == "token" else 0))
    end = min(len(content), hit.position + TOKEN_BYTES)
    token = _in_one_line(content, start, end, hit, rule) or _wrapped(content, hit, end, rule)
    if token is None:
        return
    rest, place_end = rest_of(token.value, content, token.end, end)
    value = token.value + rest
    before = content[max(0, token.start - 200) : token.start].decode("latin-1")
    yield Credential(
        role=Role.TOKEN,
        value=value,
        start=token.start,
        end=place_end,
        rule=rule.name,
        confidence=rule.confidence,
        reasons=("begins as the session tokens of STS do",)
        if hit.kind == "token"
        else ("is assigned to a name that says session token", "has AWS's marks inside"),
        name=identifier(before),
        named=True,
        placeholder=placeholder_token(value),
    )


@frozen
class _Token:
    value: str
    start: int
    end: int


def _in_one_line(content: bytes, start: int, end: int, hit: Hit, rule: Rule) -> _Token | None:
    """The longest token that a reading of the bytes from `start` to `end` shows at the hit."""
    best: _Token | None = None
    for text in readings(content, start, end):
        match = rule.regex.search(text.content.encode("latin-1"))
        near = match if match and text.source(match.start(1)) <= hit.position + _NAME_REACH else None
        value = near.group(1) if near and _is_token(near.group(1), rule) else b""
        if near and len(value) > (len(best.value) if best else 0):
            best = _Token(value.decode("ascii"), *text.span(*near.span(1)))
        if best and not _may_go_on(content, best.end):
            break  # the other readings cost more, and few tokens need them
    return best


def _wrapped(content: bytes, hit: Hit, end: int, rule: Rule) -> _Token | None:
    """The token at the hit whose first line is too short to be told by."""
    for run in _RUN.finditer(content, hit.position, end):
        if run.start() > hit.position + (0 if hit.kind == "token" else _NAME_REACH):
            return None
        value = run.group().decode("ascii")
        rest, place_end = rest_of(value, content, run.end(), end)
        if rest and rule.regex.fullmatch((value + rest).encode()) and _is_token((value + rest).encode(), rule):
            return _Token(value + rest, run.start(), place_end)
    return None


_NAME_REACH = 160
"""Bytes from a name to the token assigned to it."""
_RUN = re.compile(rb"[A-Za-z0-9+/]{16,}")


def _is_token(value: bytes, rule: Rule) -> bool:
    """Whether it has the marks of AWS and is as random as the rule asks."""
    return (b"YXdz" in value or b"Jb3JpZ2luX2Vj" in value) and shannon(value.decode("ascii")) >= rule.entropy


def _may_go_on(content: bytes, end: int) -> bool:
    """Whether an escape or another quoted part follows a token, so that a reading without them may show more."""
    return _GOES_ON.match(content, end) is not None


_GOES_ON = re.compile(rb"[\\%&]|[\"'`][ \t\r\n]{0,40}[+.&|<>~\\_]?[ \t\r\n_]{0,40}[\"'`][A-Za-z0-9+/=]")


def find_api_keys(content: bytes, hit: Hit) -> Iterator[Credential]:
    """The Bedrock API key, long or short, at a hit."""
    for name in ("bedrock-api-key", "bedrock-short-term-api-key"):
        rule = BY_NAME[name]
        start = max(0, hit.position - 1)
        match = rule.regex.search(content, start, hit.position + TOKEN_BYTES)
        if match is None or match.start(1) != hit.position:
            continue
        value = match.group(1).decode("ascii")
        if shannon(value) < rule.entropy or not _reads_as_bedrock(value):
            continue
        yield Credential(
            role=Role.API_KEY,
            value=value,
            start=match.start(1),
            end=match.end(1),
            rule=rule.name,
            confidence=rule.confidence,
            reasons=("decodes to what Bedrock API keys hold",),
            name=identifier(content[max(0, hit.position - 200) : hit.position].decode("latin-1")),
            named=True,
            placeholder=placeholder_token(value),
        )


def _reads_as_bedrock(value: str) -> bool:
    """A long key is base64 of `user-at-account:secret`; the prefix of a short one says it all."""
    if not value.startswith("ABSK"):
        return True
    body = value[4:].rstrip("=")
    decoded = a2b_base64(body[: len(body) // 4 * 4])
    return re.match(rb"[\x21-\x7e]+-at-\d{12}:", decoded) is not None
