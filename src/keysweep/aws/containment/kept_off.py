"""Which keys are switched off, as the journal tells it: what was done and not taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from keysweep.aws.containment.journal import Entry
from keysweep.aws.mandate import SWITCHING


def kept_off(entries: Iterable[Entry]) -> dict[str, tuple[str, datetime | None]]:
    """The run that switched off each key, and when; nothing where a line cannot be trusted."""
    intended: dict[tuple[str, str], str] = {}
    off: dict[str, tuple[str, datetime | None]] = {}
    for each in entries:
        if each.fault:
            return {}
        change, key_id = (each.run, str(each.values.get("change"))), str(each.values.get("key_id"))
        if each.event == "intended" and each.values.get("action") in SWITCHING:
            intended[change] = key_id
        elif each.event == "made" and intended.get(change) == key_id:
            if each.values.get("undoes"):
                off.pop(key_id, None)
            else:
                off[key_id] = each.run, _moment(each)
    return off


def _moment(entry: Entry) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.values.get("time")))
    except ValueError:
        return None
