"""Which rules the use of keys breaks, and in which order what is worst comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keysweep.account.evidence import Account, Key, Powers, RootUse, User
from keysweep.account.judging.checks import Bounds, Lapse, Leak, lapses
from keysweep.account.usage.agents import Confidence, Guess, Kind, guess
from keysweep.account.usage.use import Call, Creation, Sighting, Use
from keysweep.aws.ownership import LastUse
from keysweep.frozen import replace

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ALL = Powers(is_administrator=True, services=("*",), granted_by=("AdministratorAccess",))
SOME = Powers(services=("s3",))
KEY = "AKIAEXAMPLEEXAMPLE22"
LEAK = Leak(NOW - timedelta(days=20), ("app: .env:3",))


def seen(
    address: str = "203.0.113.7",
    agent: str = "aws-cli/2 os/macos",
    *,
    days: float = 1,
    count: int = 3,
    after_leak: int = 0,
    region: str = "eu-west-1",
) -> Sighting:
    when = NOW - timedelta(days=days)
    return Sighting(region, "ec2", address, agent, guess(agent, address), count, when, when, after_leak)


def use(*sightings: Sighting) -> Use:
    return Use(NOW - timedelta(days=90), NOW, sightings)


def key(
    name: str = "deploy", *, age: float = 10, used: Use | None = None, key_id: str = KEY, active: bool = True
) -> Key:
    last = LastUse(NOW - timedelta(days=1), "ec2", "eu-west-1")
    arn = f"arn:aws:iam::111122223333:user/{name}"
    return Key(key_id, name, arn, active, NOW - timedelta(days=age), last, used)


def user(key: Key, powers: Powers = SOME) -> User:
    return User(key.user or "", key.arn, (key,), powers)


def judged(*users: User, leaks: dict[str, Leak] | None = None, **more: object) -> list[Lapse]:
    account = replace(Account("111122223333", "aws", NOW, users, len(users)), **more)
    return lapses(account, Bounds(), leaks or {})


@pytest.mark.practice(10, 15, 16, 18)
def test_a_leaked_old_powerful_key_that_strangers_used_after_its_leak_is_above_everything() -> None:
    stranger = use(seen(days=40), seen("198.51.100.66", after_leak=3))
    owner = use(seen(days=40, after_leak=1))
    ids = [f"AKIAEXAMPLEEXAMPLE{each}" for each in (22, 33, 44, 55, 66)]
    users = [
        user(key("e-idle", key_id=ids[4]), SOME),
        user(key("c-weak", age=400, used=stranger, key_id=ids[2]), SOME),
        user(key("d-owner", age=400, used=owner, key_id=ids[3]), ALL),
        user(key("b-young", used=stranger, key_id=ids[1]), ALL),
        user(key("a-worst", age=400, used=stranger, key_id=ids[0]), ALL),
    ]
    old = LastUse(NOW - timedelta(days=30), "ec2", "eu-west-1")
    users[0] = replace(users[0], keys=(replace(users[0].keys[0], last_use=old),))
    root = Key("", None, "arn:aws:iam::111122223333:root", True, NOW - timedelta(days=3000), None)
    found = judged(*users, leaks=dict.fromkeys(ids, LEAK), root_keys=(root,))
    critical = [each for each in found if each.severity.label == "critical"]
    order = list(dict.fromkeys(each.key.user if each.key else "" for each in critical))
    assert order == ["a-worst", "b-young", "c-weak", "d-owner", None, "e-idle"], (
        "the root user's key has not leaked"
    )
    assert [each.rule.id for each in critical[:2]] == ["used-after-leak", "leaked-key"]


def test_use_from_where_it_was_used_before_the_leak_is_not_said_to_be_strange() -> None:
    (found, *_) = judged(user(key(used=use(seen(days=1, after_leak=1)))), leaks={KEY: LEAK})
    assert found.rule.id == "used-after-leak"
    assert not [each for each in found.evidence if "not like before" in each]


def test_of_a_key_that_is_used_from_everywhere_only_another_program_is_strange() -> None:
    everywhere = [seen(f"198.51.100.{each}", days=40) for each in range(6)]
    (found, *_) = judged(user(key(used=use(*everywhere, seen("192.0.2.1", after_leak=3)))), leaks={KEY: LEAK})
    assert not [each for each in found.evidence if "not like before" in each]
    assert "before the leak it was used from 6 addresses, so that another one says little" in found.evidence
    other = seen("192.0.2.1", "Boto3/1", after_leak=3)
    (found, *_) = judged(user(key(used=use(*everywhere, other))), leaks={KEY: LEAK})
    assert "not like before the leak: what came from 192.0.2.1 with Boto3/1" in found.evidence


def test_where_nothing_is_known_of_before_the_leak_that_is_said() -> None:
    (found, *_) = judged(user(key(used=use(seen(after_leak=3)))), leaks={KEY: LEAK})
    assert [
        each for each in found.evidence if each.startswith("whether that is like before the leak is not known")
    ]
    assert found.rank == 0b00100


def test_what_was_done_with_a_leaked_key_is_told_also_when_it_is_off() -> None:
    used = use(seen(days=30), seen("198.51.100.66", after_leak=3))
    found = {each.rule.id: each for each in judged(user(key(used=used, active=False)), leaks={KEY: LEAK})}
    assert found["used-after-leak"].severity.label == "high"
    assert "it is switched off now" in found["used-after-leak"].evidence


def test_a_key_of_the_root_user_that_leaked_is_known_by_what_cloudtrail_says_of_it() -> None:
    known = replace(use(seen()), key_ids=(KEY,))
    (found,) = judged(root_use=RootUse(None, known), leaks={KEY: LEAK})
    assert (found.rule.id, found.severity.label) == ("root-use", "critical")
    assert f"its key {KEY} has leaked" in found.evidence
    (found,) = judged(root_use=RootUse(None, known))
    assert found.severity.label == "high"


def test_what_is_only_a_guess_is_less_urgent_to_replace_and_says_that_it_is_one() -> None:
    sure = Guess(Kind.LAMBDA, Confidence.SURE, "it says so")
    maybe = Guess(Kind.SERVER, Confidence.MAYBE, "its system is a Linux")
    for told, severity in ((sure, "medium"), (maybe, "low")):
        (found,) = judged(user(key(used=use(replace(seen(), guess=told)))))
        assert (found.rule.id, found.severity.label) == ("replaceable-key", severity)
        assert found.replacement
        assert "aws_iam_role" in found.steps().terraform
    assert found.evidence[0] == "3 calls by a server (maybe: its system is a Linux)"


@pytest.mark.practice(13)
def test_a_use_of_which_nothing_is_known_is_told_without_a_replacement() -> None:
    (found,) = judged(user(key(used=use(seen(agent="x/1")))))
    assert (found.rule.id, found.severity.label, found.replacement) == ("replaceable-key", "low", None)
    assert found.evidence[0] == "3 calls by something unknown"
    (found,) = judged(user(key(used=use())))
    assert "CloudTrail tells of no call" in found.evidence[0]
    assert judged(user(key(used=None))) == [], "CloudTrail was not asked"


def test_a_tool_for_attacks_is_no_use_to_be_replaced() -> None:
    found = judged(user(key(used=use(seen(agent="Boto3/1 Linux/6-kali9")))))
    assert [each.rule.id for each in found] == ["attack-tool"]


def test_where_somebody_works_is_held_against_the_last_use_without_cloudtrail_too() -> None:
    account = Account("111122223333", "aws", NOW, (user(key()),), 1)
    (found,) = lapses(account, Bounds(home_regions=("us-west-2",)), {})
    assert found.rule.id == "unexpected-region"
    assert found.evidence == ("used in eu-west-1, and you work in us-west-2",)
    assert lapses(account, Bounds(home_regions=("eu-west-1", "us-west-2")), {}) == []


def test_what_was_first_done_after_the_leak_and_does_harm_is_named() -> None:
    calls = (
        Call("iam:CreateUser", Kind.LAPTOP, True),
        Call("iam:CreateAccessKey", Kind.LAPTOP, True),
        Call("s3:PutBucketPolicy", Kind.LAPTOP, False),
        Call("ec2:DescribeVpcs", Kind.LAPTOP, True),
    )
    used = replace(use(seen(days=40), seen(after_leak=3)), calls=calls)
    (found, *_) = judged(user(key(used=used)), leaks={KEY: LEAK})
    assert [each for each in found.evidence if each.startswith("first done after the leak")] == [
        "first done after the leak: iam:CreateAccessKey, iam:CreateUser, "
        "which makes a credential that outlives the leaked key"
    ]


def test_a_key_that_was_made_with_a_leaked_one_is_critical_whoever_may_make_keys() -> None:
    made = Creation("AKIAEXAMPLEEXAMPLE33", "arn:aws:iam::1:user/ci", "", NOW, "198.51.100.66", "Boto3/1", KEY)
    other = replace(key("backdoor", key_id="AKIAEXAMPLEEXAMPLE33"), creation=made)
    (found,) = judged(user(other), leaks={KEY: LEAK})
    assert (found.rule.id, found.severity.label) == ("unapproved-key", "critical")
    assert found.evidence[0] == f"made 2026-11-27 with {KEY}, which had leaked, from 198.51.100.66"
    assert judged(user(other)) == [], "nobody said who may"
    early = replace(other, creation=replace(made, when=NOW - timedelta(days=21)))
    assert judged(user(early), leaks={KEY: LEAK}) == [], "it had not leaked yet"
