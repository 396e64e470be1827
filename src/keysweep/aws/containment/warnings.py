"""What a person should know before a key is switched off: what may break, and what goes on all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from keysweep.aws.containment.items import Asked, Item, last_use
from keysweep.aws.mandate import SWITCHING
from keysweep.frozen import replace
from keysweep.verdicts import name_in


def of(item: Item, asked: Asked, now: datetime) -> tuple[str, ...]:
    """One sentence each, what may break first."""
    return (*_of_oneself(item, asked), *_of_owner(item, asked, now), *_of_sessions(item), *_of_role(item))


def with_each_other(items: Iterable[Item]) -> Iterator[Item]:
    """The same, with what only all of them together bring about: a user none of whose keys is left."""
    items = tuple(items)
    ends = {each.target.key_id for each in items if SWITCHING & set(each.actions)}
    for each in items:
        others = {key.key_id for key in each.owner.siblings if key.is_active} if each.owner else set()
        if each.owner and others and each.target.key_id in ends and others <= ends:
            told = (
                f"this run switches off every active key of user {each.owner.user}: everything that runs as that "
                "user stops."
            )
            each = replace(each, warnings=(told, *each.warnings))
        yield each


def _of_oneself(item: Item, asked: Asked) -> Iterator[str]:
    """Who acts as the user or role that is contained cuts off the branch on which they sit."""
    verdict = item.target.verdict
    named = item.role.name if item.role else item.owner.user if item.owner else verdict.name if verdict else None
    if named and item.acting and not asked.itself and name_in(item.acting.arn) == named:
        yield (
            f"you act as {named} yourself: what comes after this may fail, and undo needs other credentials; "
            "better take others now."
        )


def _of_owner(item: Item, asked: Asked, now: datetime) -> Iterator[str]:
    owner = item.owner
    if owner is None:
        return
    if not owner.is_active:
        yield "the key is switched off already."
    else:
        yield from _what_breaks(item, now)
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


def _what_breaks(item: Item, now: datetime) -> Iterator[str]:
    owner, use = item.owner, last_use(item)
    if owner is None or owner.credential:
        yield "whatever uses this credential stops."
        return
    if use is None:
        yield "whatever uses it stops; what that is nobody knows, because keysweep's own use of it came after."
    elif use.date is not None:
        days = (now - use.date).days
        ago = "today" if days == 0 else f"{days} day{'s' * (days != 1)} ago"
        yield f"whatever uses it stops: last {use.service} in {use.region}, {ago}."
    if owner.is_only_active:
        yield f"it is the only active key of user {owner.user}: everything that runs as that user stops."


def _of_sessions(item: Item) -> Iterator[str]:
    verdict = item.target.verdict
    user = item.owner.user if item.owner else (verdict.name if verdict else None)
    if "deny-sessions" in item.actions and user:
        yield f"every session that user {user} has now ends, whichever key made it; keys that are on keep working."


def _of_role(item: Item) -> Iterator[str]:
    role, holders = item.role, item.holders
    if role is None or holders is None:
        return
    named = ", ".join(f"{name} ({count})" for name, count in holders.names) or "nobody that CloudTrail knows of"
    yield f"every session of role {role.name} that is older than now ends: {named}."
    yield f"those who may get a new one at once: {', '.join(role.trusted) or 'nobody'}."
    yield from (f"who holds sessions is not all known: {each}" for each in holders.incomplete)
