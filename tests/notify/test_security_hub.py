"""Findings of Security Hub: as its own service model has them, and as an emulator of it takes them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from keysweep.findings import Severity
from keysweep.frozen import replace
from keysweep.notify.run import tell
from keysweep.notify.security_hub import Hub, finding
from keysweep.report.asff import BATCH
from keysweep.standing import Standing
from keysweep.store.opening import Store
from keysweep.verdicts import Status
from tests.emulators.keys import AccessKey
from tests.emulators.moto import Moto
from tests.emulators.wire import Answer
from tests.notify.filling import HASTY, WHEN, leak, receiver, receivers, verdict
from tests.notify.samples import DUE, FACTS, NOTICE, hostile
from tests.report.samples import HOSTILE

HUB = Hub("111122223333", "eu-central-1")
DESCRIBED = (
    '[[channel]]\nname = "hub"\nkind = "security-hub"\naccount = "{account}"\nregion = "us-east-1"\nsend = true\n'
)


def checked(*findings: dict[str, Any]) -> None:
    """Valid to botocore, whose model knows fields, types and least lengths, and to what AWS's guide says besides."""
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    report = ParamValidator().validate({"Findings": list(findings)}, shape)
    assert not report.has_errors(), report.generate_report()
    for each in findings:
        _known({"Findings": [each]}, shape)
        assert len(each["Title"]) <= 256
        assert len(each["Description"]) <= 1024
        assert len(each["Id"]) <= 512
        assert len(each["Remediation"]["Recommendation"]["Text"]) <= 512
        assert len(each["ProductFields"]) <= 50
        assert all(len(name) <= 128 and len(value) <= 2048 for name, value in each["ProductFields"].items())
        assert all(kind.count("/") == 2 for kind in each["Types"])
        assert len(json.dumps(each)) < 240_000


def _known(value: Any, shape: Any) -> None:
    """Every value of an enumeration is in the model, which botocore does not look at."""
    if shape.type_name == "structure":
        for name, each in value.items():
            _known(each, shape.members[name])
    elif shape.type_name == "list":
        for each in value:
            _known(each, shape.member)
    elif shape.type_name == "string" and getattr(shape, "enum", None):
        assert value in shape.enum


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("status", ["open", "real", "accepted", "false", "resolved"])
def test_a_leak_is_a_valid_finding_however_it_stands(standing: Standing, status: str) -> None:
    made = finding(replace(NOTICE, due=replace(DUE, standing=standing, status=status)), HUB, WHEN)
    checked(made)
    settled = status in ("accepted", "false", "resolved") or standing in (
        Standing.OFF, Standing.INACTIVE, Standing.EXPIRED, Standing.DEAD, Standing.CANARY, Standing.EXAMPLE
    )  # fmt: skip
    assert made["RecordState"] == ("ARCHIVED" if settled else "ACTIVE")
    # Never suppressed: Security Hub would keep it so when the leak is open again, and nobody would see it.
    assert made["Workflow"]["Status"] == ("RESOLVED" if settled else "NEW")


@pytest.mark.parametrize("severity", Severity)
def test_all_that_may_be_unknown_may_be_missing(severity: Severity) -> None:
    unknown = dict.fromkeys(
        ("key_id", "account_id", "partition", "arn", "principal", "owner", "checked", "assignee", "introduced")
    )
    facts = replace(FACTS, **unknown, reason="", spots=(), places=0, repositories=0)
    notice = replace(NOTICE, facts=facts, due=replace(DUE, severity=severity), link=None)
    checked(finding(notice, HUB, WHEN))
    checked(finding(replace(notice, facts=replace(facts, key_id="AKIA" + "Q" * 16)), HUB, WHEN))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_make_a_valid_finding(text: str) -> None:
    made = finding(hostile(text), HUB, WHEN)
    checked(made)
    assert not set(json.dumps(made, ensure_ascii=False)) & set("\x1b\x9b\u202e\u2066\udce9\ud800")


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_findings_are_valid_in_every_partition(region: str, partition: str) -> None:
    hub = Hub("111122223333", region)
    for each in ("aws", "aws-eusc", None):
        made = finding(replace(NOTICE, facts=replace(FACTS, partition=each)), hub, WHEN)
        checked(made)
        assert made["ProductArn"].startswith(f"arn:{partition}:securityhub:{region}:")


