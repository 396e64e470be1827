"""The course over runs: a table for each account, or organisation, that was judged in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from keysweep.account.runs.course import Counted, Run
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
    """In accounts that an earlier run saw whole; None where there is none."""
    mended: int | None
    """In those of them that this run saw whole, too; None where there is none: what was not seen may be there."""


def document(runs: Sequence[Run]) -> dict[str, Any]:
    """The course of all of them, ready for JSON."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "series": [
            {
                "accounts": sorted(series[-1].wanted),
                "how": dict(series[-1].how),
                "runs": [_row(each) for each in _steps(series)],
            }
            for series in _series(runs)
        ],
    }


def lines(runs: Sequence[Run], style: Style) -> Iterator[str]:
    """The same for people, the newest run of each table last."""
    if not runs:
        yield "keysweep: no run is known here yet: keysweep account keeps each that it makes."
        return
    for series in _series(runs):
        bounds = ", ".join(f"{name} {value}" for name, value in series[-1].how.items() if isinstance(value, int))
        yield from wrapped(
            f"{_called(sorted(series[-1].wanted))} ({bounds}): {number_of(len(series), 'run')}", 0, style
        )
        yield from _table([_HEAD, *(_cells(each) for each in _steps(series)[-_MOST_ROWS:])], style)
        if len(series) > _MOST_ROWS:
            yield f"  and {len(series) - _MOST_ROWS} earlier: --format json lists all"
        yield ""


def _series(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that can stand in one table, the one that was continued last at the end.

    An organisation gains and loses accounts: runs of many belong together while they have most of them in common.
    """
    found: list[list[Run]] = []
    for run in runs:
        ours = next((each for each in found if _belongs(run, each[-1])), None)
        if ours is None:
            found.append([run])
        else:
            ours.append(run)
    return sorted(found, key=lambda it: it[-1].taken)


def _belongs(run: Run, last: Run) -> bool:
    if dict(run.how) != dict(last.how):
        return False
    common = len(run.wanted & last.wanted)
    are_many = min(len(run.wanted), len(last.wanted)) > 1
    return run.wanted == last.wanted or (are_many and 2 * common > max(len(run.wanted), len(last.wanted)))


def _steps(series: Sequence[Run]) -> list[Step]:
    steps = []
    before: dict[str, Counted] = {}
    for run in series:
        pairs = [(each, before[each.account]) for each in run.accounts if each.account in before]
        whole = [(now, then) for now, then in pairs if now.complete]
        new = sum(len(now.found() - then.names()) for now, then in pairs) if pairs else None
        mended = sum(len(then.names() - now.names()) for now, then in whole) if whole else None
        steps.append(Step(run, new, mended))
        before |= {each.account: each for each in run.accounts if each.complete}
    return steps


def _row(step: Step) -> dict[str, Any]:
    run = step.run
    rules = {rule for each in run.accounts for rule in each.lapses}
    bands = {band for each in run.accounts for band in each.by_age}
    return {
        "when": timestamp(run.taken),
        "complete": run.complete,
        "unreached": len(run.unreached),
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
