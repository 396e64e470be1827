"""`keysweep log`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from keysweep.aws.containment.journal import Entry, Journal, directory
from keysweep.cli.log_shown import as_text
from keysweep.cli.output import write_report
from keysweep.errors import ExitCode, UsageError
from keysweep.report.style import Style


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def log(run: str | None, form: str) -> int:
    """Show what was done in AWS, by whom and when, with the request IDs of AWS: every run, or RUN alone.

    The whole journal is checked every time: a line that was changed or taken out breaks its chain there. Lines
    missing at its end it cannot know of: keep the hash of the newest line, which every run prints, elsewhere.

    \b
    Exit codes:
      0  the chain is whole, and every intention has its outcome
      1  of a change nobody noted what became: a run was cut off, or AWS silent
      4  the chain is broken
    """
    journal = Journal(directory())
    entries = tuple(journal.read())
    shown = [each for each in entries if run is None or each.run == run or each.fault]
    if run is not None and not any(each.run == run for each in entries):
        raise UsageError(f"the journal knows no run {run}: `keysweep log` lists them.")
    loose = dangling(entries)
    write_report(None, lambda stream: _write(journal.path, entries, shown, loose, form, stream))
    if any(each.fault for each in entries):
        return ExitCode.AWS
    return ExitCode.FINDINGS if loose else ExitCode.CLEAN


def dangling(entries: Sequence[Entry]) -> list[Entry]:
    """The intentions of which no line says what became, not even a later one, in the order of the journal."""
    open_: dict[tuple[str, str], Entry] = {}
    for each in entries:
        name = each.run, str(each.values.get("change"))
        if each.event == "intended":
            open_[name] = each
            continue
        if each.event == "unknown":
            continue
        settled = open_.pop(name, None)
        if settled and each.event == "made":  # done again, so that the time before makes no difference
            open_ = {at: it for at, it in open_.items() if _thing(it) != _thing(settled)}
        undone = _undone(each)
        if undone and each.event in _SETTLING:
            open_ = {at: it for at, it in open_.items() if undone not in (at, _undone(it))}
    return list(open_.values())


def _thing(entry: Entry) -> tuple[str, ...]:
    """What an intention is about."""
    return tuple(str(entry.values.get(name)) for name in ("action", "account", "subject", "thing", "undoes"))


_SETTLING = frozenset({"made", "already", "never-made"})
"""What an undo notes once the state of a change is known, whatever was noted of it before."""


def _undone(entry: Entry) -> tuple[str, str] | None:
    """The run and the number of the change that an entry takes back; None if it takes none back."""
    undoes = entry.values.get("undoes")
    return (str(undoes.get("run")), str(undoes.get("change"))) if isinstance(undoes, dict) else None


def _write(
    path: Path,
    entries: Sequence[Entry],
    shown: Sequence[Entry],
    loose: Sequence[Entry],
    form: str,
    stream: TextIO,
) -> None:
    head = entries[-1].hash if entries else None
    if form == "json":
        document = {
            "format": "keysweep-log",
            "version": 1,
            "journal": str(path),
            "intact": not any(each.fault for each in entries),
            "head": head,
            "lines": len(entries),
            "outcome_unknown": [_line(each) for each in loose],
            "entries": [_line(each) for each in shown],
        }
        json.dump(document, stream, indent=2)
        stream.write("\n")
        return
    style = Style.detect(stream, os.environ)
    stream.writelines(f"{line}\n" for line in as_text(shown, style))
    for each in loose:
        what = f"{each.values.get('call')} for {each.values.get('key_id')}"
        told = f"OUTCOME UNKNOWN: nobody noted what became of {what}; see `{_way_on(each)}`"
        stream.write(style.paint(style.safe(told), "yellow") + "\n")
    faults = sum(1 for each in entries if each.fault)
    state = f"{faults} of them not to be trusted" if faults else "the chain is whole"
    count = f"{len(entries)} line{'s' * (len(entries) != 1)}"
    newest = f", newest {head[:16]}" if head else ""
    stream.write(style.safe(f"keysweep: {path}: {count}, {state}{newest}.") + "\n")


def _way_on(entry: Entry) -> str:
    """The command that finds out what became of an intention; one that deletes is given the same key again."""
    if undone := _undone(entry):
        return f"keysweep undo {undone[0]} --dry-run"
    if entry.values.get("action") in ("create-key", "hand-over"):
        return f"keysweep rotate --resume {entry.run}"
    if entry.values.get("action") == "delete-key":
        return f"keysweep delete {entry.values.get('thing')}"
    return f"keysweep undo {entry.run} --dry-run"


def _line(entry: Entry) -> dict[str, Any]:
    return {"line": entry.number, "hash": entry.hash, "fault": entry.fault or None, **entry.values}
