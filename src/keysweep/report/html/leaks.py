"""Findings as leaks, each credential once: everywhere that it is, since when, by whom, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from keysweep.findings import Commit, Finding, Severity
from keysweep.frozen import frozen
from keysweep.report.decisions import Step, next_step, standing_of
from keysweep.standing import Standing
from keysweep.verdicts import Containment

UNKNOWN_AUTHOR = "unknown"
_DAY_SECONDS = 86_400


@frozen
class Leak:
    """One credential, wherever it stands."""

    findings: tuple[tuple[Finding, str], ...]
    """Each with the repository or directory that it is of; empty where nobody said which. Never empty."""
    standing: Standing
    step: Step
    containment: Containment | None
    entered: datetime | None
    """When a commit brought it first; None where no history was read, or no commit says when it was."""
    left: datetime | None
    """When a commit took it out of the last place; None while it is still there, or nobody knows."""
    is_still_there: bool
    """Whether a ref, or a file that was read as it is, has it."""

    @property
    def first(self) -> Finding:
        """The worst of its findings, which stands for all."""
        return self.findings[0][0]

    @property
    def fingerprint(self) -> str:
        """What names it, in links too."""
        return self.first.fingerprint

    @property
    def severity(self) -> Severity:
        """The worst."""
        return self.first.severity

    @property
    def account(self) -> str:
        """The account as AWS or the key ID says; empty where neither does."""
        verdict = self.first.verdict
        return (verdict.account_id if verdict else None) or self.first.account_id or ""

    @property
    def repositories(self) -> tuple[str, ...]:
        """What it was found in."""
        return tuple(dict.fromkeys(of for _, of in self.findings))

    @property
    def authors(self) -> tuple[str, ...]:
        """Who brought it, the earliest first: once for each place, and not who moved it on."""
        brought = (
            each.introduced[0] for finding, _ in self.findings for each in finding.exposures if each.introduced
        )
        return tuple(dict.fromkeys(author(commit) for commit in brought)) or (UNKNOWN_AUTHOR,)

    def age_days(self, now: datetime) -> int | None:
        """For how many days it has been, or was, exposed."""
        if self.entered is None:
            return None
        return max(0, int(((self.left or now) - self.entered).total_seconds() // _DAY_SECONDS))


def author(commit: Commit) -> str:
    """Name and address of who wrote a commit."""
    return f"{commit.author} <{commit.email}>" if commit.email else commit.author or UNKNOWN_AUTHOR


def leaks(
    findings: Iterable[Finding], repositories: Sequence[str], contained: Mapping[str, Containment]
) -> list[Leak]:
    """One leak for each credential: the most urgent first, then the worst, then those that are still there."""
    grouped: dict[str, list[tuple[Finding, str]]] = {}
    for finding in findings:
        of, _ = apart(finding.origin.path, repositories)
        grouped.setdefault(finding.fingerprint, []).append((finding, of))
    order = {standing: number for number, standing in enumerate(Standing)}
    made = [_leak(each, contained) for each in grouped.values()]
    return sorted(
        made,
        key=lambda leak: (
            order[leak.standing],
            -leak.severity,
            not leak.is_still_there,
            leak.first.origin.display,
            leak.fingerprint,
        ),
    )


def _leak(found: list[tuple[Finding, str]], contained: Mapping[str, Containment]) -> Leak:
    found = sorted(found, key=lambda each: (-each[0].severity, each[0].origin.display, each[0].place.offset))
    first = found[0][0]
    containment = contained.get(first.key_id or "")
    standing = standing_of(first, containment)
    exposures = [exposure for finding, _ in found for exposure in finding.exposures]
    is_still_there = any(not finding.exposures for finding, _ in found) or any(each.refs for each in exposures)
    brought = [commit.date for each in exposures for commit in each.introduced if commit.date]
    taken_out = [commit.date for each in exposures for commit in each.removed if commit.date]
    return Leak(
        tuple(found),
        standing,
        next_step(first, standing, containment),
        containment,
        min(brought, default=None),
        None if is_still_there or not all(each.removed for each in exposures) else max(taken_out, default=None),
        is_still_there,
    )


def apart(path: str, repositories: Sequence[str]) -> tuple[str, str]:
    """The repository that a path is in, and the rest of the path.

    Findings of several scans have what was scanned in front of their paths; those of one have not.
    """
    if len(repositories) == 1:
        return repositories[0], path
    inside = [each for each in repositories if each and path.startswith(f"{each.rstrip('/')}/")]
    if not inside:
        return "", path
    longest = max(inside, key=len)
    return longest, path[len(longest.rstrip("/")) + 1 :]
