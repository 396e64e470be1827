"""CloudTrail's LookupEvents over the wrapper's own log: ministack's events are named after HTTP methods."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tests.emulators.log import LoggedRequest
from tests.emulators.ring import Key

_PAGE = 50


def lookup(entries: Iterable[tuple[LoggedRequest, Key]], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The answer to LookupEvents: the newest first, a page at a time."""
    wanted = {
        attribute["AttributeKey"]: attribute["AttributeValue"]
        for attribute in json.loads(parameters.get("LookupAttributes", "[]"))
    }
    start = float(parameters.get("StartTime", "-inf"))
    end = float(parameters.get("EndTime", "inf"))
    events = [_event(entry, key) for entry, key in entries]
    found = [
        event
        for event in reversed(events)
        if start <= event["EventTime"] <= end and all(event.get(name) == text for name, text in wanted.items())
    ]
    first = int(parameters.get("NextToken", "0"))
    last = first + min(int(parameters.get("MaxResults", _PAGE)), _PAGE)
    more = {"NextToken": str(last)} if last < len(found) else {}
    return {"Events": found[first:last], **more}


def _event(entry: LoggedRequest, key: Key) -> dict[str, Any]:
    event_id = str(uuid5(NAMESPACE_OID, f"{entry.at.isoformat()} {entry.key_id} {entry.action}"))
    source = f"{entry.service}.amazonaws.com"
    name = key.user or key.arn.rpartition("/")[2].rpartition(":")[2]
    kind = "IAMUser" if key.user else "Root" if key.is_root else "AssumedRole"
    record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": kind,
            "arn": key.arn,
            "accountId": key.outward.account,
            "accessKeyId": entry.key_id,
            **({"userName": key.user} if key.user else {}),
        },
        "eventTime": f"{entry.at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": source,
        "eventName": entry.action,
        "awsRegion": entry.region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": entry.user_agent,
        "requestParameters": {
            key[:1].lower() + key[1:]: value
            for key, value in entry.parameters.items()
            if key not in ("Action", "Version")
        },
        **({"errorCode": entry.error} if entry.error else {}),
        "eventID": event_id,
        "eventType": "AwsApiCall",
        "recipientAccountId": key.outward.account,
    }
    return {
        "EventId": event_id,
        "EventName": entry.action,
        "EventSource": source,
        "EventTime": entry.at.timestamp(),
        "Username": name,
        "AccessKeyId": entry.key_id,
        "ReadOnly": str(entry.action.startswith(("Get", "List", "Lookup", "Describe"))).lower(),
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }
