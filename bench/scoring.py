"""What counts as found: to the letter for keysweep, generously for every peer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.peers import Hit, sha1
from fixtures.corpus import Expected, Sample
from keysweep.findings import Finding, Kind, Part, Role

_SECRET_ROLES = (Role.SECRET, Role.API_KEY, Role.SMTP_PASSWORD)
_WITHOUT_SECRET = frozenset({Kind.ACCESS_KEY_ID, Kind.SIGNED_REQUEST})


@dataclass(frozen=True, slots=True)
class Score:
    """How one tool did."""

    found: frozenset[int]
    """Numbers of the positives found."""
    alarms: frozenset[int]
    """Numbers of the samples with something reported that is not there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How keysweep's findings in one sample differ from its labels."""

    missing: tuple[Expected, ...]
    surplus: tuple[Expected, ...]


def is_serious(sample: Sample) -> bool:
    """Whether the sample holds more than key IDs: something that by default refuses a commit."""
    return any(expected.kind not in _WITHOUT_SECRET for expected in sample.expected)


def generous(samples: list[Sample], hits: Mapping[int, Iterable[Hit]]) -> Score:
    """Credit for any hit that names any credential of the sample or stands on the line of one.

    Where a label has no line (binary files), any hit at all is credit. Only a hit in a negative is an alarm.
    """
    found = set()
    alarms = set()
    for number, reported in hits.items():
        sample = samples[number]
        if not sample.expected:
            alarms.add(number)
        elif any(_touches(hit, expected) for hit in reported for expected in sample.expected):
            found.add(number)
    return Score(frozenset(found), frozenset(alarms))


def _touches(hit: Hit, expected: Expected) -> bool:
    values = [value for value in (expected.key_id, expected.secret, expected.token) if value]
    if expected.line is None or hit.line == expected.line:
        return True
    if hit.digests & {sha1(value) for value in values}:
        return True
    return any(value in text for value in values for text in hit.texts)


def strict(samples: list[Sample], findings: Mapping[int, list[Finding]]) -> tuple[Score, dict[int, Difference]]:
    """Found means every label with kind, ID, secret, token and line right; any further finding is an alarm."""
    found = set()
    alarms = set()
    differences = {}
    for number, sample in enumerate(samples):
        difference = compare(sample, findings.get(number, []))
        if sample.expected and not difference.missing:
            found.add(number)
        if difference.surplus:
            alarms.add(number)
        if difference.missing or difference.surplus:
            differences[number] = difference
    return Score(frozenset(found), frozenset(alarms)), differences


def compare(sample: Sample, findings: Iterable[Finding]) -> Difference:
    """Set the findings of one sample against its labels."""
    surplus = [as_expected(finding) for finding in findings]
    missing = []
    for expected in sample.expected:
        match = next((found for found in surplus if _same(expected, found)), None)
        if match is None:
            missing.append(expected)
        else:
            surplus.remove(match)
    return Difference(tuple(missing), tuple(surplus))


def as_expected(finding: Finding) -> Expected:
    """A finding in the terms of a label."""
    secret = next((part for part in map(finding.part, _SECRET_ROLES) if part), None)
    return Expected(
        finding.kind,
        _value(finding.part(Role.KEY_ID)) or finding.key_id,
        _value(secret),
        _value(finding.part(Role.TOKEN)),
        finding.place.line,
    )


def _value(part: Part | None) -> str | None:
    return part.value.reveal() if part else None


def _same(expected: Expected, found: Expected) -> bool:
    if expected.kind != found.kind or expected.line not in (None, found.line):
        return False
    if expected.kind in (Kind.BEDROCK_LONG, Kind.BEDROCK_SHORT):
        return expected.secret == found.secret
    if expected.kind == Kind.SIGNED_REQUEST:
        return expected.key_id == found.key_id
    return (expected.key_id, expected.secret, expected.token) == (found.key_id, found.secret, found.token)


def by_form(samples: list[Sample], numbers: Iterable[int]) -> dict[str, list[int]]:
    """Sample numbers grouped by form."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        groups[samples[number].form].append(number)
    return dict(groups)
