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
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.detect.secrets import shannon
from keysweep.findings import Role

TOKEN_BYTES = 8192
"""Longest session token or API key read."""


def find_session_tokens(content: bytes, hit: Hit) -> Iterator[Credential]:
    """The session token at a hit, by its first characters or by its name."""
    rule = BY_NAME["session-token" if hit.kind == "token" else "named-session-token"]
    start = max(0, hit.position - (8 if hit.kind == "token" else 0))
    end = min(len(content), hit.position + TOKEN_BYTES)
    best: tuple[Reading, re.Match[bytes]] | None = None
    for text in readings(content, start, end):
        match = _token_in(text, hit, rule)
        if match and (best is None or len(match.group(1)) > len(best[1].group(1))):
            best = text, match
        if best and not _may_go_on(content, best[0].source_end(best[1].end(1))):
            break  # the other readings cost more, and few tokens need them
    if best is None:
        text = unwrapped(content, start, end)
        match = _token_in(text, hit, rule)
        if match is None:
            return
        best = text, match
    text, match = best
    value = match.group(1).decode("ascii")
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


def _token_in(text: Reading, hit: Hit, rule: Rule) -> re.Match[bytes] | None:
    """The session token that one reading shows at the hit."""
    match = rule.regex.search(text.content.encode("latin-1"))
    if match is None or text.source(match.start(1)) > hit.position + 160:
        return None
    value = match.group(1).decode("ascii")
    inside = "YXdz" in value or "Jb3JpZ2luX2Vj" in value
    return match if inside and shannon(value) >= rule.entropy else None


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
