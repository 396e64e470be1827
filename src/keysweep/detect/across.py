"""Pairs split over two files of one directory: a key ID in one, its secret in the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from posixpath import commonprefix, dirname

from keysweep.findings import Confidence, Finding, Kind, Part, Role, Severity, fingerprint
from keysweep.frozen import replace

MOST_IN_DIRECTORY = 4
"""With more lone IDs or secrets in one directory than this, joining them would be guessing."""


def pair_across(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Join lone key IDs with lone secrets of other files in the same directory, with low confidence.

    The pair is reported where the key ID stands, and its secret part carries the other file's origin. Where
    several secrets could fit, the one whose file name is most alike is taken and the others are kept as
    alternatives. Everything else is passed on as it is, in the same order.
    """
    ids = _by_directory(findings, Kind.ACCESS_KEY_ID)
    secrets = _by_directory(findings, Kind.SECRET_ACCESS_KEY)
    joined: dict[int, Finding] = {}
    gone: set[int] = set()
    for directory in ids.keys() & secrets.keys():
        if max(len(ids[directory]), len(secrets[directory])) > MOST_IN_DIRECTORY:
            continue
        free = list(secrets[directory])
        for lone in ids[directory]:
            ranked = sorted(free, key=lambda secret: -_alike(lone, secret))
            if ranked:
                joined[id(lone)] = _join(lone, ranked)
                gone.add(id(ranked[0]))
                free.remove(ranked[0])
    return tuple(joined.get(id(each), each) for each in findings if id(each) not in gone)


def _by_directory(findings: Iterable[Finding], kind: Kind) -> dict[tuple[str | None, str], list[Finding]]:
    table: dict[tuple[str | None, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.kind is kind and not finding.placeholder and not finding.origin.members:
            table[finding.origin.commit, dirname(finding.origin.path)].append(finding)
    return table


def _alike(one: Finding, other: Finding) -> int:
    return len(commonprefix([one.origin.path, other.origin.path]))


def _join(key_id: Finding, secrets: Sequence[Finding]) -> Finding:
    parts = [
        replace(part, origin=each.origin) for each in secrets for part in each.parts if part.role is Role.SECRET
    ]
    return replace(
        key_id,
        kind=Kind.PAIR,
        severity=Severity.HIGH,
        confidence=Confidence.LOW,
        reasons=(
            f"the secret stands in {secrets[0].origin.path} of the same directory",
            *key_id.reasons,
            *secrets[0].reasons,
        ),
        parts=(*key_id.parts, parts[0]),
        alternatives=tuple(parts[1:]),
        fingerprint=fingerprint(Kind.PAIR, *(_value(part) for part in (*key_id.parts, parts[0]))),
    )


def _value(part: Part) -> str:
    return part.value.reveal()
