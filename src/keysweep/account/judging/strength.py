"""What a user can do with a key, as policies say it and as IAM confirms it."""

from __future__ import annotations

from collections.abc import Iterator

from keysweep.account.evidence import User
from keysweep.account.judging.words import some


def is_powerful(user: User) -> bool:
    """Whether it can take the account over, as far as nothing is known to take that away."""
    return bool(user.powers and user.powers.takes_over) and not is_held(user)


def is_held(user: User) -> bool:
    """Whether IAM names something that takes away every power there is to take the account over."""
    told, known = user.simulated, user.powers
    if told is None or known is None or not known.escalations:
        return False
    reasons = dict(told.denied)
    return all(reasons.get(action) for action in known.escalations)


def power_of(user: User) -> str:
    """What its policies come to, a clause."""
    known = user.powers
    if known is None:
        return "what its user may do is not known"
    by = f" (by {', '.join(known.granted_by)})" if known.granted_by else ""
    if known.is_administrator:
        return f"its user is an administrator{by}"
    if known.escalations:
        return f"its user can give itself more by {some(known.escalations)}{by}"
    if known.stores:
        return f"its user can read data in {', '.join(known.stores)}{by}"
    if known.services:
        return f"its user may use {', '.join(known.services)}{by}"
    return "its policies allow nothing"


def simulation_of(user: User) -> Iterator[str]:
    """What IAM says of the power that policies give, where it was asked."""
    told, known = user.simulated, user.powers
    if told is None or known is None:
        return
    strong = [each for each in told.allowed if each in known.escalations]
    if strong:
        yield f"simulation confirms {some(strong)}"
    elif is_held(user):
        left = some(told.allowed) or "nothing"
        by = " and ".join(told.reasons)
        yield f"simulation allows no way to more: {by} takes them away; of what was asked, {left} is left"
    else:
        yield "simulation does not confirm it for all resources: it may hold for some, or under a condition"
