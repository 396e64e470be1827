"""Secret access keys: forty characters that a name or a key ID beside them gives away."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterator, Sequence

from keysweep.detect.credentials import BESIDE_AN_ID, Credential
from keysweep.detect.finders.forty import Candidate, candidates
from keysweep.detect.finders.readings import BESIDE_ID_BYTES, NEAR_ID_BYTES, Reading, gap_to_nearest
from keysweep.detect.naming import Name, Promise, identifier, secret_name, speaks_of_aws
from keysweep.detect.placeholders import placeholder_secret
from keysweep.detect.secrets import judge_around, judge_secret
from keysweep.findings import Confidence, Role

_CONTEXT = 700
"""Characters on either side that are read for names and surroundings."""


def find_secrets(
    texts: Sequence[Reading], ids: Sequence[Credential], passwords: Sequence[Credential]
) -> Iterator[Credential]:
    """The secret access keys in the readings of one window, none of which is a part of another credential.

    `ids` are the key IDs of the window and `passwords` its SMTP passwords, both sorted by place.
    """
    owners = [(each.start, each.end) for each in ids if each.signature is None]
    taken = [(each.start, each.end) for each in passwords]
    for text in texts:
        for candidate in candidates(text.content):
            place = text.span(candidate.start, candidate.end)
            if gap_to_nearest(place, taken, overlap=-1) < 0:
                continue
            secret = _secret(text, candidate, place, gap_to_nearest(place, owners))
            if secret is not None:
                insort(taken, place)
                yield secret


_ONLY_HEX = re.compile(r"[0-9a-f]{40}|[0-9A-F]{40}")


def _secret(text: Reading, candidate: Candidate, place: tuple[int, int], gap: int) -> Credential | None:
    value = candidate.value
    if _ONLY_HEX.fullmatch(value):
        return None
    before = text.content[max(0, candidate.start - _CONTEXT) : candidate.start]
    after = text.content[candidate.end : candidate.end + _CONTEXT]
    name = secret_name(before)
    if (candidate.steps or candidate.is_wrapped) and name.promise < Promise.GENERIC:
        return None
    if not _context_holds(name, before + after, gap):
        return None
    strong = name.promise >= Promise.GENERIC or gap <= 90
    verdict = judge_secret(value, candidate.rule.entropy, strong_context=strong)
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
        rule=candidate.rule.name,
        confidence=Confidence.HIGH if name.promise is Promise.AWS else Confidence.MEDIUM,
        reasons=(*_reasons(name, gap), verdict.reason),
        name=identifier(before) or name.text,
        named=name.promise >= Promise.GENERIC,
        steps=candidate.steps,
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
        yield BESIDE_AN_ID


def _shortened(name: str) -> str:
    name = re.sub(r"[^\w.\- ]", "", name).strip()
    return name if len(name) <= 40 else name[:39] + "…"
