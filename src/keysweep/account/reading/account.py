"""The access keys of one account, read from IAM and changed in nothing.

A credential report tells of all users at once whether they have keys, how old these are and when they were used,
so only users that have some are asked for their IDs. AWS makes a new report every four hours at most (IAM API
reference, GenerateCredentialReport). Without one each user is asked, and of each key the last use.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from keysweep.account.evidence import Account, Gap, Key, Powers, RootUse, Trail, User
from keysweep.account.judging.words import some
from keysweep.account.reading.asking import alone, attempt, each_of
from keysweep.account.reading.powers import powers
from keysweep.account.reading.trails import NEEDS as TRAILS_NEED
from keysweep.account.reading.trails import trails_of
from keysweep.aws.clients import NOT_THERE, code_of, failures, in_words
from keysweep.aws.inventory import ReportedKey, in_report
from keysweep.aws.ownership import LastUse, is_active, last_use_of, utc
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError
from keysweep.frozen import frozen, replace

_REPORT_NEEDS = "iam:GenerateCredentialReport, iam:GetCredentialReport"
_REPORT_SECONDS = 60
_REPORT_PAUSE_SECONDS = 1.0
_ROOT = "<root_account>"
"""What every report calls the root user (IAM user guide, Getting credential reports)."""


@frozen
class Person:
    """A user as all are listed."""

    name: str
    arn: str
    powers: Powers | None


@frozen
class _Report:
    made: datetime
    keys: tuple[ReportedKey, ...]
    users: frozenset[str]
    """All users that it knows."""
    root_signed_in: datetime | None
    """When the password of the root user was last used; None if that was never, or is not known."""


@frozen
class Overview:
    """What is known of all users at once, before any is asked about."""

    people: tuple[Person, ...]
    report: _Report | None
    trails: tuple[Trail, ...] | None
    gaps: tuple[Gap, ...]

    @property
    def holders(self) -> tuple[Person, ...]:
        """Those who may have keys."""
        if self.report is None:
            return self.people
        reported = {each.user: each.arn for each in self.report.keys if each.user is not None}
        listed = {each.name for each in self.people}
        # Whom the report alone knows is gone by now, or was left out where all users were listed.
        others = (Person(name, arn, None) for name, arn in reported.items() if name not in listed)
        asked = (each for each in self.people if each.name in reported or each.name not in self.report.users)
        return (*asked, *others)

    def unlisted(self, names: Iterable[str]) -> list[Gap]:
        """What is not known of those of these users whom AWS did not list: none, or one for all."""
        strange = sorted({*names} - {each.name for each in self.people})
        return [Gap(f"what {some(strange)} may do", "", "not listed with the other users")] if strange else []


def overview(acting: Acting) -> Overview:
    """Who there is, what they may do, and what a credential report tells.

    What may not be read stands in `gaps`, and nothing is made up in its place. Raises AwsError where not even the
    users can be told.
    """
    iam = acting.client("iam")
    gaps: list[Gap] = []
    report = attempt(gaps, "a credential report", _REPORT_NEEDS, lambda: _report(iam))
    people = attempt(
        gaps, "what users may do", "iam:GetAccountAuthorizationDetails", lambda: list(_people(iam, gaps))
    )
    listed = people if people is not None else _listed_people(iam)
    trails = attempt(gaps, "whether CloudTrail writes down what is done", TRAILS_NEED, lambda: trails_of(acting))
    once = {each.name: each for each in listed}
    return Overview(tuple(once.values()), report, trails, tuple(gaps))


def read_account(
    acting: Acting,
    known: Overview,
    *,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Account:
    """The account with the keys of all users, as far as they were read until `goes_on` says no.

    `watch` hears of how many users have been asked. What could not be read stands in `gaps`.
    """
    iam = acting.client("iam")
    report, holders = known.report, known.holders
    rows = {(each.user, each.rotated): each.last_use for each in report.keys} if report else {}
    users = []
    gaps: list[Gap] = []
    for number, (person, keys) in enumerate(_keys_of(iam, holders, rows, gaps, goes_on), 1):
        watch(number, len(holders))
        if keys:
            users.append(User(person.name, person.arn, keys, person.powers))
    gaps += known.unlisted(user.name for user in users)
    root_keys = _root_keys(iam, report, acting, gaps, goes_on)
    return Account(
        acting.account,
        acting.partition.name,
        acting.now(),
        tuple(sorted(users, key=lambda it: it.name)),
        len(known.people),
        root_keys,
        report.made if report else None,
        (*known.gaps, *dict.fromkeys(gaps)),
        known.trails,
        RootUse(report.root_signed_in) if report else None,
    )


def _report(iam: Any) -> _Report:
    """Have a credential report made, and read it. Raises AwsError, or what botocore raises."""
    until = time.monotonic() + _REPORT_SECONDS
    while iam.generate_credential_report().get("State") != "COMPLETE":
        if time.monotonic() > until:
            raise AwsError("AWS makes the credential report and is not ready: try again in a few minutes.")
        time.sleep(_REPORT_PAUSE_SECONDS)
    answer = iam.get_credential_report()
    text = bytes(answer["Content"]).decode("utf-8", "replace")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not {"user", "arn"} <= {*(rows.fieldnames or ())}:
        raise AwsError("AWS gave a credential report without users: try again.")
    signed_in = {row["user"]: row.get("password_last_used") for row in rows}
    return _Report(
        answer["GeneratedTime"].astimezone(UTC),
        tuple(in_report(text, "the credential report")),
        frozenset(signed_in),
        _moment(signed_in.get(_ROOT)),
    )


def _moment(cell: str | None) -> datetime | None:
    """A time in a report; None for what stands there where there is none."""
    try:
        return datetime.fromisoformat(cell or "").astimezone(UTC)
    except ValueError:
        return None


def _people(iam: Any, gaps: list[Gap]) -> Iterator[Person]:
    """All users and what their policies allow; raises what botocore raises.

    Of whom a policy cannot be read it is not known, unless the others are enough to take the account over.
    """
    details: list[dict[str, Any]] = []
    groups: dict[str, dict[str, Any]] = {}
    managed: dict[str, Mapping[str, Any] | None] = {}
    wanted = ["User", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
    for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=wanted):
        details += page["UserDetailList"]
        groups |= {each["GroupName"]: each for each in page["GroupDetailList"]}
        for policy in page["Policies"]:
            versions = policy.get("PolicyVersionList", [])
            managed[policy["Arn"]] = next(
                (each["Document"] for each in versions if each.get("IsDefaultVersion")), None
            )
    unread = []
    for each in details:
        granted = list(_granted(each, "UserPolicyList", ""))
        for group in each.get("GroupList", []):
            granted += (
                _granted(groups[group], "GroupPolicyList", f"{group}: ")
                if group in groups
                else [(group, "", None)]
            )
        documents = [document if document is not None else managed.get(arn) for _, arn, document in granted]
        read = [document for document in documents if isinstance(document, Mapping)]
        own = [each["Arn"], *(groups[group]["Arn"] for group in each.get("GroupList", []) if group in groups)]
        own += [arn for _, arn, _ in granted if arn and not _is_of_aws(arn)]
        known = powers(read, [name for name, _, _ in granted], own)
        is_known = len(read) == len(documents) or known.takes_over
        unread += [] if is_known else [each["UserName"]]
        yield Person(each["UserName"], each["Arn"], known if is_known else None)
    if unread:
        reason = "AWS gave none that can be read for at least one of their policies"
        gaps.append(Gap(f"what all policies of {some(sorted(unread))} allow", "", reason))


def _is_of_aws(policy: str) -> bool:
    """Whether nobody but AWS can change the policy."""
    return policy.split(":")[4:5] == ["aws"]


def _granted(
    holder: Mapping[str, Any], inline: str, prefix: str
) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    """Name, ARN and document of each policy of a user or group; of managed ones the document is elsewhere."""
    for each in holder.get(inline, []):
        yield f"{prefix}inline {each['PolicyName']}", "", each["PolicyDocument"]
    for each in holder.get("AttachedManagedPolicies", []):
        yield f"{prefix}{each['PolicyName']}", each["PolicyArn"], None


def _listed_people(iam: Any) -> list[Person]:
    try:
        pages = iam.get_paginator("list_users").paginate()
        return [Person(each["UserName"], each["Arn"], None) for page in pages for each in page["Users"]]
    except failures() as error:
        raise in_words(error, "list the users of the account (iam:ListUsers)") from error


def _keys_of(
    iam: Any,
    people: Iterable[Person],
    rows: Mapping[tuple[str | None, datetime], LastUse],
    gaps: list[Gap],
    goes_on: Callable[[], bool],
) -> Iterator[tuple[Person, tuple[Key, ...]]]:
    """The keys of each user, in the order in which they come."""

    def asked(person: Person) -> tuple[Person, tuple[Key, ...]]:
        listed = attempt(gaps, "which keys users have", "iam:ListAccessKeys", lambda: listed_keys(iam, person))
        return person, tuple(_used(iam, each, rows, gaps) for each in listed or ())

    return each_of(people, asked, "which keys users have", gaps, goes_on)


def listed_keys(iam: Any, person: Person) -> list[Key]:
    """The keys of one user, none of one who is gone meanwhile; raises what botocore raises."""
    try:
        pages = iam.get_paginator("list_access_keys").paginate(UserName=person.name)
        return [
            Key(
                each["AccessKeyId"],
                person.name,
                person.arn,
                is_active(each),
                utc(each.get("CreateDate")),
                None,
            )
            for page in pages
            for each in page["AccessKeyMetadata"]
        ]
    except failures() as error:
        if code_of(error) in NOT_THERE:
            return []
        raise


def _used(iam: Any, key: Key, rows: Mapping[tuple[str | None, datetime], LastUse], gaps: list[Gap]) -> Key:
    """The key with its last use, from the report or, if that is older than the key, from IAM."""
    if key.created and (known := rows.get((key.user, key.created.replace(microsecond=0)))):
        return replace(key, last_use=known)

    def ask() -> LastUse:
        return last_use_of(iam.get_access_key_last_used(AccessKeyId=key.key_id)["AccessKeyLastUsed"])

    return replace(key, last_use=attempt(gaps, "when keys were used", "iam:GetAccessKeyLastUsed", ask))


def _root_keys(
    iam: Any, report: _Report | None, acting: Acting, gaps: list[Gap], goes_on: Callable[[], bool]
) -> tuple[Key, ...]:
    arn = f"arn:{acting.partition.name}:iam::{acting.account}:root"
    if report and _ROOT in report.users:
        rows = (each for each in report.keys if each.user is None)
        return tuple(Key("", None, arn, each.is_active, each.rotated, each.last_use) for each in rows)

    what = "whether the root user has keys"

    def ask() -> int:
        return int(iam.get_account_summary()["SummaryMap"].get("AccountAccessKeysPresent", 0))

    count = alone(lambda: attempt(gaps, what, "iam:GetAccountSummary", ask), what, gaps, goes_on) or 0
    return tuple(Key("", None, arn, True, None, None) for _ in range(count))
