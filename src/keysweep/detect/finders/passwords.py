"""SMTP passwords of SES: forty-four characters of base64 among mail settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from keysweep.detect.credentials import Credential
from keysweep.detect.finders.readings import NEAR_ID_BYTES, Reading, gap_to_nearest
from keysweep.detect.naming import identifier
from keysweep.detect.placeholders import placeholder_token
from keysweep.detect.rules import BY_NAME
from keysweep.detect.secrets import shannon
from keysweep.findings import Confidence, Role

_MAIL = r"smtp|mail|(?<![a-z])ses(?![a-z])"


def find_passwords(text: Reading, ids: Sequence[Credential]) -> Iterator[Credential]:
    """The SMTP passwords of SES in one reading of a window; `ids` are the key IDs in it."""
    rule = BY_NAME["ses-smtp-password"]
    owners = [(each.start, each.end) for each in ids]
    for match in rule.regex.finditer(text.content.encode("latin-1")):
        around = text.content[max(0, match.start() - 400) : match.end() + 400]
        place = text.span(*match.span(1))
        value = match.group(1).decode("ascii")
        if shannon(value) < rule.entropy or not re.search(_MAIL, around, re.IGNORECASE):
            continue
        beside = gap_to_nearest(place, owners) <= NEAR_ID_BYTES
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
