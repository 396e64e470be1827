"""Whether a leaked key can still let somebody in, as far as anything here tells: that comes before rewriting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from keysweep.findings import Finding
from keysweep.frozen import frozen
from keysweep.verdicts import Containment, Status, Verdict


class State(StrEnum):
    """The values are stable names that JSON uses."""

    LIVE = "live"
    UNKNOWN = "unknown"
    CONTAINED = "contained"
    DEAD = "dead"
    CANARY = "canary"

    @property
    def is_harmless(self) -> bool:
        """Whether nobody gets in with it any more, or ever did."""
        return self in (State.CONTAINED, State.DEAD, State.CANARY)


@frozen
class Safety:
    """What is known, and from what."""

    state: State
    why: str


def safety_of(finding: Finding, verdict: Verdict | None, off: Mapping[str, Containment]) -> Safety:
    """What a verdict, the journal, or the credential itself says; what comes later of the first two counts.

    `off` are the keys that the journal says are switched off, by their IDs.
    """
    if finding.canary:
        return Safety(State.CANARY, f"bait of {finding.canary}: every use raises its alarm")
    journal = off.get(finding.key_id or "")
    if journal and not (verdict and journal.when and verdict.checked > journal.when):
        return Safety(State.CONTAINED, f"switched off by run {journal.run} of keysweep contain")
    if verdict and verdict.status is Status.LIVE:
        return Safety(State.LIVE, f"AWS accepted it on {verdict.checked:%Y-%m-%d}")
    if verdict and verdict.status in (Status.DEAD, Status.INACTIVE, Status.EXPIRED):
        return Safety(State.DEAD, f"{verdict.reason} ({verdict.checked:%Y-%m-%d})")
    if finding.expires and finding.expires < datetime.now(UTC):
        return Safety(State.DEAD, f"it expired on {finding.expires:%Y-%m-%d}")
    if verdict:
        return Safety(State.UNKNOWN, verdict.reason)
    if not finding.key_id:
        return Safety(State.UNKNOWN, "it has no key ID, so nobody can be asked: treat it as live")
    return Safety(State.UNKNOWN, "nobody has asked AWS, and the journal does not know it")
