"""Which secret belongs to which key ID: structure first, then distance."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from keysweep.detect.credentials import Credential
from keysweep.detect.naming import stem
from keysweep.findings import Confidence, Role
from keysweep.frozen import frozen

NEIGHBOURS = 4
"""Key IDs on either side that a secret is compared with; those of the same name always are."""
NEIGHBOUR_BYTES = 2000
"""How near a key ID a secret stands that may be an alternative to the one it has."""
FAR_BYTES = 1 << 16
"""A pair farther apart than this in one document is joined only if names or uniqueness say so."""


@frozen
class Group:
    """Credentials that belong together; at least one is set."""

    key_id: Credential | None = None
    secret: Credential | None = None
    token: Credential | None = None
    smtp: Credential | None = None
    api_key: Credential | None = None
    confidence: Confidence = Confidence.HIGH
    reasons: tuple[str, ...] = ()
    alternatives: tuple[Credential, ...] = ()
    """Other secrets that could belong to the key ID, best first."""


@frozen
class _Match:
    score: float
    reasons: tuple[str, ...]
    key_id: Credential
    other: Credential


def pair(credentials: Sequence[Credential], text: bytes) -> list[Group]:
    """Group the credentials of one document; `text` is the document they stand in.

    Every distinct key ID, secret, token and password is in exactly one group, where it fits best.
    """
    by_role: dict[Role, list[Credential]] = defaultdict(list)
    for each in credentials:
        by_role[each.role].append(each)
    ids = by_role[Role.KEY_ID]
    free = [each for each in ids if each.signature is None] or ids
    secrets = _assign(free, by_role[Role.SECRET], text)
    passwords = _assign([each for each in free if each.value not in secrets], by_role[Role.SMTP_PASSWORD], text)
    temporary = [each for each in free if each.value.startswith("ASIA")]
    tokens = _assign(temporary, by_role[Role.TOKEN], text, near=secrets)
    claimed = {match.other.value for match in secrets.values()}
    all_secrets = _Row.of(by_role[Role.SECRET])

    groups = []
    for key_id in _distinct(ids):
        match = secrets.get(key_id.value) or passwords.get(key_id.value)
        token = tokens.get(key_id.value)
        chosen = match.key_id if match else token.key_id if token else key_id
        is_secret = match is not None and match.other.role is Role.SECRET
        groups.append(
            Group(
                key_id=chosen,
                secret=match.other if match and is_secret else None,
                smtp=match.other if match and not is_secret else None,
                token=token.other if token else None,
                confidence=_confidence(match.score) if match else chosen.confidence,
                reasons=match.reasons if match else (),
                alternatives=_alternatives(match, claimed, all_secrets, text) if match else (),
            )
        )
    all_ids = _Row.of(free)
    used = {match.other.value for match in (*secrets.values(), *passwords.values(), *tokens.values())}
    for role in (Role.SECRET, Role.SMTP_PASSWORD, Role.TOKEN, Role.API_KEY):
        left = [each for each in _distinct(by_role[role]) if each.value not in used]
        groups += [alone(each) for each in left if not _belongs_to_others(each, all_ids, secrets)]
    return groups


def _belongs_to_others(left: Credential, ids: _Row, secrets: dict[str, _Match]) -> bool:
    """Whether a secret that no name calls AWS's was only taken for one because of a key ID that has its own."""
    if left.role is not Role.SECRET or left.confidence is Confidence.HIGH:
        return False
    near = [each for each in ids.around(left) if abs(each.start - left.start) <= NEIGHBOUR_BYTES]
    return bool(near) and all(each.value in secrets for each in near)


def alone(credential: Credential) -> Group:
    """A group of one."""
    return Group(
        key_id=credential if credential.role is Role.KEY_ID else None,
        secret=credential if credential.role is Role.SECRET else None,
        token=credential if credential.role is Role.TOKEN else None,
        smtp=credential if credential.role is Role.SMTP_PASSWORD else None,
        api_key=credential if credential.role is Role.API_KEY else None,
        confidence=credential.confidence,
    )


def _distinct(credentials: Iterable[Credential]) -> list[Credential]:
    first: dict[str, Credential] = {}
    for each in credentials:
        kept = first.setdefault(each.value, each)
        if each.named and not kept.named:
            first[each.value] = each
    return list(first.values())


def _assign(
    ids: Sequence[Credential],
    others: Sequence[Credential],
    text: bytes,
    near: dict[str, _Match] | None = None,
) -> dict[str, _Match]:
    """Give each ID value at most one of `others` and each of those at most one ID, best matches first."""
    if near:
        ids = [near[each.value].key_id if each.value in near else each for each in ids]
    row = _Row.of(ids)
    matches = [
        match for other in others for key_id in row.nearby(other) if (match := _match(key_id, other, row, text))
    ]
    if not matches and len({each.value for each in ids}) == 1 and len({each.value for each in others}) == 1:
        matches = [_Match(-1.0, ("they are the only ones in the file",), ids[0], others[0])]
    alike: dict[tuple[str, str], list[_Match]] = defaultdict(list)
    for match in matches:
        alike[match.key_id.value, match.other.value].append(match)
    chosen: dict[str, _Match] = {}
    taken: set[str] = set()
    for match in sorted(matches, key=lambda each: -each.score):
        if match.key_id.value not in chosen and match.other.value not in taken:
            chosen[match.key_id.value] = _earliest(match, alike[match.key_id.value, match.other.value])
            taken.add(match.other.value)
    return chosen


