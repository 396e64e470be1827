"""What a change adds: the findings of new content that its old versions did not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from keysweep.findings import Finding, Place, ScanResult
from keysweep.frozen import replace


def added(findings: Sequence[Finding], old_versions: Iterable[ScanResult]) -> list[Finding]:
    """Keep the findings whose credential stands more often now than in any old version.

    A moved or re-indented line adds nothing. Where a credential was repeated, the places whose snippet already
    stood in the old version are taken for the old ones.
    """
    before: dict[str, list[Place]] = {}
    for version in old_versions:
        for finding in version.findings:
            places = [finding.place, *finding.also_at]
            if len(places) > len(before.get(finding.fingerprint, ())):
                before[finding.fingerprint] = places
    kept = (_what_is_new(finding, before.get(finding.fingerprint, [])) for finding in findings)
    return [finding for finding in kept if finding is not None]


def _what_is_new(finding: Finding, before: Sequence[Place]) -> Finding | None:
    places = [finding.place, *finding.also_at]
    surplus = len(places) - len(before)
    if surplus <= 0:
        return None
    known = Counter(place.snippet for place in before)
    new = []
    for place in places:
        if known[place.snippet] > 0:
            known[place.snippet] -= 1
        else:
            new.append(place)
    new = new[-surplus:] if new else places[-surplus:]
    if finding.place in new or len(finding.parts) > 1:
        rest = tuple(place for place in new if place != finding.place)
        return replace(finding, also_at=rest)
    first = replace(finding.parts[0], place=new[0])
    return replace(finding, parts=(first,), also_at=tuple(new[1:]))
