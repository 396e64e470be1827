"""What keys are used for, asked of a CloudTrail, an IAM and an EC2 that are slow, busy, forbidden or odd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keysweep.account.evidence import Account
from keysweep.account.judging.checks import Bounds, Lapse, Leak, lapses
from keysweep.account.reading.account import overview, read_account
from keysweep.account.reading.kept import Kept
from keysweep.account.usage.lookups import Pacing, Question, answered
from keysweep.account.usage.tallies import Creations, Others, Sightings
from keysweep.account.usage.wanted import Wanted, with_usage
from keysweep.aws import clients
from keysweep.aws.partitions import partition
from keysweep.aws.responders import Acting, identified
from tests.account.scripted import ACCOUNT, Cloud, event
from tests.emulators import answers
from tests.emulators.wire import Answer, serve

KEY, OTHER, THIRD = "AKIAEXAMPLEEXAMPLE22", "AKIAEXAMPLEEXAMPLE33", "AKIAEXAMPLEEXAMPLE44"
ARN = f"arn:aws:iam::{ACCOUNT}:user"


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def used(days: float, region: str = "us-east-1", service: str = "ec2") -> str:
    return f"{ago(days):%Y-%m-%dT%H:%M:%SZ},{region},{service}"


@pytest.fixture
def cloud() -> Cloud:
    """One user with one key that is in use, in one region."""
    return Cloud(users={"ci": (KEY, ago(60), used(0.1))})


Asking = Callable[[str], Acting]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[list[Cloud], Asking]]:
    """Whose first cloud answers, and who asks it in a partition: clients take longer to make than a test."""
    clouds = [Cloud()]
    asking: dict[str, Acting] = {}
    with serve(lambda request: clouds[0].answer(request)) as endpoint:

        def acting(name: str) -> Acting:
            if name not in asking:
                where = partition(name)
                session = clients.explicit("AKIAEXAMPLEEXAMPLE99", "no secret", None, where.region)
                asking[name] = identified(session, where, endpoint)
            return asking[name]

        yield clouds, acting


@pytest.fixture
def acting(served: tuple[list[Cloud], Asking], cloud: Cloud) -> Asking:
    """Who asks this test's cloud."""
    served[0][0] = cloud
    return served[1]


_USUAL = Wanted()


def read(
    acting: Asking, wanted: Wanted = _USUAL, leaks: dict[str, Leak] | None = None, name: str = "aws"
) -> Account:
    who = acting(name)
    account = read_account(who, overview(who))
    return with_usage(who, account, wanted, leaks or {}, sleep=lambda _seconds: None)


def use(account: Account, key_id: str = KEY) -> Any:
    return next(key.use for key, _ in account.each_key() if key.key_id == key_id)


def broken(account: Account, leaks: dict[str, Leak] | None = None, **bounds: Any) -> dict[str, Lapse]:
    return {each.rule.id: each for each in lapses(account, Bounds(**bounds), leaks or {})}


@pytest.mark.practice(10, 16)
def test_what_a_key_did_is_told_by_service_region_address_and_program(cloud: Cloud, acting: Asking) -> None:
    cloud.regions |= {"eu-west-1": "opted-in", "me-south-1": "not-opted-in"}
    cloud.events = {
        "us-east-1": [event(KEY, "GetCallerIdentity", "sts", userAgent="Boto3/1", sourceIPAddress="198.51.100.9")],
        "eu-west-1": [event(KEY, hours=each) for each in range(1, 61)] + [event(KEY, errorCode="AccessDenied")],
    }
    account = read(acting)
    assert account.gaps == ()
    told = use(account)
    assert told.events == 62
    assert told.counted(lambda it: it.region) == (("eu-west-1", 61), ("us-east-1", 1))
    assert told.counted(lambda it: it.address) == (("203.0.113.7", 61), ("198.51.100.9", 1))
    assert [each.name for each in told.calls] == ["ec2:DescribeInstances", "sts:GetCallerIdentity"]
    assert told.sightings[0].refused == 1
    assert {region for region, _, _ in cloud.looked_up} == {"us-east-1", "eu-west-1"}, "one is not enabled"


def test_a_region_is_asked_twice_a_second_and_no_more(cloud: Cloud, acting: Asking) -> None:
    cloud.events["us-east-1"] = [event(KEY) for _ in range(120)]
    slept: list[float] = []
    asked = [Question("us-east-1", ("AccessKeyId", each), Others, ago(90), 20) for each in (KEY, OTHER, THIRD)]
    pacing = Pacing(datetime.now(UTC), sleep=slept.append, clock=lambda: 0.0)
    done = list(answered(acting("aws"), asked, pacing))
    assert [each.pages for each in done] == [3, 1, 1]
    assert [each for each in slept if each] == [0.5, 0.5, 0.5, 0.5], "between pages, and between questions"


