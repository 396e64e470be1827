"""What a key did, as CloudTrail tells it: the last 90 days of management events, region by region.

CloudTrail LookupEvents: 50 events a page, 2 requests a second for each account and region; events of IAM and of
the global STS are in us-east-1 (AWS CloudTrail API Reference, LookupEvents). Events of data planes, such as reads
of objects in S3, are never among them.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from keysweep.aws.clients import THROTTLED, code_of, failures, in_words
from keysweep.aws.notable import NOTABLE
from keysweep.errors import AwsError
from keysweep.frozen import frozen

GLOBAL_REGION = "us-east-1"
KEPT = timedelta(days=90)
PAGE_EVENTS = 50
SECONDS_BETWEEN_REQUESTS = 0.5
MOST_PAGES = 200
_BACK_OFF_SECONDS = (1, 2, 4, 8, 16)
_MOST_CHARACTERS = 200
"""Of a user agent, which whoever used the key chose."""
_NOT_ENABLED = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "AuthFailure"})


@frozen
class Call:
    """All events of one name in one region."""

    source: str
    """Whose event it is, such as `iam.amazonaws.com`."""
    name: str
    writes: bool
    count: int
    errors: tuple[tuple[str, int], ...]
    """Error codes with counts: what was tried and refused."""
    first: datetime
    last: datetime
    after_leak: int
    """How many came after the leak; 0 if its date is not known."""
    why: str | None
    """Why a person should look at it first."""


@frozen
class Region:
    """What the key did in one region."""

    region: str
    events: int
    calls: tuple[Call, ...]
    """Notable ones first, then by count."""
    addresses: tuple[tuple[str, int], ...]
    """Source addresses with counts, the most frequent first; services of AWS stand there by name."""
    agents: tuple[tuple[str, int], ...]
    incomplete: str | None = None
    """Why this is not everything."""


@frozen
class Summary:
    """What the key did in all the regions that were asked."""

    key_id: str
    since: datetime
    until: datetime
    leaked: datetime | None
    regions: tuple[Region, ...]
    incomplete: tuple[str, ...]
    """One sentence for everything that is not known; empty means that all was read."""

    @property
    def events(self) -> int:
        """Events over all regions."""
        return sum(each.events for each in self.regions)


def summarise(
    cloudtrail_client_for: Callable[[str], Any],
    key_id: str,
    regions: Iterable[str],
    since: datetime,
    until: datetime,
    *,
    leaked: datetime | None = None,
    home: str = GLOBAL_REGION,
    most_pages: int = MOST_PAGES,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    on_progress: Callable[[str, int], None] | None = None,
) -> Summary:
    """Ask CloudTrail in `home` and in `regions` what `key_id` did; a region that fails is named, never left out.

    `home` has the global events of the partition. Times are aware. `on_progress` gets each region with the events
    read there so far. Raises nothing for what AWS answers: what could not be read stands in `incomplete`.
    """
    oldest = until - KEPT
    notes = []
    if since < oldest:
        notes.append(f"CloudTrail keeps 90 days: nothing before {_minute(oldest)} can be told.")
    start = max(since, oldest)
    told = []
    for region in dict.fromkeys([home, *regions]):
        tally = _Tally(region, leaked)
        asked = Asked(("AccessKeyId", key_id), start, until, most_pages, sleep, clock)
        try:
            for page in pages(cloudtrail_client_for(region), asked):
                tally.add(page)
                if on_progress:
                    on_progress(region, tally.events)
            reason = None
        except AwsError as error:
            reason = str(error)
        told.append(tally.region(reason))
    notes += [f"{each.region}: {each.incomplete}" for each in told if each.incomplete]
    return Summary(key_id, start, until, leaked, tuple(told), tuple(notes))


@frozen
class Asked:
    """What CloudTrail is asked for."""

    attribute: tuple[str, str]
    """The one attribute that it can look up by, and its value: `("AccessKeyId", "AKIA...")`."""
    since: datetime
    until: datetime
    most_pages: int = MOST_PAGES
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def pages(cloudtrail: Any, asked: Asked) -> Iterator[list[dict[str, Any]]]:
    """Every page, no faster than CloudTrail answers; AwsError where not all could be had."""
    name, value = asked.attribute
    request: dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": name, "AttributeValue": value}],
        "StartTime": asked.since,
        "EndTime": asked.until,
        "MaxResults": PAGE_EVENTS,
    }
    seen: set[str] = set()
    for _ in range(asked.most_pages):
        began = asked.clock()
        answer = _looked_up(cloudtrail, request, asked.sleep)
        yield answer.get("Events", [])
        token = answer.get("NextToken")
        if not token:
            return
        if token in seen:
            raise AwsError("CloudTrail repeated a page, so reading on would never end.")
        seen.add(token)
        request["NextToken"] = token
        asked.sleep(max(0.0, SECONDS_BETWEEN_REQUESTS - (asked.clock() - began)))
    most = asked.most_pages * PAGE_EVENTS
    raise AwsError(f"only the newest {most} events were read; ask for a shorter time, or CloudTrail Lake.")


def _looked_up(cloudtrail: Any, request: Mapping[str, Any], sleep: Callable[[float], None]) -> dict[str, Any]:
    for pause in (*_BACK_OFF_SECONDS, None):
        try:
            answer: dict[str, Any] = cloudtrail.lookup_events(**request)
        except failures() as error:
            code = code_of(error)
            if code in _NOT_ENABLED:
                raise AwsError(
                    f"AWS answered {code}: the region is probably not enabled there.", code=code
                ) from error
            if code not in THROTTLED or pause is None:
                raise in_words(error, "look up events") from error
            sleep(pause)
        else:
            return answer
    raise AssertionError  # the last pause is None, which returns or raises


class _Tally:
    """Counts events of one region as pages come in, so that no page has to be kept."""

    def __init__(self, region: str, leaked: datetime | None) -> None:
        self._name = region
        self._leaked = leaked
        self._ids: set[str] = set()
        self._times: dict[tuple[str, str, bool], list[datetime]] = {}
        self._errors: dict[tuple[str, str, bool], Counter[str]] = {}
        self._addresses: Counter[str] = Counter()
        self._agents: Counter[str] = Counter()
        self._unreadable = 0

    @property
    def events(self) -> int:
        """How many were counted."""
        return sum(len(times) for times in self._times.values())

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Count a page; an event that was counted already is passed over."""
        for event in page:
            identity = str(event.get("EventId", ""))
            if identity and identity in self._ids:
                continue
            self._ids.add(identity)
            when = event.get("EventTime")
            if not isinstance(when, datetime):
                self._unreadable += 1
                continue
            detail = detail_of(event)
            writes = str(event.get("ReadOnly", detail.get("readOnly", "false"))).lower() != "true"
            key = (str(event.get("EventSource", "")), str(event.get("EventName", "")), writes)
            self._times.setdefault(key, []).append(when)
            if code := detail.get("errorCode"):
                self._errors.setdefault(key, Counter())[str(code)] += 1
            for counter, field in ((self._addresses, "sourceIPAddress"), (self._agents, "userAgent")):
                if value := detail.get(field):
                    counter[str(value)[:_MOST_CHARACTERS]] += 1

    def region(self, incomplete: str | None) -> Region:
        """What was counted."""
        if self._unreadable and incomplete is None:
            incomplete = f"{self._unreadable} events have no time and were left out."
        calls = sorted(
            (self._call(key) for key in self._times), key=lambda it: (it.why is None, -it.count, it.name)
        )
        addresses, agents = _ranked(self._addresses), _ranked(self._agents)
        return Region(self._name, self.events, tuple(calls), addresses, agents, incomplete)

    def _call(self, key: tuple[str, str, bool]) -> Call:
        source, name, writes = key
        times = self._times[key]
        return Call(
            source=source,
            name=name,
            writes=writes,
            count=len(times),
            errors=_ranked(self._errors.get(key, Counter())),
            first=min(times),
            last=max(times),
            after_leak=sum(1 for each in times if self._leaked and each >= self._leaked),
            why=NOTABLE.get((source, name)),
        )


def detail_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as CloudTrail recorded it; empty where that is no JSON, and the event is counted all the same."""
    try:
        detail = json.loads(event.get("CloudTrailEvent") or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return detail if isinstance(detail, dict) else {}


def _ranked(counter: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
