"""Secrets that were found, taken out of what stands around others: authors, subjects, and paths in history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from keysweep.findings import Commit, Exposure, Finding, Origin, Part, Problem, Role, ScanResult, Secret, Source
from keysweep.frozen import replace

_HEAD = 4
"""By so many characters a secret is looked up; reports show as many of each."""


def without_secrets(result: ScanResult) -> ScanResult:
    """The result with every secret in it, of whichever finding, redacted in authors, subjects, paths and refs.

    Paths of files stay as they are: by them the files are found again, and objects by their names.
    """
    redacted = redactor_of(result)

    def commits(each: Iterable[Commit]) -> tuple[Commit, ...]:
        return tuple(
            replace(
                commit,
                author=redacted(commit.author),
                email=redacted(commit.email),
                subject=redacted(commit.subject),
            )
            for commit in each
        )

    def exposure(each: Exposure) -> Exposure:
        path, refs = redacted(each.path), tuple(map(redacted, each.refs))
        return replace(
            each, path=path, refs=refs, introduced=commits(each.introduced), removed=commits(each.removed)
        )

    def origin(each: Origin) -> Origin:
        if each.source is not Source.HISTORY:
            return each
        return replace(each, path=redacted(each.path), members=tuple(map(redacted, each.members)))

    def part_of(each: Part) -> Part:
        return replace(each, origin=origin(each.origin)) if each.origin else each

    def finding_of(each: Finding) -> Finding:
        if each.origin.source is not Source.HISTORY and not each.exposures:
            return each
        return replace(
            each,
            origin=origin(each.origin),
            parts=tuple(map(part_of, each.parts)),
            alternatives=tuple(map(part_of, each.alternatives)),
            exposures=tuple(map(exposure, each.exposures)),
        )

    def problem(each: Problem) -> Problem:
        return replace(each, origin=origin(each.origin)) if each.origin else each

    return replace(
        result,
        problems=tuple(map(problem, result.problems)),
        findings=tuple(map(finding_of, result.findings)),
        suppressed=tuple(
            replace(each, finding=finding_of(each.finding)) if each.finding else each for each in result.suppressed
        ),
    )


def redactor_of(result: ScanResult) -> Callable[[str], str]:
    """What takes every secret in the result out of a text, and remembers what it made of it."""
    known = _known(result)
    told: dict[str, str] = {}

    def redacted(text: str) -> str:
        if text not in told:
            told[text] = _redacted(text, known) if known else text
        return told[text]

    return redacted


def _known(result: ScanResult) -> dict[str, list[Secret]]:
    known: dict[str, list[Secret]] = {}
    silenced = tuple(each.finding for each in result.suppressed if each.finding)
    for finding in (*result.findings, *silenced):
        for part in (*finding.parts, *finding.alternatives):
            _remember(part, known)
    return known


def _remember(part: Part, known: dict[str, list[Secret]]) -> None:
    value = part.value.reveal()
    if part.role is not Role.KEY_ID and len(value) > _HEAD:
        known.setdefault(value[:_HEAD], []).append(part.value)


def _redacted(text: str, known: dict[str, list[Secret]]) -> str:
    pieces, done, at = [], 0, 0
    while at < len(text):
        here = [each for each in known.get(text[at : at + _HEAD], ()) if text.startswith(each.reveal(), at)]
        if not here:
            at += 1
            continue
        longest = max(here, key=lambda each: len(each.reveal()))
        pieces += [text[done:at], longest.redacted]
        at = done = at + len(longest.reveal())
    return "".join([*pieces, text[done:]])
