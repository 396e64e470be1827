"""An AWS account that is old, slow, busy or odd: one that says what a test wants it to say, as AWS says it."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.emulators import answers
from tests.emulators.wire import Answer, Request

ACCOUNT = "111122223333"
COLUMNS = (
    "user,arn,password_last_used,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service"
)

_JSON = {"Content-Type": "application/x-amz-json-1.1"}


@dataclass
class Iam:
    """What it says to each action; `before` may hold an answer up, or give another."""

    users: dict[str, tuple[str, datetime, str]] = field(default_factory=dict)
    """Name to key ID, when it was made, and its last use as a report tells it: date,region,service."""
    root: str = ""
    """The fields of the root user's keys in the report."""
    root_signed_in: str = "no_information"
    before: Callable[[str, dict[str, str]], Answer | None] = lambda _action, _asked: None
    asked: list[str] = field(default_factory=list)
    policies: dict[str, str] = field(default_factory=dict)
    """Name of a user to what its inline policy allows, one action or a pattern of many."""
    trail: bool | None = True
    """Whether its trail is switched on; None where that may not be asked."""

    def answer(self, request: Request) -> Answer:
        """To one request."""
        if "x-amz-target" in request.headers:
            return self.of_cloudtrail(request, request.headers["x-amz-target"].rpartition(".")[2])
        asked = request.parameters
        action = asked["Action"]
        self.asked.append(action)
        given = self.before(action, asked)
        if given is not None:
            return given
        service = "sts" if action == "GetCallerIdentity" else "iam"
        return answers.success(service, action, self._told(action)(asked))

    def of_cloudtrail(self, _request: Request, action: str) -> Answer:
        """What CloudTrail says, in the JSON that it speaks."""
        if self.trail is None:
            return Answer(400, b'{"__type": "AccessDeniedException"}', _JSON)
        if action == "GetTrailStatus":
            return Answer(200, json.dumps({"IsLogging": self.trail}).encode(), _JSON)
        arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all"
        listed = {"Name": "all", "TrailARN": arn, "HomeRegion": "us-east-1", "IsMultiRegionTrail": True}
        return Answer(200, json.dumps({"trailList": [listed]}).encode(), _JSON)

    def _told(self, action: str) -> Callable[[dict[str, str]], str]:
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", action).lower()
        told: Callable[[dict[str, str]], str] = getattr(self, f"_{name}")
        return told

    def _get_caller_identity(self, _: dict[str, str]) -> str:
        return answers.xml(Arn=f"arn:aws:iam::{ACCOUNT}:user/audit", UserId="AIDA", Account=ACCOUNT)

    def _generate_credential_report(self, _: dict[str, str]) -> str:
        return answers.xml(State="COMPLETE" if self.asked.count("GenerateCredentialReport") > 1 else "STARTED")

    def _get_credential_report(self, _: dict[str, str]) -> str:
        return self.report()

    def report(self) -> str:
        """The report as it is now."""
        nothing = "false,N/A,N/A,N/A,N/A"
        rows = [
            f"<root_account>,arn:aws:iam::{ACCOUNT}:root,{self.root_signed_in},{self.root or nothing},{nothing}"
        ]
        for name, (_key_id, made, use) in self.users.items():
            cell = f'"{name}"' if "," in name else name
            keys = f"true,{made:%Y-%m-%dT%H:%M:%S+00:00},{use}"
            rows.append(f"{cell},arn:aws:iam::{ACCOUNT}:user/{name},no_information,{keys},{nothing}")
        content = b64encode("\n".join([COLUMNS, *rows]).encode()).decode()
        return answers.xml(Content=content, ReportFormat="text/csv", GeneratedTime="2026-11-27T10:00:00Z")

    def _get_account_authorization_details(self, _: dict[str, str]) -> str:
        members = "".join(
            f"<member>{answers.xml(UserName=name, Arn=f'arn:aws:iam::{ACCOUNT}:user/{name}')}"
            f"{self._policy(name)}</member>"
            for name in self.users
        )
        return f"<UserDetailList>{members}</UserDetailList><GroupDetailList/><Policies/><IsTruncated>false</IsTruncated>"

    def _policy(self, name: str) -> str:
        if name not in self.policies:
            return ""
        statement = {"Effect": "Allow", "Action": self.policies[name], "Resource": "*"}
        policy = answers.xml(PolicyName="all", PolicyDocument=quote(json.dumps({"Statement": [statement]})))
        return f"<UserPolicyList><member>{policy}</member></UserPolicyList>"

    def _list_access_keys(self, asked: dict[str, str]) -> str:
        key_id, made, _ = self.users[asked["UserName"]]
        key = answers.xml(
            UserName=asked["UserName"],
            AccessKeyId=key_id,
            Status="Active",
            CreateDate=f"{made:%Y-%m-%dT%H:%M:%SZ}",
        )
        listed = f"<member>{key}</member>" if key_id else ""
        return f"<AccessKeyMetadata>{listed}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"


Event = dict[str, Any]


