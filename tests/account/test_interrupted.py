"""Ctrl-C while AWS does not answer: nothing is waited for, and what was not read is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from keysweep.account.reading.account import overview, read_account
from keysweep.account.reading.asking import INTERRUPTED
from keysweep.account.reading.leaked import with_leaked
from keysweep.account.usage.wanted import Wanted, with_usage
from keysweep.aws import clients
from keysweep.aws.partitions import partition
from keysweep.aws.responders import identified
from tests.account.scripted import Cloud
from tests.emulators import answers
from tests.emulators.wire import Answer, serve

KEY = "AKIAEXAMPLEEXAMPLE22"


@pytest.mark.parametrize(
    ("stuck", "what"),
    [
        ("DescribeRegions", "which regions the account has enabled"),
        ("GetAccountSummary", "whether the root user has keys"),
        ("GetAccessKeyLastUsed", "whose keys that leaked are, and when they were last used"),
    ],
)
def test_a_single_question_is_given_up(operator: pytest.MonkeyPatch, stuck: str, what: str) -> None:
    pressed, released = Event(), Event()
    cloud = Cloud(users={"ci": (KEY, datetime.now(UTC) - timedelta(days=60), "N/A,N/A,N/A")})

    def before(action: str, _asked: dict[str, str]) -> Answer | None:
        if action == stuck:
            pressed.set()
            released.wait(30)
        is_refused = (action, stuck) == ("GetCredentialReport", "GetAccountSummary")
        return answers.error("iam", "AccessDenied") if is_refused else None

    def goes_on() -> bool:
        return not pressed.is_set()

    cloud.before = before
    where = partition("aws")
    with serve(cloud.answer) as endpoint:
        acting = identified(clients.session(None, where.region), where, endpoint)
        known = overview(acting)
        account = read_account(acting, known, goes_on=goes_on)
        account = with_leaked(
            acting, account, known, {KEY} if stuck == "GetAccessKeyLastUsed" else (), goes_on=goes_on
        )
        account = with_usage(acting, account, Wanted(), {}, goes_on=goes_on, sleep=lambda _seconds: None)
        released.set()
    assert (what, INTERRUPTED) in {(each.what, each.reason) for each in account.gaps}
