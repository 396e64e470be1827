"""`keysweep log`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from keysweep.aws.containment.journal import Entry, Journal, directory
from keysweep.cli.output import write_report
from keysweep.errors import ExitCode, UsageError
from keysweep.report.style import Style


@click.command()
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def log(run: str | None, form: str) -> int:
    """Show what was done in AWS, by whom and when, with the request IDs of AWS; every line, or those of RUN.

    The whole journal is checked every time: a line that was changed or taken out breaks its chain there. Lines
    missing at its end it cannot know of: keep the hash of the newest line, which every run prints, elsewhere.

    \b
    Exit codes:
      0  the chain is whole, and every intention has its outcome
      1  a run was cut off: nobody noted what became of a change
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
    """The intentions of which no line says what became, in the order of the journal."""
    open_: dict[tuple[str, Any], Entry] = {}
    for each in entries:
        if "change" not in each.values:
            continue
        name = each.run, each.values["change"]
        if each.event == "intended":
            open_[name] = each
        else:
            open_.pop(name, None)
    return list(open_.values())


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
    for each in shown:
        stream.write(style.safe(_words(each)) + "\n")
        if each.fault:
            stream.write(style.paint(style.safe(f"  NOT TO BE TRUSTED: {each.fault}"), "alarm") + "\n")
    for each in loose:
        what = f"{each.values.get('call')} for {each.values.get('key_id')}"
        told = f"OUTCOME UNKNOWN: run {each.run} was cut off at {what}; see `keysweep undo {each.run} --dry-run`"
        stream.write(style.paint(style.safe(told), "yellow") + "\n")
    faults = sum(1 for each in entries if each.fault)
    state = f"{faults} of them not to be trusted" if faults else "the chain is whole"
    count = f"{len(entries)} line{'s' * (len(entries) != 1)}"
    newest = f", newest {head[:16]}" if head else ""
    stream.write(style.safe(f"keysweep: {path}: {count}, {state}{newest}.") + "\n")


def _line(entry: Entry) -> dict[str, Any]:
    return {"line": entry.number, "hash": entry.hash, "fault": entry.fault or None, **entry.values}


_SAID = ("prev", "time", "run", "event", "document", "reason")
"""What is not repeated behind an event, or stands elsewhere in its line."""


def _words(entry: Entry) -> str:
    values = entry.values
    details = " ".join(
        f"{name}={value}" for name, value in values.items() if name not in _SAID and value not in (None, "", [])
    )
    reason = f"  ({values['reason']})" if values.get("reason") else ""
    return f"{values.get('time', '?')}  {entry.run or '?'}  {entry.event or '?':14} {details}{reason}"
