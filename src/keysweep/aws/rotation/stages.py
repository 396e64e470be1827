"""Where each rotation stands, read from the journal alone: what was intended, what became of it, what is open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from keysweep.aws.containment.journal import Entry, refuse_changed
from keysweep.aws.containment.writing import Outcome
from keysweep.aws.ownership import LastUse
from keysweep.aws.sinks.interface import Place
from keysweep.errors import JournalError, UsageError
from keysweep.frozen import frozen, replace

_OWN_CHECK = timedelta(minutes=2)
"""IAM dates a use to the minute."""


@frozen
class Open:
    """A change that was intended and of which no line says what became."""

    number: int
    since: datetime
    there: tuple[str, ...] = ()
    """Of a key that was to be made: the IDs that there were before."""
    is_refused: bool = False


@frozen
class Rotation:
    """One rotation, over all the runs of the program that worked on it."""

    run: str
    key_id: str
    """The old key."""
    account: str
    partition: str
    user: str
    place: Place
    quiet: timedelta
    """How long the old key has to be unused before it is switched off."""
    number: int = 0
    """Of its last change."""
    new: str = ""
    """The ID of the new key, once it is known."""
    is_guessed: bool = False
    """Whether that was seen in IAM, because AWS's answer with the ID was lost."""
    creating: Open | None = None
    handing: Open | None = None
    """Until it is known that the place has the key."""
    deleting: Open | None = None
    """Of a new key whose secret was lost."""
    handed: datetime | None = None
    tried: tuple[datetime, ...] = ()
    """When, on AWS's clock, keysweep itself used the new key, to see whether AWS accepts it."""
    is_off: bool = False
    """Whether it has switched the old key off."""
    undoing_by: str = ""
    """A run that has begun to take it back, and of whose change no line says what became."""
    undone_by: str = ""
    deleted_by: str = ""

    @property
    def may_move(self) -> bool:
        """Whether the new key can still be handed to another place: this one does not have it."""
        return self.handed is None and (self.handing is None or self.handing.is_refused)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return bool(self.undoing_by) or self.is_over

    @property
    def is_over(self) -> bool:
        """Whether it was taken back, or its old key is gone."""
        return bool(self.undone_by or self.deleted_by)

    @property
    def end(self) -> str:
        """How it ended, and what to do then, after "rotation RUN is "."""
        if self.is_over:
            how = f"taken back by run {self.undone_by}" if self.undone_by else f"ended by run {self.deleted_by}"
            return f"over, {how}: begin another one with KEYID and --to"
        return f"being taken back by run {self.undoing_by}: go on with `keysweep undo {self.run}`"

    def is_own(self, use: LastUse) -> bool:
        """Whether a use of the new key was keysweep's own."""
        return use.service == "sts" and any(use.date and abs(use.date - each) <= _OWN_CHECK for each in self.tried)


def rotations(entries: Iterable[Entry]) -> dict[str, Rotation]:
    """Every rotation by its run, in the order in which they began.

    Raises JournalError for a journal that cannot be trusted: who goes by it could make or delete the wrong key.
    """
    known: dict[str, Rotation] = {}
    deletions: dict[tuple[str, str], tuple[str, str]] = {}
    lines = tuple(entries)
    refuse_changed(lines)
    for each in lines:
        try:
            _follow(each, known, deletions)
        except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
            raise JournalError(f"line {each.number} of the journal is not as it was written: {error}.") from error
    return known


def of_key(known: Iterable[Rotation], key_id: str) -> Rotation | None:
    """The rotation of a key that is to be gone on with; None if there is none, or nothing came of it."""
    going_on = (each for each in reversed([*known]) if each.number and (each.undoing_by or not each.is_ended))
    return next((each for each in going_on if each.key_id == key_id), None)


