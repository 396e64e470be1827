"""One rotation taken as far as it goes: a key made, handed over, waited for, and the old one switched off.

Every step begins with what the journal and AWS say of the step before, so the next run goes on where one was
killed. The secret is only ever in the memory of the run that made the key: one that was lost is not looked for,
but its key deleted, once a person agrees, and another one made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from keysweep.aws.clients import translated
from keysweep.aws.containment import changes, keys
from keysweep.aws.containment.changes import Change, Made
from keysweep.aws.containment.refusals import Refusal, refuse
from keysweep.aws.containment.writing import Outcome, Run, Written
from keysweep.aws.outcomes import Meaning
from keysweep.aws.ownership import key_of
from keysweep.aws.partitions import partition
from keysweep.aws.responders import Acting
from keysweep.aws.rotation.judging import unfit
from keysweep.aws.rotation.stages import Open, Rotation, rotations
from keysweep.aws.rotation.waiting import LISTED_AFTER, awaited, unusable
from keysweep.aws.signing import Caller, Credential
from keysweep.aws.sinks.interface import KEY_ID, Pair, Sink
from keysweep.findings import Secret
from keysweep.frozen import frozen, replace

_PAUSES_SECONDS = (0.5, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0)
"""Between one attempt to use the new key and the next: half a minute in all."""


_MADE_WITHIN = timedelta(minutes=15)
"""Of when it was asked for: the client asks again for some minutes, and clocks differ by some."""


class Standing(StrEnum):
    """How far a rotation is; the values are the `status` that scripts read."""

    PLANNED = "planned"
    """`--apply` would begin it, or go on; nothing was done."""
    WAITING = "waiting"
    """The new key is handed over; what is awaited before the old one is switched off is said."""
    ROTATED = "rotated"
    """The old key is switched off; `keysweep delete` ends it for good, once nobody has missed it."""
    REFUSED = "refused"
    """A guard stopped it; what to do instead is said."""
    FAILED = "failed"
    """AWS or the place for the key did not do it; the same command goes on where it stopped."""
    UNKNOWN = "unknown"
    """Nobody knows whether it was done; the same command looks, and goes on."""


@frozen
class Told:
    """What came of it."""

    rotation: Rotation
    standing: Standing
    reason: str = ""
    refusal: Refusal | None = None
    awaits: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()


@frozen
class Means:
    """What a rotation is done with."""

    run: Run
    acting: Acting
    sink: Sink
    caller: Caller
    confirm: Callable[[str, Sequence[str]], bool]
    """Whether a person agrees: the key ID to type, and what is done then."""
    uninterrupted: Callable[[], AbstractContextManager[Any]]
    """In whose `with` a wish to end only sets `is_pressed`: between making a key and handing it over."""
    watch: Callable[[str], None]


class _Stop(Exception):  # noqa: N818 - it is no error
    """What ends a run early, with all that is known."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told


def go_on(rotation: Rotation, means: Means) -> Told:
    """Do every step that can be done now. Raises AwsError and JournalError, and hands Ctrl-C on."""
    try:
        _refuse_ended(rotation, means)
        rotation = _settled(rotation, means)
        if rotation.handed is None:
            _agree(
                rotation.key_id,
                f"make a key for user {rotation.user}, hand it to {rotation.place.words}",
                rotation,
                means,
            )
            with means.uninterrupted() as wish:
                rotation = _handed_over(*_created(rotation, means), means)
            if wish.is_pressed:
                raise KeyboardInterrupt
        return _ended(rotation, means)
    except _Stop as stop:
        return replace(stop.told, written=tuple(means.run.written))


def _refuse_ended(rotation: Rotation, means: Means) -> None:
    """Raise _Stop where another run has taken it back, or is about to, while this one waited."""
    now = rotations(means.run.journal.read()).get(rotation.run)
    if now and now.is_ended:
        raise _Stop(Told(rotation, Standing.REFUSED, f"rotation {rotation.run} is {now.end}"))


