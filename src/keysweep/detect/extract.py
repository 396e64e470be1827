"""Exact rules on the windows around prefilter hits: from one layer of bytes to the credentials in it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from keysweep.detect.credentials import Credential
from keysweep.detect.encodings import ESCAPE, OffsetMap, unescape
from keysweep.detect.naming import Name, Promise, identifier, secret_name, speaks_of_aws
from keysweep.detect.placeholders import placeholder_key_id, placeholder_secret, placeholder_token
from keysweep.detect.prefilter import Hit
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.detect.secrets import judge_around, judge_secret, shannon
from keysweep.detect.signed import read_signature
from keysweep.findings import Confidence, Role

NEAR_ID_BYTES = 1200
"""How far from a key ID a named secret or token is looked for; farther ones need a hit of their own."""
BESIDE_ID_BYTES = 320
"""How far from a key ID a secret without any name may stand."""
TOKEN_BYTES = 8192
"""Longest session token read."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A window as read one way: raw, unescaped, or with split strings joined."""

    content: str
    """Latin-1, so that one character is one byte."""
    source: Callable[[int], int]
    """From an offset in `content` to one in the layer."""


def extract(content: bytes, hits: list[Hit]) -> list[Credential]:
    """List the credentials of one layer; offsets are bytes of `content`, each credential once per place."""
    ids = [each for hit in hits if hit.kind in {"id", "split"} for each in _key_ids(content, hit)]
    found = list(ids)
    for start, end in _windows(content, ids, hits):
        texts = _texts(content, start, end)
        near = [each for each in ids if start <= each.start < end]
        found += _secrets(texts, near)
        found += _smtp_passwords(texts[0], near)
    for hit in hits:
        if hit.kind in {"token", "session"}:
            found += _session_tokens(content, hit)
        elif hit.kind == "api":
            found += _api_keys(content, hit)
    return _unique(found)


def _key_ids(content: bytes, hit: Hit) -> Iterator[Credential]:
    rule = BY_NAME["legacy-access-key-id" if content.startswith(b"A3T", hit.position) else "access-key-id"]
    window = content[max(0, hit.position - 8) : hit.position + 400]
    lead = hit.position - max(0, hit.position - 8)
    match = rule.regex.match(window, lead)
    if match is not None or (hit.kind == "id" and _is_binary(content, hit.position, hit.position + 20)):
        value = content[hit.position : hit.position + 20].decode("ascii")
        yield _key_id(content, rule, value, hit.position, hit.position + 20)
    elif hit.kind == "split":
        text = _joined(_Text(window[lead:].decode("latin-1"), lambda at: hit.position + at))
        joined = BY_NAME["access-key-id"].regex.match(text.content.encode("latin-1"))
        if joined is not None:
            end = text.source(19) + 1
            yield _key_id(content, rule, joined.group(1).decode("ascii"), hit.position, end)


_BINARY_REACH = 256


def _is_binary(content: bytes, start: int, end: int) -> bool:
    """Whether a place is in binary data, where strings stand side by side with nothing between them."""
    return b"\0" in content[max(0, start - _BINARY_REACH) : end + _BINARY_REACH]


def _key_id(content: bytes, rule: Rule, value: str, start: int, end: int) -> Credential:
    before = content[max(0, start - 700) : start].decode("latin-1")
    after = content[end : end + 1500].decode("latin-1")
    signature = read_signature(before, after)
    placeholder = placeholder_key_id(value)
    return Credential(
        role=Role.KEY_ID,
        value=value,
        start=start,
        end=end,
        rule=rule.name,
        confidence=rule.confidence,
        reasons=(f"has the shape of an access key ID ({value[:4]} and 16 base32 characters)",),
        name=identifier(before),
        placeholder=placeholder,
        signature=signature,
    )


