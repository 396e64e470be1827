"""Which rules keys break, by their age, their use and what their users may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keysweep.account.evidence import Account, Key, Powers, Trail, User
from keysweep.account.judging.checks import Bounds, Lapse, Leak, lapses
from keysweep.aws.ownership import NEVER, LastUse
from keysweep.findings import Severity

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOTHING = Powers()
SOME = Powers(services=("s3",), stores=("s3",), granted_by=("read",))
ALL = Powers(is_administrator=True, services=("*",), granted_by=("AdministratorAccess",))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def used(days: float, service: str = "s3") -> LastUse:
    return LastUse(ago(days), service, "eu-west-1")


def key(age: float, use: LastUse | None, *, active: bool = True, name: str = "AKIAEXAMPLEEXAMPLE22") -> Key:
    return Key(name, "deploy", "arn:aws:iam::111122223333:user/deploy", active, ago(age), use)


def broken(*keys: Key, powers: Powers | None = NOTHING, leak: Leak | None = None) -> list[Lapse]:
    user = User("deploy", "arn:aws:iam::111122223333:user/deploy", keys, powers)
    account = Account("111122223333", "aws", NOW, (user,), 1)
    return lapses(account, Bounds(), {keys[0].key_id: leak} if leak else {})


def rules(found: list[Lapse]) -> list[str]:
    return [each.rule.id for each in found]


def test_a_young_key_in_use_breaks_nothing() -> None:
    assert broken(key(30, used(1))) == []


@pytest.mark.practice(1, 2, 5, 6, 11, 15, 16)
@pytest.mark.parametrize(
    ("age", "use", "active", "expected"),
    [
        (46, NEVER, True, ["never-used-key"]),
        (44, NEVER, True, []),
        (80, used(46), True, ["unused-key"]),
        (80, used(44), True, []),
        (91, used(1), True, ["old-key"]),
        (90, used(1), True, []),
        (91, NEVER, True, ["never-used-key", "old-key"]),
        (400, used(31), False, ["inactive-key"]),
        (400, used(29), False, []),
        (400, NEVER, False, ["inactive-key"]),
    ],
)
def test_bounds_are_in_days_since_it_was_made_or_used(
    age: float, use: LastUse, active: bool, expected: list[str]
) -> None:
    assert rules(broken(key(age, use, active=active))) == expected


def test_nobody_is_told_to_rotate_what_nobody_uses() -> None:
    advice = "nobody uses it: switch it off in place of rotating it"
    for use, is_advised in ((used(60), True), (NEVER, True), (used(1), False)):
        (old,) = [each for each in broken(key(200, use)) if each.rule.id == "old-key"]
        assert (advice in old.evidence) == is_advised


def test_what_is_not_known_breaks_nothing() -> None:
    unknown = Key("AKIAEXAMPLEEXAMPLE22", "deploy", "arn:aws:iam::111122223333:user/deploy", True, None, None)
    assert broken(unknown, powers=None) == []


@pytest.mark.practice(4)
def test_of_two_active_keys_the_one_is_named_that_is_missed_less() -> None:
    (found,) = broken(key(50, used(2), name="AKIAEXAMPLEEXAMPLE22"), key(10, NEVER, name="AKIAEXAMPLEEXAMPLE33"))
    assert (found.rule.id, found.key and found.key.key_id) == ("two-active-keys", "AKIAEXAMPLEEXAMPLE33")
    assert broken(key(50, used(2)), key(10, NEVER, active=False, name="AKIAEXAMPLEEXAMPLE33")) == []


@pytest.mark.practice(13, 18)
def test_who_can_take_the_account_over_is_named_with_the_policies_that_let_them() -> None:
    (found,) = broken(key(1, used(0.1)), powers=ALL)
    assert (found.rule.id, found.severity) == ("powerful-key", Severity.HIGH)
    assert "its user is an administrator (by AdministratorAccess)" in found.evidence
    (found,) = broken(key(1, used(0.1)), powers=Powers(escalations=("iam:PutUserPolicy",), services=("iam",)))
    assert "its user can give itself more by iam:PutUserPolicy" in found.evidence


@pytest.mark.practice(5, 16, 18)
def test_a_leaked_active_powerful_key_that_was_used_since_comes_before_everything() -> None:
    leak = Leak(ago(20), ("app: .env:3", "fork: .env:3"))
    found = broken(key(400, used(1)), powers=ALL, leak=leak)
    assert rules(found) == ["used-after-leak", "leaked-key", "powerful-key", "old-key"]
    assert found[0].evidence[0] == "leaked on 2026-11-07"
    assert "found at app: .env:3 and 1 more" in found[1].evidence


def test_a_key_that_leaked_and_can_do_nothing_is_less_urgent() -> None:
    (found,) = broken(key(1, used(0.5)), powers=NOTHING, leak=Leak(None, ()))
    assert (found.rule.id, found.severity) == ("leaked-key", Severity.HIGH)
    (found,) = broken(key(1, used(0.5)), powers=None, leak=Leak(None, ()))
    assert found.severity is Severity.CRITICAL, "nobody knows what it can do"


def test_keysweeps_own_question_is_nobodys_use() -> None:
    leak = Leak(ago(20), (), checked=ago(1))
    assert rules(broken(key(30, used(1, "sts")), powers=SOME, leak=leak)) == ["leaked-key"]
    assert rules(broken(key(30, used(3, "sts")), powers=SOME, leak=leak)) == ["used-after-leak", "leaked-key"]


@pytest.mark.practice(6)
def test_a_leaked_key_that_is_off_is_to_be_deleted() -> None:
    (found,) = broken(key(60, used(40), active=False), leak=Leak(ago(50), ()))
    assert found.rule.id == "leaked-key-kept"
    assert found.steps().cli == (
        "keysweep delete AKIAEXAMPLEEXAMPLE22",
        "aws iam delete-access-key --user-name deploy --access-key-id AKIAEXAMPLEEXAMPLE22",
    )


@pytest.mark.practice(12)
def test_every_key_of_the_root_user_is_critical() -> None:
    root = Key("", None, "arn:aws:iam::111122223333:root", False, ago(3000), NEVER)
    (found,) = lapses(Account("111122223333", "aws", NOW, (), 0, (root,)), Bounds(), {})
    assert (found.rule.id, found.severity) == ("root-key", Severity.CRITICAL)
    assert found.key == root
    assert root.name == "a key of the root user"
    assert "it is switched off" in found.evidence


def test_names_in_commands_cannot_run_anything() -> None:
    odd = Key("AKIAEXAMPLEEXAMPLE22", "a;$(id)", "arn:aws:iam::111122223333:user/a;$(id)", False, ago(99), NEVER)
    user = User("a;$(id)", odd.arn, (odd,), NOTHING)
    (found,) = lapses(Account("111122223333", "aws", NOW, (user,), 1), Bounds(), {})
    assert "--user-name 'a;$(id)' --access-key-id" in found.steps().cli[1]


def test_a_name_that_begins_with_a_dash_is_no_option_of_a_command() -> None:
    odd = Key("AKIAEXAMPLEEXAMPLE22", "-dash", "arn:aws:iam::111122223333:user/-dash", False, ago(99), NEVER)
    user = User("-dash", odd.arn, (odd,), NOTHING)
    (found,) = lapses(Account("111122223333", "aws", NOW, (user,), 1), Bounds(), {})
    assert "--user-name=-dash --access-key-id" in found.steps().cli[1]


def test_a_leaked_key_of_which_nobody_knows_what_it_can_do_comes_before_one_that_can_do_little() -> None:
    keys = [key(100, used(1)), key(1, used(1), name="AKIAEXAMPLEEXAMPLE99")]
    users = [User("a", keys[0].arn, (keys[0],), SOME), User("b", keys[1].arn, (keys[1],), None)]
    leaks = {each.key_id: Leak(None, ()) for each in keys}
    found = lapses(Account("111122223333", "aws", NOW, tuple(users), 2), Bounds(), leaks)
    assert found[0].user == users[1]


@pytest.mark.practice(10, 17)
@pytest.mark.parametrize(
    ("trails", "told"),
    [
        ((), "there is no trail"),
        ((Trail("here", is_everywhere=False, is_logging=True),), "trail here is for one region"),
        ((Trail("off", is_everywhere=True, is_logging=False),), "trail off is switched off"),
        (
            (Trail("data", is_everywhere=True, is_logging=True, is_whole=False),),
            "trail data leaves out calls that manage the account",
        ),
    ],
)
def test_an_account_in_which_not_all_is_written_down_breaks_a_rule_itself(
    trails: tuple[Trail, ...], told: str
) -> None:
    (found,) = lapses(Account("111122223333", "aws", NOW, (), 0, trails=trails), Bounds(), {})
    assert (found.rule.id, found.key, found.evidence) == ("no-trail", None, (told,))
    assert "create-trail" in found.steps().cli[0]


def test_one_trail_everywhere_is_enough_and_an_unknown_one_is_not_judged() -> None:
    some = (Trail("here", is_everywhere=False, is_logging=True), Trail("all", is_everywhere=True, is_logging=True))
    for trails in (some, None):
        assert lapses(Account("111122223333", "aws", NOW, (), 0, trails=trails), Bounds(), {}) == []
