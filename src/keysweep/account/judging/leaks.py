"""Which keys have leaked, since when and where: from findings, and from what a store knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from keysweep.account.judging.checks import Leak
from keysweep.findings import Finding, Severity
from keysweep.frozen import replace


def leaks_in(findings: Iterable[Finding], checks: Mapping[str, datetime]) -> dict[str, Leak]:
    """Key ID to its leak. `checks` says when keysweep itself used a key to verify it.

    Bait and examples are none: they are there to be found. Nor is a key on a machine where AWS keeps it itself.
    """
    found: dict[str, Leak] = {}
    for finding in findings:
        if not finding.key_id or finding.placeholder or finding.canary or _is_kept_well(finding):
            continue
        dates = [commit.date for it in finding.exposures for commit in it.introduced if commit.date]
        place = f"{finding.origin.display}:{finding.place.line}"
        leak = Leak(min(dates, default=None), (place,), checks.get(finding.key_id))
        found[finding.key_id] = joined(found.get(finding.key_id), leak)
    return found


def _is_kept_well(finding: Finding) -> bool:
    """Whether a scan of a machine found it in a place that it judged to be as good as a file can be."""
    return bool(finding.origin.what) and finding.severity < Severity.MEDIUM


def joined(one: Leak | None, other: Leak) -> Leak:
    """What two sources say of the same leak: the earlier date, and all places."""
    if one is None:
        return other
    return Leak(
        min(filter(None, (one.since, other.since)), default=None),
        tuple(dict.fromkeys((*one.places, *other.places))),
        one.checked or other.checked,
    )


def dated(leaks: Mapping[str, Leak], now: datetime) -> dict[str, Leak]:
    """The same without dates that are still to come: whoever commits writes down any date that they like."""
    return {
        key_id: replace(leak, since=None) if leak.since and leak.since > now else leak
        for key_id, leak in leaks.items()
    }