def _windows(content: bytes, ids: list[Credential], hits: list[Hit]) -> list[tuple[int, int]]:
    """Merged (start, end) around everything that a secret may stand near, so no byte is read twice."""
    spans = [(each.start - NEAR_ID_BYTES, each.end + NEAR_ID_BYTES) for each in ids]
    spans += [(hit.position - 200, hit.position + 420) for hit in hits if hit.kind in {"secret", "aws", "mail"}]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [_whole_tokens(content, max(0, start), min(len(content), end)) for start, end in merged]


_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _whole_tokens(content: bytes, start: int, end: int) -> tuple[int, int]:
    """Move the edges out of the middle of a run, so that a window never makes a long run look short."""
    lead = content[max(0, start - 64) : start]
    tail = content[end : end + 64]
    return start - len(lead) + len(lead.rstrip(_TOKEN_BYTES)), end + len(tail) - len(tail.lstrip(_TOKEN_BYTES))


_QUOTE_SEAM = re.compile(
    r"[\"'`][ \t]*(?:\\?\r?\n[ \t]*)?(?:\+|\.\.?|&|\|\||<>|~|\\|_)?[ \t]*_?[ \t]*"
    r"(?:\\?\r?\n[ \t]*(?:[+.&_|][ \t]*)?)?[\"'`]"
)
"""Where one string literal ends and the next begins within a statement, in the languages people write."""


def _texts(content: bytes, start: int, end: int) -> list[_Text]:
    raw = _Text(content[start:end].decode("latin-1"), lambda at: start + at)
    texts = [raw]
    if ESCAPE.search(content, start, end):
        plain, offsets = unescape(content, start, end)
        texts.append(_Text(plain.decode("latin-1"), offsets.source))
    texts += [_joined(text) for text in texts if _QUOTE_SEAM.search(text.content)]
    return texts


def _joined(text: _Text) -> _Text:
    """Drop the seams of split strings: `"abc" + "def"` reads `"abcdef"`."""
    pieces, starts, sources, at, length = [], [0], [0], 0, 0
    for seam in _QUOTE_SEAM.finditer(text.content):
        pieces.append(text.content[at : seam.start()])
        length += len(pieces[-1])
        at = seam.end()
        starts.append(length)
        sources.append(at)
    pieces.append(text.content[at:])
    offsets = OffsetMap(tuple(starts), tuple(sources), (1, 1))
    return _Text("".join(pieces), lambda position: text.source(offsets.source(position)))


def _secrets(texts: list[_Text], ids: list[Credential]) -> Iterator[Credential]:
    taken: list[tuple[int, int]] = []
    for text in texts:
        for value, start, end, rule, steps in _candidates(text.content):
            place = (text.source(start), text.source(end - 1) + 1)
            if any(place[0] < other[1] and other[0] < place[1] for other in taken):
                continue
            secret = _secret(text, value, (start, end), place, rule, steps, ids)
            if secret is not None:
                taken.append(place)
                yield secret


_PLAIN = BY_NAME["secret-access-key"]
_BASE64 = BY_NAME["base64-secret-access-key"]
_HEX = BY_NAME["hex-secret-access-key"]
_ONLY_HEX = re.compile(r"[0-9a-f]{40}|[0-9A-F]{40}")
_SECRET_ONLY = re.compile(r"[A-Za-z0-9/+]{40}")
_WRAPPED = tuple(
    re.compile(
        r"(?<![A-Za-z0-9/+])"
        r"((?:[A-Za-z0-9/+]{1,39}\\?\r?\n[ \t]{0,40}(?:[#*>|][ \t]{1,4})?){"
        + str(seams)
        + r"}[A-Za-z0-9/+]{1,39})"
        r"(?![A-Za-z0-9/+=])"
    )
    for seams in (1, 2, 3)
)
"""Values over two, three and four lines, each tried for itself: the next line may look like a part."""
_SEAM = re.compile(r"\\?\r?\n[ \t]*(?:[#*>|][ \t]+)?")


