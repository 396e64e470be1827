"""Where STS, or whoever answers for it, goes wrong, no key is called live or dead because of that."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.keys import secret
from keysweep.aws import verify as verifying
from keysweep.aws.signing import Caller
from keysweep.aws.verify import Answer, verify
from keysweep.verdicts import Status
from tests.aws.asking import question, the_answer
from tests.emulators.faults import Faults
from tests.emulators.keys import ACCOUNT, mint
from tests.emulators.script import (
    ClockSkew,
    Refusal,
    Reply,
    access_denied,
    bare,
    connection_reset,
    empty,
    endless_continue,
    hang_up,
    html,
    huge,
    identity,
    malformed_xml,
    redirect,
    server_error,
    slow_body,
    slow_headers,
    throttling,
    time_out,
)

RNG = random.Random(41)
ARN = f"arn:aws:iam::{ACCOUNT}:user/ci"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(throttling(2), id="throttling"),
        pytest.param(server_error(503, 2), id="503 of AWS"),
        pytest.param(bare(503, times=2), id="503"),
        pytest.param(bare(500, b"<html>", times=2), id="500"),
        pytest.param(connection_reset(2), id="reset"),
        pytest.param(hang_up(2), id="hang-up"),
    ],
)
def test_a_passing_failure_is_tried_again(faults: Faults, fault: Reply) -> None:
    assert the_answer(faults, question(faults.key(fault))).verdict.status is Status.LIVE


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(html(), id="HTML"),
        pytest.param(html(document_type=""), id="HTML without a type"),
        pytest.param(empty(), id="empty"),
        pytest.param(malformed_xml(), id="malformed"),
        pytest.param(identity(ARN, ""), id="no account"),
        pytest.param(identity("&b;", ACCOUNT, preamble=f'<!DOCTYPE a [<!ENTITY b "{ARN}">]>'), id="entities"),
        pytest.param(identity("a", "1", preamble='<?xml version="1.0" encoding="nonsense"?>'), id="encoding"),
        pytest.param(redirect("http://127.0.0.1:9/", status=307), id="redirect"),
        pytest.param(access_denied(), id="denied"),
    ],
)
def test_an_odd_answer_makes_a_key_neither_live_nor_dead(faults: Faults, fault: Reply) -> None:
    verdict = the_answer(faults, question(faults.key(fault))).verdict
    assert verdict.status is Status.UNKNOWN
    assert verdict.asked
    assert "answer" in verdict.reason


@pytest.mark.parametrize(
    "fault",
    [bare(503), bare(500, b"<html>"), connection_reset(), hang_up()],
    ids=["503", "500", "reset", "hang-up"],
)
def test_a_failure_that_stays_makes_a_key_unknown(faults: Faults, fault: Reply) -> None:
    assert the_answer(faults, question(faults.key(fault))).verdict.status is Status.UNKNOWN


def test_a_failure_after_being_throttled_is_tried_again_as_often_as_any_other(faults: Faults) -> None:
    key = faults.key(throttling(3), hang_up(1), bare(500, b"<html>", times=1))
    assert the_answer(faults, question(key)).verdict.status is Status.LIVE


def test_a_server_that_is_not_there_makes_every_key_unknown() -> None:
    (answer,) = verify([question(mint(RNG))], Caller("http://127.0.0.1:9/"))
    assert answer.verdict.status is Status.UNKNOWN
    assert "127.0.0.1 could not be asked" in answer.verdict.reason


def test_a_body_that_is_no_answer_of_sts_by_its_size_is_not_read_to_its_end(faults: Faults) -> None:
    key = faults.key(huge(1))
    begin = time.monotonic()
    assert the_answer(faults, question(key)).verdict.status is Status.UNKNOWN
    assert time.monotonic() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1 << 20  # kB


@pytest.mark.parametrize("fault", [slow_body, slow_headers, endless_continue])
def test_an_answer_that_does_not_come_to_an_end_is_given_up(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, fault: Callable[[int], Reply]
) -> None:
    """Each byte comes before any time-out; other keys do not wait for that."""
    monkeypatch.setattr(verifying, "_LONGEST_REQUEST_SECONDS", 1.0)
    slow, key = faults.key(fault(1)), faults.key()
    begin = time.monotonic()
    asked = [question(slow), question(key)]
    found = {each.verdict.key_id: each.verdict for each in verify(asked, Caller(faults.endpoint), workers=2)}
    assert time.monotonic() - begin < 5
    assert found[key.key_id].status is Status.LIVE
    assert found[slow.key_id].status is Status.UNKNOWN
    assert "did not come to an end" in found[slow.key_id].reason
    assert len(faults.log.requests(key_id=slow.key_id)) == 1


def test_after_many_answers_without_an_end_no_more_are_asked_for(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_LONGEST_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(verifying, "_MOST_ENDLESS", 2)
    asked = [question(faults.key(slow_body(1)), secret(RNG)) for _ in range(8)]
    found = list(verify(asked, Caller(faults.endpoint), workers=2))
    assert [each.verdict.status for each in found] == [Status.UNKNOWN] * 8
    assert len(faults.log.requests()) <= 4


def test_who_does_not_want_to_know_any_more_does_not_wait_for_a_server_that_hangs(faults: Faults) -> None:
    stuck, key = faults.key(time_out(1)), faults.key()
    came: list[Answer] = []
    begin = time.monotonic()
    asked = [question(stuck), question(key)]
    came.extend(verify(asked, Caller(faults.endpoint), goes_on=lambda: not came and time.monotonic() - begin < 1))
    assert [each.verdict.key_id for each in came] == [key.key_id]
    assert time.monotonic() - begin < 2


def test_a_server_whose_clock_shows_no_time_of_ours_does_not_put_it_right(faults: Faults) -> None:
    last_day = datetime.max.replace(tzinfo=UTC) - datetime.now(UTC) - timedelta(days=1)
    expired_request = Reply(Refusal("RequestExpired", "", status=400), times=1)
    key = faults.key(ClockSkew(last_day.total_seconds()), expired_request)
    verdict = the_answer(faults, question(key)).verdict
    assert verdict.status is Status.UNKNOWN
    assert "clock" in verdict.reason


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=-40)])
def test_a_clock_that_is_wrong_is_put_right_once_by_the_servers(faults: Faults, ahead: timedelta) -> None:
    key = faults.key(ClockSkew(ahead.total_seconds()))
    assert the_answer(faults, question(key)).verdict.status is Status.LIVE
    assert len(faults.log.requests()) == 2
