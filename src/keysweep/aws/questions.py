"""From findings to what AWS is asked, and from its answers back to the findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from keysweep.aws import partitions
from keysweep.aws.signing import Credential
from keysweep.aws.verify import Question
from keysweep.findings import Finding, Part, Role, Severity
from keysweep.frozen import replace
from keysweep.verdicts import Status, Verdict

_MOST_SECRETS = 32
"""Each takes more than ten seconds, and who writes what is scanned may put any number of them beside a key ID."""


def questions(findings: Iterable[Finding], configured: Sequence[str] = ("aws",)) -> list[Question]:
    """One question for each key ID in `findings`, with every secret that was found with it, the best first.

    `configured` are the partitions to ask in where nothing near a key hints at another.
    """
    by_key: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.key_id and not finding.placeholder:
            by_key.setdefault(finding.key_id, []).append(finding)
    return [_question(key_id, group, configured) for key_id, group in by_key.items()]


def _question(key_id: str, findings: Sequence[Finding], configured: Sequence[str]) -> Question:
    ranked = sorted(findings, key=lambda each: (-each.confidence, -len(each.parts)))
    hint = next((each.partition for each in ranked if each.partition), None)
    candidates, unasked = _candidates(key_id, ranked)
    return Question(
        key_id,
        candidates[:_MOST_SECRETS],
        partitions.order(hint, configured),
        next((each.canary for each in findings if each.canary), None),
        unasked,
        len(candidates[_MOST_SECRETS:]),
    )


def _candidates(key_id: str, findings: Sequence[Finding]) -> tuple[tuple[Credential, ...], str]:
    """What to try, and why there is nothing."""
    if not key_id.startswith(("AKIA", "ASIA")):
        return (), f"STS is not asked about keys that begin with {key_id[:4]}"
    best = [(each.part(Role.SECRET), each.part(Role.TOKEN)) for each in findings]
    further = [(part, each.part(Role.TOKEN)) for each in findings for part in each.alternatives]
    pairs = [(secret, token) for secret, token in (*best, *further) if secret and secret.role is Role.SECRET]
    if not pairs:
        return (), "no secret was found with it"
    if key_id.startswith("ASIA"):
        pairs = [(secret, token) for secret, token in pairs if token]
        if not pairs:
            return (), "no session token was found with it, without which AWS accepts no temporary key"
        return tuple(dict.fromkeys(_credential(key_id, *each) for each in pairs)), ""
    return tuple(dict.fromkeys(_credential(key_id, secret) for secret, _ in pairs)), ""


def _credential(key_id: str, secret: Part, token: Part | None = None) -> Credential:
    return Credential(key_id, secret.value, token.value if token else None)


def judged(findings: Iterable[Finding], verdicts: Mapping[str, Verdict]) -> tuple[Finding, ...]:
    """The findings with what is known of their keys: live ones are critical, expired ones worth nothing."""
    return tuple(_judged(each, verdicts.get(each.key_id or "")) for each in findings)


_WORTH = {Status.LIVE: Severity.CRITICAL, Status.EXPIRED: Severity.INFO}


def _judged(finding: Finding, verdict: Verdict | None) -> Finding:
    if verdict is None:
        return finding
    has_secret = finding.part(Role.SECRET) is not None
    severity = _WORTH.get(verdict.status, finding.severity) if has_secret else finding.severity
    return replace(finding, verdict=verdict, severity=severity)
