"""Trails of CloudTrail: which regions each has the events of, whether it is on, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keysweep.account.evidence import Trail
from keysweep.aws.responders import Acting

NEEDS = "cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors"


def trails_of(acting: Acting) -> tuple[Trail, ...]:
    """All trails that have events of this account, those of its organisation too; raises what botocore raises."""
    found = acting.client("cloudtrail").describe_trails(includeShadowTrails=True)["trailList"]
    return tuple(
        trail(acting.client("cloudtrail", each.get("HomeRegion")), each, str(each.get("HomeRegion") or ""))
        for each in found
    )


def trail(cloudtrail: Any, listed: Mapping[str, Any], home: str) -> Trail:
    """One that is listed so; raises what botocore raises."""
    is_logging = cloudtrail.get_trail_status(Name=listed["TrailARN"])["IsLogging"]
    # One whose selectors nobody has changed has all management events (CloudTrail API reference, EventSelector).
    has_own = bool(listed.get("HasCustomEventSelectors"))
    kept = set(_kept(cloudtrail.get_event_selectors(TrailName=listed["TrailARN"]))) if has_own else {True, False}
    return Trail(
        listed["Name"], bool(listed.get("IsMultiRegionTrail")), bool(is_logging), home, kept == {True, False}
    )


def _kept(answer: Mapping[str, Any]) -> Iterator[bool]:
    """Of calls that manage something: True where those are kept that only read, False where those that change."""
    for each in answer.get("EventSelectors") or ():
        if each.get("IncludeManagementEvents", True):
            yield from {"ReadOnly": [True], "WriteOnly": [False]}.get(each.get("ReadWriteType"), [True, False])
    for each in answer.get("AdvancedEventSelectors") or ():
        fields = {one["Field"]: one.get("Equals", []) for one in each["FieldSelectors"]}
        if "Management" in fields.get("eventCategory", []):
            yield from [told == "true" for told in fields.get("readOnly", ["true", "false"])]
