"""How a finding stands and what to do next: for whoever has to decide, the most urgent first."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.findings import Finding, Kind
from keysweep.frozen import frozen
from keysweep.standing import Standing, standing_by
from keysweep.verdicts import Containment, Principal


@frozen
class Meaning:
    """What a standing is called, and how alarming it is."""

    label: str
    tone: str
    """`alarm`, `warn`, `good` or `quiet`: what a page colours it by."""
    text: str


MEANINGS: Mapping[Standing, Meaning] = {
    Standing.LIVE: Meaning("Live", "alarm", "AWS accepts it: whoever has read it acts as its owner"),
    Standing.ACTIVE: Meaning("Active, no secret", "warn", "its account has it, switched on"),
    Standing.WRONG_SECRET: Meaning(
        "Active, other secret", "warn", "the key is active, with a secret not found here"
    ),
    Standing.UNVERIFIED: Meaning("Not verified", "warn", "nobody knows whether it is live"),
    Standing.OFF: Meaning("Switched off", "good", "keysweep switched it off"),
    Standing.INACTIVE: Meaning("Inactive", "good", "its account has it, switched off"),
    Standing.EXPIRED: Meaning("Expired", "quiet", "it was good for a time that is over"),
    Standing.DEAD: Meaning("Dead", "quiet", "AWS does not know it any more"),
    Standing.CANARY: Meaning("Canary", "quiet", "bait that raises an alarm when it is used"),
    Standing.EXAMPLE: Meaning("Example", "quiet", "documentation or a mask, not a key"),
}


def standing_of(finding: Finding, containment: Containment | None) -> Standing:
    """How it stands, by what AWS said and what keysweep did, whichever was later."""
    return standing_by(
        finding.verdict,
        containment,
        is_canary=bool(finding.canary),
        is_placeholder=bool(finding.placeholder),
    )


@frozen
class Step:
    """What to do next."""

    text: str
    command: str = ""
    """What to type for it; empty where there is no such command."""


@frozen
class Case:
    """What of a leaked credential decides on the next step."""

    kind: Kind
    key_id: str | None
    account_id: str | None
    is_root: bool
    verify: str = "keysweep verify FINDINGS.json"
    """How AWS is asked about it."""
    contain: str = "keysweep contain FINDINGS.json"
    """How it is switched off."""


def next_step(finding: Finding, standing: Standing, containment: Containment | None) -> Step:
    """The next step for one finding."""
    verdict = finding.verdict
    account = (verdict.account_id if verdict else None) or finding.account_id
    is_root = bool(verdict and verdict.principal is Principal.ROOT)
    return step_for(Case(finding.kind, finding.key_id, account, is_root), standing, containment)


def step_for(case: Case, standing: Standing, containment: Containment | None) -> Step:
    """The next step for a case."""
    if standing is Standing.LIVE:
        return _live(case)
    if standing is Standing.OFF:
        return _off(containment)
    if standing is Standing.UNVERIFIED:
        return _unverified(case)
    return _STEPS[standing]


def _off(containment: Containment | None) -> Step:
    text = "Give what used it another key or a role, and take it out of the content."
    if containment is None or not _is_name(containment.run):
        return Step(text)
    return Step(f"{text} If it has to be on again:", f"keysweep undo {containment.run}")


def _is_name(run: str) -> bool:
    """Whether it can stand in a command as it is."""
    return run.replace("-", "").isalnum() and run.isascii() and not run.startswith("-")


def _live(case: Case) -> Step:
    account = case.account_id
    if case.is_root:
        return Step(
            "It is a key of the root user, which only that user can take away: sign in as root to account "
            f"{account or 'of the key'}, deactivate the key under Security credentials, and look at what it did."
        )
    allowed = f" --allow-account {account}" if account and account.isdecimal() else ""
    return Step(
        "Switch it off now: this shows what would be done, and does it with --apply.",
        f"{case.contain}{allowed}",
    )


def _unverified(case: Case) -> Step:
    if case.kind is Kind.CUSTOM:
        return Step(
            "It matches a rule of your own: revoke it where it was issued, and take it out of the content."
        )
    if case.kind is Kind.SIGNED_REQUEST:
        return Step("It can be sent again until it expires: to end it before, switch off the key that signed it.")
    if case.key_id is None:
        return Step("No key ID stands beside it, so AWS cannot be asked: find its owner, and rotate the key.")
    return Step("Ask AWS whether it is live:", case.verify)


_STEPS = {
    Standing.ACTIVE: Step("Its secret may have leaked where nobody has looked yet: ask its owner, and rotate it."),
    Standing.WRONG_SECRET: Step(
        "The secret beside it is not its own; its own may have leaked elsewhere: ask its owner, and rotate it."
    ),
    Standing.INACTIVE: Step(
        "It can be switched on again: have its owner delete it, and take it out of the content."
    ),
    Standing.EXPIRED: Step("Nothing has to be switched off: take it out of the content."),
    Standing.DEAD: Step(
        "Nothing has to be switched off: take it out, or accept it in the baseline with a reason."
    ),
    Standing.CANARY: Step(
        "Do not use it: that raises an alarm. Ask whoever laid it whether it still has to be there."
    ),
    Standing.EXAMPLE: Step("Nothing has to be done."),
}
