"""An audit as SARIF 2.1.0: for readers of the standard that do not need every result to stand in a file."""

from __future__ import annotations

import json
from typing import Any, TextIO

from keysweep import __version__
from keysweep.account.audit import Audit
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.identity import lapse_id
from keysweep.account.judging.rules import RULES, Rule
from keysweep.account.practices import BY_NUMBER
from keysweep.account.references import address, page
from keysweep.account.report.facts import Facts
from keysweep.account.report.text import summary, unchecked
from keysweep.report.entries import Own, cleaned
from keysweep.report.json import timestamp
from keysweep.report.rules import escaped
from keysweep.report.sarif import SCHEMA, notification
from keysweep.report.severities import LEVELS

_NUMBERS = {rule.id: number for number, rule in enumerate(RULES)}
_NOT_CHECKED, _NOTE = "not-checked", "note"


def render(audit: Audit, facts: Facts, stream: TextIO) -> None:
    """Write the log with one run, the worst first."""
    run = {
        "tool": {
            "driver": {
                "name": "keysweep account",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_descriptor(each) for each in RULES],
                "notifications": [{"id": _NOT_CHECKED}, {"id": _NOTE}],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(audit, facts)],
        "results": [_result(each) for each in audit.lapses],
        "properties": {
            "complete": audit.is_complete,
            "summary": summary(audit),
            "accounts": [each.account.id for each in audit.judged],
            "failOn": facts.fail_on.label,
        },
    }
    json.dump(cleaned({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}), stream, indent=1)
    stream.write("\n")


def _descriptor(rule: Rule) -> dict[str, Any]:
    why = BY_NUMBER[rule.practices[0]].why
    steps = rule.remedy
    commands = "".join(f"\n    {escaped(each)}" for each in steps.cli)
    ways = f"Console: {escaped(steps.console)}.\n\nTerraform: {escaped(steps.terraform)}."
    text = f"{why}\n\n{f'AWS CLI:{commands}' if commands else ''}\n\n{ways}".replace("\n\n\n\n", "\n\n")
    level = LEVELS[rule.severity]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": escaped(rule.title)},
        "fullDescription": {"text": escaped(why)},
        "help": {"text": Own(text), "markdown": Own(f"{text}\n\n[What AWS says]({address(rule)})")},
        "helpUri": address(rule),
        "defaultConfiguration": {"level": level.sarif},
        "properties": {
            "security-severity": level.score,
            "practices": [f"{number} {BY_NUMBER[number].name}" for number in rule.practices],
            "benchmarks": dict(rule.benchmarks),
            "documentation": page(rule),
            "tags": ["security", "aws", "iam"],
        },
    }


def _result(lapse: Lapse) -> dict[str, Any]:
    key, steps = lapse.key, lapse.steps()
    instead = lapse.replacement
    told = f"{lapse.rule.title}: {'; '.join(lapse.evidence)}" if lapse.evidence else lapse.rule.title
    known = {
        "severity": lapse.severity.label,
        "account": lapse.account,
        "user": (key.user or "root") if key else None,
        "keyId": key.key_id if key else None,
        "evidence": list(lapse.evidence),
        "remedy": {"cli": list(steps.cli), "terraform": steps.terraform, "console": steps.console},
        "replacement": {"title": instead.title, "snippet": instead.snippet.splitlines()} if instead else None,
    }
    return {
        "ruleId": lapse.rule.id,
        "ruleIndex": _NUMBERS[lapse.rule.id],
        "kind": "fail",
        "level": LEVELS[lapse.severity].sarif,
        "message": {"text": escaped(f"{told}.")},
        "locations": [{"logicalLocations": [_place(lapse)]}],
        "partialFingerprints": {"keysweepLapse/v1": lapse_id(lapse)},
        "properties": {name: value for name, value in known.items() if value},
    }


def _place(lapse: Lapse) -> dict[str, str]:
    """What it is about: a key, of which AWS has no ARN, stands under that of its user."""
    key = lapse.key
    if key is None:
        return {"name": lapse.account, "fullyQualifiedName": lapse.account, "kind": "account"}
    return {
        "name": key.name,
        "fullyQualifiedName": f"{key.arn}/{key.key_id}" if key.key_id else key.arn,
        "kind": "access-key",
    }


def _invocation(audit: Audit, facts: Facts) -> dict[str, Any]:
    """How the run went. Nothing that was not checked is passed over."""
    notifications = [
        notification(_NOT_CHECKED, "error", f"Not checked: {f'account {account}: ' if account else ''}{told}.")
        for account, told in unchecked(audit)
    ]
    notifications += [notification(_NOTE, "note", each) for each in facts.all_notes(audit)]
    return {
        "executionSuccessful": audit.is_complete,
        "exitCode": facts.exit_code(audit),
        "endTimeUtc": timestamp(facts.now),
        "toolExecutionNotifications": notifications,
    }
