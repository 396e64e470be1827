"""One key of a plan: all that is known of it, and what is to be done or why nothing is."""

from __future__ import annotations

from datetime import timedelta

from keysweep.aws.containment.refusals import Refusal
from keysweep.aws.containment.targets import Target
from keysweep.aws.ownership import LastUse, Owned
from keysweep.aws.responders import Acting
from keysweep.aws.roles import Holders, Role
from keysweep.frozen import frozen
from keysweep.verdicts import Status

_NOBODY_GETS_IN = frozenset({"example", "canary", "not-found", "service-credential"})
"""Guards that stop a key which is of no use to anybody."""
_OWN_CHECK = timedelta(minutes=2)
"""IAM dates a use to the minute, and keysweep the request to the second."""


@frozen
class Asked:
    """What the operator asked for, beside what the mandate says."""

    also: frozenset[str] = frozenset()
    """Opt-ins: `deny-sessions`, `quarantine`, `revoke-role-sessions`."""
    force: bool = False
    auto: bool = False
    itself: bool = False
    """Act with the leaked key, where there is no responder."""
    regions: tuple[str, ...] = ()
    """Where CloudTrail is asked, beside the main region."""


@frozen
class Item:
    """One key of the plan."""

    target: Target
    account: str | None = None
    refusal: Refusal | None = None
    settled: str = ""
    """Why nothing has to be done."""
    owner: Owned | None = None
    role: Role | None = None
    holders: Holders | None = None
    actions: tuple[str, ...] = ()
    """Names of `mandate.ACTIONS`, in the order in which they are done; empty if nothing is."""
    acting: Acting | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_planned(self) -> bool:
        """Whether `--apply` would change anything."""
        return bool(self.actions)

    @property
    def may_be_live(self) -> bool:
        """Whether somebody may still get in with the key once nothing is done about it."""
        if self.is_planned or self.is_lingering:
            return True
        if self.settled or (self.refusal and self.refusal.guard in _NOBODY_GETS_IN):
            return False
        verdict = self.target.verdict
        if verdict is not None and verdict.status is Status.LIVE:
            return True
        if self.owner is not None:
            return self.owner.is_active
        is_unanswered = verdict is not None and verdict.status is Status.UNKNOWN and verdict.asked
        # Of these nothing says that they are dead, and somebody, or a whole API key, says that they leaked.
        return is_unanswered or self.target.is_named or self.target.is_service_credential

    @property
    def is_lingering(self) -> bool:
        """Whether it is switched off, and AWS accepts it all the same."""
        verdict = self.target.verdict
        return bool(self.settled) and verdict is not None and verdict.status is Status.LIVE


def is_own_check(item: Item) -> bool:
    """Whether the last use that IAM knows of is the request with which keysweep verified the key."""
    use = item.owner.last_use if item.owner else None
    if use is None or use.date is None or use.service != "sts":
        return False
    checked = item.target.checked
    return checked is not None and abs(use.date - checked) <= _OWN_CHECK


def last_use(item: Item) -> LastUse | None:
    """How others last used the key; None where keysweep's own use hides it and nothing is known of before."""
    if item.owner is None:
        return None
    return item.target.used_before if is_own_check(item) else item.owner.last_use
