"""What replaces a key: snippets that can be used as they are, with what the key really did."""

from __future__ import annotations

import configparser
import html
from datetime import UTC, datetime, timedelta
from typing import Any

import hcl2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from keysweep.account.audit import Audit, Judged
from keysweep.account.evidence import Account, Key, User
from keysweep.account.judging.checks import Bounds, lapses
from keysweep.account.judging.replacements import actions_of, replacement_of
from keysweep.account.judging.snippets import SNIPPETS
from keysweep.account.usage.agents import Confidence, Guess, Kind
from keysweep.account.usage.use import Call, Granted, Sighting, Use
from keysweep.frozen import replace
from tests.account.samples import written

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def key_of(kind: Kind, *calls: str, region: str = "eu-west-1", others: tuple[Call, ...] = ()) -> Key:
    """One that was used by that."""
    seen = Sighting(region, "s3", "203.0.113.7", "x", Guess(kind, Confidence.SURE, "so"), 5, NOW, NOW)
    use = Use(NOW - timedelta(90), NOW, (seen,), (*(Call(each, kind, False) for each in calls), *others))
    return Key("AKIAEXAMPLEEXAMPLE22", "ci", "arn:aws:iam::111122223333:user/ci", True, NOW, None, use)


def user_of(key: Key, name: str = "ci", granted: tuple[Granted, ...] | None = None) -> User:
    return User(name, key.arn, (key,), None, granted)


def parsed(language: str, snippet: str) -> Any:
    """As whoever uses it reads it."""
    if language == "terraform":
        return hcl2.loads(snippet)
    if language == "yaml":
        return yaml.safe_load(snippet)
    settings_ = configparser.ConfigParser(interpolation=None)
    settings_.read_string(snippet)
    return settings_


ACCOUNT = Account("111122223333", "aws", NOW, (), 1)


@pytest.mark.practice(8, 13, 14)
@pytest.mark.parametrize("kind", SNIPPETS, ids=lambda it: it.name)
def test_each_snippet_can_be_read_by_what_it_is_for(kind: Kind) -> None:
    key = key_of(kind, "s3:ListBuckets", "ec2:DescribeInstances")
    told = replacement_of(key, user_of(key), ACCOUNT)
    assert told
    assert 1 <= told.practice <= 20
    for language, snippet in ((told.language, told.snippet), *told.more):
        assert parsed(language, snippet)
        assert snippet.endswith("\n")
    everything = told.snippet + "".join(each for _, each in told.more)
    if told.language == "terraform":
        assert '"ec2:DescribeInstances"' in everything
        assert '"s3:ListAllMyBuckets"' in everything, "as policies call what events call ListBuckets"


@pytest.mark.parametrize("kind", [Kind.UNKNOWN, Kind.ATTACK, Kind.SERVICE])
def test_what_is_not_known_or_is_nobodys_is_not_replaced(kind: Kind) -> None:
    key = key_of(kind, "s3:ListBuckets")
    assert replacement_of(key, user_of(key), ACCOUNT) is None


@pytest.mark.practice(8, 14)
def test_the_role_may_do_what_the_key_did_and_nothing_that_an_intruder_did_with_it() -> None:
    key = key_of(
        Kind.LAMBDA,
        "lambda:CreateFunction20150331",
        "monitoring:PutMetricData",
        "sts:GetCallerIdentity",
        "s3:Bad\n}} evil",
        others=(Call("iam:CreateUser", Kind.ATTACK, False), Call("ec2:RunInstances", Kind.LAMBDA, True)),
    )
    granted = (
        Granted("dynamodb", NOW - timedelta(days=3)),
        Granted("lambda", NOW),
        Granted("sns", NOW - timedelta(days=200)),
        Granted("sqs", None),
    )
    assert actions_of(key, user_of(key, granted=granted), ACCOUNT) == (
        "cloudwatch:PutMetricData",
        "lambda:CreateFunction",
        "dynamodb:*",
    )


def test_very_many_actions_are_named_by_their_services() -> None:
    key = key_of(Kind.EC2, *(f"ec2:Describe{chr(65 + each % 26) * (each + 1)}" for each in range(41)))
    assert actions_of(key, user_of(key), ACCOUNT) == ("ec2:*",)


@settings(max_examples=40)
@given(st.text(max_size=70), st.sampled_from(list(SNIPPETS)), st.text(max_size=40))
def test_no_name_writes_into_a_snippet(name: str, kind: Kind, call: str) -> None:
    plain, odd = key_of(kind, "s3:ListBuckets"), key_of(kind, "s3:ListBuckets", call)
    usual = replacement_of(plain, user_of(plain, "NAME"), ACCOUNT)
    told = replacement_of(odd, user_of(odd, name), ACCOUNT)
    assert usual
    assert told
    assert parsed(told.language, told.snippet)
    assert abs(told.snippet.count("\n") - usual.snippet.count("\n")) <= 1


def test_a_page_has_what_replaces_a_key_line_by_line_to_be_copied() -> None:
    key = key_of(Kind.LAPTOP, "s3:ListBuckets")
    account = replace(ACCOUNT, users=(user_of(key),))
    page = written("html", Audit((Judged(account, tuple(lapses(account, Bounds(), {}))),), {}))
    told = replacement_of(key, user_of(key), ACCOUNT)
    assert told
    assert told.snippet.rstrip() in html.unescape(page)
