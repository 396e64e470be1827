"""When keys entered history and left it: bars for all of them, and a line for each of the most urgent ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from keysweep.frozen import frozen
from keysweep.report.html.groups import share
from keysweep.report.html.leaks import Leak

MOST_BARS = 48
MOST_LINES = 12
_LEAST = 40


@frozen
class Bar:
    """One span of time; heights are per mille of the highest bar."""

    label: str
    entered: int
    left: int
    entered_height: int
    left_height: int


@frozen
class Line:
    """One leak from when it entered to when it left; both are per mille of the whole time."""

    leak: Leak
    start: int
    length: int
    told: str


@frozen
class Timeline:
    """What is drawn. `bars` and `lines` are empty where no commit says when anything was."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    more_lines: int
    """How many leaks with a date have no line."""
    undated: int
    """How many leaks no commit is known of."""
    unit: str


@frozen
class _Unit:
    name: str
    start: Callable[[date], date]
    following: Callable[[date], date]
    label: str


def timeline(leaks: Sequence[Leak], now: datetime) -> Timeline:
    """The timeline of the leaks, up to `now`: a commit that claims to be of later counts as of now."""
    dated = [each for each in leaks if each.entered]
    undated = len(leaks) - len(dated)
    if not dated:
        return Timeline((), (), 0, undated, "")
    begin = min(min(each.entered, now) for each in dated if each.entered)
    lines = tuple(_line(each, begin, now) for each in dated[:MOST_LINES])
    unit, bars = _bars(dated, begin, now)
    return Timeline(bars, lines, max(0, len(dated) - MOST_LINES), undated, unit)


def _line(leak: Leak, begin: datetime, now: datetime) -> Line:
    assert leak.entered
    entered, left = min(leak.entered, now), min(leak.left, now) if leak.left else None
    whole = max((now - begin).total_seconds(), 1.0)
    start = round((entered - begin).total_seconds() / whole * 1000)
    end = round(((left or now) - begin).total_seconds() / whole * 1000)
    until = f"to {left:%Y-%m-%d}" if left else "and still there" if leak.is_still_there else "and in history since"
    start = min(start, 992)
    return Line(leak, start, max(8, min(end, 1000) - start), f"from {entered:%Y-%m-%d} {until}")


def _bars(dated: Sequence[Leak], begin: datetime, now: datetime) -> tuple[str, tuple[Bar, ...]]:
    unit = _unit(begin.date(), now.date())
    starts = [unit.start(begin.date())]
    while (following := unit.following(starts[-1])) <= now.date():
        starts.append(following)
    entered, left = dict.fromkeys(starts, 0), dict.fromkeys(starts, 0)
    for each in dated:
        assert each.entered
        entered[unit.start(min(each.entered, now).date())] += 1
        if each.left:
            left[unit.start(max(begin, min(each.left, now)).date())] += 1
    highest = max((*entered.values(), *left.values(), 1))
    return unit.name, tuple(
        Bar(
            format(each, unit.label),
            entered[each],
            left[each],
            share(entered[each], highest, _LEAST),
            share(left[each], highest, _LEAST),
        )
        for each in starts
    )


def _unit(begin: date, end: date) -> _Unit:
    """The shortest unit of which so many fit on a page."""
    days = (end - begin).days + 1
    if days <= MOST_BARS:
        return _Unit("day", lambda day: day, lambda day: day + timedelta(1), "%Y-%m-%d")
    if days <= 7 * (MOST_BARS - 1):
        return _Unit(
            "week", lambda day: day - timedelta(day.weekday()), lambda day: day + timedelta(7), "week of %Y-%m-%d"
        )
    if days <= 30 * (MOST_BARS - 2):
        return _Unit("month", lambda day: day.replace(day=1), _next_month, "%Y-%m")
    if days <= 91 * (MOST_BARS - 2):
        return _Unit(
            "quarter", lambda day: date(day.year, day.month - (day.month - 1) % 3, 1), _next_quarter, "%Y-%m"
        )
    years = -(-(end.year - begin.year + 1) // MOST_BARS)
    return _Unit(
        "year" if years == 1 else f"{years} years",
        lambda day: date(max(1, day.year - (day.year - begin.year) % years), 1, 1),
        lambda day: date(day.year + years, 1, 1),
        "%Y",
    )


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(32)).replace(day=1)


def _next_quarter(day: date) -> date:
    return _next_month(_next_month(_next_month(day)))
