"""Channels told what they have not been told: sent first, and written down once the receiver has taken it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from keysweep.errors import StoreError
from keysweep.frozen import frozen, replace
from keysweep.notify.messages import Digest, Notice
from keysweep.notify.posting import NotTaken, Patience
from keysweep.notify.receivers import Channel, Environment, Receivers, Sender
from keysweep.notify.security_hub import Hub, finding
from keysweep.notify.taken import Taken
from keysweep.report.asff import BATCH
from keysweep.standing import Standing
from keysweep.store.facts import facts_of
from keysweep.store.notices import Due, First, Wanted, due, mark
from keysweep.store.opening import Store
from keysweep.store.turns import turn

_LISTED = 10
"""Leaks that a digest in a chat or for a program holds whole."""
_TITLES = 20
_PATIENT = Patience()
_TURN_SECONDS = 120.0


@frozen
class ToldChannel:
    """What came of telling one channel."""

    name: str
    kind: str
    due: int
    """Leaks that it had to be told about."""
    told: int
    """Of these, those that it took, or that count as told now."""
    messages: int
    """That it took; or, of a rehearsal, that it would be sent."""
    digests: int
    """Of these, those that count leaks without naming them, because there were too many."""
    titles: tuple[str, ...]
    """Of the first messages, safe to be shown."""
    complaints: tuple[str, ...]
    """What it did not take, and why: clauses without a secret, not yet safe for a terminal."""

    @property
    def failed(self) -> bool:
        """Whether something was not taken."""
        return bool(self.complaints)


@frozen
class Told:
    """What came of telling all of them."""

    channels: tuple[ToldChannel, ...]

    @property
    def failed(self) -> bool:
        """Whether some receiver did not take something; the next run tells it."""
        return any(each.failed for each in self.channels)


def tell(
    store: Store,
    receivers: Receivers,
    environment: Environment,
    *,
    names: Sequence[str] = (),
    first: First = First.OPEN,
    rehearse: bool = False,
    patience: Patience = _PATIENT,
    endpoint: str | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Told:
    """Tell the channels called `names`, or all, about the leaks that stand otherwise than each was told last.

    Raises UsageError or ConfigError before anything is sent where a channel is unknown or its variable is missing.
    What a receiver does not take ends nothing: it is in what this returns, and is told again by the next call.
    A leak is told at least once in each state: whoever is killed between sending and writing that down sends it
    once more, with the same key. `rehearse` sends nothing and writes nothing down. `environment` holds the secrets
    and `endpoint` takes the place of AWS for Security Hub. Once `goes_on` says no, no further message is begun.
    """
    chosen = receivers.chosen(names)
    if rehearse or first is First.NONE:
        return Told(tuple(_silently(store, each, first, receivers, goes_on, rehearse=rehearse) for each in chosen))
    ready = [(each, _directed(each.sender(environment), endpoint)) for each in chosen]
    return Told(tuple(_told(store, receivers, *each, first, patience, goes_on) for each in ready))


def check(receivers: Receivers, environment: Environment, names: Sequence[str] = ()) -> None:
    """Raise now, before hours of work, what `tell` would raise: UsageError or ConfigError."""
    for each in receivers.chosen(names):
        each.sender(environment)


def _directed(sender: Sender, endpoint: str | None) -> Sender:
    return replace(sender, endpoint=endpoint) if isinstance(sender, Hub) and endpoint else sender


def _silently(
    store: Store,
    channel: Channel,
    first: First,
    receivers: Receivers,
    goes_on: Callable[[], bool],
    *,
    rehearse: bool,
) -> ToldChannel:
    """Count what would be sent, or have what is there count as told."""
    now = datetime.now(UTC)
    if rehearse:
        with store.reading() as connection:
            dues = due(connection, channel.name, channel.wanted, now, first)
        sent = [] if first is First.NONE else list(parcels(channel, dues))
        titles = tuple(_message(store, receivers, channel, each).title for each in sent[:_TITLES])
        return ToldChannel(
            channel.name, channel.kind, len(dues), 0, len(sent), _digests(channel, sent), titles, ()
        )
    try:
        with (
            turn(store, f"telling {channel.name}", _TURN_SECONDS, goes_on=goes_on),
            store.writing() as connection,
        ):
            dues = due(connection, channel.name, channel.wanted, now, first)
            mark(connection, channel.name, dues, now)
    except StoreError as error:
        return _unmet(channel, error)
    return ToldChannel(channel.name, channel.kind, len(dues), len(dues), 0, 0, (), ())


def _unmet(channel: Channel, error: StoreError) -> ToldChannel:
    return ToldChannel(channel.name, channel.kind, 0, 0, 0, 0, (), (str(error).rstrip("."),))


def _told(
    store: Store,
    receivers: Receivers,
    channel: Channel,
    sender: Sender,
    first: First,
    patience: Patience,
    goes_on: Callable[[], bool],
) -> ToldChannel:
    complaints: list[str] = []
    patience = trying = replace(patience, goes_on=goes_on)
    told = 0
    taken: list[Sequence[Due]] = []
    titles: list[str] = []
    dues: list[Due] = []
    try:
        # What is due is read when it is this process's turn: what another one told meanwhile is not.
        with turn(store, f"telling {channel.name}", _TURN_SECONDS, goes_on=goes_on):
            with store.reading() as connection:
                dues = due(connection, channel.name, channel.wanted, datetime.now(UTC), first)
            for parcel in parcels(channel, dues):
                if not goes_on():
                    complaints.append("interrupted before everything was told")
                    break
                message = _message(store, receivers, channel, parcel)
                now = datetime.now(UTC)
                try:
                    answer = _sent(sender, message, now, trying)
                except NotTaken as error:
                    complaints.append(str(error))
                    if error.is_of_message:
                        trying = replace(patience, attempts=1)
                        continue
                    break  # whoever cannot be reached is not asked again for each leak
                trying = patience
                accepted = [each for each in parcel if each.fingerprint not in answer.refused]
                with store.writing() as connection:
                    mark(connection, channel.name, accepted, now)
                told += len(accepted)
                taken.append(parcel)
                titles += [message.title] if len(titles) < _TITLES else []
                complaints += [answer.complaint] if answer.complaint else []
                complaints += [f"leak {fingerprint}: {why}" for fingerprint, why in answer.refused.items()]
    except StoreError as error:
        complaints.append(str(error).rstrip("."))
    return ToldChannel(
        channel.name,
        channel.kind,
        len(dues),
        told,
        len(taken),
        _digests(channel, taken),
        tuple(titles),
        tuple(complaints),
    )


def _sent(sender: Sender, message: Notice | Digest, now: datetime, patience: Patience) -> Taken:
    """Send it; and where a digest as such is refused, which one hostile name may bring about, the counts alone."""
    try:
        return sender.send(message, now, patience)
    except NotTaken as error:
        if not (error.is_of_message and isinstance(message, Digest)):
            raise
        taken = sender.send(message.counts, now, patience)
        return replace(taken, complaint=f"{error}, so it was told the counts alone")


def parcels(channel: Channel, dues: Sequence[Due]) -> Iterator[Sequence[Due]]:
    """The leaks of each message: one, or all of them where there are more than a receiver should get."""
    if not dues:
        return
    if channel.kind == "security-hub":
        yield from (dues[at : at + BATCH] for at in range(0, len(dues), BATCH))
    elif channel.kind == "email" or len(dues) > channel.most:
        yield dues
    else:
        yield from ([each] for each in dues)


def _digests(channel: Channel, sent: Sequence[Sequence[Due]]) -> int:
    return sum(len(each) > channel.most for each in sent)


def _message(store: Store, receivers: Receivers, channel: Channel, parcel: Sequence[Due]) -> Notice | Digest:
    whole = parcel[: channel.most if channel.kind == "email" else BATCH if channel.hub else _LISTED]
    notices = noticed(store, receivers, whole)
    if len(parcel) == 1 and channel.kind in ("webhook", "slack"):
        return notices[0]
    return Digest(parcel, notices, receivers.dashboard)


def noticed(store: Store, receivers: Receivers, dues: Sequence[Due]) -> tuple[Notice, ...]:
    """These leaks with their facts."""
    with store.reading() as connection:
        facts = facts_of(connection, (each.leak_id for each in dues))
    base = receivers.dashboard
    return tuple(
        Notice(each, facts[each.leak_id], f"{base}/leaks/{each.fingerprint}" if base else None) for each in dues
    )


def findings(store: Store, receivers: Receivers, hub: Hub) -> list[dict[str, Any]]:
    """All leaks of the store as findings of `hub`, the settled ones too, so that those are archived there.

    Bait and examples are none. Nothing counts as told by this.
    """
    now = datetime.now(UTC)
    with store.reading() as connection:
        every = due(connection, _NOBODY, Wanted(), now, First.ALL)
    wanted = [each for each in every if each.standing not in (Standing.CANARY, Standing.EXAMPLE)]
    return [finding(each, hub, now) for each in noticed(store, receivers, wanted)]


_NOBODY = ""
"""No channel is called so, and so was told nothing."""
