"""Secret access keys: forty characters that a name or a key ID beside them gives away."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from keysweep.detect.credentials import Credential
from keysweep.detect.finders.readings import BESIDE_ID_BYTES, NEAR_ID_BYTES, Reading, bytes_between
from keysweep.detect.naming import Name, Promise, identifier, secret_name, speaks_of_aws
from keysweep.detect.placeholders import placeholder_secret
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.detect.secrets import judge_around, judge_secret
from keysweep.findings import Confidence, Role


def find_secrets(texts: list[Reading], ids: list[Credential]) -> Iterator[Credential]:
    """The secret access keys in the readings of one window; `ids` are the key IDs in it."""
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
    text: Reading,
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
    gaps = (bytes_between(place, (each.start, each.end)) for each in ids if each.signature is None)
    gap = min(gaps, default=1 << 30)
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
