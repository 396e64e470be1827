"""What becomes of a key ID, for every way in which STS can know it."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace

import pytest

from fixtures.keys import key_id, secret, session_token
from keysweep import Origin, scan
from keysweep.aws import verify as verifying
from keysweep.aws.partitions import partition
from keysweep.aws.questions import questions
from keysweep.aws.signing import Caller
from keysweep.aws.verify import Question, verify
from keysweep.verdicts import Principal, Status
from tests.aws.asking import answers, question, the_answer
from tests.emulators.faults import Faults
from tests.emulators.keys import mint
from tests.emulators.script import FalseMismatch, Latency, expired_token

RNG = random.Random(41)
AWS = (partition("aws"),)


@pytest.mark.parametrize(
    ("arn", "principal", "name"),
    [
        ("arn:aws:iam::123456789012:user/ci", Principal.USER, "ci"),
        ("arn:aws:iam::123456789012:user/teams/build/ci", Principal.USER, "ci"),
        ("arn:aws:iam::123456789012:root", Principal.ROOT, None),
        ("arn:aws:sts::123456789012:assumed-role/deploy/session", Principal.ROLE, "deploy"),
        ("arn:aws:sts::123456789012:federated-user/bob", Principal.FEDERATED, "bob"),
    ],
)
def test_a_pair_that_is_accepted_is_live_and_says_whose_it_is(
    faults: Faults, arn: str, principal: Principal, name: str | None
) -> None:
    key = faults.add(mint(RNG), arn=arn)
    answer = the_answer(faults, question(key))
    verdict = answer.verdict
    assert (verdict.status, verdict.arn, verdict.account_id) == (Status.LIVE, arn, "123456789012")
    assert (verdict.principal, verdict.name, verdict.partition) == (principal, name, "aws")
    (logged,) = faults.log.requests()
    assert logged.request_id
    assert verdict.request_id == logged.request_id
    assert answer.credential
    assert answer.credential.secret.reveal() == key.secret


def test_a_session_is_live_with_its_token_and_dead_without(faults: Faults) -> None:
    key = faults.session()
    assert the_answer(faults, question(key)).verdict.status is Status.LIVE
    wrong = the_answer(faults, question(replace(key, token=session_token(RNG)))).verdict
    assert wrong.status is Status.DEAD
    assert "token" in wrong.reason


def test_unknown_deactivated_and_expired_keys(faults: Faults) -> None:
    unknown, inactive, expired = mint(RNG), faults.key(), faults.key(expired_token())
    faults.deactivate(inactive)
    keys = (unknown, inactive, expired)
    found = answers(faults, *map(question, keys))
    assert [found[key.key_id].verdict.status for key in keys] == [Status.DEAD, Status.DEAD, Status.EXPIRED]
    assert "asked: aws" in found[unknown.key_id].verdict.reason


def test_a_wrong_secret_is_believed_when_it_comes_again(faults: Faults) -> None:
    key = faults.key()
    assert the_answer(faults, question(key, secret(RNG))).verdict.status is Status.WRONG_SECRET
    assert faults.log.key_ids() == [key.key_id, key.key_id]


def test_the_right_secret_is_found_among_wrong_ones_although_sts_gets_confused(faults: Faults) -> None:
    """The server refuses the right one too within five seconds of a wrong one."""
    key = faults.key(FalseMismatch())
    answer = the_answer(faults, question(key, secret(RNG), key.secret))
    assert answer.verdict.status is Status.LIVE
    assert answer.credential
    assert answer.credential.secret.reveal() == key.secret
    assert faults.most_in_flight(key) == 1


def test_of_any_number_of_secrets_beside_a_key_the_best_are_tried(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MISMATCH_SECONDS", 0.0)
    name = faults.key().key_id
    found = [
        each
        for number in range(40)
        for each in scan(
            f'aws_access_key_id = "{name}"\naws_secret_access_key = "{secret(RNG)}"\n'.encode(),
            Origin(f"{number}.ini"),
        ).findings
    ]
    verdict = the_answer(faults, *questions(found)).verdict
    assert verdict.status is Status.UNKNOWN
    assert "none of 32 secrets is its own, and 8 more were not tried" in verdict.reason
    assert len(faults.log.requests()) == 64


def test_a_session_is_found_among_tokens_that_are_not_its_own(faults: Faults) -> None:
    key = faults.session()
    right = question(key).candidates
    wrong = question(replace(key, token=session_token(RNG))).candidates
    answer = the_answer(faults, Question(key.key_id, (*wrong, *right), AWS))
    assert answer.verdict.status is Status.LIVE
    assert answer.credential == right[0]
    faults.add(key, expired_token())
    assert the_answer(faults, Question(key.key_id, (*right, *wrong), AWS)).verdict.status is Status.EXPIRED


def test_a_key_of_another_partition_is_found_there(faults: Faults) -> None:
    key = faults.add(mint(RNG), arn="arn:aws-cn:iam::123456789012:user/ci")
    dead = the_answer(faults, question(key)).verdict
    assert (dead.status, "asked: aws)" in dead.reason) == (Status.DEAD, True)
    live = the_answer(faults, question(key, partitions=("aws", "aws-cn"))).verdict
    assert (live.status, live.partition) == (Status.LIVE, "aws-cn")


def test_bait_and_keys_without_a_secret_are_never_tried(faults: Faults) -> None:
    bait = Question("AKIASP2TPHJSQH3FJRUX", question(mint(RNG)).candidates, AWS, canary="Thinkst")
    lone = Question(key_id(RNG), (), AWS, unasked="no secret was found with it")
    found = answers(faults, bait, lone)
    assert found[bait.key_id].verdict.status is Status.CANARY
    assert found[lone.key_id].verdict.status is Status.UNKNOWN
    assert not found[lone.key_id].verdict.asked
    assert faults.log.requests() == []


def test_no_key_is_asked_about_twice_and_none_twice_at_once(faults: Faults) -> None:
    keys = [faults.key(Latency(0.02)) for _ in range(60)]
    found = answers(faults, *map(question, [*keys, *keys]))
    assert {each.verdict.status for each in found.values()} == {Status.LIVE}
    assert sorted(map(str, faults.log.key_ids())) == sorted(key.key_id for key in keys)


def test_neither_variables_nor_files_of_aws_redirect_a_request(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/")
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    assert the_answer(faults, question(faults.key())).verdict.status is Status.LIVE
    assert [each.sts for each in AWS] == ["https://sts.us-east-1.amazonaws.com/"]


def test_the_secret_is_in_no_request(faults: Faults) -> None:
    the_answer(faults, question(faults.key()))
    assert [each.body for each in faults.log.requests()] == [b"Action=GetCallerIdentity&Version=2011-06-15"]


def test_the_operators_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "")
    (answer,) = verify([question(mint(RNG))], Caller("http://sts.example.net/"))
    assert answer.verdict.status is Status.UNKNOWN
    assert "Proxy" in answer.verdict.reason


def test_other_keys_do_not_wait_for_one_that_has_to_be_tried_again(faults: Faults) -> None:
    wrong, right = [faults.key() for _ in range(40)], faults.key()
    begin = time.monotonic()
    asked = [*(question(key, secret(RNG)) for key in wrong), question(right)]
    order = [each.verdict.key_id for each in verify(asked, Caller(faults.endpoint), workers=4)]
    assert order[0] == right.key_id
    assert len(order) == 41
    assert time.monotonic() - begin < 60


def test_no_thread_is_left_behind_once_all_is_answered(faults: Faults) -> None:
    key = faults.key()
    before = set(threading.enumerate())
    answers(faults, question(key))
    deadline = time.monotonic() + 5
    while any(each.name.startswith("request-") for each in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.01)