def _settled(rotation: Rotation, means: Means) -> Rotation:
    """The rotation without what a run that was cut off has left open."""
    if rotation.creating:
        made = _made_meanwhile(rotation, rotation.creating, means)
        event = {"created": made, "guessed": "by when it was made"} if made else {}
        reason = f"{made} is there, which was made then and not handed over" if made else "it is not there"
        means.run.note(
            "made" if made else "never-made",
            change=rotation.creating.number,
            key_id=rotation.key_id,
            reason=reason,
            **event,
        )
        rotation = replace(rotation, creating=None, new=made, is_guessed=bool(made))
    if not rotation.new or rotation.handed:
        return rotation
    if rotation.handing and means.sink.held().key_id == rotation.new:
        return _found(rotation, means, f"{rotation.place} holds {rotation.new}")
    return _without_lost(rotation, means)


def _made_meanwhile(rotation: Rotation, creating: Open, means: Means) -> str:
    """The key that was not there before and was made then; empty if there is none.

    IAM may list one some seconds late; what was made at another time is somebody else's.
    """
    is_fresh = datetime.now(UTC) - creating.since < LISTED_AFTER
    for pause in (*(_PAUSES_SECONDS[:4] if is_fresh else ()), None):
        with translated(f"list the keys of user {rotation.user}"):
            made = keys.added(means.acting.client("iam"), rotation.user, creating.there)
        if made or pause is None:
            break
        time.sleep(pause)
    key = key_of(means.acting.client("iam"), rotation.account, made) if made else None
    asked = creating.since + means.acting.ahead
    is_others = key is not None and key.created is not None and abs(key.created - asked) > _MADE_WITHIN
    return "" if is_others else made


def _found(rotation: Rotation, means: Means, reason: str) -> Rotation:
    assert rotation.handing
    means.run.note("made", change=rotation.handing.number, key_id=rotation.key_id, reason=reason)
    return replace(rotation, handing=None, handed=datetime.now(UTC))


def _without_lost(rotation: Rotation, means: Means) -> Rotation:
    """The rotation without a key whose secret is lost; raises _Stop where that has to stay."""
    new = key_of(means.acting.client("iam"), rotation.account, rotation.new)
    if new is None:
        if rotation.deleting:
            number = rotation.deleting.number
            means.run.note("made", change=number, key_id=rotation.new, reason=f"{rotation.new} is gone")
        return replace(rotation, new="", handing=None, deleting=None)
    if new.last_use.date and not rotation.is_own(new.last_use):
        if rotation.handing and rotation.place.kind == "stdout":
            return _found(rotation, means, f"{rotation.new} has been used, so who asked for it has it")
        used = f"{rotation.new} was never handed over as far as the journal knows, and has been used"
        raise _Stop(_refused(rotation, "used-secret", used))
    lost = f"{rotation.new} of user {rotation.user} was made, and nobody has its secret"
    if rotation.is_guessed:
        made = f" at {new.created:%H:%M:%S} UTC" if new.created else ""
        lost = (
            f"{rotation.new} of user {rotation.user} was made{made}, when this rotation asked for a key and got "
            "no answer: unless somebody else made it then, nobody has its secret"
        )
    if not means.confirm(rotation.new, (f"{lost}: it is deleted, and another one made.",)):
        raise _Stop(_refused(rotation, "lost-secret", lost))
    status = keys.ACTIVE if new.is_active else keys.INACTIVE
    change = changes.delete_key(rotation.account, rotation.partition, rotation.new, rotation.user, status)
    _made(change, rotation, means)
    return replace(rotation, new="", handing=None)


def _refused(rotation: Rotation, guard: str, reason: str) -> Told:
    names = {"keyid": rotation.key_id, "run": rotation.run, "newkey": rotation.new}
    return Told(rotation, Standing.REFUSED, reason, refuse(guard, reason, **names))


def _agree(name: str, doing: str, rotation: Rotation, means: Means) -> None:
    if not means.confirm(
        name, (f"{rotation.key_id} of user {rotation.user}, account {rotation.account}: {doing}.",)
    ):
        raise _Stop(_refused(rotation, "unconfirmed", "nobody confirmed it"))


def _made(change: Change, rotation: Rotation, means: Means, write: Callable[[], Made] | None = None) -> Written:
    """One change, made or found made; raises _Stop for any other outcome."""
    means.watch(f"{change.words} …")
    written = means.run.make(change, means.acting, write)
    if written.outcome in (Outcome.MADE, Outcome.ALREADY):
        return written
    standing = Standing.UNKNOWN if written.outcome is Outcome.UNKNOWN else Standing.FAILED
    raise _Stop(Told(rotation, standing, written.reason))


