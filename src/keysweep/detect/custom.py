"""The user's own rules: patterns of the `regex` package, each with a time limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from keysweep.detect.credentials import Credential
from keysweep.detect.document import Document, Redactions
from keysweep.detect.pragmas import pragmas
from keysweep.errors import ConfigError
from keysweep.findings import (
    Confidence,
    Finding,
    Kind,
    Origin,
    Part,
    Problem,
    ProblemCode,
    Role,
    Secret,
    Severity,
    fingerprint,
)
from keysweep.frozen import frozen


@frozen
class CustomRule:
    """One rule of the user's configuration."""

    name: str
    pattern: str
    """Matched against the bytes of the content; the first group, if there is one, is the secret."""
    severity: Severity = Severity.MEDIUM
    timeout_seconds: float = 1.0
    """Most time that the rule may take on one piece of content."""
    description: str = ""

    def check(self) -> None:
        """Raise ConfigError if the pattern is no regular expression."""
        import regex

        try:
            regex.compile(self.pattern.encode("utf-8"))
        except regex.error as error:
            raise ConfigError(f"rule {self.name}: the pattern is no regular expression ({error}).") from error


def match_rules(
    content: bytes, origin: Origin, rules: Sequence[CustomRule], problems: list[Problem]
) -> list[tuple[CustomRule, list[Credential]]]:
    """What every rule matches in `content`; one that runs out of time is a problem, and the others still run."""
    found = []
    for rule in rules:
        try:
            found.append((rule, list(_matches(content, rule))))
        except TimeoutError:
            limit = f"{rule.timeout_seconds:g} s"
            message = f"rule {rule.name} took longer than {limit}; make its pattern simpler or raise timeout-ms"
            problems.append(Problem(ProblemCode.TIMEOUT, message, origin))
    return found


def _matches(content: bytes, rule: CustomRule) -> Iterator[Credential]:
    import regex

    pattern = regex.compile(rule.pattern.encode("utf-8"))
    for match in pattern.finditer(content, timeout=rule.timeout_seconds):
        group = 1 if pattern.groups and match.group(1) is not None else 0
        start, end = match.span(group)
        if start < end:
            yield Credential(
                role=Role.CUSTOM,
                value=match.group(group).decode("utf-8", "surrogateescape"),
                start=start,
                end=end,
                rule=rule.name,
                confidence=Confidence.MEDIUM,
                reasons=(rule.description or f"matches your rule {rule.name}",),
            )


def custom_findings(
    matched: Iterable[tuple[CustomRule, Sequence[Credential]]], document: Document, around: Redactions
) -> Iterator[Finding]:
    """One finding for each value that a rule matched; `around` is what snippets must not show."""
    for rule, matches in matched:
        by_value: dict[str, list[Credential]] = {}
        for match in matches:
            by_value.setdefault(match.value, []).append(match)
        for value, places in by_value.items():
            allowed = pragmas(places, document, around)
            shown = [document.place(each, around, allowed.get(each)) for each in places]
            yield Finding(
                kind=Kind.CUSTOM,
                severity=rule.severity,
                confidence=Confidence.MEDIUM,
                reasons=places[0].reasons,
                origin=document.origin,
                parts=(Part(Role.CUSTOM, Secret(value), shown[0]),),
                fingerprint=fingerprint(Kind.CUSTOM, rule.name, value),
                rule=rule.name,
                also_at=tuple(shown[1:]),
            )
