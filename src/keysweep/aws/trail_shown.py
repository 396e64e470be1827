"""A summary of CloudTrail as lines for a person, and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from keysweep.aws.trail import Call, Region, Summary

_MOST_SHOWN = 10


def as_json(summary: Summary) -> dict[str, Any]:
    """All of it, with times in ISO 8601, UTC."""
    return {
        "key_id": summary.key_id,
        "since": _iso(summary.since),
        "until": _iso(summary.until),
        "leaked": _iso(summary.leaked) if summary.leaked else None,
        "events": summary.events,
        "complete": not summary.incomplete,
        "incomplete": list(summary.incomplete),
        "regions": [_region_as_json(each) for each in summary.regions],
    }


def _region_as_json(region: Region) -> dict[str, Any]:
    return {
        "region": region.region,
        "events": region.events,
        "incomplete": region.incomplete,
        "source_addresses": dict(region.addresses),
        "user_agents": dict(region.agents),
        "calls": [
            {
                "source": each.source,
                "name": each.name,
                "writes": each.writes,
                "count": each.count,
                "errors": dict(each.errors),
                "first": _iso(each.first),
                "last": _iso(each.last),
                "after_leak": each.after_leak,
                "notable": each.why,
            }
            for each in region.calls
        ],
    }


def lines(summary: Summary) -> list[str]:
    """What to read first: what is not known, what is notable, from where, and then the rest by region.

    Whatever stands in an event was chosen by whoever had the key: nothing in it reaches a terminal as an escape.
    """
    span = f"from {_minute(summary.since)} to {_minute(summary.until)}"
    if summary.events:
        shown = [f"{summary.key_id} made {_calls(summary.events)} that CloudTrail knows of, {span}."]
    elif summary.incomplete:
        shown = [f"{summary.key_id}: nothing was found {span}, but not everything could be asked."]
    else:
        shown = [f"{summary.key_id} made no calls that CloudTrail knows of, {span}."]
    shown += [f"NOT COMPLETE  {each}" for each in summary.incomplete]
    calls = [call for region in summary.regions for call in region.calls]
    if summary.leaked:
        after = sum(each.after_leak for each in calls)
        shown.append(f"{_calls(after)} came after the leak of {_minute(summary.leaked)}.")
    if any(each.why for each in calls):
        shown += ["", "Look at these first:"]
        for region in summary.regions:
            for each in region.calls:
                shown += [f"  {_row(each, region.region)}", f"         {each.why}"] if each.why else []
    for title, pairs in (
        ("From:", [each.addresses for each in summary.regions]),
        ("With:", [each.agents for each in summary.regions]),
    ):
        shown += _counted(title, pairs)
    for region in summary.regions:
        if rest := [each for each in region.calls if not each.why]:
            shown += ["", f"{region.region}: {_calls(region.events)}"]
            shown += [f"  {_row(each)}" for each in rest]
    return [_safe(line) for line in shown]


def _row(call: Call, region: str = "") -> str:
    kind = "write" if call.writes else "read"
    what = f"{call.source.removesuffix('.amazonaws.com')}:{call.name}"
    place = f"{region:14}  " if region else ""
    refused = "".join(f", {count} {code}" for code, count in call.errors)
    after = f", {call.after_leak} after the leak" if call.after_leak else ""
    when = _minute(call.first) if call.first == call.last else f"{_minute(call.first)} – {_minute(call.last)}"
    return f"{call.count:5}  {kind:5}  {place}{what:40}  {when}{after}{refused}"


def _counted(title: str, parts: Iterable[Iterable[tuple[str, int]]]) -> list[str]:
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(dict(part))
    if not counts:
        return []
    shown = ["", title, *(f"  {count:5}  {value}" for value, count in counts.most_common(_MOST_SHOWN))]
    if (more := len(counts) - _MOST_SHOWN) > 0:
        shown.append(f"         and {more} more")
    return shown


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _safe(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _minute(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()