def _created(rotation: Rotation, means: Means) -> tuple[Rotation, Pair]:
    iam = means.acting.client("iam")
    with translated(f"list the keys of user {rotation.user}"):
        there = tuple(keys.listed(iam, rotation.user))
    change = changes.create_key(rotation.account, rotation.partition, rotation.key_id, rotation.user, there)
    pairs: list[Pair] = []

    def create() -> Made:
        answer = iam.create_access_key(UserName=rotation.user)
        key = answer["AccessKey"]
        if not KEY_ID.fullmatch(str(key["AccessKeyId"])):
            raise ValueError  # of whatever is not AWS
        pairs.append(Pair(str(key["AccessKeyId"]), Secret(str(key["SecretAccessKey"]))))
        return Made(str(answer["ResponseMetadata"]["RequestId"]), {"created": pairs[0].key_id})

    _made(change, rotation, means, lambda: changes.written(create, change.words))
    if not pairs:
        told = f"somebody else has made a key for user {rotation.user} just now: run the same again to see it"
        raise _Stop(Told(rotation, Standing.FAILED, told))
    return replace(rotation, new=pairs[0].key_id), pairs[0]


def _handed_over(rotation: Rotation, pair: Pair, means: Means) -> Rotation:
    rotation = _tried(rotation, pair, means)
    held, refusal = unfit(means.sink, rotation.place, rotation.key_id)
    if refusal:
        raise _Stop(Told(rotation, Standing.REFUSED, refusal.reason, refusal))
    names = rotation.account, rotation.partition, rotation.key_id, rotation.user
    change = changes.hand_over(*names, rotation.place, held, pair.key_id)
    _made(change, rotation, means, lambda: changes.written(lambda: Made(means.sink.put(pair)), change.words))
    return replace(rotation, handed=datetime.now(UTC))


def _tried(rotation: Rotation, pair: Pair, means: Means) -> Rotation:
    """Use the new key until AWS accepts it, so that whoever gets it is not refused; half a minute at most."""
    means.watch(f"{pair.key_id} is made; asking until AWS accepts it …")
    told = f"{pair.key_id} is used by keysweep itself, to see whether AWS accepts it; that is no use by others"
    now = means.acting.now()
    means.run.note("tried", key_id=pair.key_id, at=now.isoformat(), reason=told)
    rotation = replace(rotation, tried=(*rotation.tried, now))
    credential = Credential(pair.key_id, pair.secret)
    for pause in (*_PAUSES_SECONDS, None):
        outcome = means.caller.ask(credential, partition(rotation.partition))
        if outcome.meaning is Meaning.LIVE or pause is None:
            break
        if outcome.meaning is Meaning.SKEWED and outcome.date:
            means.caller.clock.correct(outcome.date)
        time.sleep(pause)
    if outcome.meaning is not Meaning.LIVE:
        means.watch(f"AWS does not accept it yet ({outcome.reason}); it is handed over all the same")
    return rotation


def _ended(rotation: Rotation, means: Means) -> Told:
    """Switch the old key off, or say what is awaited before that."""
    old = key_of(means.acting.client("iam"), rotation.account, rotation.key_id)
    if old is not None and old.is_active:
        awaits = awaited(rotation, means.acting, means.sink)
        if awaits:
            return Told(rotation, Standing.WAITING, awaits=awaits, written=tuple(means.run.written))
        _agree(rotation.key_id, "the new key is used and this one is not: switch it off", rotation, means)
        names = rotation.account, rotation.partition, rotation.key_id, rotation.user
        _made(changes.deactivate_key(*names), rotation, means)
    elif awaits := unusable(rotation, means.acting):
        return Told(rotation, Standing.WAITING, awaits=awaits, written=tuple(means.run.written))
    reason = "" if old is not None else f"{rotation.key_id} is deleted"
    rotation = replace(rotation, is_off=True)
    return Told(rotation, Standing.ROTATED, reason, written=tuple(means.run.written))
