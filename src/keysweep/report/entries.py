"""What formats for programs say of findings and problems: in one order, in words that no reader acts on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TextIO

from keysweep.findings import Commit, Finding, Origin, Place, Problem, ProblemCode, ScanResult, Severity
from keysweep.report.style import Style, number_of, size
from keysweep.report.text import ROLES, TITLES
from keysweep.report.weak import counted

_SAFE = Style().safe


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, and always in the same order, whichever worker found them first."""
    return sorted(
        findings,
        key=lambda each: (
            -each.severity,
            each.origin.display,
            each.origin.commit or "",
            each.place.offset,
            each.fingerprint,
            each.kind,
        ),
    )


def ordered_problems(problems: Iterable[Problem]) -> list[Problem]:
    """That somebody stopped the scan comes first, then what was not read, by path."""
    return sorted(
        problems,
        key=lambda each: (
            each.code is not ProblemCode.INTERRUPTED,
            each.origin.display if each.origin else "",
            (each.origin.commit or "") if each.origin else "",
            each.message,
        ),
    )


def safe_for(stream: TextIO) -> Callable[[str], str]:
    """How to write text of unknown origin into `stream`: without control, bidi and what it cannot encode."""
    encoding = (stream.encoding or "utf-8").lower().replace("-", "")
    return Style(unicode=encoding.startswith("utf")).safe


class Own(str):
    """Text that is safe already, with line ends of our own in it."""

    __slots__ = ()


def cleaned(value: Any) -> Any:
    """A document of plain values in which every text is safe, so that none can be forgotten.

    Databases and parsers behind these formats refuse NUL and lone surrogates, and with them the whole report.
    """
    if isinstance(value, str):
        return value if isinstance(value, Own) else _SAFE(value)
    if isinstance(value, dict):
        return {key: cleaned(each) for key, each in value.items()}
    return [cleaned(each) for each in value] if isinstance(value, list) else value


def title(finding: Finding) -> str:
    """What was found, in a few words that hold for every finding of its kind."""
    return f"{TITLES[finding.kind]} {finding.rule}" if finding.rule else TITLES[finding.kind]


def location(origin: Origin, place: Place) -> str:
    """Path, members, line and column, and the commit where there is one."""
    return f"{origin.display}:{place.line}:{place.column}{in_commit(origin)}"


def in_commit(origin: Origin) -> str:
    """The commit in parentheses, where there is one."""
    return f" (commit {origin.commit[:12]})" if origin.commit else ""


def facts(finding: Finding) -> list[str]:
    """What is known of a finding beside its place, a clause each."""
    told = [f"key ID {finding.key_id}"] if finding.key_id else []
    told += [f"account {finding.account_id}"] if finding.account_id else []
    told += [f"{ROLES[part.role]} {part.value.redacted}" for part in finding.parts if part.role != "access-key-id"]
    told += [f"canary of {finding.canary}: never try it"] if finding.canary else []
    told += [f"AWS says {status(finding)}"] if finding.verdict else []
    told += [f"placeholder: {finding.placeholder}"] if finding.placeholder else []
    return told


def status(finding: Finding) -> str:
    """What AWS says of the key, in words; empty where nobody asked."""
    verdict = finding.verdict
    if verdict is None:
        return ""
    who = f", {verdict.arn}" if verdict.arn else ""
    return f"{verdict.status.value.replace('-', ' ')}{who}: {verdict.reason}"


def why(finding: Finding) -> str:
    """The reasons in one line."""
    return "; ".join(finding.reasons)


def brought_by(finding: Finding) -> Commit | None:
    """The commit that brought it first; None where no history was read."""
    commits = (commit for exposure in finding.exposures for commit in exposure.introduced)
    return next(commits, None)


def said(problem: Problem) -> str:
    """Where and why something was not scanned."""
    where = f"{problem.origin.display}{in_commit(problem.origin)} " if problem.origin else ""
    return f"{where}{problem.message}"


def is_interrupted(result: ScanResult) -> bool:
    """Whether somebody stopped the scan."""
    return any(problem.code is ProblemCode.INTERRUPTED for problem in result.problems)


def failing(result: ScanResult, fail_on: Severity) -> int:
    """How many findings are severe enough for exit code 1."""
    return sum(finding.severity >= fail_on for finding in result.findings)


def summary(result: ScanResult, fail_on: Severity, suppressed: int) -> str:
    """One sentence that says how much was found, and never hides that not everything was read."""
    told = number_of(len(result.findings), "finding") if result.findings else "no leaked AWS keys found"
    told += f" in {number_of(result.scanned_items, 'item')} ({size(result.scanned_bytes)})"
    if result.findings:
        told += f", {failing(result, fail_on) or 'none'} of them {fail_on.label} or worse"
    if weak := weak_places(result, fail_on):
        told += f"; {weak}"
    if suppressed:
        told += f"; {suppressed} suppressed"
    if result.problems:
        told += f"; the scan is incomplete: {number_of(len(result.problems), 'problem')}"
    return told


def weak_places(result: ScanResult, fail_on: Severity) -> str:
    """How many there are, in a clause, for the formats that do not list them; empty where there are none."""
    return f"{counted(result.weak, fail_on)}, which text and JSON tell of" if result.weak else ""
