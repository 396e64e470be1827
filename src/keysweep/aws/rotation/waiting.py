"""What a rotation waits for: that others use the new key, and nobody the old one, for as long as was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keysweep.aws.ownership import LastUse, Owned, key_of
from keysweep.aws.responders import Acting
from keysweep.aws.rotation.judging import words_of
from keysweep.aws.rotation.stages import Rotation
from keysweep.aws.sinks.interface import STDOUT, Sink

LISTED_AFTER = timedelta(minutes=1)
"""IAM may list a new key that late."""


def unusable(rotation: Rotation, acting: Acting) -> tuple[str, ...]:
    """What has to happen before the user has a key that works, where the old one is off. Raises AwsError."""
    new = key_of(acting.client("iam"), rotation.account, rotation.new)
    if new is None and rotation.handed and datetime.now(UTC) - rotation.handed < LISTED_AFTER:
        return ()
    return () if new and new.is_active else (_not_on(rotation, new),)


def _not_on(rotation: Rotation, new: Owned | None) -> str:
    if new is None:
        return f"IAM does not list {rotation.new}: if that stays so it was deleted, so undo the rotation"
    return f"{rotation.new} is switched off: switch it on again, or undo the rotation"


def awaited(rotation: Rotation, acting: Acting, sink: Sink) -> tuple[str, ...]:
    """What has to happen before the old key may be switched off, a sentence each. Raises AwsError."""
    iam = acting.client("iam")
    old, new = (key_of(iam, rotation.account, each) for each in (rotation.key_id, rotation.new))
    awaits = []
    if (held := sink.held().key_id) not in (STDOUT, rotation.new):
        awaits.append(
            f"{rotation.place} holds {held} and not {rotation.new}: put it there again, or undo the rotation"
        )
    if new is None or not new.is_active:
        awaits.append(_not_on(rotation, new))
    elif new.last_use.date is None or rotation.is_own(new.last_use):
        awaits.append(f"nobody has used {rotation.new} yet, as far as IAM knows, which may be hours late")
    if (
        old is not None
        and rotation.handed
        and (until := _quiet_until(rotation.handed, old.last_use, acting, rotation.quiet))
    ):
        used, handed = old.last_use.date, f"handed over on {rotation.handed:%Y-%m-%d %H:%M} UTC"
        since = words_of(old.last_use) if used and used > rotation.handed else handed
        hours = f"{rotation.quiet.total_seconds() / 3600:g} h"
        awaits.append(
            f"{rotation.key_id} has to be unused for {hours} ({since}): not before {until:%Y-%m-%d %H:%M} UTC"
        )
    return tuple(awaits)


def _quiet_until(handed: datetime, use: LastUse, acting: Acting, quiet: timedelta) -> datetime | None:
    """Until when the old key has to be unused; None once it was for long enough.

    It is this machine's clock that says when the new one was handed over, and AWS's when the old one was used.
    """
    ends = [(handed + quiet, datetime.now(UTC))]
    if use.date:
        ends.append((use.date + quiet, acting.now()))
    return max((until for until, now in ends if until > now), default=None)
