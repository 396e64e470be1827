"""An AWS with an organisation of any size, which is busy, slow or reluctant as a test or a measurement wants it."""

from __future__ import annotations

import json
import random
import re
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from fixtures import keys
from tests.emulators import answers
from tests.emulators.wire import Answer, Given, Request

OWN = "111122223333"
"""Whose operator asks: the management account."""
ROLE = "keysweep-audit"
_LISTED = 20
_DETAILED = 100
_COLUMNS = (
    "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service"
)
_NOBODY = "false,N/A,N/A,N/A,N/A"
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")


@dataclass
class Organisation:
    """Every account has the same users, `user-0` and so on, of whom the first `holders` have one old key each."""

    accounts: tuple[str, ...]
    """Members; the management account is one more."""
    users: int = 3
    holders: int = 2
    before: Callable[[str, str, dict[str, str]], Given | None] = lambda _account, _action, _asked: None
    """May give another answer to an account's action."""
    throttled: float = 0.0
    """Share of IAM's answers that ask for fewer requests."""
    latency: float = 0.0
    """Seconds."""
    suspended: frozenset[str] = frozenset()
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each account was asked for each action."""

    def __post_init__(self) -> None:
        self._rng = random.Random(11)
        self._lock = Lock()
        self._made = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)

    @property
    def all(self) -> list[str]:
        """In the order in which they are listed."""
        return sorted((OWN, *self.accounts))

    def key_id(self, account: str, number: int) -> str:
        """Of the key of user `number`."""
        return keys.key_id(random.Random(f"{account}/{number}"), "AKIA", int(account))

    def answer(self, request: Request) -> Given:
        """To one request."""
        time.sleep(self.latency)
        found = _CREDENTIAL.search(request.headers.get("authorization", ""))
        # Sessions of a member are signed for with a key ID that this server made of its account.
        account = found[1][4:16] if found and found[1].startswith("ASIA") else OWN
        action, asked = request.action, request.parameters
        with self._lock:
            self.asked[account, action] += 1
            is_busy = self._rng.random() < self.throttled
        service = "json" if "x-amz-target" in request.headers else "iam"
        if is_busy and service == "iam":
            return answers.error("iam", "Throttling")
        if (given := self.before(account, action, asked)) is not None:
            return given
        if service == "json":
            content = json.dumps(self._in_json(action, asked)).encode()
            return Answer(200, content, {"Content-Type": "application/x-amz-json-1.1"})
        kind = "sts" if action in {"AssumeRole", "GetCallerIdentity"} else "iam"
        return answers.success(kind, action, self._in_xml(account, action, asked))

    def _in_json(self, action: str, asked: dict[str, str]) -> dict[str, object]:
        if action == "ListAccounts":
            first = int(asked.get("NextToken", 0))
            page = [
                {"Id": each, "Name": f"team {each}", "Status": "SUSPENDED" if each in self.suspended else "ACTIVE"}
                for each in self.all[first : first + _LISTED]
            ]
            more = {"NextToken": str(first + _LISTED)} if first + _LISTED < len(self.all) else {}
            return {"Accounts": page, **more}
        if action == "GetTrailStatus":
            return {"IsLogging": True}
        arn = f"arn:aws:cloudtrail:us-east-1:{OWN}:trail/all"
        trail = {"Name": "all", "TrailARN": arn, "HomeRegion": "us-east-1", "IsMultiRegionTrail": True}
        return {"trailList": [trail]}

    def _in_xml(self, account: str, action: str, asked: dict[str, str]) -> str:
        if action == "GetCallerIdentity":
            name = "user/auditor" if account == OWN else f"assumed-role/{ROLE}/keysweep"
            return answers.xml(Arn=f"arn:aws:iam::{account}:{name}", UserId="AIDA", Account=account)
        if action == "AssumeRole":
            to = asked["RoleArn"].split(":")[4]
            end = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
            session = answers.xml(
                AccessKeyId=f"ASIA{to}", SecretAccessKey="made-up", SessionToken="made-up", Expiration=end
            )
            return f"<Credentials>{session}</Credentials>"
        if action == "GenerateCredentialReport":
            return answers.xml(State="COMPLETE")
        if action == "GetCredentialReport":
            content = b64encode("\n".join(self._report(account)).encode()).decode()
            return answers.xml(Content=content, ReportFormat="text/csv", GeneratedTime="2026-11-27T10:00:00Z")
        if action == "GetAccountAuthorizationDetails":
            return self._details(account, int(asked.get("Marker", 0)))
        return self._listed(account, asked["UserName"])

    def _report(self, account: str) -> list[str]:
        key = f"true,{self._made:%Y-%m-%dT%H:%M:%S+00:00},{self._made:%Y-%m-%dT%H:%M:%S+00:00},eu-west-1,s3"
        rows = [f"<root_account>,arn:aws:iam::{account}:root,{_NOBODY},{_NOBODY}"]
        for number in range(self.users):
            has = key if number < self.holders else _NOBODY
            rows.append(f"user-{number},arn:aws:iam::{account}:user/user-{number},{has},{_NOBODY}")
        return [_COLUMNS, *rows]

    def _details(self, account: str, first: int) -> str:
        page = range(first, min(first + _DETAILED, self.users))
        people = "".join(
            f"<member>{answers.xml(UserName=f'user-{each}', Arn=f'arn:aws:iam::{account}:user/user-{each}')}</member>"
            for each in page
        )
        is_more = page.stop < self.users
        more = answers.xml(Marker=str(page.stop)) if is_more else ""
        return (
            f"<UserDetailList>{people}</UserDetailList><GroupDetailList/><Policies/>"
            f"<IsTruncated>{str(is_more).lower()}</IsTruncated>{more}"
        )

    def _listed(self, account: str, user: str) -> str:
        key = answers.xml(
            UserName=user,
            AccessKeyId=self.key_id(account, int(user.removeprefix("user-"))),
            Status="Active",
            CreateDate=f"{self._made:%Y-%m-%dT%H:%M:%SZ}",
        )
        return f"<AccessKeyMetadata><member>{key}</member></AccessKeyMetadata><IsTruncated>false</IsTruncated>"


def members(count: int) -> tuple[str, ...]:
    """Account IDs."""
    return tuple(f"{222200000000 + number:012d}" for number in range(count))
