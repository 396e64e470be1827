"""Keys deleted for good: only those that are off, and were off and unused for so long that nobody misses them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from keysweep.aws.containment.items import Item
from keysweep.aws.containment.journal import Entry
from keysweep.aws.containment.refusals import Refusal, refuse
from keysweep.aws.containment.writing import Outcome
from keysweep.aws.ownership import Owned
from keysweep.aws.responders import Acting
from keysweep.aws.rotation.judging import words_of
from keysweep.aws.rotation.stages import Rotation, time_of
from keysweep.aws.sinks.profile import CredentialsProfile
from keysweep.aws.trail import KEPT, Asked, detail_of, pages
from keysweep.errors import AwsError
from keysweep.frozen import frozen

_MOST_PAGES = 40
_LATE = timedelta(minutes=15)
"""Within which an event of CloudTrail and a line of the journal are of the same switch."""


@frozen
class Off:
    """Since when a key is switched off."""

    since: datetime
    how: str
    """How that is known."""


def off_since(item: Item, entries: Iterable[Entry], now: datetime) -> Off:
    """Since when a key is off: by the journal, or CloudTrail, or at worst by its last use or its age."""
    key_id = item.target.key_id
    noted, owner = _noted(key_id, entries), item.owner
    why = "nobody could look"
    if item.acting:
        try:
            trailed = _trailed(item.acting, key_id, now)
            if trailed and not (noted and trailed - noted < _LATE):
                return Off(trailed, "CloudTrail says so")
            if not trailed and not noted:
                return _silent(owner, now)
        except AwsError as error:
            why = str(error)
    if noted:
        return Off(noted, "the journal says so")
    used, made = (owner.last_use.date, owner.created) if owner else (None, None)
    how = "when it was last used" if used else "when it was made"
    return Off(
        used or made or now, f"this is {how}, because CloudTrail does not say when it was switched off: {why}"
    )


def _noted(key_id: str, entries: Iterable[Entry]) -> datetime | None:
    """When the journal says that keysweep switched it off last, and not on again since."""
    switches: dict[tuple[str, str], bool] = {}
    since = None
    for each in entries:
        change = each.run, str(each.values.get("change"))
        if each.event == "intended" and each.values.get("thing") == key_id:
            is_undo, action = bool(each.values.get("undoes")), each.values.get("action")
            if action in ("deactivate-key", "create-key"):
                switches[change] = (action == "deactivate-key") != is_undo
        elif each.event == Outcome.MADE and change in switches:
            since = time_of(each) if switches[change] else None
    return since


def _trailed(acting: Acting, key_id: str, now: datetime) -> datetime | None:
    """The newest event that switched it; None if there is none. Raises AwsError where CloudTrail does not say."""
    asked = Asked(("EventName", "UpdateAccessKey"), now - KEPT, now, _MOST_PAGES)
    for page in pages(acting.client("cloudtrail", acting.partition.region), asked):
        for event in page:
            detail = detail_of(event)
            parameters = detail.get("requestParameters")
            if (
                isinstance(parameters, dict)
                and parameters.get("accessKeyId") == key_id
                and not detail.get("errorCode")
            ):
                when = event.get("EventTime")
                if isinstance(when, datetime):
                    return when.astimezone(now.tzinfo)
    return None


def _silent(owner: Owned | None, now: datetime) -> Off:
    """What it means that CloudTrail has no event: keys are made active, so one that is off was switched."""
    if owner and owner.created and owner.created > now - KEPT:
        told = "CloudTrail must have an event of that and does not yet: it is up to 15 minutes late"
        return Off(now, told)
    told = "CloudTrail keeps 90 days and has nothing of that: it was longer ago, or within the last 15 minutes"
    return Off(now - KEPT, told)


def too_early(item: Item, off: Off | None, kept: timedelta, now: datetime) -> Refusal | None:
    """Why a key is not deleted yet; `off` is None for one that is on."""
    owner = item.owner
    assert owner
    if off is None:
        return refuse("still-active", keyid=owner.key_id)
    used = owner.last_use.date
    until = max(off.since, used or off.since) + kept
    if until <= now:
        return None
    days = f"{kept.days} day{'s' * (kept.days != 1)}"
    reason = (
        f"it has to be off and unused for {days}, and is off since {off.since:%Y-%m-%d} ({off.how}), "
        f"{words_of(owner.last_use)}: come back on {until:%Y-%m-%d}"
    )
    return refuse("too-young", reason, keyid=owner.key_id)


def handed_over(item: Item, known: Iterable[Rotation]) -> Refusal | None:
    """Why a key is not deleted that a rotation has put into a place, and that nobody has taken back from there."""
    for each in known:
        if each.new == item.target.key_id and each.handed and each.account == item.account and not each.is_over:
            reason = f"rotation {each.run} handed it over to {each.place.words}"
            return refuse("handed-over", reason, run=each.run)
    return None


def unsettled(key_id: str, entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    """Run and number of every deletion of a key that was intended and of which no line says what became."""
    open_: dict[tuple[str, int], None] = {}
    for each in entries:
        if "change" not in each.values or each.values.get("undoes"):
            continue
        change = each.run, int(each.values["change"])
        if each.event == "intended" and (each.values.get("action"), each.values.get("thing")) == (
            "delete-key",
            key_id,
        ):
            open_[change] = None
        elif each.event != Outcome.UNKNOWN:
            open_.pop(change, None)
    return tuple(open_)


def kept_profiles(key_id: str, known: Sequence[Rotation]) -> list[tuple[Rotation, CredentialsProfile]]:
    """Where rotations have kept the pair of a key, for an undo that is over once the key is deleted."""
    return [
        (each, CredentialsProfile(each.place.name, each.place.file))
        for each in known
        if each.key_id == key_id and each.place.kind == "profile"
    ]