def test_leaked_keys_are_asked_about_first_and_unused_ones_not_at_all(cloud: Cloud, acting: Asking) -> None:
    cloud.users |= {
        "b": (OTHER, ago(60), used(0.1)),
        "c": (THIRD, ago(300), used(200)),
        "d": ("AKIAEXAMPLEEXAMPLE55", ago(300), used(250)),
    }
    leaks = {OTHER: Leak(ago(9), ()), "AKIAEXAMPLEEXAMPLE55": Leak(None, ())}
    account = read(acting, leaks=leaks)
    keys = [value for _, _, value in cloud.looked_up if value.startswith("AKIA")]
    assert keys == [OTHER, "AKIAEXAMPLEEXAMPLE55", KEY]
    assert use(account, THIRD) is None
    assert any("IAM says were not used in the last 90 days" in note for note in account.notes)


def test_a_region_that_refuses_is_a_gap_with_the_permission_and_the_others_are_told(
    cloud: Cloud, acting: Asking
) -> None:
    cloud.regions |= {"eu-west-1": "opted-in"}
    cloud.refused["eu-west-1"] = ["AccessDeniedException"]
    cloud.events["us-east-1"] = [event(KEY)]
    cloud.users["b"] = (OTHER, ago(60), used(0.1))
    account = read(acting)
    (gap,) = account.gaps
    assert (gap.what, gap.needs) == ("what keys did in eu-west-1", "cloudtrail:LookupEvents")
    assert use(account).shortfalls[0][0] == "eu-west-1"
    assert use(account).events == 1
    assert [region for region, _, _ in cloud.looked_up].count("eu-west-1") == 1, "asked once, not for each key"


def test_where_all_is_refused_nothing_is_said_of_use(cloud: Cloud, acting: Asking) -> None:
    cloud.refused["us-east-1"] = ["AccessDeniedException"]
    account = read(acting)
    assert (use(account), account.root_use and account.root_use.use) == (None, None)
    assert [gap.needs for gap in account.gaps] == ["cloudtrail:LookupEvents"]


def test_a_busy_cloudtrail_is_asked_again(cloud: Cloud, acting: Asking) -> None:
    cloud.refused["us-east-1"] = ["ThrottlingException", ""]
    cloud.events["us-east-1"] = [event(KEY)]
    account = read(acting)
    assert (use(account).events, account.gaps) == (1, ())


def test_a_page_that_comes_again_is_told_and_what_was_read_is_kept(cloud: Cloud, acting: Asking) -> None:
    cloud.events["us-east-1"] = [event(KEY) for _ in range(170)]
    cloud.repeats_pages = True
    account = read(acting)
    assert use(account).events == 50
    (gap,) = account.gaps
    assert gap.what == f"all that {KEY} did in us-east-1"
    assert "repeated a page" in gap.reason


def test_of_very_many_events_the_newest_are_told_and_that_there_are_more(cloud: Cloud, acting: Asking) -> None:
    cloud.events["us-east-1"] = [event(KEY) for _ in range(1001)]
    account = read(acting)
    assert use(account).events == 1000
    assert "only the newest 1000 events" in account.gaps[0].reason


@pytest.mark.parametrize(
    "odd",
    [
        {"CloudTrailEvent": None},
        {"CloudTrailEvent": "no JSON"},
        {"CloudTrailEvent": "[1]"},
        {"CloudTrailEvent": json.dumps({"userIdentity": [], "sourceIPAddress": 7, "userAgent": {"a": 1}})},
        {"EventSource": None, "EventName": None},
        {"CloudTrailEvent": json.dumps({"userIdentity": {"invokedBy": ["x"]}, "errorCode": False})},
    ],
)
def test_an_event_of_another_form_is_counted_all_the_same(
    odd: dict[str, Any], cloud: Cloud, acting: Asking
) -> None:
    cloud.events["us-east-1"] = [event(KEY), event(KEY) | odd]
    account = read(acting)
    assert (use(account).events, account.gaps) == (2, ())


def test_an_event_that_comes_twice_counts_once_and_very_many_places_are_put_together(
    cloud: Cloud, acting: Asking
) -> None:
    twice = event(KEY)
    many = [event(KEY, sourceIPAddress=f"198.51.{each // 250}.{each % 250}") for each in range(600)]
    cloud.events["us-east-1"] = [twice, twice, *many]
    told = use(read(acting))
    assert told.events == 601
    assert len(told.sightings) == 501
    assert told.counted(lambda it: it.address)[0] == ("others", 101)