def _earliest(best: _Match, same: Iterable[_Match]) -> _Match:
    """The first place where the same two stand together nearly as well: where a reader meets them first."""
    good = [each for each in same if each.score >= best.score - 15]
    return min(good, key=lambda each: (each.key_id.start, each.other.start))


@frozen
class _Row:
    """Credentials sorted by place, to ask which of them are near; every answer is short."""

    sorted: tuple[Credential, ...]
    by_stem: dict[str, _Row]

    @classmethod
    def of(cls, credentials: Iterable[Credential], *, by_stem: bool = True) -> _Row:
        ordered = tuple(sorted(credentials, key=lambda each: each.start))
        stems: dict[str, list[Credential]] = defaultdict(list)
        for each in ordered if by_stem else ():
            if name := stem(each.name):
                stems[name].append(each)
        return cls(ordered, {name: cls.of(each, by_stem=False) for name, each in stems.items()})

    def around(self, place: Credential) -> list[Credential]:
        """The nearest on either side."""
        at = bisect_left(self.sorted, place.start, key=lambda each: each.start)
        return list(self.sorted[max(0, at - NEIGHBOURS) : at + NEIGHBOURS])

    def nearby(self, place: Credential) -> list[Credential]:
        """The nearest on either side, and the nearest of those whose name ends as this one's does."""
        near = self.around(place)
        named = self.by_stem.get(stem(place.name))
        return near + [each for each in named.around(place) if each not in near] if named else near

    def between(self, start: int, end: int) -> Sequence[Credential]:
        """Those that begin from `start` on and before `end`; at most a few."""
        first = bisect_left(self.sorted, start, key=lambda each: each.start)
        last = bisect_left(self.sorted, end, first, min(len(self.sorted), first + 20), key=lambda each: each.start)
        return self.sorted[first:last]


_SECTION = re.compile(rb"^[ \t]*\[[^\]\n]{1,80}\][ \t]*\r?$", re.MULTILINE)
_BLANK = re.compile(rb"\n[ \t]*\r?\n")


def _match(key_id: Credential, other: Credential, ids: _Row, text: bytes) -> _Match | None:
    """Score how well two credentials belong together; None where they surely do not."""
    start, end = sorted((key_id, other), key=lambda each: each.start)
    gap = max(0, end.start - start.end)
    one, two = stem(key_id.name), stem(other.name)
    same_name = bool(one) and one == two
    if gap > FAR_BYTES and not same_name:
        return None
    between = text[start.end : min(end.start, start.end + FAR_BYTES)]
    score = 100 - 12 * math.log2(1 + gap / 20)
    reasons = [_distance(between, gap)]
    if same_name:
        score += 60
        reasons.insert(0, f"both names end in {one}")
    elif one and two:
        score -= 40
    if other.named:
        score += 20
    if key_id.start < other.start:
        score += 4
    if (key_id.placeholder is None) != (other.placeholder is None):
        score -= 50
    if _SECTION.search(between):
        score -= 60
    if _leaves_object(between):
        score -= 45
    if _BLANK.search(between):
        score -= 10
    score -= 25 * sum(each.value != key_id.value for each in ids.between(start.end, end.start))
    return _Match(score, tuple(reasons), key_id, other) if score > 0 else None


def _distance(between: bytes, gap: int) -> str:
    lines = between.count(b"\n")
    if lines == 0:
        return "both stand in the same line" if gap < 400 else f"both stand in one line, {gap} bytes apart"
    return "they stand in neighbouring lines" if lines == 1 else f"they stand {lines} lines apart"


def _leaves_object(between: bytes) -> bool:
    """Whether braces close more than they opened, so that the two stand in different objects."""
    depth = 0
    for brace in re.findall(rb"[{}]", between):
        depth += 1 if brace == b"{" else -1
        if depth < 0:
            return True
    return False


def _confidence(score: float) -> Confidence:
    return Confidence.HIGH if score >= 45 else Confidence.MEDIUM if score >= 15 else Confidence.LOW


def _alternatives(match: _Match, claimed: set[str], secrets: _Row, text: bytes) -> tuple[Credential, ...]:
    """Unclaimed secrets that fit the same key ID nearly as well."""
    only = _Row.of((match.key_id,))
    rivals = [
        rival
        for secret in secrets.around(match.key_id)
        if secret.value not in claimed and abs(secret.start - match.key_id.start) <= NEIGHBOUR_BYTES
        if (rival := _match(match.key_id, secret, only, text)) and rival.score >= match.score - 30
    ]
    return tuple(_distinct(each.other for each in sorted(rivals, key=lambda each: -each.score)))[:5]
