"""How far a sweep has come: a line on a terminal, or JSON for machines; without either nothing is said."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from keysweep.cli.progress import TerminalLine, clock_time
from keysweep.report.style import Style, number_of, size
from keysweep.store.runs import Counts, TaskState
from keysweep.sweep.run import Moment

_LINE_SECONDS = 0.2
_JSON_SECONDS = 1.0
_GUESSED_AFTER = 3
"""What is left is a guess from what is done, so something has to be."""


class Reporter:
    """Tells of a run; use `reporter`."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], every_seconds: float) -> None:
        """`tell` is given facts no more often than every so many seconds, or when something else begins."""
        self._tell, self._every = tell, every_seconds
        self._facts: dict[str, Any] = {}
        self._told_at = 0.0
        self._began = time.monotonic()
        self._before: Counts | None = None

    def begin(self, run: str, target: str, *, is_resumed: bool) -> None:
        """A run begins, or goes on."""
        self._facts = {"run": run, "target": target, "resumed": is_resumed}
        self._say("began", {}, at_once=True)

    def listing(self, count: int) -> None:
        """So many repositories are known."""
        self._say("listing", {"repositories": {"total": count}})

    def waiting(self, why: str) -> None:
        """A host wants to be left alone."""
        self._say("waiting", {"reason": why}, at_once=True)

    def sweeping(self, moment: Moment) -> None:
        """A moment of the run."""
        self._say("sweeping", self._of(moment.counts, moment.working))

    def asking(self, count: int) -> None:
        """AWS was asked about so many keys."""
        self._say("asking", {"keys": count})

    def end(self, counts: Counts) -> None:
        """The run is over."""
        self._say("ended", self._of(counts, 0), at_once=True)

    def _of(self, counts: Counts, working: int) -> dict[str, Any]:
        if self._before is None:
            self._before, self._began = counts, time.monotonic()
        seconds = time.monotonic() - self._began
        read = counts.scanned_bytes - self._before.scanned_bytes
        done = self._before.left - counts.left
        left = seconds * counts.left / done if done >= _GUESSED_AFTER else None
        states = {state.value: counts.states.get(state, 0) for state in TaskState}
        return {
            "repositories": {"total": counts.total, "working": working, **states},
            "bytes": counts.scanned_bytes,
            "bytes_per_second": round(read / seconds) if seconds > 1 else None,
            "findings": counts.findings,
            "new_leaks": counts.fresh,
            "seconds": round(seconds, 1),
            "seconds_left": None if left is None else round(left),
        }

    def _say(self, event: str, facts: dict[str, Any], *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._told_at < self._every:
            return
        self._told_at = now
        with suppress(OSError):  # nobody listens any more, which is no reason to stop
            self._tell({"event": event, **self._facts, **facts})


@contextmanager
def reporter(*, json_progress: bool) -> Iterator[Reporter]:
    """Who tells of a run on standard error, while it lasts."""
    stream = sys.stderr
    if json_progress:
        yield Reporter(lambda facts: _write(stream, json.dumps(facts) + "\n"), _JSON_SECONDS)
        return
    if not stream.isatty():
        yield Reporter(lambda _: None, _JSON_SECONDS)
        return
    line, style = TerminalLine(stream), Style.detect(stream, {})
    try:
        yield Reporter(lambda facts: line.show(style.safe(line_of(facts))), _LINE_SECONDS)
    finally:
        line.clear()


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def line_of(facts: dict[str, Any]) -> str:
    """What a moment is in one line, the most important first."""
    event, counted = facts["event"], facts.get("repositories", {})
    if event == "began":
        return f"{'going on with' if facts['resumed'] else 'sweeping'} {facts['target']}"
    if event == "listing":
        return f"listing {facts['target']}: {number_of(counted['total'], 'repository')}"
    if event == "waiting":
        return f"waiting: {facts['reason']}"
    if event == "asking":
        return f"asking AWS: {number_of(facts['keys'], 'key')}"
    total, waiting = counted["total"], counted["waiting"]
    told = [f"{total - waiting}/{total} repositories", size(facts["bytes"])]
    if facts["bytes_per_second"]:
        told.append(f"{size(facts['bytes_per_second'])}/s")
    told.append(number_of(facts["findings"], "finding"))
    failed = counted["failed"] + counted["quarantined"] + counted["incomplete"]
    if failed:
        told.append(f"{failed} not read whole")
    if facts["seconds_left"] is not None and waiting:
        told.append(f"{clock_time(facts['seconds_left'])} left")
    return ", ".join(told)
