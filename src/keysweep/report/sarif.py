"""SARIF 2.1.0 for code scanning: GitHub's, and that of every other reader of the standard."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO

from keysweep import __version__
from keysweep.errors import ExitCode
from keysweep.findings import Finding, Part, Problem, ProblemCode, ScanResult, Severity, Source
from keysweep.report.entries import (
    cleaned,
    facts,
    is_interrupted,
    ordered,
    ordered_problems,
    said,
    summary,
    title,
    why,
)
from keysweep.report.json import exposure_document, timestamp, verdict_document
from keysweep.report.rules import escaped, rule_of, sarif_rules
from keysweep.report.sarif_places import BASE, address, artifact, place, related
from keysweep.report.severities import LEVELS
from keysweep.report.text import ROLES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 25_000
"""GitHub refuses a run with more (SARIF support for code scanning, limits)."""
MOST_COMPRESSED = 9_500_000
"""Bytes of results after zlib; GitHub refuses files that have more than 10 MB after gzip."""
MOST_NOTIFICATIONS = 1000


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    fail_on: Severity = Severity.MEDIUM,
    suppressed: int = 0,
    repository: str | None = None,
    started: datetime | None = None,
    ended: datetime | None = None,
) -> None:
    """Write the log with one run, a result a line, the worst first; it never holds a secret.

    What GitHub would refuse the whole file for is left out at the end, and a notification says how much that is.
    """
    findings = ordered(result.findings)
    rules = sarif_rules(findings)
    numbers = {rule["id"]: number for number, rule in enumerate(rules)}
    results = _within_limits(json.dumps(cleaned(_result(each, numbers)), **_COMPACT) for each in findings)
    left_out = len(findings) - len(results)
    run = {
        "tool": {
            "driver": {
                "name": "keysweep",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": rules,
                "notifications": [{"id": each} for each in (*(code.value for code in ProblemCode), *_OWN)],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            BASE: {"description": {"text": "The directory in which keysweep ran, or the top of the repository."}}
        },
        "invocations": [_invocation(result, fail_on, left_out, started, ended)],
        "properties": {
            "complete": not result.problems,
            "summary": summary(result, fail_on, suppressed),
            "findings": len(findings),
            "leftOut": left_out,
            "suppressed": suppressed,
            "failOn": fail_on.label,
        },
    }
    if repository:
        run["versionControlProvenance"] = [
            {"repositoryUri": address(repository), "mappedTo": {"uriBaseId": BASE}},
        ]
    head = json.dumps({"$schema": SCHEMA, "version": "2.1.0"}, **_COMPACT)[:-1]
    body = json.dumps(cleaned(run), **_COMPACT)[:-1]
    stream.write(f'{head},"runs":[\n{body},"results":[\n' + ",\n".join(results) + "\n]}]}\n")


_COMPACT: dict[str, Any] = {"separators": (",", ":")}
_OWN = ("left-out", "note")


def _within_limits(results: Iterable[str]) -> list[str]:
    """As many as GitHub takes, from the first on."""
    packer, size, kept = zlib.compressobj(1), 0, list[str]()
    for each in results:
        size += len(packer.compress(each.encode()))
        if len(kept) == MOST_RESULTS or size > MOST_COMPRESSED:
            break
        kept.append(each)
    return kept


def _result(finding: Finding, numbers: dict[str, int]) -> dict[str, Any]:
    rule = rule_of(finding)
    others, left_out = related(finding)
    made: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": numbers[rule],
        "level": LEVELS[finding.severity].sarif,
        "message": {"text": _message(finding)},
        "locations": [place(finding.origin, finding.place)],
        "partialFingerprints": _fingerprints(finding),
        "properties": _properties(finding) | ({"relatedLeftOut": left_out} if left_out else {}),
    }
    if others:
        made["relatedLocations"] = others
    return made


def _message(finding: Finding) -> str:
    """What was found; each further part is a link to where it stands."""
    told = escaped(f"{title(finding)}: {', '.join(facts(finding))}.")
    links = [f"[{ROLES[part.role]}]({number})" for number, part in enumerate(finding.parts[1:], 1)]
    told += f" With its {' and its '.join(links)}." if links else ""
    return f"{told} Why: {escaped(why(finding))}."


def _fingerprints(finding: Finding) -> dict[str, str]:
    """The name of the leak; for what no checkout has, also what GitHub would take from a line of the file.

    GitHub's upload takes that from the file itself where there is one, and complains of any other value.
    """
    made = {"keysweepFingerprint/v1": finding.fingerprint}
    if finding.origin.source is not Source.FILE:
        made["primaryLocationLineHash"] = f"{finding.fingerprint}:1"
    return made


def _properties(finding: Finding) -> dict[str, Any]:
    """All that the standard has no place for; what is not known is left out."""
    known = {
        "fingerprint": finding.fingerprint,
        "kind": finding.kind.value,
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        "reasons": list(finding.reasons),
        "source": finding.origin.source.value,
        "commit": finding.origin.commit,
        "blob": finding.origin.blob,
        "members": list(finding.origin.members),
        "keyId": finding.key_id,
        "accountId": finding.account_id,
        "canary": finding.canary,
        "placeholder": finding.placeholder,
        "awsRegion": finding.region,
        "awsPartition": finding.partition,
        "issued": timestamp(finding.issued),
        "expires": timestamp(finding.expires),
        "parts": [_part(part) for part in finding.parts],
        "exposures": [exposure_document(each) for each in finding.exposures],
        "verdict": verdict_document(finding.verdict) if finding.verdict else None,
    }
    return {name: value for name, value in known.items() if value not in (None, [])}


def _part(part: Part) -> dict[str, Any]:
    return {
        "role": part.role.value,
        "redacted": part.value.redacted,
        "decoding": list(part.place.decoding),
    }


def _invocation(
    result: ScanResult, fail_on: Severity, left_out: int, started: datetime | None, ended: datetime | None
) -> dict[str, Any]:
    """How the scan went. Nothing that was not read is passed over: each problem is a notification."""
    notifications = [_of_problem(each) for each in ordered_problems(result.problems)[:MOST_NOTIFICATIONS]]
    if (more := len(result.problems) - MOST_NOTIFICATIONS) > 0:
        notifications.append(notification("left-out", "warning", f"{more} more problems: see the JSON report."))
    if left_out:
        told = f"{left_out} results are left out, because GitHub refuses files with more: see the JSON report."
        notifications.insert(0, notification("left-out", "error", told))
    notifications += [notification("note", "note", each) for each in result.notes]
    incomplete = ExitCode.INCOMPLETE if result.problems else ExitCode.CLEAN
    times = {"startTimeUtc": timestamp(started), "endTimeUtc": timestamp(ended)}
    return {
        "executionSuccessful": not is_interrupted(result),
        "exitCode": ExitCode.FINDINGS if result.fails(fail_on) else incomplete,
        "toolExecutionNotifications": notifications,
        **{name: value for name, value in times.items() if value},
    }


def notification(name: str, level: str, text: str) -> dict[str, Any]:
    """What a tool has to say of its own run; `text` is of unknown origin."""
    return {"descriptor": {"id": name}, "level": level, "message": {"text": escaped(text)}}


def _of_problem(problem: Problem) -> dict[str, Any]:
    level = "error" if problem.code is ProblemCode.INTERRUPTED else "warning"
    made = notification(problem.code.value, level, f"Not fully scanned: {said(problem)}.")
    if problem.origin:
        made["locations"] = [{"physicalLocation": {"artifactLocation": artifact(problem.origin.path)}}]
    return made
