"""What the journal tells of each key: what was done about it last, for reports."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from keysweep.aws.containment.journal import Entry
from keysweep.aws.containment.writing import Outcome
from keysweep.aws.mandate import SWITCHING
from keysweep.frozen import replace
from keysweep.verdicts import Contained, Containment


def containments(entries: Iterable[Entry]) -> dict[str, Containment]:
    """What was done about each key ID last; lines that are not to be trusted are passed over."""
    operators: dict[str, str] = {}
    actions: dict[tuple[str, str], str] = {}
    told: dict[str, Containment] = {}
    for each in entries:
        if each.fault:
            continue
        if each.event == "begun":
            operators[each.run] = str(each.values.get("operator") or "")
        key_id = each.values.get("key_id")
        if not isinstance(key_id, str):
            continue
        change = _change(each)
        if each.event == "intended" and not each.values.get("undoes"):
            actions[change] = str(each.values.get("action"))
        reason = str(each.values.get("reason") or "")
        before = told.get(key_id)
        action = actions.get(change, "")
        if action in _NO_CONTAINMENT:
            continue
        if each.event == "never-made":
            told.pop(key_id, None)
        elif each.event in ("propagated", "not-propagated") and before:
            told[key_id] = replace(before, reason=reason)
        elif state := _state(each, action, before):
            told[key_id] = Containment(key_id, state, each.run, _time(each), operators.get(each.run, ""), reason)
    return told


_NO_CONTAINMENT = frozenset({"create-key", "hand-over"})
"""Steps of a rotation that make the old key neither harmless nor less so."""


def _change(entry: Entry) -> tuple[str, str]:
    """The change that an entry is about: of an undo, the one that it takes back."""
    undoes = entry.values.get("undoes")
    if isinstance(undoes, dict):
        return str(undoes.get("run")), str(undoes.get("change"))
    return entry.run, str(entry.values.get("change"))


def _state(entry: Entry, action: str, before: Containment | None) -> Contained | None:
    """What an entry makes of its key; None where it changes nothing of what is known."""
    is_switch, is_undo = action in SWITCHING, bool(entry.values.get("undoes"))
    if entry.event == "failed":
        return None if before else Contained.UNKNOWN
    if entry.event == Outcome.REFUSED:
        return Contained.UNKNOWN if is_switch and not is_undo else None
    if entry.event in ("intended", Outcome.UNKNOWN):
        return Contained.UNKNOWN if is_switch else None
    if entry.event not in (Outcome.MADE, Outcome.ALREADY):
        return None
    if action == "delete-key":
        return Contained.OFF
    if is_switch:
        return Contained.UNDONE if is_undo else Contained.OFF
    return None if is_undo or (before and before.state is Contained.OFF) else Contained.LIMITED


def _time(entry: Entry) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.values.get("time"))).astimezone(UTC)
    except ValueError:
        return None
