"""What is to be contained: every key that was found or named, with all that is known of it without IAM."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from keysweep.aws import partitions
from keysweep.aws.ownership import LastUse
from keysweep.aws.verify import Answer
from keysweep.findings import Finding, Kind, Recorded, Role
from keysweep.frozen import frozen, replace
from keysweep.verdicts import Verdict

SERVICE_USER = re.compile(r"[\w+=,.@-]{1,64}-at-(\d{12})", re.ASCII)
"""The user name of a service-specific credential, such as those of CodeCommit and long-lived Bedrock API keys."""
_BEDROCK_USER = re.compile(rb"([\w+=,.@-]{1,64}-at-(\d{12})):")


@frozen
class Described:
    """What a key ID tells by itself; detection works it out, because this layer knows none of it."""

    account: str | None
    canary: str | None
    example: bool = False
    """Whether it is a documented example, which belongs to nobody."""


@frozen
class Target:
    """One leaked key."""

    key_id: str
    """For a service-specific credential the user name that it carries, `NAME-at-ACCOUNT`."""
    described: Described
    partition: str
    is_service_credential: bool = False
    is_named: bool = False
    """Whether somebody gave it on the command line, and so vouches for the leak."""
    answer: Answer | None = None
    """What STS said of it; None if it could not be asked."""
    leaked: datetime | None = None
    """When it was first committed, where that is known."""
    checked: datetime | None = None
    """When keysweep itself last used the key to verify it."""
    used_before: LastUse | None = None
    """How it was last used by others before that, where it is known."""
    region: str | None = None
    places: tuple[str, ...] = ()
    """Where it was found, as people write it."""

    @property
    def verdict(self) -> Verdict | None:
        """What STS said of it."""
        return self.answer.verdict if self.answer else None

    @property
    def account(self) -> str | None:
        """Its account: decoded, or as STS says where that is not possible."""
        return self.described.account or (self.verdict.account_id if self.verdict else None)


def targets(
    findings: Sequence[Finding],
    recorded: Iterable[Recorded],
    named: Sequence[str],
    answers: Mapping[str, Answer],
    described: Mapping[str, Described],
    default_partition: str,
    checks: Mapping[str, datetime],
    uses: Mapping[str, LastUse],
) -> list[Target]:
    """One target for each key, in the order in which they come: those found, those only recorded, those named.

    `described` has every key ID; `recorded` are findings whose secrets could not be read again.
    """
    found: dict[str, Target] = {}
    by_key: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.placeholder:
            continue
        if finding.key_id:
            by_key.setdefault(finding.key_id, []).append(finding)
        elif finding.kind is Kind.BEDROCK_LONG and (name := bedrock_user(finding)):
            account = name.rpartition("-at-")[2]
            canary = finding.canary
            before = found.get(name)
            places = (*(before.places if before else ()), place_of(finding))
            found[name] = Target(
                name, Described(account, canary), "aws", is_service_credential=True, places=places
            )
    for key_id, group in by_key.items():
        answer = answers.get(key_id)
        hint = next((each.partition for each in group if each.partition in partitions.BY_NAME), None)
        accepted = answer.verdict.partition if answer else None
        dates = [commit.date for each in group for it in each.exposures for commit in it.introduced if commit.date]
        found[key_id] = Target(
            key_id,
            described[key_id],
            accepted or hint or default_partition,
            answer=answer,
            leaked=min(dates, default=None),
            region=next((each.region for each in group if each.region), None),
            places=tuple(dict.fromkeys(map(place_of, group))),
        )
    for each in recorded:
        if each.key_id and each.key_id not in found:
            found[each.key_id] = Target(
                each.key_id, described[each.key_id], default_partition, places=(each.origin.display,)
            )
    for key_id in named:
        before = found.get(key_id)
        found[key_id] = Target(
            key_id,
            described[key_id],
            before.partition if before else default_partition,
            is_service_credential=SERVICE_USER.fullmatch(key_id) is not None,
            is_named=True,
            answer=before.answer if before else None,
            leaked=before.leaked if before else None,
            region=before.region if before else None,
            places=before.places if before else (),
        )
    return [
        replace(each, checked=checks.get(each.key_id), used_before=uses.get(each.key_id))
        for each in found.values()
    ]


def place_of(finding: Finding) -> str:
    """Where a finding is, as people write it."""
    return f"{finding.origin.display}:{finding.place.line}"


def bedrock_user(finding: Finding) -> str | None:
    """The `NAME-at-ACCOUNT` that a long-lived Bedrock API key carries in itself, before its secret half."""
    part = finding.part(Role.API_KEY)
    if part is None or not part.value.reveal().startswith("ABSK"):
        return None
    body = part.value.reveal()[4:].rstrip("=")
    match = _BEDROCK_USER.match(b64decode(body[: len(body) // 4 * 4]))
    return match[1].decode("ascii") if match else None
