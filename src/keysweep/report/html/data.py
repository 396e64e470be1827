"""What the page's table is made of: a leak as plain values, each text in it safe to show and of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from keysweep.findings import Commit, Exposure, Finding, Part, Place
from keysweep.report.decisions import MEANINGS
from keysweep.report.entries import location, status, title
from keysweep.report.html.frame import shown
from keysweep.report.html.groups import age_of
from keysweep.report.html.leaks import Leak, apart, author
from keysweep.report.json import timestamp
from keysweep.report.text import ROLES
from keysweep.verdicts import Containment

_MOST_PLACES = 100
_MOST_COMMITS = 20
_AROUND = 160
"""Characters of a snippet on either side of a credential."""


def rows(leaks: Iterable[Leak], repositories: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """A row for each leak, in their order."""
    return [shown(_row(leak, repositories, now)) for leak in leaks]


def _row(leak: Leak, repositories: Sequence[str], now: datetime) -> dict[str, Any]:
    finding = leak.first
    verdict = finding.verdict
    return {
        "id": leak.fingerprint,
        "status": leak.standing.value,
        "severity": finding.severity.label,
        "rank": int(finding.severity),
        "title": title(finding),
        "key": finding.key_id or "",
        "account": leak.account,
        "principal": (verdict.arn or verdict.user or "") if verdict else "",
        "repositories": list(leak.repositories),
        "authors": list(leak.authors),
        "where": _short(finding, repositories),
        "copies": sum(1 + len(each.also_at) for each, _ in leak.findings),
        "entered": _day(leak.entered),
        "left": _day(leak.left),
        "there": leak.is_still_there,
        "days": leak.age_days(now),
        "age": age_of(leak, now).name,
        "confidence": finding.confidence.label,
        "hidden": [f"{ROLES[part.role]} {part.value.redacted}" for part in finding.parts if part.role in _HIDDEN],
        "reasons": list(finding.reasons),
        "meaning": MEANINGS[leak.standing].text,
        "step": {"text": leak.step.text, "command": leak.step.command},
        "facts": _facts(finding),
        "verified": _verified(finding),
        "contained": _contained(leak.containment),
        "places": [
            place for each, of in leak.findings[:_MOST_PLACES] for place in _places(each, of, repositories)
        ],
        "more_places": max(0, len(leak.findings) - _MOST_PLACES),
        "exposures": [
            _exposure(exposure, of)
            for each, of in leak.findings[:_MOST_PLACES]
            for exposure in each.exposures[:_MOST_PLACES]
        ],
    }


_HIDDEN = frozenset(ROLES) - {"access-key-id"}


def _short(finding: Finding, repositories: Sequence[str]) -> str:
    _, path = apart(finding.origin.path, repositories)
    return "!".join((path, *finding.origin.members)) + f":{finding.place.line}"


def _facts(finding: Finding) -> list[list[str]]:
    told = {
        "Partition": finding.partition,
        "Region": finding.region,
        "Issued": timestamp(finding.issued),
        "Expires": timestamp(finding.expires),
        "Canary of": finding.canary,
        "Example because": finding.placeholder,
    }
    return [[name, value] for name, value in told.items() if value]


def _verified(finding: Finding) -> dict[str, Any] | None:
    verdict = finding.verdict
    if verdict is None:
        return None
    return {"text": status(finding), "when": timestamp(verdict.checked), "request": verdict.request_id or ""}


def _contained(containment: Containment | None) -> dict[str, Any] | None:
    if containment is None:
        return None
    return {
        "state": containment.state.value.replace("-", " "),
        "run": containment.run,
        "when": timestamp(containment.when),
        "operator": containment.operator,
        "reason": containment.reason,
    }


def _places(finding: Finding, of: str, repositories: Sequence[str]) -> list[dict[str, Any]]:
    told = []
    seen: set[tuple[str, str]] = set()
    for part in finding.parts:
        origin = part.origin or finding.origin
        where = location(origin, part.place)
        rest = where[len(origin.path) - len(apart(origin.path, repositories)[1]) :]
        if (where, part.place.snippet) not in seen:
            told.append(_place(part, of, rest))
        seen.add((where, part.place.snippet))
    also = [f"{place.line}:{place.column}" for place in finding.also_at[:_MOST_PLACES]]
    if also:
        told[-1]["also"] = also
    return told


def _place(part: Part, of: str, where: str) -> dict[str, Any]:
    return {
        "repository": of,
        "where": where,
        "role": ROLES[part.role],
        "decoding": list(part.place.decoding),
        "snippet": _snippet(part.place),
    }


def _snippet(place: Place) -> list[str]:
    """What stands before the credential, the credential as the report shows it, and what stands behind it."""
    start, end = place.mark
    before, marked, after = place.snippet[:start], place.snippet[start:end], place.snippet[end:]
    if len(before) > _AROUND:
        before = "…" + before[-_AROUND:]
    return [before, marked, after if len(after) <= _AROUND else after[:_AROUND] + "…"]


def _exposure(exposure: Exposure, of: str) -> dict[str, Any]:
    return {
        "repository": of,
        "path": exposure.path,
        "introduced": [_commit(each) for each in exposure.introduced[:_MOST_COMMITS]],
        "removed": [_commit(each) for each in exposure.removed[-_MOST_COMMITS:]],
        "refs": list(exposure.refs[:_MOST_COMMITS]),
        "more_refs": max(0, len(exposure.refs) - _MOST_COMMITS),
        "more_commits": max(0, len(exposure.introduced) - _MOST_COMMITS, len(exposure.removed) - _MOST_COMMITS),
    }


def _commit(commit: Commit) -> dict[str, Any]:
    return {"id": commit.id, "author": author(commit), "day": _day(commit.date), "subject": commit.subject}


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""