def test_a_finding_keeps_its_id_while_it_is_resolved() -> None:
    live, off = (
        finding(replace(NOTICE, due=replace(DUE, standing=each)), HUB, WHEN)
        for each in (Standing.LIVE, Standing.OFF)
    )
    assert live["Id"] == off["Id"]
    assert (live["Workflow"]["Status"], off["Workflow"]["Status"]) == ("NEW", "RESOLVED")
    (resource,) = off["Resources"]
    assert (resource["Type"], resource["Details"]["AwsIamAccessKey"]["Status"]) == ("AwsIamAccessKey", "Inactive")
    assert live["ProductArn"].endswith(":securityhub:eu-central-1:111122223333:product/111122223333/default")


@pytest.fixture
def operator(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> AccessKey:
    """Somebody of the account whose Security Hub that is."""
    key = moto.administrator()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return key


def test_security_hub_gets_each_leak_once_and_its_end(
    store: Store, chance: random.Random, tmp_path: Path, moto: Moto, operator: AccessKey
) -> None:
    keys = [leak(store, chance) for _ in range(BATCH + 5)]
    who = receivers(tmp_path, DESCRIBED.format(account=operator.account))
    (first,) = tell(store, who, {}, endpoint=moto.endpoint, patience=HASTY).channels
    assert (first.told, first.messages, first.complaints) == (BATCH + 5, 2, ())
    verdict(store, keys[0], Status.DEAD)
    (second,) = tell(store, who, {}, endpoint=moto.endpoint, patience=HASTY).channels
    assert (second.told, second.messages) == (1, 1)
    pages = moto.client("securityhub", operator).get_paginator("get_findings").paginate()
    kept = [each for page in pages for each in page["Findings"]]
    assert len(kept) == BATCH + 5
    (settled,) = (each for each in kept if each["RecordState"] == "ARCHIVED")
    assert settled["Resources"][0]["Details"]["AwsIamAccessKey"]["AccessKeyId"] == keys[0]


def test_a_finding_that_is_refused_alone_is_due_again(
    store: Store, chance: random.Random, tmp_path: Path, operator: AccessKey
) -> None:
    for _ in range(3):
        leak(store, chance)
    who = receivers(tmp_path, DESCRIBED.format(account=operator.account))

    def refuses(request: Any) -> Answer:
        refused = json.loads(request.body)["Findings"][1]["Id"]
        failed = [{"Id": refused, "ErrorCode": "InvalidInput", "ErrorMessage": "\x1b[2J no"}]
        return Answer(200, json.dumps({"FailedCount": 1, "SuccessCount": 2, "FailedFindings": failed}).encode())

    with receiver(refuses) as it:
        (channel,) = tell(store, who, {}, endpoint=it.address, patience=HASTY).channels
    assert (channel.told, len(channel.complaints)) == (2, 1)
    assert "InvalidInput: \\x1b[2J no" in channel.complaints[0]
    assert tell(store, who, {}, rehearse=True).channels[0].due == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, b'{"Code": "AccessDeniedException"}', {"x-amzn-errortype": "AccessDeniedException"}),
        Answer(200, b"<html>sign in</html>"),
        Answer(200, b'{"FailedCount": 3, "SuccessCount": 0, "FailedFindings": []}'),
        Answer(
            200,
            b'{"FailedCount": 1, "SuccessCount": 0, "FailedFindings":'
            b' [{"Id": "of another", "ErrorCode": "InternalError", "ErrorMessage": "no"}]}',
        ),
        Answer(200, b"{}"),
    ],
)
def test_where_all_are_refused_nothing_counts_as_told(
    store: Store, chance: random.Random, tmp_path: Path, operator: AccessKey, answer: Answer
) -> None:
    leak(store, chance)
    who = receivers(tmp_path, DESCRIBED.format(account=operator.account))
    with receiver(answer) as it:
        (channel,) = tell(store, who, {}, endpoint=it.address, patience=HASTY).channels
    assert (channel.told, len(channel.complaints)) == (0, 1)
    assert operator.secret not in channel.complaints[0]
