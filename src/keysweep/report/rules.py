"""Findings sorted into rules, as formats for code scanners know them: a name, a severity, and help for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keysweep.findings import Finding, Kind, Severity
from keysweep.frozen import frozen
from keysweep.report.entries import Own
from keysweep.report.severities import LEVELS
from keysweep.report.text import TITLES

HELP_ADDRESS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"
REMEDY = (
    "Take it out of the content, and switch it off in AWS if it ever left the machine: a key that was pushed once "
    "is known, and a later commit does not remove it from history."
)


@frozen
class Meaning:
    """What a kind of finding is worth, and why."""

    usual: Severity
    """Findings of another severity are of a rule of their own, because readers take the severity from the rule."""
    text: str


MEANINGS: Mapping[Kind, Meaning] = {
    Kind.PAIR: Meaning(Severity.HIGH, "Whoever reads an access key ID with its secret acts in AWS as its owner."),
    Kind.TEMPORARY: Meaning(
        Severity.HIGH, "Whoever reads temporary credentials acts in AWS as their role until they expire."
    ),
    Kind.ACCESS_KEY_ID: Meaning(
        Severity.LOW,
        "A key ID alone opens nothing, but it names an account, and its secret may have leaked beside it.",
    ),
    Kind.SECRET_ACCESS_KEY: Meaning(
        Severity.MEDIUM, "A secret access key opens an account to whoever finds the key ID that belongs to it."
    ),
    Kind.SESSION_TOKEN: Meaning(
        Severity.MEDIUM, "A session token is the third part of temporary credentials; the others may be near."
    ),
    Kind.BEDROCK_LONG: Meaning(Severity.HIGH, "A Bedrock API key works alone until it expires or is deleted."),
    Kind.BEDROCK_SHORT: Meaning(Severity.HIGH, "A short-term Bedrock API key works alone for up to twelve hours."),
    Kind.SES_SMTP: Meaning(
        Severity.HIGH, "An SMTP password of SES, with its user, sends mail in the account's name."
    ),
    Kind.SIGNED_REQUEST: Meaning(Severity.LOW, "A signed request can be sent again by anybody until it expires."),
    Kind.CUSTOM: Meaning(Severity.MEDIUM, "A rule of your own configuration matched."),
}


def rule_of(finding: Finding) -> str:
    """The name of its rule, the same in every scan."""
    name = f"custom/{finding.rule}" if finding.kind is Kind.CUSTOM and finding.rule else finding.kind.value
    usual = finding.severity is MEANINGS[finding.kind].usual
    return name if usual else f"{name}/{finding.severity.label}"


def sarif_rules(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """A reporting descriptor for each kind that there is, and for each further rule that the findings need."""
    needed = {kind.value: (kind, MEANINGS[kind].usual, "") for kind in Kind}
    needed |= {rule_of(each): (each.kind, each.severity, each.rule or "") for each in findings}
    return [_descriptor(name, *needed[name]) for name in sorted(needed)]


def _descriptor(name: str, kind: Kind, severity: Severity, rule: str) -> dict[str, Any]:
    short = f"{TITLES[kind]} {rule}".strip()
    text = MEANINGS[kind].text
    level = LEVELS[severity]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in kind.value.split("-")),
        "shortDescription": {"text": escaped(short)},
        "fullDescription": {"text": text},
        "help": {
            "text": Own(f"{text}\n\n{REMEDY}"),
            "markdown": Own(f"{text}\n\n**What to do.** {REMEDY}\n\n[Access keys in IAM]({HELP_ADDRESS})"),
        },
        "helpUri": HELP_ADDRESS,
        "defaultConfiguration": {"level": level.sarif},
        "properties": {
            "security-severity": level.score,
            "precision": "very-high" if kind is Kind.PAIR else "high",
            "tags": ["security", "secret", "aws", "external/cwe/cwe-798"],
        },
    }


def escaped(text: str) -> str:
    """`text` as a SARIF message that holds no link and no placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    for special in "\\[]":
        text = text.replace(special, f"\\{special}")
    return text.replace("{", "{{").replace("}", "}}")
