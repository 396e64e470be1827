"""The stub goes wrong as its scripts say, and in no other way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from keysweep.detect.keyid import account_of
from tests.emulators.clients import refusal
from tests.emulators.faults import Faults
from tests.emulators.keys import mint
from tests.emulators.script import (
    ClockSkew,
    FalseMismatch,
    Latency,
    Reply,
    SlowPropagation,
    access_denied,
    bare,
    connection_reset,
    empty,
    expired_token,
    hang_up,
    html,
    identity,
    invalid_client_token_id,
    malformed_xml,
    redirect,
    server_error,
    throttling,
    time_out,
)

MISMATCH = (403, "SignatureDoesNotMatch")
UNKNOWN = (403, "InvalidClientTokenId")
FINE = (200, "")


def test_a_key_without_a_script_works_and_its_id_carries_the_account(faults: Faults) -> None:
    key = faults.key(account="210987654321", user="deploy")
    identity = faults.client("sts", key).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::210987654321:user/deploy"
    assert identity["Account"] == account_of(key.key_id) == "210987654321"
    assert identity["ResponseMetadata"]["RequestId"]


def test_a_key_that_was_made_elsewhere_is_whose_it_is_said_to_be(faults: Faults) -> None:
    key = mint(random.Random(5), prefix="ASIA")
    arn = f"arn:aws:sts::{key.account}:federated-user/bob"
    faults.add(key, throttling(), arn=arn)
    assert refusal(faults.client("sts", key).get_caller_identity) == (400, "Throttling")
    faults.add(key, arn=arn)
    assert faults.client("sts", key).get_caller_identity()["Arn"] == arn


def test_a_deactivated_key_and_one_of_another_partition_are_unknown(faults: Faults) -> None:
    key, chinese = faults.key(), faults.add(faults.key(), arn="arn:aws-cn:iam::123456789012:user/ci")
    faults.deactivate(key)
    assert not faults.is_active(key)
    assert refusal(faults.client("sts", key).get_caller_identity) == UNKNOWN
    assert refusal(faults.client("sts", chinese).get_caller_identity) == UNKNOWN
    assert refusal(faults.client("sts", chinese, "cn-north-1").get_caller_identity) == FINE


def test_what_was_asked_and_the_name_of_the_answer_are_logged(faults: Faults) -> None:
    key, unknown = faults.key(), Faults().key()
    answer = faults.client("sts", key).get_caller_identity()
    refusal(faults.client("sts", unknown).get_caller_identity)
    assert faults.log.key_ids() == [key.key_id, unknown.key_id]
    (logged,) = faults.log.requests(key_id=key.key_id)
    assert logged.body == b"Action=GetCallerIdentity&Version=2011-06-15"
    assert logged.request_id == answer["ResponseMetadata"]["RequestId"]


def test_signatures_are_checked(faults: Faults) -> None:
    key, session, unknown = faults.key(), faults.session(), Faults().key()
    for wrong, code in (
        (replace(key, secret=key.secret[::-1]), "SignatureDoesNotMatch"),
        (replace(session, token=None), "InvalidClientTokenId"),
        (replace(session, token="another"), "InvalidClientTokenId"),
        (unknown, "InvalidClientTokenId"),
    ):
        assert refusal(faults.client("sts", wrong).get_caller_identity) == (403, code)
    assert refusal(faults.client("sts", session).get_caller_identity) == FINE


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (throttling, (400, "Throttling")),
        (expired_token, (403, "ExpiredToken")),
        (invalid_client_token_id, (403, "InvalidClientTokenId")),
        (lambda times: access_denied(times=times), (403, "AccessDenied")),
        (lambda times: server_error(503, times), (503, "ServiceUnavailable")),
    ],
)
def test_a_refusal_comes_as_often_as_it_was_asked_for(
    faults: Faults, fault: Callable[[int], Reply], expected: tuple[int, str]
) -> None:
    client = faults.client("sts", faults.key(fault(2)))
    assert [refusal(client.get_caller_identity) for _ in range(3)] == [expected, expected, FINE]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (malformed_xml(), ResponseParserError),
        (empty(), ResponseParserError),
        (html(), KeyError),
        (redirect("http://elsewhere.invalid/"), ResponseParserError),
        (html(document_type=""), KeyError),
        (bare(500, b"<html>"), ClientError),
        (identity("arn", "1", preamble="<!DOCTYPE"), ResponseParserError),
        (connection_reset(), ConnectionClosedError),
        (hang_up(), ConnectionClosedError),
    ],
)
def test_answers_that_are_none(faults: Faults, fault: Reply, error: type[Exception]) -> None:
    with pytest.raises(error):
        faults.client("sts", faults.key(fault)).get_caller_identity()


def test_a_time_out_ends_when_the_client_gives_up(faults: Faults) -> None:
    client = faults.client("sts", faults.key(time_out()), read_timeout=0.2)
    with pytest.raises(ReadTimeoutError):
        client.get_caller_identity()
    (logged,) = faults.log.requests()
    assert logged.status is None


def test_a_clock_that_is_off_says_so_in_its_date(faults: Faults) -> None:
    with pytest.raises(ClientError, match=r"Signature expired: .* is now earlier than") as caught:
        faults.client("sts", faults.key(ClockSkew(3600))).get_caller_identity()
    date = parsedate_to_datetime(caught.value.response["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert 3590 < (date - datetime.now(UTC)).total_seconds() < 3610
    with pytest.raises(ClientError, match="Signature not yet current"):
        faults.client("sts", faults.key(ClockSkew(-3600))).get_caller_identity()
    assert refusal(faults.client("sts", faults.key(ClockSkew(600))).get_caller_identity) == FINE


def test_the_right_secret_does_not_match_for_a_while_after_a_wrong_one(faults: Faults) -> None:
    key = faults.key(FalseMismatch(0.5))
    right, wrong = (faults.client("sts", it).get_caller_identity for it in (key, replace(key, secret="x" * 40)))
    assert [refusal(right), refusal(wrong), refusal(right)] == [FINE, MISMATCH, MISMATCH]
    time.sleep(0.5)
    assert refusal(right) == FINE


@pytest.mark.parametrize("slow", [SlowPropagation(calls=2), SlowPropagation(seconds=0.4)])
def test_a_deactivated_key_works_on_for_a_while(faults: Faults, slow: SlowPropagation) -> None:
    key, responder = faults.key(slow, user="ci"), faults.session(role="responder")
    iam, leaked = faults.client("iam", responder), faults.client("sts", key)
    iam.update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Inactive")
    assert [it["Status"] for it in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]] == ["Inactive"]
    assert not faults.is_active(key)
    assert [refusal(leaked.get_caller_identity) for _ in range(2)] == [FINE, FINE]
    time.sleep(slow.seconds)
    assert refusal(leaked.get_caller_identity) == (403, "InvalidClientTokenId")
    iam.update_access_key(UserName="ci", AccessKeyId=key.key_id, Status="Active")
    assert refusal(leaked.get_caller_identity) == FINE


def test_a_script_for_an_action_holds_for_whoever_asks_it_about_the_key(faults: Faults) -> None:
    key, responder = faults.key(throttling(1).on("UpdateAccessKey")), faults.session()
    update = faults.client("iam", responder).update_access_key
    about: dict[str, Any] = {"UserName": "ci", "AccessKeyId": key.key_id, "Status": "Inactive"}
    assert refusal(faults.client("sts", key).get_caller_identity) == FINE
    assert [refusal(update, **about) for _ in range(2)] == [(400, "Throttling"), FINE]


def test_a_session_has_to_name_the_user(faults: Faults) -> None:
    update = faults.client("iam", faults.session()).update_access_key
    assert refusal(update, AccessKeyId=faults.key().key_id, Status="Inactive") == (400, "ValidationError")


def test_a_role_can_be_assumed_in_another_account(faults: Faults) -> None:
    role = "arn:aws:iam::210987654321:role/responder"
    answer = faults.client("sts", faults.key()).assume_role(RoleArn=role, RoleSessionName="keysweep")
    assert account_of(answer["Credentials"]["AccessKeyId"]) == "210987654321"


def test_requests_in_flight_are_counted_for_each_key(faults: Faults) -> None:
    key, other = faults.key(Latency(0.2)), faults.key()
    client = faults.client("sts", key)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: client.get_caller_identity(), range(3)))
    assert faults.most_in_flight(key) == 3
    assert faults.most_in_flight(other) == 0
    assert len(faults.log.requests(key_id=key.key_id)) == 3
    assert not faults.log.requests(key_id=other.key_id)
