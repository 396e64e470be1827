"""What becomes of a key ID, for every way in which STS can answer."""

from __future__ import annotations

import random
import resource
import time
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.keys import key_id, secret, session_token
from keysweep import Origin, scan
from keysweep.aws import verify as verifying
from keysweep.aws.partitions import partition
from keysweep.aws.questions import questions
from keysweep.aws.signing import Caller, Credential
from keysweep.aws.verify import Answer, Question, verify
from keysweep.findings import Secret
from keysweep.verdicts import Principal, Status
from tests.aws.sts import Key, Sts

RNG = random.Random(41)
AWS = (partition("aws"),)


def question(
    name: str, *secrets: str, token: str | None = None, partitions: tuple[str, ...] = ("aws",)
) -> Question:
    candidates = tuple(Credential(name, Secret(each), Secret(token) if token else None) for each in secrets)
    return Question(name, candidates, tuple(map(partition, partitions)))


def answers(sts: Sts, *questions: Question) -> dict[str, Answer]:
    return {each.verdict.key_id: each for each in verify(questions, Caller(sts.url))}


def the_answer(sts: Sts, asked: Question) -> Answer:
    return answers(sts, asked)[asked.key_id]


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
    sts: Sts, arn: str, principal: Principal, name: str | None
) -> None:
    name_of_key, value = key_id(RNG), secret(RNG)
    sts.keys[name_of_key] = Key(value, arn)
    answer = the_answer(sts, question(name_of_key, value))
    verdict = answer.verdict
    assert (verdict.status, verdict.arn, verdict.account_id) == (Status.LIVE, arn, "123456789012")
    assert (verdict.principal, verdict.name, verdict.partition) == (principal, name, "aws")
    assert verdict.request_id == "request-1"
    assert answer.credential
    assert answer.credential.secret.reveal() == value


def test_a_session_is_live_with_its_token_and_dead_without(sts: Sts) -> None:
    name, value, token = key_id(RNG, "ASIA"), secret(RNG), session_token(RNG)
    sts.keys[name] = Key(value, token=token)
    assert the_answer(sts, question(name, value, token=token)).verdict.status is Status.LIVE
    wrong = the_answer(sts, question(name, value, token=session_token(RNG))).verdict
    assert wrong.status is Status.DEAD
    assert "token" in wrong.reason


def test_unknown_deactivated_and_expired_keys(sts: Sts) -> None:
    names = [key_id(RNG) for _ in range(3)]
    value = secret(RNG)
    sts.keys[names[1]] = Key(value, is_active=False)
    sts.keys[names[2]] = Key(value, is_expired=True)
    found = answers(sts, *(question(name, value) for name in names))
    assert [found[name].verdict.status for name in names] == [Status.DEAD, Status.DEAD, Status.EXPIRED]
    assert "asked: aws" in found[names[0]].verdict.reason


def test_a_wrong_secret_is_believed_when_it_comes_again(sts: Sts) -> None:
    name = key_id(RNG)
    sts.keys[name] = Key(secret(RNG))
    assert the_answer(sts, question(name, secret(RNG))).verdict.status is Status.WRONG_SECRET
    assert sts.asked == [name, name]


def test_the_right_secret_is_found_among_wrong_ones_although_sts_gets_confused(sts: Sts) -> None:
    """The server refuses the right one too within five seconds of a wrong one."""
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value)
    answer = the_answer(sts, question(name, secret(RNG), value))
    assert answer.verdict.status is Status.LIVE
    assert answer.credential
    assert answer.credential.secret.reveal() == value
    assert sts.most_at_once[name] == 1


def test_of_any_number_of_secrets_beside_a_key_the_best_are_tried(
    sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MISMATCH_SECONDS", 0.0)
    name = key_id(RNG)
    sts.keys[name] = Key(secret(RNG))
    found = [
        each
        for number in range(40)
        for each in scan(
            f'aws_access_key_id = "{name}"\naws_secret_access_key = "{secret(RNG)}"\n'.encode(),
            Origin(f"{number}.ini"),
        ).findings
    ]
    verdict = the_answer(sts, *questions(found)).verdict
    assert verdict.status is Status.UNKNOWN
    assert "none of 32 secrets is its own, and 8 more were not tried" in verdict.reason
    assert len(sts.asked) == 64


@pytest.mark.parametrize("fault", ["throttle", "unavailable", "server error", "reset"])
def test_a_passing_failure_is_tried_again(sts: Sts, fault: str) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=[fault, fault])
    assert the_answer(sts, question(name, value)).verdict.status is Status.LIVE


