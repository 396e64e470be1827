"""What `keysweep store` shows, for people and for spreadsheets."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from keysweep.report.csv import inert
from keysweep.report.entries import safe_for
from keysweep.report.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.store.about import About


def as_lines(told: About, stream: TextIO) -> Iterator[str]:
    """A store in numbers."""
    style = Style.detect(stream, os.environ)
    yield style.safe(told.where)
    yield style.safe(f"{told.database}, schema {told.schema}, {told.size_bytes / 1e6:.1f} MB")
    yield f"newest run: {told.newest_run:%Y-%m-%d %H:%M} UTC" if told.newest_run else "no run yet"
    width = max(map(len, told.rows))
    for name, number in told.rows.items():
        yield f"  {name:<{width}} {number:>10}"
    for fault in told.faults:
        yield style.paint(style.safe(f"DAMAGED: {fault}"), "red")
    yield style.safe(
        "it is sound" if not told.faults else "put a copy back, or name another store and sweep again"
    )


def counted(rows: Mapping[str, int], what: str) -> str:
    """Rows by table, and what became of them."""
    told = ", ".join(f"{number} {name if number != 1 else _ONE[name]}" for name, number in rows.items())
    return f"{told or 'nothing'} {what}"


_ONE = {
    "repositories": "repository",
    "refs": "ref",
    "runs": "run",
    "tasks": "task",
    "problems": "problem",
    "keys": "key",
    "leaks": "leak",
    "places": "place",
    "verifications": "verification",
    "containments": "containment",
    "decisions": "decision",
    "notices": "notice",
}


def write_view(rows: Iterator[Mapping[str, Any]], columns: Sequence[str], form: str, stream: TextIO) -> None:
    """The rows of a view: a line of JSON each, or a table of which no cell is a formula."""
    if form == "jsonl":
        stream.writelines(json.dumps(dict(row)) + "\n" for row in rows)
        return
    safe = safe_for(stream)
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if value is None else inert(safe(str(value))) for value in row.values()])
