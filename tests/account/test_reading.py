"""An account read from an IAM that is old, slow, busy or odd: one that says what a test wants it to say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keysweep.account.evidence import Account
from keysweep.account.judging.checks import Bounds, lapses
from keysweep.account.reading.account import overview, read_account
from keysweep.aws import clients
from keysweep.aws.partitions import partition
from keysweep.aws.responders import identified
from tests.account.scripted import Iam
from tests.emulators import answers
from tests.emulators.wire import Answer, serve
from tests.repositories import environment


@pytest.fixture
def iam() -> Iam:
    """One without users."""
    return Iam()


@pytest.fixture
def endpoint(iam: Iam, operator: pytest.MonkeyPatch) -> Iterator[str]:
    """Where it answers."""
    with serve(iam.answer) as address:
        yield address


def made(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def read(endpoint: str) -> Account:
    where = partition("aws")
    acting = identified(clients.session(None, where.region), where, endpoint)
    return read_account(acting, overview(acting))


def test_old_keys_and_those_of_the_root_user_are_told_by_the_report(iam: Iam, endpoint: str) -> None:
    iam.users = {
        "old": ("AKIAEXAMPLEEXAMPLE22", made(400), f"{made(1):%Y-%m-%dT%H:%M:%SZ},eu-west-1,s3"),
        "quiet": ("AKIAEXAMPLEEXAMPLE33", made(60), "N/A,N/A,N/A"),
        "none": ("", made(1), "N/A,N/A,N/A"),
    }
    iam.root = f"true,{made(3000):%Y-%m-%dT%H:%M:%SZ},{made(2):%Y-%m-%dT%H:%M:%SZ},us-east-1,iam"
    account = read(endpoint)
    assert account.gaps == ()
    assert account.users_in_all == 3
    found = lapses(account, Bounds(), {})
    assert [(each.rule.id, each.key and each.key.user) for each in found] == [
        ("root-key", None),
        ("root-use", None),
        ("never-used-key", "quiet"),
        ("old-key", "old"),
    ]
    assert "last used" in found[0].evidence[-1]
    assert "by iam in us-east-1" in found[0].evidence[-1]
    assert "GetAccessKeyLastUsed" not in iam.asked, "the report has told it of all at once"


def test_a_trail_that_is_switched_off_or_may_not_be_seen(iam: Iam, endpoint: str) -> None:
    iam.trail = False
    assert [each.rule.id for each in lapses(read(endpoint), Bounds(), {})] == ["no-trail"]
    iam.trail = None
    account = read(endpoint)
    assert (account.trails, account.gaps[0].needs.split(", ")[0]) == (None, "cloudtrail:DescribeTrails")


def test_only_users_who_may_have_keys_are_asked(iam: Iam, endpoint: str) -> None:
    iam.users = {"one": ("AKIAEXAMPLEEXAMPLE22", made(3), "N/A,N/A,N/A")}
    report = iam.report()
    iam.users |= {"young": ("AKIAEXAMPLEEXAMPLE33", made(0.01), "N/A,N/A,N/A")}

    def before(action: str, asked: dict[str, str]) -> Answer | None:
        if action == "GetCredentialReport":
            return answers.success("iam", action, report)
        if action == "GetAccessKeyLastUsed":
            told = answers.xml(ServiceName="N/A", Region="N/A")
            return answers.success("iam", action, f"<AccessKeyLastUsed>{told}</AccessKeyLastUsed>")
        return None

    iam.before = before
    account = read(endpoint)
    assert [user.name for user in account.users] == ["one", "young"]
    assert iam.asked.count("GetAccessKeyLastUsed") == 1, "of the one that is younger than the report"


@pytest.mark.parametrize(
    "policies",
    [
        "<AttachedManagedPolicies><member><PolicyName>p</PolicyName><PolicyArn>arn:aws:iam::1:policy/p</PolicyArn>"
        "</member></AttachedManagedPolicies>",
        "<UserPolicyList><member><PolicyName>p</PolicyName><PolicyDocument>%7Bno</PolicyDocument></member></UserPolicyList>",
        "<GroupList><member>makers</member></GroupList>",
    ],
)
def test_a_policy_that_cannot_be_read_is_not_one_that_allows_nothing(
    iam: Iam, endpoint: str, policies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam.users = {"one": ("AKIAEXAMPLEEXAMPLE22", made(3), "N/A,N/A,N/A")}
    monkeypatch.setattr(iam, "_policy", lambda _name: policies)
    account = read(endpoint)
    assert account.users[0].powers is None
    assert [each.what for each in account.gaps] == ["what all policies of one allow"]


def test_a_user_whom_only_the_report_knows_is_asked_and_one_who_is_listed_twice_counts_once(
    iam: Iam, endpoint: str
) -> None:
    iam.asked = ["GenerateCredentialReport"]
    iam.users = {name: (f"AKIAEXAMPLEEXAMPL{name}", made(3), "N/A,N/A,N/A") for name in ("222", "333")}
    person = f"<member>{answers.xml(UserName='222', Arn='arn:aws:iam::1:user/222')}</member>" * 2
    details = f"<UserDetailList>{person}</UserDetailList><GroupDetailList/><Policies/>"
    iam.before = lambda action, _: (
        answers.success("iam", action, details) if action == "GetAccountAuthorizationDetails" else None
    )
    account = read(endpoint)
    assert [(each.name, len(each.keys)) for each in account.users] == [("222", 1), ("333", 1)]
    assert account.users[1].powers is None
    assert [each.what for each in account.gaps] == ["what 333 may do"]


def test_a_busy_iam_is_asked_again_and_nothing_is_left_out(iam: Iam, endpoint: str) -> None:
    iam.users = {f"u{each}": (f"AKIAEXAMPLEEXAMPL{each:03}", made(3), "N/A,N/A,N/A") for each in range(12)}
    refused: set[str] = set()

    def before(action: str, asked: dict[str, str]) -> Answer | None:
        if action == "ListAccessKeys" and asked["UserName"] not in refused:
            refused.add(asked["UserName"])
            return answers.error("iam", "Throttling")
        return None

    iam.before = before
    account = read(endpoint)
    assert len(account.users) == 12
    assert account.gaps == ()


def test_users_who_could_not_be_asked_are_one_gap_and_the_others_are_judged(iam: Iam, endpoint: str) -> None:
    iam.users = {f"u{each}": (f"AKIAEXAMPLEEXAMPL{each:03}", made(100), "N/A,N/A,N/A") for each in range(5)}
    iam.before = lambda action, asked: (
        answers.error("iam", "AccessDenied", "no")
        if action == "ListAccessKeys" and asked["UserName"] in {"u1", "u2"}
        else None
    )
    account = read(endpoint)
    assert [user.name for user in account.users] == ["u0", "u3", "u4"]
    (gap,) = account.gaps
    assert (gap.what, gap.needs) == ("which keys users have", "iam:ListAccessKeys")


def test_a_user_who_is_gone_meanwhile_is_none_and_no_gap(iam: Iam, endpoint: str) -> None:
    iam.users = {"gone": ("AKIAEXAMPLEEXAMPLE22", made(100), "N/A,N/A,N/A")}
    iam.before = lambda action, _: answers.error("iam", "NoSuchEntity") if action == "ListAccessKeys" else None
    account = read(endpoint)
    assert (account.users, account.gaps) == ((), ())


@pytest.mark.parametrize(
    "content", [b"", b"not base64!", b64encode(b"user,arn\nx,no arn\n"), b64encode(b"\xff\xfe")]
)
def test_a_report_that_is_none_is_a_gap_and_each_user_is_asked(iam: Iam, endpoint: str, content: bytes) -> None:
    iam.users = {"one": ("AKIAEXAMPLEEXAMPLE22", made(3), "N/A,N/A,N/A")}

    def before(action: str, asked: dict[str, str]) -> Answer | None:
        if action == "GetCredentialReport":
            told = answers.xml(Content=content.decode("latin-1"), GeneratedTime="2026-11-27T10:00:00Z")
            return answers.success("iam", action, told)
        if action == "GetAccountSummary":
            told = "<SummaryMap><entry><key>AccountAccessKeysPresent</key><value>1</value></entry></SummaryMap>"
            return answers.success("iam", action, told)
        if action == "GetAccessKeyLastUsed":
            return answers.error("iam", "AccessDenied", "no")
        return None

    iam.before = before
    account = read(endpoint)
    assert [key.key_id for key, _ in account.each_key()] == ["", "AKIAEXAMPLEEXAMPLE22"]
    assert account.gaps[0].what == "a credential report"


def test_ctrl_c_keeps_what_was_read_and_says_that_it_is_not_all(iam: Iam, endpoint: str, tmp_path: Path) -> None:
    iam.users = {
        "seen": ("AKIAEXAMPLEEXAMPLE22", made(400), f"{made(1):%Y-%m-%dT%H:%M:%SZ},eu-west-1,s3"),
        "stuck": ("AKIAEXAMPLEEXAMPLE33", made(400), "N/A,N/A,N/A"),
    }

    def before(action: str, asked: dict[str, str]) -> Answer | None:
        if action == "ListAccessKeys" and asked["UserName"] == "stuck":
            time.sleep(15)
        return None

    iam.before = before
    command = [sys.executable, "-m", "keysweep", "account", "--aws-endpoint", endpoint]
    variables = {name: text for name, text in os.environ.items() if name.startswith(("AWS_", "XDG_"))}
    variables["KEYSWEEP_STATE"] = os.fspath(tmp_path / "state")
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while iam.asked.count("ListAccessKeys") < 2:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    printed, said = running.communicate(timeout=10)
    assert (running.returncode, said) == (1, "")
    assert "old-key" in printed
    assert "interrupted before all were asked" in printed
