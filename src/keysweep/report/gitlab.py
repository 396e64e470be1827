"""GitLab's secret detection report, schema 15: for the vulnerability report and the merge request."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, TextIO

from keysweep import __version__
from keysweep.findings import Finding, ProblemCode, ScanResult, Severity
from keysweep.report.entries import (
    Own,
    brought_by,
    cleaned,
    facts,
    is_interrupted,
    location,
    ordered,
    ordered_problems,
    said,
    status,
    summary,
    title,
    why,
)
from keysweep.report.json import timestamp
from keysweep.report.markup import code
from keysweep.report.rules import HELP_ADDRESS, MEANINGS, REMEDY, rule_of
from keysweep.report.severities import LEVELS
from keysweep.report.style import Style

VERSION = "15.0.6"
"""Every GitLab since 15.6 takes it."""
MOST_NAME, MOST_MESSAGES = 255, 1000
_NO_COMMIT = "0000000"
"""What GitLab's own analyzer says where it scanned files rather than commits; the schema wants something."""
_NAMES = uuid.UUID("0f6f7e0c-52f5-5d0c-9d0d-6b1a4f3f6c11")
"""The namespace of the IDs, so that the same finding at the same place has the same ID in every scan."""
_SAFE = Style().safe


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    fail_on: Severity = Severity.MEDIUM,
    suppressed: int = 0,
    started: datetime | None = None,
    ended: datetime | None = None,
) -> None:
    """Write the document; what GitLab calls the raw extract is redacted as well."""
    tool = {"id": "keysweep", "name": "keysweep", "version": __version__, "vendor": {"name": "keysweep"}}
    now = datetime.now(UTC)
    scan = {
        "analyzer": tool,
        "scanner": tool,
        "type": "secret_detection",
        "start_time": _second(started or now),
        "end_time": _second(ended or now),
        "status": "failure" if is_interrupted(result) else "success",
        "messages": _messages(result, fail_on, suppressed),
    }
    seen: dict[str, int] = {}
    document = {
        "version": VERSION,
        "scan": scan,
        "vulnerabilities": [_vulnerability(each, seen) for each in ordered(result.findings)],
    }
    stream.write(json.dumps(cleaned(document), separators=(",", ":")) + "\n")


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _messages(result: ScanResult, fail_on: Severity, suppressed: int) -> list[dict[str, str]]:
    """What GitLab shows above the list: the sum, and everything that was not read."""
    told = [("warn" if result.problems else "info", f"keysweep: {summary(result, fail_on, suppressed)}.")]
    for problem in ordered_problems(result.problems)[:MOST_MESSAGES]:
        level = "fatal" if problem.code is ProblemCode.INTERRUPTED else "warn"
        told.append((level, f"Not fully scanned: {said(problem)}."))
    if (more := len(result.problems) - MOST_MESSAGES) > 0:
        told.append(("warn", f"{more} more problems: see the JSON report."))
    told += [("info", note) for note in result.notes]
    return [{"level": level, "value": text} for level, text in told]


def _vulnerability(finding: Finding, seen: dict[str, int]) -> dict[str, Any]:
    rule = rule_of(finding)
    name = f"{finding.fingerprint} {location(finding.origin, finding.place)}".encode("utf-8", "backslashreplace")
    number = seen[name.decode()] = seen.get(name.decode(), 0) + 1
    return {
        "id": str(uuid.uuid5(_NAMES, f"{name.decode()} {number}")),
        "category": "secret_detection",
        "name": title(finding)[:MOST_NAME],
        "description": _description(finding),
        "severity": LEVELS[finding.severity].gitlab,
        "confidence": finding.confidence.label.capitalize(),
        "solution": REMEDY,
        "scanner": {"id": "keysweep", "name": "keysweep"},
        "location": _location(finding),
        "identifiers": [
            {"type": "keysweep_rule", "name": f"keysweep rule {rule}", "value": rule, "url": HELP_ADDRESS},
            {
                "type": "keysweep_fingerprint",
                "name": f"keysweep fingerprint {finding.fingerprint}",
                "value": finding.fingerprint,
            },
        ],
        "raw_source_code_extract": finding.place.snippet,
    }


def _description(finding: Finding) -> Own:
    """Markdown, in which all that a repository can choose is code."""
    lines = [MEANINGS[finding.kind].text]
    lines.append(f"Found at {code(_SAFE(location(finding.origin, finding.place)))}.")
    lines += [f"- {code(_SAFE(each))}" for each in facts(finding)]
    lines.append(f"- Why: {code(_SAFE(why(finding)))}")
    lines += [f"- In history: {code(_SAFE(each.path))}" for each in finding.exposures[:_MOST_EXPOSURES]]
    if finding.verdict:
        lines.append(f"- AWS: {code(_SAFE(status(finding)))}")
    return Own("\n\n".join((lines[0], lines[1], "\n".join(lines[2:]))))


_MOST_EXPOSURES = 20


def _location(finding: Finding) -> dict[str, Any]:
    commit = brought_by(finding)
    told: dict[str, Any] = {"sha": finding.origin.commit or (commit.id if commit else _NO_COMMIT)}
    if commit and commit.id == told["sha"]:
        told |= {"author": f"{commit.author} <{commit.email}>", "message": commit.subject}
        told |= {"date": timestamp(commit.date)} if commit.date else {}
    return {
        "file": finding.origin.path.removeprefix("./"),
        "start_line": finding.place.line,
        "end_line": finding.place.line,
        "commit": told,
    }