def event(key_id: str, name: str = "DescribeInstances", source: str = "ec2", **detail: Any) -> Event:
    """A call as CloudTrail wrote it down; `hours` says how long ago, and what is None is left out."""
    at = datetime.now(UTC) - timedelta(hours=detail.pop("hours", 1))
    record = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "accessKeyId": key_id},
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.17.0 md/awscrt#0.20 os/linux#5.10 md/arch#x86_64 lang/python#3.11",
        "eventType": "AwsApiCall",
        **detail,
    }
    read_only = str(name.startswith(("Describe", "Get", "List"))).lower()
    return {
        "EventId": str(uuid4()),
        "EventName": name,
        "EventSource": record["eventSource"],
        "EventTime": at.timestamp(),
        "ReadOnly": read_only,
        "AccessKeyId": key_id,
        "Username": "root"
        if record["userIdentity"] and record["userIdentity"].get("type") == "Root"
        else "somebody",
        "CloudTrailEvent": json.dumps({each: told for each, told in record.items() if told is not None}),
    }


@dataclass
class Cloud(Iam):
    """The account with the services that know what its keys are used for."""

    regions: dict[str, str] = field(default_factory=lambda: {"us-east-1": "opt-in-not-required"})
    """Name to whether it is enabled, as EC2 says it."""
    events: dict[str, list[Event]] = field(default_factory=dict)
    """Region to what happened there."""
    refused: dict[str, list[str]] = field(default_factory=dict)
    """Region to the codes with which CloudTrail refuses there, the last for ever."""
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    """ARN of a user to the services that it may use, each with when it did; empty for never."""
    decisions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Action to what the simulator decides, and what else it says of that, XML."""
    trails: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Region to the trails that were made there; without any, what `trail` says."""
    looked_up: list[tuple[str, float, str]] = field(default_factory=list)
    """Region, time and value of each LookupEvents."""
    repeats_pages: bool = False
    stuck: frozenset[str] = frozenset()
    """Regions whose CloudTrail takes too long."""

    def answer(self, request: Request) -> Answer:
        """To one request."""
        if "x-amz-target" in request.headers or request.parameters["Action"] != "DescribeRegions":
            return super().answer(request)
        self.asked.append("DescribeRegions")
        if (given := self.before("DescribeRegions", request.parameters)) is not None:
            return given
        told = "".join(
            f"<item>{answers.xml(regionName=name, optInStatus=state)}</item>"
            for name, state in self.regions.items()
        )
        body = f"<DescribeRegionsResponse><regionInfo>{told}</regionInfo></DescribeRegionsResponse>"
        return Answer(200, body.encode(), {"Content-Type": "text/xml"})

    def of_cloudtrail(self, request: Request, action: str) -> Answer:
        """What CloudTrail says of one region, by whose name the request is signed."""
        region = request.headers["authorization"].split("/")[2]
        body = json.loads(request.body)
        if action == "DescribeTrails" and self.trails:
            listed = {"trailList": self.trails.get(region, [])}
            return Answer(200, json.dumps(listed).encode(), _JSON)
        if action != "LookupEvents":
            return super().of_cloudtrail(request, action)
        (wanted,) = body["LookupAttributes"]
        self.looked_up.append((region, time.monotonic(), wanted["AttributeValue"]))
        if region in self.stuck:
            time.sleep(15)
        if codes := self.refused.get(region):
            code = codes[0] if len(codes) == 1 else codes.pop(0)
            if code:
                return Answer(400, json.dumps({"__type": code, "message": "no"}).encode(), _JSON)
        found = [
            each
            for each in self.events.get(region, [])
            if each[wanted["AttributeKey"]] == wanted["AttributeValue"]
        ]
        found = [each for each in found if "EventTime" not in each or each["EventTime"] >= body["StartTime"]]
        start = int(body.get("NextToken", "0"))
        shown: dict[str, Any] = {"Events": found[start : start + 50]}
        if start + 50 < len(found):
            shown["NextToken"] = "0" if self.repeats_pages else str(start + 50)
        return Answer(200, json.dumps(shown).encode(), _JSON)

    def _generate_credential_report(self, _: dict[str, str]) -> str:
        return answers.xml(State="COMPLETE")

    def _generate_service_last_accessed_details(self, asked: dict[str, str]) -> str:
        return answers.xml(JobId=asked["Arn"].ljust(36, "-"))

    def _get_service_last_accessed_details(self, asked: dict[str, str]) -> str:
        ready = self.asked.count("GetServiceLastAccessedDetails") > 1
        start = int(asked.get("Marker", "0"))
        all_services = [*self.services.get(asked["JobId"].rstrip("-"), {}).items()]
        services = all_services[start : start + 3]
        more = answers.xml(IsTruncated="true", Marker=str(start + 3)) if len(all_services) > start + 3 else ""
        members = "".join(
            f"<member>{answers.xml(ServiceName=name, ServiceNamespace=name, **({'LastAuthenticated': at} if at else {}))}"
            "</member>"
            for name, at in services
        )
        told = answers.xml(
            JobStatus="COMPLETED" if ready else "IN_PROGRESS",
            JobCreationDate="2026-11-27T10:00:00Z",
            JobCompletionDate="2026-11-27T10:00:01Z",
        )
        return f"{told}<ServicesLastAccessed>{members}</ServicesLastAccessed>{more or answers.xml(IsTruncated='false')}"

    def _simulate_principal_policy(self, asked: dict[str, str]) -> str:
        actions = [text for name, text in asked.items() if name.startswith("ActionNames.member.")]
        members = ""
        for action in actions:
            decision, more = self.decisions.get(action, self.decisions.get("*", ("allowed", "")))
            told = answers.xml(EvalActionName=action, EvalResourceName="*", EvalDecision=decision)
            members += f"<member>{told}{more}</member>"
        return f"<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"
