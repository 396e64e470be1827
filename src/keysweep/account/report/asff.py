"""An audit as findings of AWS Security Hub (ASFF): a request of `batch-import-findings` a line.

Security Hub takes findings of one account, and a hundred at once, so each line has those of one account. A lapse
keeps its Id from run to run, and so a later import changes the finding; one that is mended is archived.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from keysweep.account.audit import Audit
from keysweep.account.evidence import Key
from keysweep.account.judging import rules
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.identity import lapse_id
from keysweep.account.judging.rules import RULES, Rule
from keysweep.account.practices import BY_NUMBER
from keysweep.account.references import address, page
from keysweep.account.report.facts import Facts
from keysweep.account.runs.course import Mended
from keysweep.aws.partitions import BY_NAME
from keysweep.report.asff import (
    LABELS,
    LEAKED,
    MOST_DESCRIPTION,
    MOST_REMEDY,
    MOST_TITLE,
    SCHEMA_VERSION,
    batches_of,
    fitted,
    moment,
    place,
    product_arn,
)

_TYPE = "Software and Configuration Checks/Industry and Regulatory Standards/Practices for AWS access keys"
_LEAKS = frozenset({rules.LEAKED, rules.USED_AFTER_LEAK, rules.LEAKED_INACTIVE})
_MOST_FIELD = 2048
_MOST_EVIDENCE = 20
_MOST_REQUIREMENT = 64
_CIS = {"CIS 3.0": "CIS AWS Foundations Benchmark v3.0.0", "CIS 5.0": "CIS AWS Foundations Benchmark v5.0.0",
        "CIS 7.0": "CIS AWS Foundations Benchmark v7.0.0", "Security Hub": "AWS Security Hub"}  # fmt: skip


def render(audit: Audit, facts: Facts, stream: TextIO) -> None:
    """Write the requests; none for an account in which nothing is wrong, and nothing was."""
    for batch in requests(audit, facts):
        json.dump(batch, stream, separators=(",", ":"))
        stream.write("\n")


def requests(audit: Audit, facts: Facts) -> Iterator[dict[str, Any]]:
    """Each as the command and the API take it."""
    for judged in audit.judged:
        partition = judged.account.partition
        region = facts.hub_region or BY_NAME[partition].region
        found = {lapse_id(each): each for each in reversed(judged.lapses)}  # of two with one name, the worse stays
        made = [_lapse(name, each, partition, region, facts) for name, each in reversed(found.items())]
        mended = facts.change.mended if facts.change else ()
        made += [_mended(each, partition, region, facts) for each in mended if each.account == judged.account.id]
        yield from ({"Findings": list(batch)} for batch in batches_of(made))


def _lapse(name: str, lapse: Lapse, partition: str, region: str, facts: Facts) -> dict[str, Any]:
    label = {"Label": LABELS[lapse.severity], "Original": lapse.severity.label}
    steps = lapse.steps()
    why = BY_NUMBER[lapse.rule.practices[0]].why
    made = _finding(name, lapse.rule, lapse.account, region, facts)
    return {
        **made,
        "Severity": label,
        "FindingProviderFields": {"Severity": label, "Types": made["Types"]},
        "Title": fitted(lapse.rule.title, MOST_TITLE),
        "Description": fitted(f"{'; '.join(lapse.evidence) or lapse.rule.title}. {why}", MOST_DESCRIPTION),
        "Remediation": {
            "Recommendation": {
                "Text": fitted(" ; ".join((*steps.cli, f"or: {steps.console}")), MOST_REMEDY),
                "Url": address(lapse.rule),
            }
        },
        "ProductFields": _fields(lapse, steps),
        "Resources": [_resource(lapse.account, lapse.key, partition, region)],
        "Compliance": {"Status": "FAILED", "RelatedRequirements": _requirements(lapse.rule)},
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
    }


def _mended(mended: Mended, partition: str, region: str, facts: Facts) -> dict[str, Any]:
    """What takes a finding of an earlier import out of sight."""
    rule = next(each for each in RULES if each.id == mended.rule)
    label = {"Label": LABELS[rule.severity], "Original": rule.severity.label}
    made = _finding(mended.id, rule, mended.account, region, facts)
    return {
        **made,
        "Severity": label,
        "FindingProviderFields": {"Severity": label, "Types": made["Types"]},
        "Title": fitted(rule.title, MOST_TITLE),
        "Description": "There is no such key any more." if mended.is_gone else "It is mended.",
        "Remediation": {"Recommendation": {"Text": "Nothing is left to do.", "Url": address(rule)}},
        "ProductFields": {"keysweep/Rule": rule.id, "keysweep/Help": page(rule)},
        "Resources": [_resource(mended.account, mended.key, partition, region)],
        "Compliance": {"Status": "PASSED", "RelatedRequirements": _requirements(rule)},
        "RecordState": "ARCHIVED",
        "Workflow": {"Status": "RESOLVED"},
    }


def _finding(name: str, rule: Rule, account: str, region: str, facts: Facts) -> dict[str, Any]:
    """What both have in common."""
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": f"keysweep/account/{name}",
        "ProductArn": product_arn(account, region),
        "GeneratorId": f"keysweep/account/{rule.id}",
        "AwsAccountId": account,
        "Types": [LEAKED if rule in _LEAKS else _TYPE],
        "CreatedAt": moment(facts.now),
        "UpdatedAt": moment(facts.now),
    }


def _fields(lapse: Lapse, steps: rules.Remedy) -> dict[str, str]:
    """What the format has no place for, in names of our own."""
    told = {
        "Rule": lapse.rule.id,
        "Practices": ", ".join(f"{number} {BY_NUMBER[number].name}" for number in lapse.rule.practices),
        "Help": page(lapse.rule),
        "User": (lapse.key.user or "root") if lapse.key else "",
        "Remedy/Terraform": steps.terraform,
        "Remedy/Console": steps.console,
        "Replacement": lapse.replacement.title if lapse.replacement else "",
    }
    told |= {f"Remedy/CLI/{number}": each for number, each in enumerate(steps.cli, 1)}
    told |= {f"Evidence/{number}": each for number, each in enumerate(lapse.evidence[:_MOST_EVIDENCE], 1)}
    return {f"keysweep/{name}": fitted(value, _MOST_FIELD) for name, value in told.items() if value}


def _requirements(rule: Rule) -> list[str]:
    """Numbers of benchmarks, one a value."""
    told = [f"{_CIS.get(name, name)}/{each}" for name, numbers in rule.benchmarks for each in numbers.split(", ")]
    return [fitted(each, _MOST_REQUIREMENT) for each in told]


def _resource(account: str, key: Key | None, partition: str, region: str) -> dict[str, Any]:
    if key is None:
        return {"Type": "AwsAccount", "Id": f"AWS::::Account:{account}", **place(partition, region)}
    if not key.key_id:
        kind = "AwsIamUser" if key.user else "AwsAccount"
        resource = key.arn if key.user else f"AWS::::Account:{account}"
        return {"Type": kind, "Id": fitted(resource, MOST_REMEDY), **place(partition, region)}
    known = {
        "AccessKeyId": key.key_id,
        "AccountId": account,
        "PrincipalName": key.user or "root",
        "PrincipalType": "IAMUser" if key.user else "Root",
        "Status": "Active" if key.is_active else "Inactive",
        **({"CreatedAt": moment(key.created)} if key.created else {}),
    }
    return {
        "Type": "AwsIamAccessKey",
        "Id": f"AWS::IAM::AccessKey:{key.key_id}",
        **place(partition, region),
        "Details": {"AwsIamAccessKey": {name: fitted(value, MOST_TITLE) for name, value in known.items()}},
    }
