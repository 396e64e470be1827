"""How a leaked key stands, by what AWS said of it and what keysweep did about it."""

from __future__ import annotations

from enum import StrEnum

from keysweep.verdicts import Contained, Containment, Status, Verdict


class Standing(StrEnum):
    """How a leak stands, the most urgent first; the values are stable names that links and the store use."""

    LIVE = "live"
    ACTIVE = "active"
    WRONG_SECRET = "wrong-secret"
    UNVERIFIED = "unverified"
    OFF = "switched-off"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    DEAD = "dead"
    CANARY = "canary"
    EXAMPLE = "example"


_OF_STATUS = {
    Status.LIVE: Standing.LIVE,
    Status.DEAD: Standing.DEAD,
    Status.WRONG_SECRET: Standing.WRONG_SECRET,
    Status.ACTIVE: Standing.ACTIVE,
    Status.INACTIVE: Standing.INACTIVE,
    Status.EXPIRED: Standing.EXPIRED,
    Status.CANARY: Standing.CANARY,
    Status.UNKNOWN: Standing.UNVERIFIED,
}


def standing_by(
    verdict: Verdict | None,
    containment: Containment | None,
    *,
    is_canary: bool = False,
    is_placeholder: bool = False,
) -> Standing:
    """How it stands, by whichever of verdict and containment was later."""
    if is_canary:
        return Standing.CANARY
    if is_placeholder:
        return Standing.EXAMPLE
    if containment and containment.state is Contained.OFF and not _is_older(containment, verdict):
        return Standing.OFF
    return _OF_STATUS[verdict.status] if verdict else Standing.UNVERIFIED


def _is_older(containment: Containment, verdict: Verdict | None) -> bool:
    """Whether AWS has accepted the key after it was switched off: somebody has switched it on again."""
    if verdict is None or verdict.status is not Status.LIVE or containment.when is None:
        return False
    return verdict.checked > containment.when
