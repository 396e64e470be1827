"""What a key is worth where it stands on a machine: less than a leak where it is kept as it should be."""

from __future__ import annotations

from keysweep.findings import Finding, Kind, Severity
from keysweep.frozen import frozen, replace
from keysweep.sources.machine.access import Access
from keysweep.sources.machine.places import Nature

_NOBODY = Access()
_AS_A_LEAK = Severity.CRITICAL
_WITHOUT_SECRET = frozenset({Kind.ACCESS_KEY_ID, Kind.SIGNED_REQUEST, Kind.CUSTOM})
_TEMPORARY = frozenset({Kind.TEMPORARY, Kind.SESSION_TOKEN, Kind.BEDROCK_SHORT})


@frozen
class Worth:
    """The most that a credential in a place is worth, and why."""

    long_term: Severity
    temporary: Severity
    why: str


WORTH = {
    Nature.SDK: Worth(Severity.LOW, Severity.INFO, "stands where AWS's own tools look for it"),
    Nature.CACHE: Worth(Severity.MEDIUM, Severity.INFO, "stands where a sign-in keeps it until it expires"),
    Nature.TOOL: Worth(
        Severity.MEDIUM, Severity.LOW, "one more copy to change and to forget, where a tool reads it"
    ),
    Nature.STARTUP: Worth(_AS_A_LEAK, Severity.MEDIUM, "every process of a session inherits it"),
    Nature.HISTORY: Worth(_AS_A_LEAK, _AS_A_LEAK, "was typed, and is kept where nobody looks for secrets"),
    Nature.LEFTOVER: Worth(_AS_A_LEAK, _AS_A_LEAK, "a copy that nobody looks after"),
    Nature.ENVIRONMENT: Worth(
        _AS_A_LEAK, Severity.LOW, "every program that such a process starts has it, and so do its crash reports"
    ),
}
"""By what a place is for; as much as a leak wherever somebody else gets to it."""


def is_secret(finding: Finding) -> bool:
    """Whether whoever reads it can use it."""
    return finding.kind not in _WITHOUT_SECRET and not finding.placeholder


def is_temporary(finding: Finding) -> bool:
    """Whether it expires by itself."""
    return finding.kind in _TEMPORARY or (finding.key_id or "").startswith("ASIA")


def weighed(finding: Finding, nature: Nature, access: Access = _NOBODY) -> Finding:
    """The finding with the severity that it has there, and the reason for it first."""
    if not is_secret(finding):
        return finding
    worth = WORTH[nature]
    why = worth.why
    severity = finding.severity
    if who := seen_by(access):
        why = f"{why}; {who}"
    else:
        severity = min(severity, worth.temporary if is_temporary(finding) else worth.long_term)
    return replace(finding, severity=severity, reasons=(why, *finding.reasons))


def seen_by(access: Access) -> str:
    """Who else gets to what is in a file, as a clause; empty where nobody does."""
    if access.readers:
        return f"{access.readers} may read it"
    if access.writers:
        return access.writers[0]
    if access.synchronised:
        return f"it is in a synchronised folder, {access.synchronised}"
    return f"it belongs to {access.owner}" if access.owner else ""