_GLUED = tuple(
    re.compile(pattern)
    for pattern in (
        rb"(?i:secret[_\-]?(?:access)?[_\-]?(?:key)?)[=:]?([A-Za-z0-9/+]{40})",
        rb"A[KS]IA[A-Z2-7]{16}[\x00-\x20(]{0,4}([A-Za-z0-9/+]{40})",
        rb"\(([A-Za-z0-9/+]{40})",
        rb"([A-Za-z0-9/+]{40})(?=A[KS]IA[A-Z2-7]{16})",
        rb"(?<![A-Za-z0-9/+])([A-Za-z0-9/+]{40})",
    )
)
"""In binary data a value may touch its name, its key ID, or a length byte: forty is an opening bracket."""


def _candidates(text: str) -> Iterator[tuple[str, int, int, Rule, tuple[str, ...]]]:
    """Forty characters written plainly, in base64, in hexadecimal, or wrapped over lines."""
    content = text.encode("latin-1")
    for match in _PLAIN.regex.finditer(content):
        yield match.group(1).decode("ascii"), *match.span(1), _PLAIN, ()
    if "\0" in text:
        for pattern in _GLUED:
            for match in pattern.finditer(content):
                yield match.group(1).decode("ascii"), *match.span(1), _PLAIN, ()
    for match in _BASE64.regex.finditer(content):
        decoded = base64.b64decode(match.group(1)).decode("latin-1").removesuffix("\n")
        if _SECRET_ONLY.fullmatch(decoded):
            yield decoded, *match.span(1), _BASE64, ("base64",)
    for match in _HEX.regex.finditer(content):
        decoded = bytes.fromhex(match.group(1).decode("ascii")).decode("latin-1")
        if _SECRET_ONLY.fullmatch(decoded):
            yield decoded, *match.span(1), _HEX, ("hex",)
    for wrapped in (match for pattern in _WRAPPED for match in pattern.finditer(text)):
        joined = _SEAM.sub("", wrapped.group(1))
        if _SECRET_ONLY.fullmatch(joined):
            yield joined, *wrapped.span(1), _PLAIN, ()


def _secret(
    text: _Text,
    value: str,
    span: tuple[int, int],
    place: tuple[int, int],
    rule: Rule,
    steps: tuple[str, ...],
    ids: list[Credential],
) -> Credential | None:
    if _ONLY_HEX.fullmatch(value):
        return None
    before, after = text.content[max(0, span[0] - 700) : span[0]], text.content[span[1] : span[1] + 700]
    name = secret_name(before)
    gap = min((_gap(place, (each.start, each.end)) for each in ids if each.signature is None), default=1 << 30)
    wrapped = rule is _PLAIN and span[1] - span[0] != 40
    if (steps or wrapped) and name.promise < Promise.GENERIC:
        return None
    if not _context_holds(name, before + after, gap):
        return None
    strong = name.promise >= Promise.GENERIC or gap <= 90
    verdict = judge_secret(value, strong_context=strong)
    placeholder = placeholder_secret(value)
    if placeholder is None:
        if not verdict.is_secret:
            return None
        if name.promise < Promise.AWS and judge_around(value, before[-64:], after[:64]) is not None:
            return None
    return Credential(
        role=Role.SECRET,
        value=value,
        start=place[0],
        end=place[1],
        rule=rule.name,
        confidence=Confidence.HIGH if name.promise is Promise.AWS else Confidence.MEDIUM,
        reasons=(*_reasons(name, gap), verdict.reason),
        name=identifier(before) or name.text,
        named=name.promise >= Promise.GENERIC,
        steps=steps,
        placeholder=placeholder,
    )


def _context_holds(name: Name, around: str, gap: int) -> bool:
    if gap <= BESIDE_ID_BYTES or name.promise is Promise.AWS:
        return True
    if name.promise is Promise.GENERIC:
        return gap <= NEAR_ID_BYTES or speaks_of_aws(around)
    return name.promise is Promise.LOOSE and gap <= NEAR_ID_BYTES