@pytest.mark.parametrize(
    "fault", ["html", "empty", "malformed", "no account", "entities", "encoding", "redirect", "denied"]
)
def test_an_odd_answer_makes_a_key_neither_live_nor_dead(sts: Sts, fault: str) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=[fault] * 20)
    verdict = the_answer(sts, question(name, value)).verdict
    assert verdict.status is Status.UNKNOWN
    assert verdict.asked
    assert "answer" in verdict.reason


@pytest.mark.parametrize("fault", ["unavailable", "server error", "reset"])
def test_a_failure_that_stays_makes_a_key_unknown(sts: Sts, fault: str) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=[fault] * 20)
    assert the_answer(sts, question(name, value)).verdict.status is Status.UNKNOWN


def test_a_server_that_is_not_there_makes_every_key_unknown() -> None:
    asked = question(key_id(RNG), secret(RNG))
    (answer,) = verify([asked], Caller("http://127.0.0.1:9/"))
    assert answer.verdict.status is Status.UNKNOWN
    assert "127.0.0.1 could not be asked" in answer.verdict.reason


def test_a_body_that_is_no_answer_of_sts_by_its_size_is_not_read_to_its_end(sts: Sts) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=["huge"])
    begin = time.monotonic()
    assert the_answer(sts, question(name, value)).verdict.status is Status.UNKNOWN
    assert time.monotonic() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1 << 20  # kB


