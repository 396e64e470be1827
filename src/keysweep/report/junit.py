"""JUnit XML for the test view of Jenkins and other servers: a failed test for each finding."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TextIO

from keysweep.findings import Finding, Problem, ScanResult, Severity
from keysweep.report.entries import facts, failing, location, ordered, ordered_problems, said, summary, title, why
from keysweep.report.rules import MEANINGS, REMEDY, rule_of
from keysweep.report.style import Style

_SUITE = "keysweep"


def render(
    result: ScanResult, stream: TextIO, *, fail_on: Severity = Severity.MEDIUM, suppressed: int = 0
) -> None:
    """Write one suite: findings fail, or are skipped below `fail_on`; what was not scanned is an error.

    Servers take tests of the same name for one, so each name tells line, column and fingerprint.
    """
    safe = Style().safe
    told = summary(result, fail_on, suppressed)
    failures = failing(result, fail_on)
    counts = {
        "tests": str(len(result.findings) + len(result.problems) or 1),
        "failures": str(failures),
        "errors": str(len(result.problems)),
        "skipped": str(len(result.findings) - failures),
        "time": "0",
    }
    root = ET.Element("testsuites", {name: counts[name] for name in ("tests", "failures", "errors", "time")})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **counts})
    numbers: dict[tuple[str, str], int] = {}
    for finding in ordered(result.findings):
        _failed(_case(suite, *_named(finding, safe), numbers), finding, fail_on, safe)
    for problem in ordered_problems(result.problems):
        _not_read(suite, problem, safe, numbers)
    if not result.findings and not result.problems:
        _case(suite, _SUITE, "no leaked AWS keys", numbers)
    out = ET.SubElement(suite, "system-out")
    out.text = safe("; ".join((told, *result.notes)))
    ET.indent(root)
    written = ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    stream.write(f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n')


def _case(suite: ET.Element, group: str, name: str, numbers: dict[tuple[str, str], int]) -> ET.Element:
    number = numbers[group, name] = numbers.get((group, name), 0) + 1
    name = name if number == 1 else f"{name} #{number}"
    return ET.SubElement(suite, "testcase", {"classname": group, "name": name, "time": "0"})


def _named(finding: Finding, safe: Callable[[str], str]) -> tuple[str, str]:
    where = finding.place
    name = f"{title(finding)} in line {where.line}, column {where.column} ({finding.fingerprint[:12]})"
    return safe(finding.origin.display), safe(name)


def _failed(case: ET.Element, finding: Finding, fail_on: Severity, safe: Callable[[str], str]) -> None:
    fails = finding.severity >= fail_on
    message = safe(f"{finding.severity.label}: {title(finding)}, {', '.join(facts(finding))}")
    attributes = {"message": message} | ({"type": safe(rule_of(finding))} if fails else {})
    told = ET.SubElement(case, "failure" if fails else "skipped", attributes)
    lines = [safe(location(part.origin or finding.origin, part.place)) for part in finding.parts]
    lines += [safe(part.place.snippet) for part in finding.parts]
    lines += [safe(f"why: {why(finding)}"), MEANINGS[finding.kind].text, REMEDY]
    lines.append(f"fingerprint: {finding.fingerprint}")
    told.text = "\n" + "\n".join(dict.fromkeys(lines)) + "\n"


def _not_read(
    suite: ET.Element, problem: Problem, safe: Callable[[str], str], numbers: dict[tuple[str, str], int]
) -> None:
    group = safe(problem.origin.display) if problem.origin else _SUITE
    case = _case(suite, group, f"everything is scanned ({problem.code.value})", numbers)
    told = ET.SubElement(case, "error", {"message": safe(said(problem)), "type": problem.code.value})
    told.text = "The scan is incomplete: nothing may be called clean."