def _reasons(name: Name, gap: int) -> Iterator[str]:
    if name.promise >= Promise.GENERIC:
        yield f"is assigned to a name that says secret ({_shortened(name.text)})"
    elif name.promise is Promise.LOOSE:
        yield "stands near the word secret"
    if gap <= BESIDE_ID_BYTES:
        yield "stands beside an access key ID"


def _shortened(name: str) -> str:
    name = re.sub(r"[^\w.\- ]", "", name).strip()
    return name if len(name) <= 40 else name[:39] + "…"


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, one[0] - other[1], other[0] - one[1])


_MAIL = re.compile(r"smtp|mail|(?<![a-z])ses(?![a-z])", re.IGNORECASE)


def _smtp_passwords(text: _Text, ids: list[Credential]) -> Iterator[Credential]:
    rule = BY_NAME["ses-smtp-password"]
    for match in rule.regex.finditer(text.content.encode("latin-1")):
        around = text.content[max(0, match.start() - 400) : match.end() + 400]
        place = (text.source(match.start(1)), text.source(match.end(1) - 1) + 1)
        value = match.group(1).decode("ascii")
        if shannon(value) < rule.entropy or not _MAIL.search(around):
            continue
        beside = any(_gap(place, (each.start, each.end)) <= NEAR_ID_BYTES for each in ids)
        before = text.content[max(0, match.start() - 200) : match.start()]
        if not beside and not re.search(r"pass|pwd|secret|cred|auth", before[-80:], re.IGNORECASE):
            continue
        yield Credential(
            role=Role.SMTP_PASSWORD,
            value=value,
            start=place[0],
            end=place[1],
            rule=rule.name,
            confidence=Confidence.HIGH if beside else Confidence.MEDIUM,
            reasons=(
                "is base64 of version byte 4 and 32 bytes, as SES makes SMTP passwords",
                "mail settings stand near",
            ),
            name=identifier(before),
            named=True,
            placeholder=placeholder_token(value),
        )


def _session_tokens(content: bytes, hit: Hit) -> Iterator[Credential]:
    rule = BY_NAME["session-token" if hit.kind == "token" else "named-session-token"]
    start = max(0, hit.position - (8 if hit.kind == "token" else 0))
    end = min(len(content), hit.position + TOKEN_BYTES)
    for text in [*_texts(content, start, end), _unwrapped(content, start, end)]:
        match = rule.regex.search(text.content.encode("latin-1"))
        if match is None or text.source(match.start(1)) > hit.position + 160:
            continue
        value = match.group(1).decode("ascii")
        inside = "YXdz" in value or "Jb3JpZ2luX2Vj" in value
        if not inside or shannon(value) < rule.entropy:
            continue
        place = (text.source(match.start(1)), text.source(match.end(1) - 1) + 1)
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


_TOKEN_SEAM = re.compile(rb"(?<=[A-Za-z0-9+/]{16})\\?\r?\n[ \t]*(?=[A-Za-z0-9+/=]{2})")


def _unwrapped(content: bytes, start: int, end: int) -> _Text:
    """A token wrapped over lines, read as one; only line ends between long runs are dropped."""
    pieces, starts, sources, at, length = [], [0], [start], start, 0
    for seam in _TOKEN_SEAM.finditer(content, start, end):
        pieces.append(content[at : seam.start()])
        length += len(pieces[-1])
        at = seam.end()
        starts.append(length)
        sources.append(at)
    pieces.append(content[at:end])
    return _Text(b"".join(pieces).decode("latin-1"), OffsetMap(tuple(starts), tuple(sources), (1, 1)).source)


def _api_keys(content: bytes, hit: Hit) -> Iterator[Credential]:
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
    decoded = base64.b64decode(body[: len(body) // 4 * 4])
    return re.match(rb"[\x21-\x7e]+-at-\d{12}:", decoded) is not None


def _unique(found: list[Credential]) -> list[Credential]:
    by_place = {(each.role, each.start, each.value): each for each in found}
    return sorted(by_place.values(), key=lambda each: (each.start, each.end))
