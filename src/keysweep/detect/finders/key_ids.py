"""Access key IDs, plain, split over strings, or side by side with other strings in binary data."""

from __future__ import annotations

from collections.abc import Iterator

from keysweep.detect.anchors import Hit
from keysweep.detect.credentials import Credential
from keysweep.detect.finders.readings import joined, plain_reading
from keysweep.detect.naming import identifier
from keysweep.detect.placeholders import placeholder_key_id
from keysweep.detect.rules import BY_NAME, Rule
from keysweep.detect.signed import read_signature
from keysweep.findings import Role


def find_key_ids(content: bytes, hit: Hit) -> Iterator[Credential]:
    """The access key ID at a hit, also where a string was split in the middle of it."""
    rule = BY_NAME["legacy-access-key-id" if content.startswith(b"A3T", hit.position) else "access-key-id"]
    window = content[max(0, hit.position - 8) : hit.position + 400]
    lead = hit.position - max(0, hit.position - 8)
    match = rule.regex.match(window, lead)
    if match is not None or (hit.kind == "id" and _is_binary(content, hit.position, hit.position + 20)):
        value = content[hit.position : hit.position + 20].decode("ascii")
        yield _key_id(content, rule, value, hit.position, hit.position + 20)
    elif hit.kind == "split":
        text = joined(plain_reading(content, hit.position, hit.position + 400 - lead))
        match = BY_NAME["access-key-id"].regex.match(text.content.encode("latin-1"))
        if match is not None:
            yield _key_id(content, rule, match.group(1).decode("ascii"), *text.span(0, 20))


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
