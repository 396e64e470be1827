"""How a credential stands in content: the very bytes, whatever they have to be decoded with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keysweep.findings import Finding, Part, Place, Role
from keysweep.frozen import frozen

MOST_BYTES = 16 << 10
"""What takes more, such as an archive in base64, is not replaced word by word."""
_LINE = re.compile(r" in line \d+\Z")
PLAIN = "plain"


@frozen
class Stored:
    """A stretch of content that holds a credential."""

    content: bytes
    how: str
    """In words, such as `plain` or `base64`."""


def secret_parts(finding: Finding) -> tuple[Part, ...]:
    """What of a finding must not be known to anybody: not the key ID, unless that is all there is."""
    parts = tuple(each for each in (*finding.parts, *finding.alternatives) if each.role is not Role.KEY_ID)
    return parts or finding.parts


def values_of(finding: Finding) -> Iterator[bytes]:
    """The secrets themselves."""
    for part in secret_parts(finding):
        if value := part.value.reveal():
            yield value.encode("utf-8", "surrogateescape")


def stored_in(content: bytes, finding: Finding) -> Iterator[Stored]:
    """Every stretch of `content` with a secret of a finding in it, which was found there; none for an archive."""
    if finding.origin.members:
        return
    own = secret_parts(finding)
    values = set(values_of(finding))
    others = {part.value.reveal().encode("utf-8", "surrogateescape") for part in finding.parts} - values
    for place in (*(part.place for part in own), *finding.also_at):
        stored = content[place.offset : place.offset + place.length]
        if stored and stored not in others and len(stored) <= MOST_BYTES:
            yield Stored(stored, _how(stored, place, values))


def _how(stored: bytes, place: Place, values: set[bytes]) -> str:
    """In which form a secret stands there."""
    steps = [_LINE.sub("", each) for each in place.decoding if each != "file name"]
    if steps:
        return ", then ".join(steps)
    if stored in values:
        return PLAIN
    return "split over lines" if b"\n" in stored else "split or escaped"