@pytest.mark.parametrize("fault", ["slow body", "slow headers", "no end of beginnings"])
def test_an_answer_that_does_not_come_to_an_end_is_given_up(
    sts: Sts, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Each byte comes before any time-out; other keys do not wait for that."""
    monkeypatch.setattr(verifying, "_LONGEST_REQUEST_SECONDS", 1.0)
    slow, name, value = key_id(RNG), key_id(RNG), secret(RNG)
    sts.keys |= {slow: Key(value, faults=[fault]), name: Key(value)}
    begin = time.monotonic()
    asked = [question(slow, value), question(name, value)]
    found = {each.verdict.key_id: each.verdict for each in verify(asked, Caller(sts.url), workers=2)}
    assert time.monotonic() - begin < 5
    assert found[name].status is Status.LIVE
    assert found[slow].status is Status.UNKNOWN
    assert "did not come to an end" in found[slow].reason
    assert sts.asked.count(slow) == 1


def test_after_many_answers_without_an_end_no_more_are_asked_for(
    sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_LONGEST_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(verifying, "_MOST_ENDLESS", 2)
    names = [key_id(RNG) for _ in range(8)]
    sts.keys |= {name: Key(secret(RNG), faults=["slow body"]) for name in names}
    found = list(verify([question(name, secret(RNG)) for name in names], Caller(sts.url), workers=2))
    assert [each.verdict.status for each in found] == [Status.UNKNOWN] * 8
    assert len(sts.asked) <= 4


def test_who_does_not_want_to_know_any_more_does_not_wait_for_a_server_that_hangs(sts: Sts) -> None:
    hangs, name, value = key_id(RNG), key_id(RNG), secret(RNG)
    sts.keys |= {hangs: Key(value, faults=["hang"]), name: Key(value)}
    came: list[Answer] = []
    begin = time.monotonic()
    asked = [question(hangs, value), question(name, value)]
    came.extend(verify(asked, Caller(sts.url), goes_on=lambda: not came and time.monotonic() - begin < 1))
    assert [each.verdict.key_id for each in came] == [name]
    assert time.monotonic() - begin < 2


def test_a_failure_after_being_throttled_is_tried_again_as_often_as_any_other(sts: Sts) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=["throttle", "throttle", "throttle", "reset", "server error"])
    assert the_answer(sts, question(name, value)).verdict.status is Status.LIVE


def test_a_session_is_found_among_tokens_that_are_not_its_own(sts: Sts) -> None:
    name, value, token = key_id(RNG, "ASIA"), secret(RNG), session_token(RNG)
    sts.keys[name] = Key(value, token=token)
    wrong, right = (question(name, value, token=each).candidates for each in (session_token(RNG), token))
    answer = the_answer(sts, Question(name, (*wrong, *right), AWS))
    assert answer.verdict.status is Status.LIVE
    assert answer.credential == right[0]
    sts.keys[name].is_expired = True
    assert the_answer(sts, Question(name, (*right, *wrong), AWS)).verdict.status is Status.EXPIRED


def test_a_server_whose_clock_shows_no_time_of_ours_does_not_put_it_right(sts: Sts) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, faults=["expired request"])
    sts.clock_ahead = datetime.max.replace(tzinfo=UTC) - datetime.now(UTC) - timedelta(days=1)
    verdict = the_answer(sts, question(name, value)).verdict
    assert verdict.status is Status.UNKNOWN
    assert "clock" in verdict.reason


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=-40)])
def test_a_clock_that_is_wrong_is_put_right_once_by_the_servers(sts: Sts, ahead: timedelta) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value)
    sts.clock_ahead = ahead
    assert the_answer(sts, question(name, value)).verdict.status is Status.LIVE
    assert len(sts.asked) == 2


def test_a_key_of_another_partition_is_found_there(sts: Sts) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value, "arn:aws-cn:iam::123456789012:user/ci", region="cn-north-1")
    dead = the_answer(sts, question(name, value)).verdict
    assert (dead.status, "asked: aws)" in dead.reason) == (Status.DEAD, True)
    live = the_answer(sts, question(name, value, partitions=("aws", "aws-cn"))).verdict
    assert (live.status, live.partition) == (Status.LIVE, "aws-cn")


def test_bait_and_keys_without_a_secret_are_never_tried(sts: Sts) -> None:
    bait = Question("AKIASP2TPHJSQH3FJRUX", question(key_id(RNG), secret(RNG)).candidates, AWS, canary="Thinkst")
    lone = Question(key_id(RNG), (), AWS, unasked="no secret was found with it")
    found = answers(sts, bait, lone)
    assert found[bait.key_id].verdict.status is Status.CANARY
    assert found[lone.key_id].verdict.status is Status.UNKNOWN
    assert not found[lone.key_id].verdict.asked
    assert sts.asked == []


def test_no_key_is_asked_about_twice_and_none_twice_at_once(sts: Sts) -> None:
    sts.delay_seconds = 0.02
    pairs = {key_id(RNG): secret(RNG) for _ in range(60)}
    for name, value in pairs.items():
        sts.keys[name] = Key(value)
    found = answers(sts, *(question(name, value) for name, value in [*pairs.items(), *pairs.items()]))
    assert {each.verdict.status for each in found.values()} == {Status.LIVE}
    assert sorted(sts.asked) == sorted(pairs)


def test_neither_variables_nor_files_of_aws_redirect_a_request(
    sts: Sts, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/")
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value)
    assert the_answer(sts, question(name, value)).verdict.status is Status.LIVE
    assert [each.sts for each in AWS] == ["https://sts.us-east-1.amazonaws.com/"]


def test_the_secret_is_in_no_request(sts: Sts) -> None:
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value)
    the_answer(sts, question(name, value))
    assert sts.bodies == [b"Action=GetCallerIdentity&Version=2011-06-15"]


def test_the_operators_proxy_is_used(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("no_proxy", "")
    (answer,) = verify([question(key_id(RNG), secret(RNG))], Caller("http://sts.example.net/"))
    assert answer.verdict.status is Status.UNKNOWN
    assert "Proxy" in answer.verdict.reason


def test_other_keys_do_not_wait_for_one_that_has_to_be_tried_again(sts: Sts) -> None:
    wrong = [key_id(RNG) for _ in range(40)]
    for name in wrong:
        sts.keys[name] = Key(secret(RNG))
    name, value = key_id(RNG), secret(RNG)
    sts.keys[name] = Key(value)
    begin = time.monotonic()
    order = [
        each.verdict.key_id
        for each in verify(
            [*(question(one, secret(RNG)) for one in wrong), question(name, value)], Caller(sts.url), workers=4
        )
    ]
    assert order[0] == name
    assert len(order) == 41
    assert time.monotonic() - begin < 60
