"""The journal for a person: run by run who did what, when and where, with AWS's answer to each change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from keysweep.aws.containment.journal import Entry
from keysweep.aws.containment.writing import from_values
from keysweep.report.style import Style
from keysweep.report.wrapping import wrapped

_INDENT = 13


def as_text(entries: Sequence[Entry], style: Style) -> list[str]:
    """Every run in the order in which they began, and what belongs to none at the end."""
    runs: dict[str, list[Entry]] = {}
    for each in entries:
        runs.setdefault(each.run, []).append(each)
    ordered = sorted(runs.items(), key=lambda run: not run[0])
    return [line for name, lines in ordered for line in (*_run(name, lines, style), "")]


def _run(name: str, entries: Sequence[Entry], style: Style) -> Iterator[str]:
    begun = next((each for each in entries if each.event == "begun"), None)
    values = begun.values if begun else {}
    what = f"undo of {values['of']}" if values.get("of") else values.get("command", "")
    title = f"Run {name}: {what}".removesuffix(": ") if name else "Lines of no run"
    yield style.paint(style.safe(title), "bold")
    if name:
        for label, text in _circumstances(values, entries):
            yield from _row(label, text, style)
    if begun and not any(each.event == "intended" for each in entries):
        yield from _row("", "nothing was changed", style)
    for each in entries:
        if each.fault:
            text = f"line {each.number}: NOT TO BE TRUSTED: {each.fault}"
            yield from (style.paint(line, "alarm") for line in _row("", text, style))
        if each.event not in {"begun", "ended"}:
            for number, text in enumerate(_told(each)):
                yield from _row("" if number else _clock(each), text, style)


def _circumstances(values: dict[str, Any], entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """When it was, who did it, and within what."""
    ended = next((each for each in entries if each.event == "ended"), None)
    first, last = _moment(entries[0]), _moment(ended) if ended else None
    if first:
        lasted = f"for {(last - first).total_seconds():.0f} s" if last else "and its end is not in the journal"
        yield "when", f"{first:%Y-%m-%d %H:%M:%S} UTC, {lasted}"
    if values.get("operator") or values.get("local_user"):
        at = f" (at the machine: {values.get('local_user')})" if values.get("local_user") else ""
        yield "who", f"{values.get('operator') or 'nobody that AWS could name'}{at}"
    role = f"as role {values['role']}" if values.get("role") else "as that identity"
    accounts = values.get("allow_accounts")
    if isinstance(accounts, list) and accounts:
        yield "where", f"{role}, allowed in {', '.join(map(str, accounts))}"
    if values.get("endpoint"):
        yield "asked", f"{values['endpoint']} in place of AWS"


def _told(entry: Entry) -> Iterator[str]:
    """What one line says, as sentences; a line that is not as it should be is shown as it is."""
    values, event = entry.values, entry.event
    key_id = values.get("key_id")
    reason = str(values.get("reason") or "")
    if event == "intended":
        try:
            change = from_values(values)
            words = f"take back: {change.words}" if values.get("undoes") else change.words
        except (KeyError, IndexError, ValueError):
            yield _raw(entry)
            return
        yield words
        where = f" in account {change.account} as {values.get('acting_as')}" if ":" in change.call else ""
        yield f"{values.get('call')}{where}"
    elif event in _OUTCOMES:
        request = f", request {values['request_id']}" if values.get("request_id") else ""
        is_here = event == "made" and not request and not reason
        yield ". ".join(filter(None, ("done" if is_here else f"{_OUTCOMES[event]}{request}", reason)))
    elif event in _SAID:
        yield f"{_SAID[event]}{reason}"
    elif event in {"propagated", "not-propagated", "failed"}:
        yield f"{'FAILED: ' if event == 'failed' else ''}{key_id}: {reason}"
    elif event == "trail":
        whole = "" if values.get("complete") else ", NOT COMPLETE"
        yield f"{key_id}: {values.get('events')} events of CloudTrail{whole}, kept in {values.get('file')}"
        yield f"SHA-256 {values.get('sha256')}"
    else:
        yield _raw(entry)


_OUTCOMES = {
    "made": "AWS did it",
    "already": "it was so already",
    "never-made": "it was never made",
    "refused": "AWS REFUSED IT",
    "unknown": "NOBODY KNOWS WHETHER AWS DID IT",
}
_SAID = {
    "waits": "waits: ",
    "stopped": "STOPPED: ",
    "resumed": "gone on with",
    "tried": "",
    "forgot": "",
    "judged": "",
}
"""What `rotate` and `delete` note between their changes, in words of its own."""
_ELSEWHERE = ("prev", "time", "run", "event", "document")


def _raw(entry: Entry) -> str:
    said = (f"{name}={value}" for name, value in entry.values.items() if name not in _ELSEWHERE)
    return " ".join((entry.event or f"line {entry.number}", *said))


def _row(label: str, text: str, style: Style) -> list[str]:
    first, *rest = wrapped(text, _INDENT, style) or [""]
    name = f"{style.safe(label):{_INDENT - 3}}"
    return [f"  {style.paint(name, 'dim')} {first[_INDENT:]}", *rest]


def _moment(entry: Entry) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.values.get("time")))
    except ValueError:
        return None


def _clock(entry: Entry) -> str:
    moment = _moment(entry)
    return f"{moment:%H:%M:%S}" if moment else ""
