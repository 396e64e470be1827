"""What a person should know before a key is switched off: what may break, and what goes on all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from keysweep.aws.ownership import Owned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.plan import Asked, Item


def of(item: Item, asked: Asked, now: datetime) -> tuple[str, ...]:
    """One sentence each, what may break first."""
    return (*_of_owner(item, asked, now), *_of_role(item))


def _of_owner(item: Item, asked: Asked, now: datetime) -> Iterator[str]:
    owner = item.owner
    if owner is None:
        return
    yield from _what_breaks(owner, now)
    if owner.powers:
        yield f"the user is as good as an administrator ({', '.join(owner.powers)}): assume the worst."
    if owner.is_quarantined:
        yield "AWS, or somebody, has put a quarantine policy on the user already: AWS knows of the leak."
    if owner.credential:
        yield "whether the half of it that is secret is still the current one was not asked."
    if "deny-sessions" not in item.actions and not owner.credential:
        yield (
            "sessions that the key has got (GetSessionToken, GetFederationToken) live on for up to 36 hours: "
            "--deny-sessions ends them."
        )
    if asked.itself:
        yield (
            "the key acts on itself, so it cannot be used for `undo`, and what protects the user is known only "
            "as far as the key may look."
        )
    yield from (f"not known: {each}" for each in owner.unknown)


def _what_breaks(owner: Owned, now: datetime) -> Iterator[str]:
    use = owner.last_use
    if owner.credential:
        yield "whatever uses this credential stops."
        return
    if use.date is not None:
        days = (now - use.date).days
        ago = "today" if days == 0 else f"{days} day{'s' * (days != 1)} ago"
        yield f"whatever uses it stops: last {use.service} in {use.region}, {ago}."
    if owner.is_only_active:
        yield f"it is the only active key of user {owner.user}: everything that runs as that user stops."


def _of_role(item: Item) -> Iterator[str]:
    role, holders = item.role, item.holders
    if role is None or holders is None:
        return
    named = ", ".join(f"{name} ({count})" for name, count in holders.names) or "nobody that CloudTrail knows of"
    yield f"every session of role {role.name} that is older than now ends: {named}."
    yield f"those who may get a new one at once: {', '.join(role.trusted) or 'nobody'}."
    yield from (f"who holds sessions is not all known: {each}" for each in holders.incomplete)
