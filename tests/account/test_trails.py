"""What a trail of CloudTrail writes down, by the selectors that somebody has chosen for it."""

from __future__ import annotations

from typing import Any

import pytest

from keysweep.account.reading.trails import trail

LISTED = {"Name": "all", "TrailARN": "arn", "IsMultiRegionTrail": True, "HasCustomEventSelectors": True}


class CloudTrail:
    """One with these selectors."""

    def __init__(self, selectors: dict[str, Any]) -> None:
        self._selectors = selectors

    def get_trail_status(self, Name: str) -> dict[str, Any]:  # noqa: N803
        return {"IsLogging": True}

    def get_event_selectors(self, TrailName: str) -> dict[str, Any]:  # noqa: N803
        return self._selectors


def basic(kind: str, *, managing: bool = True) -> dict[str, Any]:
    return {"EventSelectors": [{"ReadWriteType": kind, "IncludeManagementEvents": managing}]}


def advanced(*fields: tuple[str, list[str]]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": a, "Equals": b} for a, b in fields]}]}


@pytest.mark.parametrize(
    ("selectors", "is_whole"),
    [
        (basic("All"), True),
        (basic("WriteOnly"), False),
        (basic("ReadOnly"), False),
        (basic("All", managing=False), False),
        (advanced(("eventCategory", ["Management"])), True),
        (advanced(("eventCategory", ["Management"]), ("readOnly", ["false"])), False),
        (advanced(("eventCategory", ["Data"]), ("resources.type", ["AWS::S3::Object"])), False),
        ({}, False),
    ],
)
def test_a_trail_that_leaves_out_calls_is_not_whole(selectors: dict[str, Any], is_whole: bool) -> None:
    assert trail(CloudTrail(selectors), LISTED, "eu-west-1").is_whole is is_whole


def test_one_whose_selectors_nobody_has_changed_has_them_all_and_is_not_asked() -> None:
    assert trail(CloudTrail({}), {**LISTED, "HasCustomEventSelectors": False}, "eu-west-1").is_whole
