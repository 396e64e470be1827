"""What is kept of events of CloudTrail. Texts in them were chosen by whoever made the call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from keysweep.account.usage.agents import Kind, guess
from keysweep.account.usage.use import Creation, Sighting
from keysweep.aws.trail import detail_of

_MOST_CHARACTERS = 200
_MOST_SIGHTINGS = 500
"""Of one key in one region; what comes after that is counted under other addresses and programs."""
_OTHERS = "others"
_OWN = "keysweep/"
"""What keysweep's own user agent holds."""
_OWN_CHECK = timedelta(minutes=2)


class _Events:
    """Each event once, with its time and its record."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(
        self, page: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], datetime, dict[str, Any]]]:
        for event in page:
            identity = str(event.get("EventId") or "")
            when = event.get("EventTime")
            if not isinstance(when, datetime) or (identity and identity in self._seen):
                continue
            self._seen.add(identity)
            yield event, when.astimezone(UTC), detail_of(event)


class Sightings:
    """What one key did in one region."""

    def __init__(self, region: str, leaked: datetime | None, checked: datetime | None, *, of_root: bool) -> None:
        """`leaked` and `checked` say since when it is known, and when keysweep itself used it."""
        self._region = region
        self._leaked = leaked
        self._checked = checked
        self._of_root = of_root
        self._events = _Events()
        self._found: dict[tuple[str, str, str, str, str], Sighting] = {}
        self.calls: dict[tuple[str, Kind], bool] = {}
        """What was called and not refused, with what called it, and whether that was only after the leak."""
        self.key_ids: set[str] = set()
        """Long-term keys of the root user that were used."""

    @property
    def sightings(self) -> list[Sighting]:
        """The most frequent first."""
        return sorted(self._found.values(), key=lambda it: (-it.count, it.service, it.address, it.agent))

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of events."""
        for event, when, detail in self._events.of(page):
            if self._of_root and not _is_root(detail):
                continue
            key_id = _text(_mapping(detail.get("userIdentity")).get("accessKeyId"))
            if self._of_root and key_id.startswith("AKIA"):
                self.key_ids.add(key_id)
            service = _service(event)
            agent = _text(detail.get("userAgent")).removeprefix("[").removesuffix("]")
            name_of = _text(event.get("EventName"))
            if name_of == "GetCallerIdentity" and _OWN in agent and self._is_own(when):
                continue
            refused = bool(detail.get("errorCode"))
            address = _text(detail.get("sourceIPAddress"))
            invoked_by = _text(_mapping(detail.get("userIdentity")).get("invokedBy"))
            endpoint = _text(detail.get("vpcEndpointId"))
            name = service, address, agent, invoked_by, endpoint
            if name not in self._found and len(self._found) >= _MOST_SIGHTINGS:
                name = service, _OTHERS, _OTHERS, "", ""
            counted = self._counted(self._found.get(name), name, when, refused=refused)
            self._found[name] = counted
            if not refused:
                call = f"{service}:{name_of}", counted.guess.kind
                self.calls[call] = self.calls.get(call, True) and self._is_after(when)

    def _is_after(self, when: datetime) -> bool:
        return self._leaked is not None and when >= self._leaked

    def _is_own(self, when: datetime) -> bool:
        """Whether keysweep verified the key then: its user agent alone is one that anybody may send."""
        return self._checked is not None and abs(when - self._checked) <= _OWN_CHECK

    def _counted(
        self, known: Sighting | None, name: tuple[str, str, str, str, str], when: datetime, *, refused: bool
    ) -> Sighting:
        service, address, agent, invoked_by, endpoint = name
        return Sighting(
            self._region,
            service,
            address,
            agent,
            known.guess if known else guess(agent, address, invoked_by=invoked_by, vpc_endpoint=endpoint),
            (known.count if known else 0) + 1,
            min(known.first, when) if known else when,
            max(known.last, when) if known else when,
            (known.after_leak if known else 0) + self._is_after(when),
            (known.refused if known else 0) + refused,
        )


class Creations:
    """Who made keys."""

    def __init__(self) -> None:
        """None yet."""
        self._events = _Events()
        self.found: dict[str, Creation] = {}
        """By key ID."""

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of events."""
        for _, when, detail in self._events.of(page):
            made = _mapping(_mapping(detail.get("responseElements")).get("accessKey"))
            key_id = _text(made.get("accessKeyId"))
            if not key_id:
                continue
            who = _mapping(detail.get("userIdentity"))
            issuer = _mapping(_mapping(who.get("sessionContext")).get("sessionIssuer"))
            self.found[key_id] = Creation(
                key_id,
                _text(who.get("arn") or who.get("invokedBy") or who.get("type")),
                _text(issuer.get("arn")),
                when,
                _text(detail.get("sourceIPAddress")),
                _text(detail.get("userAgent")),
                _text(who.get("accessKeyId")),
            )


class Others:
    """With which keys something was changed in one region."""

    def __init__(self) -> None:
        """None yet."""
        self._events = _Events()
        self.keys: set[str] = set()
        """Key IDs; empty text stands for whoever has none."""

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of events; what AWS does of its own accord, nobody did."""
        for event, _, detail in self._events.of(page):
            who = _mapping(detail.get("userIdentity"))
            if who.get("type") != "AWSService":
                self.keys.add(_text(event.get("AccessKeyId") or who.get("accessKeyId")))


def _is_root(detail: Mapping[str, Any]) -> bool:
    """Whether the root user itself called: a user may be called root as well, and services call on its behalf."""
    who = _mapping(detail.get("userIdentity"))
    return who.get("type") == "Root" and not who.get("invokedBy") and detail.get("eventType") != "AwsServiceEvent"


def _service(event: Mapping[str, Any]) -> str:
    return _text(event.get("EventSource")).removesuffix(".cn").removesuffix(".amazonaws.com")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return str(value)[:_MOST_CHARACTERS] if value is not None else ""
