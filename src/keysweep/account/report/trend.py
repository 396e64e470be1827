"""The course over runs: a table for each set of accounts that was judged in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from keysweep.account.course import Run
from keysweep.findings import Severity
from keysweep.frozen import frozen
from keysweep.report.json import timestamp
from keysweep.report.style import Style, number_of
from keysweep.report.wrapping import wrapped

_MOST_ROWS = 30
"""Of one table; JSON has all."""
_LEVELS = tuple(level.label for level in sorted(Severity, reverse=True) if level is not Severity.INFO)
_HEAD = ("run (UTC)", "keys", "active", *_LEVELS, "new", "mended", "")
_FORMAT, _VERSION = "keysweep-account-trend", 1


@frozen
class Step:
    """One run beside the one before it."""

    run: Run
    new: int | None
    """None where there is no complete run before it."""
    mended: int | None
    """None for a run that was not complete, too: what it did not see may still be there."""


def document(runs: Sequence[Run]) -> dict[str, Any]:
    """The course of all of them, ready for JSON."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "series": [
            {"accounts": list(accounts), "how": dict(how), "runs": [_row(each) for each in _steps(series)]}
            for (accounts, how), series in _series(runs)
        ],
    }


def lines(runs: Sequence[Run], style: Style) -> Iterator[str]:
    """The same for people, the newest run of each table last."""
    if not runs:
        yield "keysweep: no run is known here yet: keysweep account keeps each that it makes."
        return
    for (accounts, how), series in _series(runs):
        bounds = ", ".join(f"{name} {value}" for name, value in how if isinstance(value, int) and value)
        yield from wrapped(f"{_called(accounts)} ({bounds}): {number_of(len(series), 'run')}", 0, style)
        yield from _table([_HEAD, *(_cells(each) for each in _steps(series)[-_MOST_ROWS:])], style)
        if len(series) > _MOST_ROWS:
            yield f"  and {len(series) - _MOST_ROWS} earlier: --format json lists all"
        yield ""


def _series(runs: Sequence[Run]) -> list[tuple[Any, list[Run]]]:
    """Runs that can stand in one table, the one that was continued last at the end."""
    found: dict[Any, list[Run]] = {}
    for run in runs:
        found.setdefault(run.series, []).append(run)
    return sorted(found.items(), key=lambda it: it[1][-1].taken)


def _steps(series: Sequence[Run]) -> list[Step]:
    first, *_ = series
    steps = [Step(first, None, None)]
    base = first if first.complete else None
    for _, run in pairwise(series):
        new = len(run.names() - base.names_open()) if base else None
        mended = len(base.names_open() - run.names_open()) if base and run.complete else None
        steps.append(Step(run, new, mended))
        base = run if run.complete else base
    return steps


def _row(step: Step) -> dict[str, Any]:
    run = step.run
    rules = {rule for each in run.accounts for rule in each.lapses}
    bands = {band for each in run.accounts for band in each.by_age}
    return {
        "when": timestamp(run.taken),
        "complete": run.complete,
        "unreached": run.unreached,
        "keys": sum(each.keys for each in run.accounts),
        "active": sum(each.active for each in run.accounts),
        "by_severity": {level: run.count(level) for level in _LEVELS},
        "by_rule": {rule: sum(len(each.lapses.get(rule, ())) for each in run.accounts) for rule in sorted(rules)},
        "by_age": {band: sum(each.by_age.get(band, 0) for each in run.accounts) for band in sorted(bands)},
        "new": step.new,
        "mended": step.mended,
    }


def _cells(step: Step) -> tuple[str, ...]:
    run = step.run
    return (
        f"{run.taken:%Y-%m-%d %H:%M}",
        str(sum(each.keys for each in run.accounts)),
        str(sum(each.active for each in run.accounts)),
        *(str(run.count(level)) for level in _LEVELS),
        "-" if step.new is None else str(step.new),
        "-" if step.mended is None else str(step.mended),
        "" if run.complete else "not everything was checked",
    )


def _called(accounts: Sequence[str]) -> str:
    if len(accounts) == 1:
        return f"account {accounts[0]}"
    return f"{number_of(len(accounts), 'account')}{f' ({accounts[0]} to {accounts[-1]})' if accounts else ''}"


def _table(rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
        ]
        yield style.safe("  " + "  ".join((*cells, row[-1])).rstrip())
