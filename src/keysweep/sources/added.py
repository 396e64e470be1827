"""What a change adds: the findings of new content that its old versions did not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from keysweep.findings import Finding, Place, ScanResult
from keysweep.frozen import replace


def added(findings: Sequence[Finding], old_versions: Iterable[ScanResult]) -> list[Finding]:
    """Keep the findings whose credential stands more often now than in any old version.

    A moved or re-indented line adds nothing; a pragma that is taken away adds what it allowed. Where a credential
    was repeated, the places whose snippet already stood in the old version are taken for the old ones.
    """
    before: dict[str, list[Place]] = {}
    for version in old_versions:
        for finding in version.findings:
            places = [finding.place, *finding.also_at]
            if _weight(places) > _weight(before.get(finding.fingerprint, ())):
                before[finding.fingerprint] = places
    kept = (_what_is_new(finding, before.get(finding.fingerprint, [])) for finding in findings)
    return [finding for finding in kept if finding is not None]


def _what_is_new(finding: Finding, before: Sequence[Place]) -> Finding | None:
    places = [finding.place, *finding.also_at]
    surplus = max(len(places) - len(before), _unmarked(places) - _unmarked(before))
    if surplus <= 0:
        return None
    known = Counter(map(_seen, before))
    new = []
    for place in places:
        if known[_seen(place)] > 0:
            known[_seen(place)] -= 1
        else:
            new.append(place)
    new = new[-surplus:] if new else places[-surplus:]
    if finding.place in new or len(finding.parts) > 1:
        rest = tuple(place for place in new if place != finding.place)
        return replace(finding, also_at=rest)
    first = replace(finding.parts[0], place=new[0])
    return replace(finding, parts=(first,), also_at=tuple(new[1:]))


def _weight(places: Sequence[Place]) -> tuple[int, int]:
    return len(places), _unmarked(places)


def _unmarked(places: Sequence[Place]) -> int:
    return sum(place.pragma is None for place in places)


def _seen(place: Place) -> tuple[str, bool]:
    return place.snippet, place.pragma is None