def test_use_after_the_leak_is_told_apart_from_that_before(cloud: Cloud, acting: Asking) -> None:
    cloud.policies["ci"] = "*"
    cloud.events["us-east-1"] = [
        event(KEY, "RunInstances", hours=2, sourceIPAddress="198.51.100.66", userAgent="Boto3/1.9"),
        event(KEY, hours=3),
        event(KEY, hours=300),
    ]
    leaks = {KEY: Leak(ago(5), ("app: .env:1",))}
    account = read(acting, leaks=leaks)
    assert [(each.name, each.is_new) for each in use(account).calls] == [
        ("ec2:DescribeInstances", False),
        ("ec2:RunInstances", True),
    ]
    found = broken(account, leaks)
    evidence = found["used-after-leak"].evidence
    assert f"2 calls after the leak, the last {ago(2 / 24):%Y-%m-%d}" in evidence
    assert "not like before the leak: what came from 198.51.100.66 with Boto3/1" in evidence
    assert found["used-after-leak"].rank == 0b11100, "from elsewhere, powerful, used, of known power, and not old"


def test_keysweeps_own_question_is_not_use_and_a_program_that_says_it_was_keysweep_is(
    cloud: Cloud, acting: Asking
) -> None:
    own = {"userAgent": "keysweep/0.1", "name": "GetCallerIdentity", "source": "sts"}
    cloud.events["us-east-1"] = [event(KEY, hours=2, **own), event(KEY, hours=20, **own)]
    leaks = {KEY: Leak(ago(5), (), checked=ago(2 / 24))}
    assert use(read(acting, leaks=leaks)).events == 1


@pytest.mark.practice(12)
def test_only_the_root_user_itself_is_the_root_user(cloud: Cloud, acting: Asking) -> None:
    cloud.events["us-east-1"] = [
        event("", "ConsoleLogin", "signin", userIdentity={"type": "Root"}),
        event("", userIdentity={"type": "Root", "invokedBy": "support.amazonaws.com"}),
        event(KEY, userIdentity={"type": "IAMUser", "userName": "root"}) | {"Username": "root"},
    ]
    found = broken(read(acting))
    assert found["root-use"].evidence[0].startswith("1 call in CloudTrail, the last ")
    cloud.events, cloud.root_signed_in = {}, f"{ago(3):%Y-%m-%dT%H:%M:%SZ}"
    account = read(acting)
    assert broken(account)["root-use"].evidence == (f"its password was last used {ago(3):%Y-%m-%d}",)
    assert "root-use" not in broken(account, root_days=2)


@pytest.mark.practice(1, 11)
def test_whoever_made_a_key_is_held_to_who_may(cloud: Cloud, acting: Asking) -> None:
    made = {"responseElements": {"accessKey": {"accessKeyId": KEY, "userName": "ci"}}}
    session = {
        "type": "AssumedRole",
        "accessKeyId": "ASIA",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Pipeline/run-7",
        "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/ops/Pipeline"}},
    }
    cloud.events["us-east-1"] = [
        event("ASIA", "CreateAccessKey", "iam", userIdentity=session, hours=1400, **made),
        event("ASIA", "CreateAccessKey", "iam", errorCode="AccessDenied", responseElements=None, userIdentity={}),
    ]
    account = read(acting, Wanted(judges_creators=True))
    for approved in ("Pipeline", "arn:aws:iam::*:role/ops/*", "*assumed-role/Pipeline/*"):
        assert "unapproved-key" not in broken(account, creators=("nobody", approved))
    creation = account.users[0].keys[0].creation
    assert creation
    assert creation.with_key == "ASIA"
    found = broken(account, creators=("pipeline", "Pipe"))["unapproved-key"]
    assert "assumed-role/Pipeline/run-7 from 203.0.113.7 with aws-cli/2" in found.evidence[0]
    assert "unapproved-key" not in broken(account), "nobody said who may"


def test_who_made_an_older_key_is_said_to_be_unknown(cloud: Cloud, acting: Asking) -> None:
    cloud.users = {"ci": (KEY, ago(200), used(0.1))}
    account = read(acting, Wanted(judges_creators=True))
    assert "unapproved-key" not in broken(account, creators=("x",))
    assert any(note.startswith("Who made keys older than 90 days") for note in account.notes)
    assert any("--approved-creator says who may" in note for note in read(acting).notes)


