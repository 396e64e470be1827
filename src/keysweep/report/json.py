"""JSON for programs: versioned, described by `findings.schema.json` beside this file."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, TextIO

from keysweep import __version__
from keysweep.findings import (
    Accounting,
    Commit,
    Exposure,
    Finding,
    Origin,
    Part,
    Place,
    Problem,
    ScanResult,
    Severity,
    Silencer,
    Suppressed,
    WeakPlace,
)
from keysweep.verdicts import Verdict

FORMAT = "keysweep-findings"
VERSION = 1
_COMMAND = re.compile(r"##(\w*)\[")


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    show_secrets: bool = False,
    fail_on: Severity = Severity.MEDIUM,
    suppressed: int = 0,
    directory: str | None = None,
    repository: str | None = None,
) -> None:
    """Write the document; secrets only where `show_secrets` asks for them.

    `directory` is what paths of files are relative to, and `repository` a directory or address whose history was
    scanned: with them, what was found can be read again.

    File names that are no UTF-8 keep their bytes as `\\udcXX` escapes, as Python's `surrogateescape` reads them.
    """
    written = document(
        result,
        show_secrets=show_secrets,
        fail_on=fail_on,
        suppressed=suppressed,
        directory=directory,
        repository=repository,
    )
    stream.writelines(map(inert, json.JSONEncoder(indent=2).iterencode(written)))
    stream.write("\n")


def inert(text: str) -> str:
    """JSON that says the same and commands no CI job: runners read `##[error]` and its like in any line."""
    return _COMMAND.sub(r"##\1\\u005b", text) if "##" in text else text


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `render` writes."""
    text = files("keysweep.report").joinpath("findings.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def document(
    result: ScanResult,
    *,
    show_secrets: bool,
    fail_on: Severity,
    suppressed: int,
    directory: str | None = None,
    repository: str | None = None,
) -> dict[str, Any]:
    """The document as plain values."""
    made = {
        "format": FORMAT,
        "version": VERSION,
        "tool": {"name": "keysweep", "version": __version__},
        "complete": not result.problems,
        "fail_on": fail_on.label,
        "scanned": {
            "items": result.scanned_items,
            "bytes": result.scanned_bytes,
            "directory": directory,
            "repository": repository,
        },
        "notes": list(result.notes),
        "objects": _accounting(result.objects) if result.objects else None,
        "counts": {
            "findings": len(result.findings),
            "failing": sum(finding.severity >= fail_on for finding in result.findings),
            "suppressed": suppressed,
            "suppressed_by": {by.value: sum(each.by is by for each in result.suppressed) for by in Silencer},
            "problems": len(result.problems),
        },
        "findings": [_finding(finding, show_secrets) for finding in result.findings],
        "problems": [_problem(problem) for problem in result.problems],
        "suppressed": [_suppressed(each, show_secrets) for each in result.suppressed],
    }
    if result.weak is not None:
        made["weak_places"] = [_weak(each) for each in result.weak]
    return made


def _weak(place: WeakPlace) -> dict[str, Any]:
    return {
        "rule": place.rule,
        "severity": place.severity.label,
        "title": place.title,
        "practice": place.practice,
        "origin": _origin(place.origin),
        "evidence": list(place.evidence),
        "steps": list(place.steps),
        "snippet": place.snippet or None,
        "fingerprints": list(place.fingerprints),
    }


def _accounting(objects: Accounting) -> dict[str, Any]:
    return {
        "listed": objects.listed,
        "scanned": objects.scanned,
        "skipped": objects.skipped,
        "earlier": objects.earlier,
    }


def _finding(finding: Finding, show_secrets: bool) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "kind": finding.kind.value,
        "rule": finding.rule,
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        "reasons": list(finding.reasons),
        "key_id": finding.key_id,
        "account_id": finding.account_id,
        "canary": finding.canary,
        "placeholder": finding.placeholder,
        "region": finding.region,
        "partition": finding.partition,
        "issued": timestamp(finding.issued),
        "expires": timestamp(finding.expires),
        "origin": _origin(finding.origin),
        "parts": [_part(part, show_secrets) for part in finding.parts],
        "also_at": [_place(place) for place in finding.also_at],
        "alternatives": [_part(part, show_secrets) for part in finding.alternatives],
        "exposures": [exposure_document(exposure) for exposure in finding.exposures],
        "verdict": verdict_document(finding.verdict) if finding.verdict else None,
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """What is known of a key, as plain values."""
    return {
        "key_id": verdict.key_id,
        "status": verdict.status.value,
        "reason": verdict.reason,
        "checked": timestamp(verdict.checked),
        "partition": verdict.partition,
        "account_id": verdict.account_id,
        "arn": verdict.arn,
        "principal": verdict.principal.value if verdict.principal else None,
        "name": verdict.name,
        "user_id": verdict.user_id,
        "request_id": verdict.request_id,
    }


def exposure_document(exposure: Exposure) -> dict[str, Any]:
    """Where a credential stood in history, as plain values."""
    return {
        "path": exposure.path,
        "introduced": [_commit(commit) for commit in exposure.introduced],
        "removed": [_commit(commit) for commit in exposure.removed],
        "refs": list(exposure.refs),
    }


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.id,
        "author": commit.author,
        "email": commit.email,
        "date": timestamp(commit.date),
        "subject": commit.subject,
    }


def _part(part: Part, show_secrets: bool) -> dict[str, Any]:
    value = (part.value.reveal() or None) if show_secrets else None
    return {
        "role": part.role.value,
        "redacted": part.value.redacted,
        "secret": value,
        "place": _place(part.place),
        "origin": _origin(part.origin) if part.origin else None,
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "line": place.line,
        "column": place.column,
        "offset": place.offset,
        "length": place.length,
        "decoding": list(place.decoding),
        "snippet": place.snippet,
        "mark": list(place.mark),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    made = {
        "source": origin.source.value,
        "path": origin.path,
        "members": list(origin.members),
        "commit": origin.commit,
        "blob": origin.blob,
    }
    return made | {"what": origin.what} if origin.what else made


def _problem(problem: Problem) -> dict[str, Any]:
    origin = _origin(problem.origin) if problem.origin else None
    return {"code": problem.code.value, "message": problem.message, "origin": origin}


def _suppressed(suppressed: Suppressed, show_secrets: bool) -> dict[str, Any]:
    return {
        "by": suppressed.by.value,
        "reason": suppressed.reason,
        "owner": suppressed.owner or None,
        "until": suppressed.until,
        "finding": _finding(suppressed.finding, show_secrets) if suppressed.finding else None,
        "problem": _problem(suppressed.problem) if suppressed.problem else None,
    }


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, as every format for programs writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
