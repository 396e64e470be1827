"""Session tokens of STS and API keys of Bedrock: long runs that say themselves what they are."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator

from keysweep.detect.anchors import Hit
from keysweep.detect.credentials import Credential
from keysweep.detect.finders.readings import Reading, readings, unwrapped
from keysweep.detect.naming import identifier
from keysweep.detect.placeholders import placeholder_token
from keysweep.detect.rules import BY_NAME
from keysweep.detect.secrets import shannon
from keysweep.findings import Role

TOKEN_BYTES = 8192
"""Longest session token or API key read."""


def find_session_tokens(content: bytes, hit: Hit) -> Iterator[Credential]:
    """The session token at a hit, by its first characters or by its name."""
    rule = BY_NAME["session-token" if hit.kind == "token" else "named-session-token"]
    start = max(0, hit.position - (8 if hit.kind == "token" else 0))
    end = min(len(content), hit.position + TOKEN_BYTES)
    for text in _each_reading(content, start, end):
        match = rule.regex.search(text.content.encode("latin-1"))
        if match is None or text.source(match.start(1)) > hit.position + 160:
            continue
        value = match.group(1).decode("ascii")
        inside = "YXdz" in value or "Jb3JpZ2luX2Vj" in value
        if not inside or shannon(value) < rule.entropy:
            continue
        place = text.span(*match.span(1))
        before = content[max(0, place[0] - 200) : place[0]].decode("latin-1")
        yield Credential(
            role=Role.TOKEN,
            value=value,
            start=place[0],
            end=place[1],
            rule=rule.name,
            confidence=rule.confidence,
            reasons=("begins as the session tokens of STS do",)
            if hit.kind == "token"
            else ("is assigned to a name that says session token", "has AWS's marks inside"),
            name=identifier(before),
            named=True,
            placeholder=placeholder_token(value),
        )
        return


def _each_reading(content: bytes, start: int, end: int) -> Iterator[Reading]:
    """The plainest first; the others cost more, and few tokens need them."""
    yield from readings(content, start, end)
    yield unwrapped(content, start, end)


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
