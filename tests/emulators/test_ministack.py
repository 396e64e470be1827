"""What the wrapper around ministack promises holds, as boto3 sees it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from fixtures.keys import SECRET_ALPHABET
from keysweep.detect.keyid import account_of
from tests.emulators.accounts import Account, session_of
from tests.emulators.clients import refusal
from tests.emulators.environments import ROOT
from tests.emulators.ministack import Ministack
from tests.emulators.sigv4 import scope, sign

INVALID = (403, "InvalidClientTokenId")
MISMATCH = (403, "SignatureDoesNotMatch")
DENIED = (403, "AccessDenied")
MISSING = (404, "NoSuchEntity")
FINE = (200, "")
HERE, THERE = "111122223333", "444455556666"


@pytest.fixture
def account(ministack: Ministack) -> Account:
    return Account(ministack, ministack.root(HERE))


def test_keys_look_like_those_of_aws(ministack: Ministack, account: Account) -> None:
    key = account.user("ci")
    session = session_of(ministack.client("sts", key).get_session_token(), HERE)
    for it, prefix in ((key, "AKIA"), (session, "ASIA"), (account.key, "AKIA")):
        assert it.key_id.startswith(prefix)
        assert account_of(it.key_id) == HERE
        assert len(it.secret) == 40
        assert set(it.secret) <= set(SECRET_ALPHABET)
    identity = ministack.client("sts", session).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (HERE, f"arn:aws:iam::{HERE}:user/ci")
    listed = account.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
    assert [it["AccessKeyId"] for it in listed] == [key.key_id]


def test_a_root_key_is_the_accounts(ministack: Ministack) -> None:
    root = ministack.root(HERE)
    identity = ministack.client("sts", root).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (f"arn:aws:iam::{HERE}:root", HERE)
    assert ministack.root(HERE) == root
    wrong = replace(root, secret="x" * 40)
    assert refusal(ministack.client("sts", wrong).get_caller_identity) == MISMATCH


def test_keys_that_do_not_work(ministack: Ministack, account: Account) -> None:
    key, deleted, inactive = account.user("ci"), account.user("gone"), account.user("off")
    session = session_of(ministack.client("sts", key).get_session_token(), HERE)
    account.iam.delete_access_key(UserName="gone", AccessKeyId=deleted.key_id)
    account.deactivate("off", inactive)
    for it, expected in (
        (replace(key, secret="x" * 40), MISMATCH),
        (replace(key, key_id="AKIAQNZGKIQYZZZZZZZZ"), INVALID),
        (deleted, INVALID),
        (inactive, INVALID),
        (replace(inactive, secret="x" * 40), INVALID),
        (replace(session, token=None), INVALID),
        (replace(session, token="another"), INVALID),
        (replace(session, secret="x" * 40), MISMATCH),
    ):
        assert refusal(ministack.client("sts", it).get_caller_identity) == expected
    account.iam.update_access_key(UserName="off", AccessKeyId=inactive.key_id, Status="Active")
    assert refusal(ministack.client("sts", inactive).get_caller_identity) == FINE


@pytest.mark.parametrize(("minutes", "words"), [(-20, "Signature expired"), (20, "Signature not yet current")])
def test_a_clock_that_is_off_is_told_so(ministack: Ministack, account: Account, minutes: int, words: str) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    place = urlsplit(ministack.endpoint)
    for key in (account.user("ci"), account.key):
        headers = sign({"host": place.netloc}, body, key.key_id, key.secret, None, scope("us-east-1", "sts", at))
        connection = http.client.HTTPConnection(place.netloc)
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        said = response.read().decode()
        connection.close()
        assert response.status == 403
        assert f"<Code>SignatureDoesNotMatch</Code><Message>{words}: " in said


def test_a_session_expires(ministack: Ministack, account: Account) -> None:
    sts = ministack.client("sts", account.user("ci"))
    session = session_of(sts.get_session_token(), HERE)
    ministack.expire(session)
    assert refusal(ministack.client("sts", session).get_caller_identity) == (403, "ExpiredToken")


def test_a_role_of_another_account_wants_the_right_external_id(ministack: Ministack, account: Account) -> None:
    security = account.user("security")
    other = Account(ministack, ministack.root(THERE))
    leaked = other.user("ci")
    role = other.role(
        "responder", "iam:UpdateAccessKey", trusts=f"arn:aws:iam::{HERE}:user/security", external_id="right"
    )
    sts = ministack.client("sts", security)
    assume = {"RoleArn": role, "RoleSessionName": "keysweep"}
    assert refusal(sts.assume_role, **assume, ExternalId="right") == DENIED
    account.allow("security", "sts:AssumeRole")
    assert refusal(sts.assume_role, **assume, ExternalId="wrong") == DENIED
    assert refusal(sts.assume_role, **assume) == DENIED
    session = session_of(sts.assume_role(**assume, ExternalId="right"), THERE)
    assert account_of(session.key_id) == THERE
    identity = ministack.client("sts", session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{THERE}:assumed-role/responder/keysweep"
    update = ministack.client("iam", session).update_access_key
    assert refusal(update, UserName="ci", AccessKeyId=leaked.key_id, Status="Inactive") == FINE
    assert other.status("ci", leaked) == "Inactive"
    assert refusal(ministack.client("sts", leaked).get_caller_identity) == INVALID
    assert refusal(ministack.client("iam", session).list_access_keys, UserName="ci") == DENIED


def test_a_user_has_two_keys_at_most(ministack: Ministack, account: Account) -> None:
    first = account.user("ci")
    second = account.access_key("ci")
    assert refusal(ministack.client("iam", first).create_access_key, UserName="ci") == DENIED
    assert refusal(account.iam.create_access_key, UserName="ci") == (409, "LimitExceeded")
    listed = account.iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
    assert {it["AccessKeyId"] for it in listed} == {first.key_id, second.key_id}


def test_two_at_a_time_do_not_both_lose_the_last_key(account: Account) -> None:
    account.user("ci")
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: refusal(account.iam.create_access_key, UserName="ci"), range(4)))
    assert sorted(told) == [FINE, *[(409, "LimitExceeded")] * 3]


def test_whose_key_it_is_matters(ministack: Ministack, account: Account) -> None:
    key, other = account.user("ci"), account.user("other")
    foreign = Account(ministack, ministack.root(THERE)).user("ci")
    account.allow("ci", "*")
    iam = ministack.client("iam", key)
    assert refusal(iam.update_access_key, AccessKeyId=other.key_id, Status="Inactive") == MISSING
    assert refusal(iam.delete_access_key, AccessKeyId=other.key_id) == MISSING
    assert refusal(iam.update_access_key, UserName="ci", AccessKeyId=foreign.key_id, Status="Inactive") == MISSING
    assert refusal(iam.get_access_key_last_used, AccessKeyId=foreign.key_id) == DENIED
    assert refusal(iam.get_access_key_last_used, AccessKeyId="AKIAQNZGKIQYZZZZZZZZ") == MISSING
    assert iam.get_user()["User"]["UserName"] == "ci"
    session = ministack.client("iam", session_of(ministack.client("sts", key).get_session_token(), HERE))
    assert refusal(session.update_access_key, AccessKeyId=key.key_id, Status="Inactive") == (
        400,
        "ValidationError",
    )
    assert refusal(iam.update_access_key, AccessKeyId=key.key_id, Status="Inactive") == FINE
    assert account.status("other", other) == "Active"


def test_last_use_is_kept(ministack: Ministack, account: Account) -> None:
    key = account.user("ci")
    last_used = account.iam.get_access_key_last_used
    assert last_used(AccessKeyId=key.key_id)["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    refusal(ministack.client("sts", replace(key, secret="x" * 40)).get_caller_identity)
    assert last_used(AccessKeyId=key.key_id)["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    ministack.client("sts", key, "eu-west-1").get_caller_identity()
    answer = last_used(AccessKeyId=key.key_id)
    used = answer["AccessKeyLastUsed"]
    assert (answer["UserName"], used["ServiceName"], used["Region"]) == ("ci", "sts", "eu-west-1")
    assert datetime.now(UTC) - used["LastUsedDate"] < timedelta(minutes=1)
    long_ago = datetime(2024, 2, 29, tzinfo=UTC)
    ministack.set_last_used(key, long_ago, "s3", "us-west-2")
    assert last_used(AccessKeyId=key.key_id)["AccessKeyLastUsed"]["LastUsedDate"] == long_ago


def test_every_request_is_logged_and_no_other(ministack: Ministack, account: Account) -> None:
    key, untouched = account.user("ci"), account.user("untouched")
    refusal(ministack.client("iam", key).list_access_keys, UserName="untouched")
    (logged,) = ministack.log.requests(key_id=key.key_id)
    assert (logged.action, logged.service, logged.status, logged.error) == (
        "ListAccessKeys",
        "iam",
        403,
        "AccessDenied",
    )
    assert logged.parameters["UserName"] == "untouched"
    assert not ministack.log.requests(key_id=untouched.key_id)
    assert [it.parameters["UserName"] for it in ministack.log.requests(action="CreateUser")] == ["ci", "untouched"]


def test_each_answer_has_one_request_id(ministack: Ministack, account: Account) -> None:
    answer = account.iam.create_user(UserName="ci")["ResponseMetadata"]
    assert answer["RequestId"] == answer["HTTPHeaders"]["x-amzn-requestid"]


def test_the_trail_names_actions_and_asks_for_rights(ministack: Ministack, account: Account) -> None:
    key = account.user("ci")
    ministack.client("sts", key).get_caller_identity()
    by_key = [{"AttributeKey": "AccessKeyId", "AttributeValue": key.key_id}]
    assert refusal(ministack.client("cloudtrail", key).lookup_events) == (400, "AccessDeniedException")
    trail = ministack.client("cloudtrail", account.key)
    (denied, identity) = trail.lookup_events(LookupAttributes=by_key)["Events"]
    assert (identity["EventName"], identity["EventSource"]) == ("GetCallerIdentity", "sts.amazonaws.com")
    assert json.loads(denied["CloudTrailEvent"])["errorCode"] == "AccessDeniedException"
    page = trail.lookup_events(LookupAttributes=by_key, MaxResults=1)
    rest = trail.lookup_events(LookupAttributes=by_key, MaxResults=1, NextToken=page["NextToken"])
    assert [it["EventId"] for it in page["Events"] + rest["Events"]] == [denied["EventId"], identity["EventId"]]
    wrong = ministack.client("cloudtrail", replace(key, secret="x" * 40))
    assert refusal(wrong.lookup_events) == (400, "InvalidSignatureException")


def test_a_server_dies_with_the_process_that_started_it() -> None:
    code = (
        "import time; from tests.emulators.backend import backend\n"
        "with backend() as it: print(it.address, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as started:
        assert started.stdout is not None
        place = urlsplit(started.stdout.readline().strip())
        started.send_signal(signal.SIGKILL)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex((place.hostname or "", place.port or 0)):
                return
        time.sleep(0.05)
    pytest.fail("the server goes on")