@pytest.mark.practice(17)
def test_a_region_is_odd_where_a_key_works_mostly_elsewhere_and_nobody_else_changes_anything(
    cloud: Cloud, acting: Asking
) -> None:
    cloud.regions |= {"eu-west-1": "opted-in", "sa-east-1": "opted-in"}
    launch = event(KEY, "RunInstances")
    cloud.events = {
        "eu-west-1": [event(KEY, hours=each) for each in range(1, 20)],
        "sa-east-1": [launch, event("", "Tick", userIdentity={"type": "AWSService"})],
        "us-east-1": [event(KEY, "GetUser", "iam")],
    }
    found = broken(read(acting))["unexpected-region"]
    assert (found.severity.label, found.evidence) == (
        "medium",
        ("used in sa-east-1 (1 call), where CloudTrail knows of no change by anybody else",),
    )
    cloud.events["sa-east-1"].append(event("ASIAELSE", "CreateTags"))
    assert "unexpected-region" not in broken(read(acting)), "somebody else works there"


def test_where_you_work_is_what_you_say(cloud: Cloud, acting: Asking) -> None:
    cloud.regions |= {"eu-west-1": "opted-in"}
    cloud.events = {"eu-west-1": [event(KEY)], "us-east-1": [event(KEY, "GetUser", "iam")]}
    cloud.users = {"ci": (KEY, ago(60), used(0.1, "eu-west-1"))}
    account = read(acting)
    assert "unexpected-region" not in broken(account, home_regions=("eu-west-1",)), "IAM is everywhere"
    found = broken(account, home_regions=("eu-north-1",))["unexpected-region"]
    assert found.severity.label == "high"
    assert found.evidence == ("used in eu-west-1 (1 call), and you work in eu-north-1",)


def test_a_region_that_is_not_enabled_is_odd_by_the_last_use_alone(cloud: Cloud, acting: Asking) -> None:
    cloud.regions |= {"me-south-1": "not-opted-in"}
    cloud.users = {"ci": (KEY, ago(60), used(0.1, "me-south-1"))}
    found = broken(read(acting))["unexpected-region"]
    assert found.evidence == ("used in me-south-1, which the account has not enabled",)


def test_where_regions_may_not_be_listed_all_are_asked_and_that_is_a_gap(cloud: Cloud, acting: Asking) -> None:
    cloud.before = lambda action, _: (
        Answer(
            403,
            b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>"
            b"</Response>",
            {"Content-Type": "text/xml"},
        )
        if action == "DescribeRegions"
        else None
    )
    account = read(acting, name="aws-cn")
    assert [gap.needs for gap in account.gaps] == ["ec2:DescribeRegions"]
    assert {region for region, _, _ in cloud.looked_up} == {"cn-north-1", "cn-northwest-1"}
    cloud.looked_up.clear()
    assert read(acting, Wanted(regions=("cn-north-1",)), name="aws-cn").gaps == ()
    assert {region for region, _, _ in cloud.looked_up} == {"cn-north-1"}


@pytest.mark.practice(10, 17)
def test_each_region_is_asked_for_its_trails_where_none_is_for_all(cloud: Cloud, acting: Asking) -> None:
    cloud.regions |= {"eu-west-1": "opted-in", "eu-west-3": "opted-in"}
    cloud.trails = {
        region: [{"Name": region, "TrailARN": f"arn:aws:cloudtrail:{region}:1:trail/x", "HomeRegion": region}]
        for region in ("us-east-1", "eu-west-1")
    }
    assert "no trail in eu-west-3" in broken(read(acting))["no-trail"].evidence
    del cloud.regions["eu-west-3"]
    assert "every region of today has one, no later one will" in broken(read(acting))["no-trail"].evidence


@pytest.mark.practice(18)
def test_services_that_are_allowed_and_not_used_are_counted(cloud: Cloud, acting: Asking) -> None:
    at = f"{ago(2):%Y-%m-%dT%H:%M:%SZ}"
    cloud.services[f"{ARN}/ci"] = {"s3": at, "sqs": "", "iam": "", "ec2": at}
    found = broken(read(acting))["unused-permissions"]
    assert found.evidence == (
        "its user used 2 of 4 services that it may use: ec2, s3",
        "never in 400 days: iam, sqs",
    )
    cloud.services[f"{ARN}/ci"] = {"s3": at}
    assert "unused-permissions" not in broken(read(acting))


