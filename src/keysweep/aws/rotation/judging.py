"""Whether a key may be rotated: all that stops `contain`, two keys, and a place that cannot take the new one."""

from __future__ import annotations

from datetime import datetime

from keysweep.aws.containment.items import Asked, Item
from keysweep.aws.containment.lookups import Lookups
from keysweep.aws.containment.plan import not_allowed, plan, protection
from keysweep.aws.containment.refusals import Refusal, refuse
from keysweep.aws.containment.targets import Target
from keysweep.aws.mandate import Mandate
from keysweep.aws.ownership import LastUse, key_of
from keysweep.aws.rotation.stages import Rotation
from keysweep.aws.sinks.interface import ABSENT, NO_KEY, STDOUT, Held, Place, Sink
from keysweep.errors import AwsError, SinkError
from keysweep.frozen import replace


def judged(target: Target, lookups: Lookups, mandate: Mandate, now: datetime) -> Item:
    """Whose the key is and whether the policy lets its user be touched; a key that is off is no exception here."""
    (item,) = plan([target], lookups, mandate, Asked(force=True), now)
    owner, account = item.owner, item.account
    if item.refusal or not item.settled or owner is None or account is None:
        return item
    if account not in mandate.allow_accounts:
        refusal: Refusal | None = refuse("foreign-account", not_allowed(mandate, account), account=account)
    else:
        refusal = protection(mandate, owner.user, owner.path, owner.tags, target.key_id)
    return replace(item, refusal=refusal)


def third_key(item: Item, rotation: Rotation | None) -> Refusal | None:
    """Why no key can be made: the user has two, and the second is not of this rotation."""
    owner, acting = item.owner, item.acting
    if owner is None or acting is None or (rotation and (rotation.new or rotation.creating)):
        return None
    told = []
    for each in owner.siblings:
        try:
            other = key_of(acting.client("iam"), owner.account, each.key_id)
            used = words_of(other.last_use) if other else "gone by now"
        except AwsError as error:
            used = f"when it was last used is not known: {error}"
        told.append(f"{each.key_id} ({'active' if each.is_active else 'switched off'}, {used})")
    if not told:
        return None
    reason = f"user {owner.user} has a second key, {' and '.join(told)}, and AWS refuses a third"
    return refuse("two-keys", reason, keyid=owner.key_id, other=owner.siblings[0].key_id)


def unfit(sink: Sink, place: Place, *known: str) -> tuple[Held, Refusal | None]:
    """What a place holds, and why it cannot take the new key: it may hold no other key than the `known` ones."""
    try:
        held = sink.held()
    except SinkError as error:
        return Held(ABSENT), refuse("unfit-sink", str(error))
    if held.key_id in (ABSENT, NO_KEY, STDOUT, *known):
        return held, None
    reason = f"{place.words} holds {held.key_id}, which is another key than the one that is rotated"
    return held, refuse("unfit-sink", reason)


def unready(sink: Sink) -> Refusal | None:
    """Why the new key could not be put into a place, as far as is seen before one is made. Raises AwsError."""
    try:
        sink.rehearse()
    except SinkError as error:
        return refuse("unfit-sink", str(error))
    return None


def words_of(use: LastUse) -> str:
    """When and for what a key was last used."""
    if use.date is None:
        return "never used, as far as IAM knows"
    return f"last used {use.service} in {use.region} on {use.date:%Y-%m-%d %H:%M} UTC"
