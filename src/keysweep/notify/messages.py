"""What receivers are told: one leak and what became of it, or many in a digest; as words and as a document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from keysweep.findings import Kind, Severity
from keysweep.frozen import frozen, replace
from keysweep.notify.words import next_step, shown, standing_label, unlinked
from keysweep.report.style import number_of
from keysweep.report.text import TITLES
from keysweep.standing import Standing
from keysweep.store.facts import Facts, Spot
from keysweep.store.notices import Due, is_quiet

FORMAT, VERSION = "keysweep-notice", 1


class Change(StrEnum):
    """What became of a leak since the receiver was told last; the values are stable names."""

    FOUND = "found"
    CHANGED = "changed"
    REOPENED = "reopened"
    SETTLED = "settled"


@frozen
class Notice:
    """One leak, and what became of it."""

    due: Due
    facts: Facts
    link: str | None
    """Its page, where there is a dashboard."""

    @property
    def key(self) -> str:
        """The same for a message that is sent again, and for no other: leak, state, and what was told before."""
        return _key("leak", self.due.fingerprint, self.due.state, str(self.due.last))

    @property
    def change(self) -> Change:
        """What became of it."""
        if self.due.before is None:
            return Change.FOUND
        if is_quiet(self.due.before) == self.due.is_quiet:
            return Change.CHANGED
        return Change.SETTLED if self.due.is_quiet else Change.REOPENED

    @property
    def title(self) -> str:
        """One line that says it, safe to be shown; how else it is to be escaped is each channel's business."""
        key = f" {self.facts.key_id}" if self.facts.key_id else ""
        how = _in_words(self.due.state)
        if self.due.before is not None:
            how += f", was {_in_words(self.due.before)}"
        return shown(f"{_BEGINNINGS[self.change]}: {TITLES[Kind(self.facts.kind)]}{key} – {how}")

    @property
    def step(self) -> str:
        """What to do next."""
        return shown(next_step(self.due, self.facts))

    def lines(self) -> list[tuple[str, str]]:
        """What a person reads of it, each with its name; safe to be shown."""
        facts = self.facts
        told = [
            ("Severity", self.due.severity.label),
            ("Key ID", facts.key_id),
            ("Account", facts.account_id),
            ("Owner", facts.arn or facts.owner),
            ("Known because", facts.reason),
            ("Where", _where(facts)),
            *(("", _place(each)) for each in facts.spots),
            ("Introduced", facts.introduced and f"{facts.introduced:%Y-%m-%d %H:%M} UTC"),
            ("Author", next((each.author for each in facts.spots if each.author), None)),
            ("Assignee", facts.assignee),
            ("Next step", self.step),
            ("Details", self.link),
        ]
        return [(name, shown(text) if name == "Details" else unlinked(shown(text))) for name, text in told if text]


_BEGINNINGS = {
    Change.FOUND: "Leaked",
    Change.CHANGED: "Changed",
    Change.REOPENED: "Open again",
    Change.SETTLED: "Settled",
}


@frozen
class Digest:
    """Many leaks in one message: the first of them whole, and the rest counted."""

    dues: Sequence[Due]
    notices: Sequence[Notice]
    """The most urgent ones."""
    link: str | None

    @property
    def key(self) -> str:
        """As that of a notice, in whatever order the leaks come: that depends on when they were seen last."""
        kind = "digest" if self.notices else "counts"
        return _key(kind, *sorted(f"{each.fingerprint} {each.state} {each.last}" for each in self.dues))

    @property
    def title(self) -> str:
        """One line that says how many."""
        worst = max((each.severity for each in self.dues), default=Severity.INFO)
        count = sum(each.severity is worst for each in self.dues)
        return f"{number_of(len(self.dues), 'leak')} to be told of, {count} of them {worst.label}"

    @property
    def severities(self) -> Mapping[str, int]:
        """How many there are of each severity, the worst first."""
        counts = Counter(each.severity for each in self.dues)
        return {severity.label: counts[severity] for severity in sorted(counts, reverse=True)}

    @property
    def states(self) -> Mapping[str, int]:
        """How many there are in each standing, the most urgent first."""
        counts = Counter(each.standing for each in self.dues)
        return {standing.value: counts[standing] for standing in Standing if counts[standing]}

    @property
    def counts(self) -> Digest:
        """The same without a name that a repository could choose."""
        return replace(self, notices=())

    @property
    def rest(self) -> int:
        """How many are counted only."""
        return len(self.dues) - len(self.notices)


def document(message: Notice | Digest, now: datetime) -> dict[str, Any]:
    """The message for programs, as docs/notifications.md describes it."""
    head = {"format": FORMAT, "version": VERSION, "id": message.key, "sent": _moment(now), "title": message.title}
    if isinstance(message, Notice):
        return {**head, "event": "leak", "leak": _leak(message)}
    return {
        **head,
        "event": "digest",
        "total": len(message.dues),
        "severities": dict(message.severities),
        "standings": dict(message.states),
        "link": message.link,
        "leaks": [_leak(each) for each in message.notices],
    }


def as_json(value: Any) -> bytes:
    """A document as it is sent: ASCII, so that nobody can read it in another encoding."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _leak(notice: Notice) -> dict[str, Any]:
    due, facts = notice.due, notice.facts
    before = due.before.split(" ", 1) if due.before else None
    return {
        "id": notice.key,
        "change": notice.change.value,
        "before": {"standing": before[0], "status": before[-1]} if before else None,
        "standing": due.standing.value,
        "status": due.status,
        "severity": due.severity.label,
        "fingerprint": facts.fingerprint,
        "kind": facts.kind,
        "has_secret": facts.has_secret,
        "key_id": facts.key_id,
        "account_id": facts.account_id,
        "partition": facts.partition,
        "owner": {"arn": _text(facts.arn), "principal": facts.principal, "name": _text(facts.owner)},
        "reason": shown(facts.reason),
        "checked": _moment(facts.checked),
        "assignee": _text(facts.assignee),
        "first_seen": _moment(facts.first_seen),
        "last_seen": _moment(facts.last_seen),
        "introduced": _moment(facts.introduced),
        "contained": _moment(facts.contained),
        "repositories": facts.repositories,
        "places": facts.places,
        "first_places": [_spot(each) for each in facts.spots],
        "next_step": notice.step,
        "link": notice.link,
    }


def _spot(spot: Spot) -> dict[str, Any]:
    return {
        "repository": shown(spot.repository),
        "page": _text(spot.page),
        "path": shown(spot.path),
        "line": spot.line,
        "commit": _text(spot.commit),
        "author": _text(spot.author),
        "introduced": _moment(spot.introduced),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else shown(text)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _in_words(state: str) -> str:
    """A state as people say it: what keysweep knows, and what somebody decided."""
    standing, _, status = state.partition(" ")
    label = standing_label(standing)
    return label if status in ("", "open") else f"{label}, {shown(status)}"


def _where(facts: Facts) -> str:
    if not facts.places:
        return "in no repository any more"
    repositories = f"{facts.repositories} {'repository' if facts.repositories == 1 else 'repositories'}"
    first = "" if facts.places <= len(facts.spots) else f", the first {len(facts.spots)} of them"
    return f"{number_of(facts.places, 'place')} in {repositories}{first}:"


def _place(spot: Spot) -> str:
    commit = f" (commit {spot.commit[:12]})" if spot.commit else ""
    return f"{shown(spot.repository)}: {shown(spot.path)}:{spot.line}{commit}"


def _key(*names: str) -> str:
    digest = blake2b(digest_size=16, person=b"keysweep notice")
    for name in names:
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()