@pytest.mark.practice(18)
def test_power_that_a_boundary_takes_away_is_less_urgent_and_says_so(cloud: Cloud, acting: Asking) -> None:
    cloud.policies["ci"] = "*"
    found = broken(read(acting))["powerful-key"]
    assert found.severity.label == "high"
    assert any(each.startswith("simulation confirms iam:AddUserToGroup") for each in found.evidence)
    bound = (
        "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>"
        "</PermissionsBoundaryDecisionDetail>"
    )
    cloud.decisions = {"*": ("implicitDeny", bound), "s3:GetObject": ("allowed", "")}
    found = broken(read(acting))["powerful-key"]
    assert found.severity.label == "medium"
    assert any(
        "its permissions boundary takes them away; of what was asked, s3:GetObject is left" in each
        for each in found.evidence
    )


def test_only_power_that_policies_give_has_to_be_taken_away(cloud: Cloud, acting: Asking) -> None:
    cloud.policies["ci"] = "iam:CreateAccessKey"
    bound = (
        "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>"
        "</OrganizationsDecisionDetail>"
    )
    cloud.decisions = {"*": ("implicitDeny", ""), "iam:CreateAccessKey": ("implicitDeny", bound)}
    found = broken(read(acting))["powerful-key"]
    assert found.severity.label == "medium"
    assert any("a policy of the organisation takes them away" in each for each in found.evidence)


@pytest.mark.parametrize(
    "more", ["", "<MissingContextValues><member>aws:MultiFactorAuthPresent</member></MissingContextValues>"]
)
def test_power_that_simulation_does_not_confirm_without_a_reason_is_as_urgent(
    more: str, cloud: Cloud, acting: Asking
) -> None:
    cloud.policies["ci"] = "*"
    cloud.decisions = {"*": ("explicitDeny" if more else "implicitDeny", more)}
    found = broken(read(acting))["powerful-key"]
    assert found.severity.label == "high"
    assert any("it may hold for some, or under a condition" in each for each in found.evidence)


def test_what_iam_may_not_be_asked_is_a_gap_each(cloud: Cloud, acting: Asking) -> None:
    cloud.policies["ci"] = "*"
    cloud.before = lambda action, _: (
        answers.error("iam", "AccessDenied", "no")
        if action in {"SimulatePrincipalPolicy", "GenerateServiceLastAccessedDetails"}
        else None
    )
    account = read(acting)
    assert [gap.needs for gap in account.gaps] == [
        "iam:SimulatePrincipalPolicy",
        "iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails",
    ]
    assert (account.users[0].granted, account.users[0].simulated) == (None, None)


def test_what_was_read_of_use_is_as_it_was_when_a_later_run_goes_on_with_it(
    cloud: Cloud, acting: Asking, tmp_path: Path
) -> None:
    at = f"{ago(2):%Y-%m-%dT%H:%M:%SZ}"
    cloud.policies["ci"], cloud.services[f"{ARN}/ci"] = "*", {"s3": at, "sqs": ""}
    cloud.decisions["iam:PassRole"] = ("explicitDeny", "")
    made = {"responseElements": {"accessKey": {"accessKeyId": KEY}}}
    cloud.events["us-east-1"] = [
        event(KEY, userAgent="exec-env/AWS_Lambda_x"),
        event("ASIA", "CreateAccessKey", "iam", **made),
        event("", userIdentity={"type": "Root", "accessKeyId": OTHER}),
    ]
    account = read(acting, leaks={KEY: Leak(ago(1), ())})
    assert account.gaps == ()
    assert account.users[0].keys[0].creation
    with Kept(tmp_path / "accounts" / "kept.jsonl", "as it is") as kept:
        kept.begin([account])
        assert kept.accounts(account.taken) == {ACCOUNT: account}


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("userIdentity", "sessionContext", "sessionIssuer", "responseElements", "accessKey", "arn"),
                    *("type", "accessKeyId", "userAgent", "sourceIPAddress", "errorCode", "vpcEndpointId"),
                    "invokedBy",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(_ANYTHING, _ANYTHING, st.sampled_from(["EventSource", "EventName", "EventId", "AccessKeyId"]))
def test_no_event_is_too_odd_to_be_counted(record: Any, value: Any, name: str) -> None:
    odd = {"EventTime": ago(1), "CloudTrailEvent": json.dumps(record), name: value}
    seen = Sightings("eu-west-1", ago(2), ago(3), of_root=False)
    others, made = Others(), Creations()
    for each in (seen, others, made, Sightings("eu-west-1", None, None, of_root=True)):
        each.add([odd, odd | {"EventTime": None}])
    assert sum(each.count for each in seen.sightings) == 1
    assert all(isinstance(each, str) for each in (*others.keys, *made.found))
