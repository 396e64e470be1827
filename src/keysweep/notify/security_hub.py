"""Findings of AWS Security Hub, in its format (ASFF): as documents, and sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from keysweep.aws import clients
from keysweep.errors import AwsError
from keysweep.findings import Kind
from keysweep.frozen import frozen
from keysweep.notify.messages import Digest, Notice
from keysweep.notify.posting import NotTaken, Patience
from keysweep.notify.taken import Taken
from keysweep.notify.words import shown
from keysweep.regions import partition_of
from keysweep.report.asff import (
    LABELS,
    LEAKED,
    MOST_DESCRIPTION,
    MOST_REMEDY,
    MOST_TITLE,
    SCHEMA_VERSION,
    moment,
    place,
    product_arn,
)
from keysweep.report.decisions import MEANINGS
from keysweep.report.style import number_of
from keysweep.report.text import TITLES
from keysweep.standing import Standing

AGAIN_AFTER = timedelta(days=60)
"""Security Hub deletes an active finding that nobody has updated for 90 days, however open its leak still is."""
_ACTIVE = frozenset({Standing.LIVE, Standing.ACTIVE, Standing.WRONG_SECRET})
_OFF = frozenset({Standing.OFF, Standing.INACTIVE})


@frozen
class Hub:
    """The Security Hub of one account in one region."""

    account: str
    region: str
    profile: str | None = None
    sends: bool = False
    """Whether findings are sent there, and not only written into files."""
    endpoint: str | None = None
    """In place of AWS, where an option of the command line says so."""

    @property
    def partition(self) -> str:
        """Where the region is."""
        return partition_of(self.region)

    def send(self, message: Notice | Digest, now: datetime, patience: Patience) -> Taken:  # noqa: ARG002
        """Send up to a hundred findings; raises NotTaken where all of them are refused.

        botocore tries again where that helps.
        """
        assert isinstance(message, Digest)
        findings = {each.facts.fingerprint: finding(each, self, now) for each in message.notices}
        try:
            session = clients.session(self.profile, self.region)
            hub = clients.client(session, "securityhub", self.region, self.endpoint)
            with clients.translated("import findings into Security Hub"):
                answer = hub.batch_import_findings(Findings=list(findings.values()))
                count = int(answer["FailedCount"])
                failed = {each["Id"]: f"{each['ErrorCode']}: {each['ErrorMessage']}" for each in _failed(answer)}
        except AwsError as error:
            raise NotTaken(str(error).rstrip(".")) from None
        by_id = {each["Id"]: fingerprint for fingerprint, each in findings.items()}
        refused = {by_id[each]: shown(why) for each, why in failed.items() if each in by_id}
        if count > len(refused):
            raise NotTaken(f"Security Hub refused {number_of(count, 'finding')} and does not say which")
        return Taken(refused)


def _failed(answer: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    given: Sequence[Mapping[str, str]] = answer.get("FailedFindings", ())
    return given


def finding(notice: Notice, hub: Hub, now: datetime) -> dict[str, Any]:
    """One leak as a finding. Its Id stays, so that what becomes of the leak changes the finding.

    Security Hub takes the status of the workflow from the first import only; after it people decide on that. So a
    leak that is settled is archived as well, which every import can do. One that is settled at its first import is
    `RESOLVED`, whoever settled it: a finding that is archived and active again becomes `NEW` by itself if it was
    resolved, and stays out of sight for ever if it was `SUPPRESSED`.
    """
    due, facts = notice.due, notice.facts
    severity = {"Label": LABELS[due.severity], "Original": due.severity.label}
    title = f"{TITLES[Kind(facts.kind)]} {facts.key_id or ''}".rstrip()
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": f"keysweep/leak/{facts.fingerprint}",
        "ProductArn": product_arn(hub.account, hub.region),
        "GeneratorId": f"keysweep/{facts.kind}",
        "AwsAccountId": hub.account,
        "Types": [LEAKED],
        "CreatedAt": moment(facts.first_seen),
        "UpdatedAt": moment(now),
        "FirstObservedAt": moment(facts.first_seen),
        "LastObservedAt": moment(facts.last_seen),
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": [LEAKED]},
        "Title": shown(f"{title} in source code")[:MOST_TITLE],
        "Description": _description(notice),
        "Remediation": {
            "Recommendation": {"Text": notice.step[:MOST_REMEDY], **({"Url": notice.link} if notice.link else {})}
        },
        **({"SourceUrl": notice.link} if notice.link else {}),
        "ProductFields": _fields(notice),
        "Resources": [_resource(notice, hub)],
        "Workflow": {"Status": "RESOLVED" if due.is_quiet else "NEW"},
        "RecordState": "ARCHIVED" if due.is_quiet else "ACTIVE",
    }


def _description(notice: Notice) -> str:
    meaning = MEANINGS[notice.due.standing]
    told = [f"{meaning.label}: {meaning.text}."]
    told += [f"{name + ': ' if name else ''}{value}" for name, value in notice.lines() if name in _DESCRIBED]
    return "\n".join(told)[:MOST_DESCRIPTION]


_DESCRIBED = frozenset({"Known because", "Where", "", "Author"})


def _fields(notice: Notice) -> dict[str, str]:
    due, facts = notice.due, notice.facts
    told = {
        "Fingerprint": facts.fingerprint,
        "Standing": due.standing.value,
        "Status": due.status,
        "HasSecret": "yes" if facts.has_secret else "no",
        "Places": str(facts.places),
        "Repositories": str(facts.repositories),
        "Assignee": shown(facts.assignee) if facts.assignee else "",
        "Introduced": moment(facts.introduced) if facts.introduced else "",
        "Contained": moment(facts.contained) if facts.contained else "",
    }
    for number, spot in enumerate(facts.spots, 1):
        told[f"Place/{number}"] = f"{shown(spot.repository)}: {shown(spot.path)}:{spot.line}"
    return {f"keysweep/{name}": value for name, value in told.items() if value}


def _resource(notice: Notice, hub: Hub) -> dict[str, Any]:
    due, facts = notice.due, notice.facts
    if facts.key_id is None:
        return {
            "Type": "Other",
            "Id": f"keysweep/leak/{facts.fingerprint}",
            **place(hub.partition, hub.region),
            "Details": {"Other": {"Kind": facts.kind}},
        }
    known: dict[str, str | None] = {
        "AccessKeyId": facts.key_id,
        "AccountId": facts.account_id,
        "PrincipalName": facts.owner,
        "PrincipalType": _PRINCIPALS.get(facts.principal or ""),
        "Status": "Active" if due.standing in _ACTIVE else "Inactive" if due.standing in _OFF else None,
    }
    return {
        "Type": "AwsIamAccessKey",
        "Id": f"AWS::IAM::AccessKey:{facts.key_id}",
        **place(facts.partition or hub.partition, hub.region),
        "Details": {"AwsIamAccessKey": {name: shown(value) for name, value in known.items() if value}},
    }


_PRINCIPALS = {"root": "Root", "user": "IAMUser", "role": "AssumedRole", "federated-user": "FederatedUser"}
