"""Keys that leaked, of which a credential report does not tell, or not any more what is so."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keysweep.account.evidence import Account
from keysweep.account.judging.checks import Bounds, Lapse, Leak, lapses
from keysweep.account.reading.account import overview, read_account
from keysweep.account.reading.leaked import with_leaked
from keysweep.aws import clients
from keysweep.aws.partitions import partition
from keysweep.aws.responders import identified
from tests.account.scripted import ACCOUNT, COLUMNS, Iam
from tests.emulators import answers
from tests.emulators.wire import Answer, serve

KEY, OTHER = "AKIAEXAMPLEEXAMPLE22", "AKIAEXAMPLEEXAMPLE33"
NOW = datetime.now(UTC).replace(microsecond=0)
LEAKS = {KEY: Leak(NOW - timedelta(days=5), ("app: .env:3",))}


@pytest.fixture
def iam() -> Iam:
    """One that has its report ready."""
    return Iam(asked=["GenerateCredentialReport"])


@pytest.fixture
def endpoint(iam: Iam, operator: pytest.MonkeyPatch) -> Iterator[str]:
    with serve(iam.answer) as address:
        yield address


def read(endpoint: str) -> Account:
    where = partition("aws")
    acting = identified(clients.session(None, where.region), where, endpoint)
    known = overview(acting)
    return with_leaked(acting, read_account(acting, known), known, LEAKS.keys())


def worst(account: Account) -> Lapse:
    return lapses(account, Bounds(), LEAKS)[0]


def last_used(name: str, hours: float) -> Answer:
    use = answers.xml(
        LastUsedDate=f"{NOW - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}", ServiceName="sts", Region="eu-west-1"
    )
    return answers.success(
        "iam",
        "GetAccessKeyLastUsed",
        f"{answers.xml(UserName=name) if name else ''}<AccessKeyLastUsed>{use}</AccessKeyLastUsed>",
    )


def used(days: float) -> str:
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ},eu-west-1,s3"


def test_a_use_after_the_leak_that_the_report_does_not_know_of_yet_is_told(iam: Iam, endpoint: str) -> None:
    iam.users = {"deploy": (KEY, NOW - timedelta(days=30), used(20))}
    iam.before = lambda action, _: last_used("deploy", 1) if action == "GetAccessKeyLastUsed" else None
    assert worst(read(endpoint)).rule.id == "used-after-leak"


def test_a_leaked_key_that_is_younger_than_the_report_is_found_with_its_user(iam: Iam, endpoint: str) -> None:
    iam.policies = {"deploy": "*"}
    iam.users = {"deploy": (KEY, NOW - timedelta(hours=2), "N/A,N/A,N/A")}
    nothing = "false,N/A,N/A,N/A,N/A"
    row = f"deploy,arn:aws:iam::{ACCOUNT}:user/deploy,N/A,{nothing},{nothing}"
    content = b64encode(f"{COLUMNS}\n{row}\n".encode()).decode()

    def before(action: str, _asked: dict[str, str]) -> Answer | None:
        if action == "GetCredentialReport":
            told = answers.xml(Content=content, GeneratedTime="2026-11-27T10:00:00Z")
            return answers.success("iam", action, told)
        if action == "GetAccountSummary":
            return answers.success("iam", action, "<SummaryMap/>")
        return last_used("deploy", 1) if action == "GetAccessKeyLastUsed" else None

    iam.before = before
    found = worst(read(endpoint))
    assert (found.key and found.key.key_id, found.severity.label) == (KEY, "critical")
    assert any("administrator" in each for each in found.evidence)


def test_a_leaked_key_of_the_root_user_is_known_by_its_id_and_its_remedy_is_not_that_of_users(
    iam: Iam, endpoint: str
) -> None:
    iam.users = {"other": (OTHER, NOW - timedelta(days=30), used(1))}
    iam.root = f"true,{NOW - timedelta(days=900):%Y-%m-%dT%H:%M:%SZ},{used(20)}"
    iam.before = lambda action, _: last_used("", 1) if action == "GetAccessKeyLastUsed" else None
    account = read(endpoint)
    assert account.gaps == ()
    first = lapses(account, Bounds(), LEAKS)[:3]
    assert {each.rule.id for each in first} == {"root-key", "used-after-leak", "leaked-key"}
    assert {each.key.key_id for each in first if each.key} == {KEY}
    found = next(each for each in first if each.rule.id == "used-after-leak")
    assert "it is a key of the root user, which may do everything" in found.evidence
    assert found.steps().cli == ()
    assert "deactivate it at once" in found.steps().console


@pytest.mark.parametrize(
    ("code", "is_denied_all", "needs"),
    [
        ("NoSuchEntity", False, []),
        ("AccessDenied", False, []),
        ("AccessDenied", True, ["iam:GetAccessKeyLastUsed"]),
    ],
)
def test_a_leaked_key_that_is_gone_is_no_gap_and_one_that_may_not_be_asked_about_is(
    iam: Iam, endpoint: str, code: str, is_denied_all: bool, needs: list[str]
) -> None:
    iam.users = {"other": (OTHER, NOW - timedelta(days=30), used(1))}

    def before(action: str, asked: dict[str, str]) -> Answer | None:
        if action != "GetAccessKeyLastUsed":
            return None
        if asked["AccessKeyId"] == KEY or is_denied_all:
            return answers.error("iam", code, "no")
        return last_used("other", 1)

    iam.before = before
    assert [each.needs for each in read(endpoint).gaps] == needs