def _follow(entry: Entry, known: dict[str, Rotation], deletions: dict[tuple[str, str], tuple[str, str]]) -> None:
    values = entry.values
    if entry.event == "begun" and values.get("command") == "rotate":
        known[entry.run] = _begun(entry)
        return
    undoes = values.get("undoes")
    if isinstance(undoes, dict):
        undone = known.get(str(undoes.get("run")))
        if undone:
            known[undone.run] = _undone(undone, entry)
        return
    change = entry.run, str(values.get("change"))
    if entry.event == "intended" and values.get("action") == "delete-key":
        deletions[change] = str(values["account"]), str(values["thing"])
    elif entry.event == Outcome.MADE and change in deletions:
        _delete(deletions[change], entry.run, known)
    if entry.run in known:
        known[entry.run] = _further(known[entry.run], entry)


def _undone(rotation: Rotation, entry: Entry) -> Rotation:
    if entry.event == "intended":
        return replace(rotation, undoing_by=entry.run)
    if entry.event in (Outcome.MADE, Outcome.ALREADY):
        return replace(rotation, undoing_by="", undone_by=entry.run)
    return replace(rotation, undoing_by="") if entry.event == Outcome.REFUSED else rotation


def _begun(entry: Entry) -> Rotation:
    values = entry.values
    return Rotation(
        entry.run,
        str(values["key_id"]),
        str(values["account"]),
        str(values["partition"]),
        str(values["user"]),
        _place(values),
        timedelta(hours=float(values["quiet_hours"])),
    )


def _place(values: dict[str, Any]) -> Place:
    return replace(Place.parse(str(values["sink"])), region=str(values["region"]), file=str(values["file"]))


def _delete(key: tuple[str, str], run: str, known: dict[str, Rotation]) -> None:
    for each in [*known.values()]:
        if (each.account, each.key_id) == key:
            known[each.run] = replace(each, deleted_by=run)
        elif (each.account, each.new) == key:
            known[each.run] = replace(each, new="", handed=None, handing=None)


def _further(rotation: Rotation, entry: Entry) -> Rotation:
    """The rotation after one more line of its own."""
    values, event = entry.values, entry.event
    if event == "tried":
        at = datetime.fromisoformat(str(values["at"])).astimezone(UTC)
        return replace(rotation, tried=(*rotation.tried, at))
    if event == "resumed":
        rotation = replace(rotation, quiet=timedelta(hours=float(values["quiet_hours"])))
        return replace(
            rotation, place=_place(values), handing=rotation.handing if _place(values) == rotation.place else None
        )
    if "change" not in values:
        return rotation
    number = int(values["change"])
    if event == "intended":
        return _intended(replace(rotation, number=max(number, rotation.number)), entry)
    if rotation.creating and rotation.creating.number == number:
        if event == Outcome.MADE and values.get("created"):
            is_guessed = bool(values.get("guessed"))
            return replace(rotation, creating=None, new=str(values["created"]), is_guessed=is_guessed)
        if event in (Outcome.REFUSED, "never-made"):
            return replace(rotation, creating=None)
    elif rotation.deleting and rotation.deleting.number == number:
        if event in (Outcome.MADE, Outcome.REFUSED):
            return replace(rotation, deleting=None)
    elif rotation.handing and rotation.handing.number == number:
        if event == Outcome.MADE:
            return replace(rotation, handing=None, handed=time_of(entry))
        if event == Outcome.REFUSED:
            return replace(rotation, handing=replace(rotation.handing, is_refused=True))
    elif event == Outcome.MADE and values.get("key_id") == rotation.key_id and rotation.handed:
        return replace(rotation, is_off=True)
    return rotation


def _intended(rotation: Rotation, entry: Entry) -> Rotation:
    values, number = entry.values, int(entry.values["change"])
    if values.get("action") == "create-key":
        there: Sequence[str] = json.loads(values["document"])
        return replace(rotation, creating=Open(number, time_of(entry), tuple(map(str, there))))
    if values.get("action") == "hand-over":
        return replace(rotation, handing=Open(number, time_of(entry)))
    if values.get("action") == "delete-key":
        return replace(rotation, deleting=Open(number, time_of(entry)))
    return rotation


def time_of(entry: Entry) -> datetime:
    """When a line was written, aware UTC. Raises ValueError for one that does not say it."""
    return datetime.fromisoformat(str(entry.values.get("time"))).astimezone(UTC)
