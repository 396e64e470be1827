"""A findings file as the result that it was written from, so that it can be shown again in every format.

Secrets do not come back: of each there is what the file shows of it. Nor do pragmas, which the scan has judged.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from keysweep.findings import (
    Accounting,
    Commit,
    Confidence,
    Exposure,
    Finding,
    Kind,
    Part,
    Place,
    Problem,
    ProblemCode,
    Role,
    ScanResult,
    Secret,
    Severity,
    Silencer,
    Suppressed,
    WeakPlace,
)
from keysweep.report.read import fingerprint_of, object_name, origin_of, text, text_or_none
from keysweep.verdicts import Status, Verdict


def result_of(document: dict[str, Any]) -> ScanResult:
    """The result in a document; KeyError, TypeError or ValueError for what is none."""
    scanned, objects = document["scanned"], document["objects"]
    return ScanResult(
        tuple(map(_finding, document["findings"])),
        tuple(map(_problem, document["problems"])),
        _count(scanned["bytes"]),
        _count(scanned["items"]),
        Accounting(*(_count(objects[name]) for name in ("listed", "scanned", "skipped", "earlier")))
        if objects
        else None,
        tuple(map(text, document["notes"])),
        tuple(map(_suppressed, document["suppressed"])),
        tuple(map(_weak, document["weak_places"])) if "weak_places" in document else None,
    )


def _weak(said: dict[str, Any]) -> WeakPlace:
    return WeakPlace(
        text(said["rule"]),
        Severity[text(said["severity"]).upper()],
        text(said["title"]),
        _count(said["practice"]),
        origin_of(said["origin"]),
        tuple(map(text, said["evidence"])),
        tuple(map(text, said["steps"])),
        text_or_none(said["snippet"]) or "",
        tuple(map(text, said["fingerprints"])),
    )


def _suppressed(said: dict[str, Any]) -> Suppressed:
    finding, problem = said["finding"], said["problem"]
    return Suppressed(
        Silencer(said["by"]),
        text(said["reason"]),
        text_or_none(said["owner"]) or "",
        text_or_none(said["until"]),
        _finding(finding) if finding is not None else None,
        _problem(problem) if problem is not None else None,
    )


def _finding(said: dict[str, Any]) -> Finding:
    return Finding(
        kind=Kind(said["kind"]),
        severity=Severity[text(said["severity"]).upper()],
        confidence=Confidence[text(said["confidence"]).upper()],
        reasons=tuple(map(text, said["reasons"])),
        origin=origin_of(said["origin"]),
        parts=_some(tuple(map(_part, said["parts"]))),
        fingerprint=fingerprint_of(said),
        rule=text_or_none(said["rule"]),
        key_id=text_or_none(said["key_id"]),
        account_id=text_or_none(said["account_id"]),
        canary=text_or_none(said["canary"]),
        placeholder=text_or_none(said["placeholder"]),
        region=text_or_none(said["region"]),
        partition=text_or_none(said["partition"]),
        issued=_time(said["issued"]),
        expires=_time(said["expires"]),
        also_at=tuple(map(_place, said["also_at"])),
        alternatives=tuple(map(_part, said["alternatives"])),
        exposures=tuple(map(_exposure, said["exposures"])),
        verdict=verdict_of(said["verdict"]) if said["verdict"] else None,
    )


def _some(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    if not parts:
        raise ValueError("a finding has at least one part")
    return parts


def _part(said: dict[str, Any]) -> Part:
    origin = said["origin"]
    return Part(
        Role(said["role"]),
        Secret("", text(said["redacted"])),
        _place(said["place"]),
        origin_of(origin) if origin is not None else None,
    )


def _place(said: dict[str, Any]) -> Place:
    snippet = text(said["snippet"])
    start, end = (_count(each) for each in said["mark"])
    if not start <= end <= len(snippet):
        raise ValueError("a mark is beyond its snippet")
    return Place(
        _count(said["line"]),
        _count(said["column"]),
        _count(said["offset"]),
        _count(said["length"]),
        tuple(map(text, said["decoding"])),
        snippet,
        (start, end),
    )


def _exposure(said: dict[str, Any]) -> Exposure:
    return Exposure(
        text(said["path"]),
        tuple(map(_commit, said["introduced"])),
        tuple(map(_commit, said["removed"])),
        tuple(map(text, said["refs"])),
    )


def _commit(said: dict[str, Any]) -> Commit:
    name = object_name(said["id"])
    if name is None:
        raise ValueError("a commit has a name")
    return Commit(name, text(said["author"]), text(said["email"]), _time(said["date"]), text(said["subject"]))


def _problem(said: dict[str, Any]) -> Problem:
    origin = said["origin"]
    return Problem(
        ProblemCode(said["code"]), text(said["message"]), origin_of(origin) if origin is not None else None
    )


def verdict_of(said: dict[str, Any]) -> Verdict:
    """What AWS said of a key; KeyError, TypeError or ValueError for what is none."""
    checked = _time(said["checked"])
    if checked is None:
        raise ValueError("a verdict has its time")
    arn = text_or_none(said["arn"])
    return Verdict(
        text(said["key_id"]),
        Status(said["status"]),
        text(said["reason"]),
        checked,
        partition=text_or_none(said["partition"]),
        account_id=text_or_none(said["account_id"]),
        arn=arn,
        user_id=text_or_none(said["user_id"]),
        request_id=text_or_none(said["request_id"]),
        user=None if arn else text_or_none(said["name"]),
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(value)
    return value


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(text(value)).astimezone(UTC)
