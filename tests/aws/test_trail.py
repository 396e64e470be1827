"""What CloudTrail tells of a key, with pages, throttling and regions that cannot be asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from keysweep.aws.clients import client, session
from keysweep.aws.trail import Summary, summarise
from keysweep.aws.trail_shown import as_json, lines
from keysweep.errors import AwsError
from tests.emulators.accounts import Account
from tests.emulators.ministack import Ministack

KEY = "AKIAQNZGKIQYZZZZZZZZ"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
LEAKED = NOW - timedelta(days=2)


def event(number: int, name: str, source: str = "iam", *, days: float = 1, **detail: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=days)
    reads = name.startswith(("Get", "List", "Describe"))
    recorded = {"sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2", "readOnly": reads, **detail}
    return {
        "EventId": f"e{number}",
        "EventName": name,
        "EventSource": f"{source}.amazonaws.com",
        "EventTime": at.timestamp(),
        "ReadOnly": str(reads).lower(),
        "AccessKeyId": KEY,
        "CloudTrailEvent": json.dumps(recorded),
    }


class Trail:
    """A CloudTrail whose regions hold what a test says; it counts requests and refuses some."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.refusals: dict[str, list[str]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.endless = False
        self.sleeps: list[float] = []

    def answer(self, region: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.requests.append((region, body))
        if waiting := self.refusals.get(region):
            code = waiting[0] if waiting[0].startswith("always ") else waiting.pop(0)
            return 400, {"__type": code.removeprefix("always "), "message": "no"}
        start = int(body.get("NextToken", "0"))
        held = self.events.get(region, [])
        answer: dict[str, Any] = {"Events": held[start : start + body["MaxResults"]]}
        if start + body["MaxResults"] < len(held):
            answer["NextToken"] = "0" if self.endless else str(start + body["MaxResults"])
        return 200, answer


@pytest.fixture
def trail() -> Iterator[tuple[Trail, str]]:
    trail = Trail()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            region = self.headers["Authorization"].split("/")[2]
            status, answer = trail.answer(region, body)
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield trail, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def one_try(server: str) -> Callable[[str], Any]:
    """Clients that repeat nothing by themselves, so that a test sees what summarise repeats."""
    from botocore.config import Config

    def make(region: str) -> Any:
        return boto3.client(
            "cloudtrail",
            region_name=region,
            endpoint_url=server,
            aws_access_key_id="x",
            aws_secret_access_key="y",
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        )

    return make


def told(trail: tuple[Trail, str], *regions: str, since: datetime = SINCE, **more: Any) -> Summary:
    fake, server = trail
    return summarise(one_try(server), KEY, regions, since, NOW, sleep=fake.sleeps.append, **more)


def test_every_page_is_read_and_counted_once(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [event(each, "ListUsers") for each in range(120)] + [event(7, "ListUsers")]
    seen: list[tuple[str, int]] = []
    summary = told(trail, on_progress=lambda region, events: seen.append((region, events)))
    assert summary.events == 120
    assert seen == [("us-east-1", 50), ("us-east-1", 100), ("us-east-1", 120)]
    assert summary.incomplete == ()
    first = fake.requests[0][1]
    assert first["LookupAttributes"] == [{"AttributeKey": "AccessKeyId", "AttributeValue": KEY}]
    assert first["MaxResults"] == 50


def test_no_more_than_two_requests_a_second_go_to_a_region(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [event(each, "ListUsers") for each in range(150)]
    told(trail, clock=lambda: 0.0)
    assert fake.sleeps == [0.5, 0.5]


def test_throttling_is_waited_out_with_growing_pauses(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.refusals["us-east-1"] = ["ThrottlingException"] * 3
    fake.events["us-east-1"] = [event(1, "ListUsers")]
    summary = told(trail)
    assert (summary.events, summary.incomplete) == (1, ())
    assert fake.sleeps == [1, 2, 4]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ThrottlingException", "ThrottlingException"),
        ("AccessDeniedException", "AccessDeniedException"),
        ("UnrecognizedClientException", "the region is probably not enabled"),
        ("InvalidNextTokenException", "InvalidNextTokenException"),
    ],
)
def test_a_region_that_cannot_be_asked_is_named_and_the_others_are_told(
    code: str, reason: str, trail: tuple[Trail, str]
) -> None:
    fake, _ = trail
    fake.refusals["eu-west-1"] = [f"always {code}"]
    fake.events["us-east-1"] = [event(1, "ListUsers")]
    fake.events["eu-central-1"] = [event(2, "RunInstances", "ec2")]
    summary = told(trail, "eu-west-1", "eu-central-1")
    assert summary.events == 2
    (why,) = summary.incomplete
    assert why.startswith("eu-west-1: ")
    assert reason in why
    assert f"NOT COMPLETE  {why}" in lines(summary)


def test_a_client_that_cannot_be_made_is_told_as_well(trail: tuple[Trail, str]) -> None:
    def refuse(region: str) -> Any:
        raise AwsError("could not make ready for cloudtrail: no.")

    summary = summarise(refuse, KEY, ["eu-west-1"], SINCE, NOW)
    assert len(summary.incomplete) == 2
    assert "not everything could be asked" in lines(summary)[0]


def test_a_server_that_is_not_there_is_told() -> None:
    summary = summarise(one_try("http://127.0.0.1:9"), KEY, [], SINCE, NOW)
    assert "cannot be reached" in summary.incomplete[0]


def test_the_page_limit_is_told(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [event(each, "ListUsers") for each in range(101)]
    summary = told(trail, most_pages=2)
    assert summary.events == 100
    assert "only the newest 100 events" in summary.incomplete[0]


def test_a_token_that_comes_again_ends_the_reading(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [event(each, "ListUsers") for each in range(101)]
    fake.endless = True
    summary = told(trail)
    assert summary.events == 50
    assert "repeated a page" in summary.incomplete[0]
    assert len(fake.requests) == 2


def test_the_home_region_is_always_asked_and_none_twice(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    told(trail, "eu-west-1", "us-east-1", "eu-west-1")
    assert [region for region, _ in fake.requests] == ["us-east-1", "eu-west-1"]
    fake.requests.clear()
    told(trail, home="cn-north-1")
    assert [region for region, _ in fake.requests] == ["cn-north-1"]


def test_what_is_older_than_90_days_is_said_to_be_unknown(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    summary = told(trail, since=NOW - timedelta(days=200))
    assert fake.requests[0][1]["StartTime"] == (NOW - timedelta(days=90)).timestamp()
    assert summary.since == NOW - timedelta(days=90)
    assert "CloudTrail keeps 90 days" in summary.incomplete[0]


def test_calls_are_counted_by_name_with_errors_addresses_and_what_came_after_the_leak(
    trail: tuple[Trail, str],
) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [
        event(1, "ListUsers", days=5),
        event(2, "ListUsers", days=1, errorCode="AccessDenied", sourceIPAddress="198.51.100.9"),
        event(3, "CreateAccessKey", days=0.5, userAgent="Boto3/1"),
        event(4, "DescribeVpcs", "ec2", days=5),
    ]
    summary = told(trail, leaked=LEAKED)
    (region,) = summary.regions
    calls = {each.name: each for each in region.calls}
    users = calls["ListUsers"]
    assert (users.count, users.after_leak, users.errors, users.writes) == (2, 1, (("AccessDenied", 1),), False)
    assert users.first < users.last
    created = calls["CreateAccessKey"]
    assert created.writes
    assert created.why == "makes a credential that outlives the leaked key"
    assert calls["DescribeVpcs"].why is None
    assert region.addresses == (("203.0.113.7", 3), ("198.51.100.9", 1))
    assert region.agents == (("aws-cli/2", 3), ("Boto3/1", 1))
    text = "\n".join(lines(summary))
    assert "2 calls came after the leak" in text
    assert text.index("iam:CreateAccessKey") < text.index("ec2:DescribeVpcs")
    assert "1 AccessDenied" in text


def test_data_says_the_same_as_the_summary(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    fake.events["us-east-1"] = [event(1, "RunInstances", "ec2", days=1)]
    data = json.loads(json.dumps(as_json(told(trail, leaked=LEAKED))))
    assert data["complete"] is True
    (call,) = data["regions"][0]["calls"]
    assert call["after_leak"] == 1
    assert call["first"] == "2026-05-31T12:00:00+00:00"
    assert call["notable"]


@pytest.mark.parametrize("recorded", ["", "no JSON", "[1]", "[" * 100_000, None])
def test_an_event_that_cannot_be_read_is_counted_all_the_same(
    recorded: str | None, trail: tuple[Trail, str]
) -> None:
    fake, _ = trail
    odd = event(1, "ListUsers")
    odd["CloudTrailEvent"] = recorded
    untimed = event(2, "ListUsers")
    del untimed["EventTime"]
    fake.events["us-east-1"] = [odd, untimed]
    summary = told(trail)
    assert summary.events == 1
    assert "1 events have no time" in summary.incomplete[0]


def test_whoever_had_the_key_cannot_write_on_the_terminal(trail: tuple[Trail, str]) -> None:
    fake, _ = trail
    hostile = "\x1b]0;owned\x07\u202e" + "x" * 5000
    fake.events["us-east-1"] = [event(1, "ListUsers", userAgent=hostile)]
    text = lines(told(trail))
    assert all(each.isprintable() for each in text)
    assert max(map(len, text)) < 300


def test_nothing_found_is_only_called_nothing_where_all_was_asked(trail: tuple[Trail, str]) -> None:
    assert lines(told(trail)) == [
        f"{KEY} made no calls that CloudTrail knows of, from 2026-05-02 12:00 to 2026-06-01 12:00."
    ]


def test_a_real_emulator_tells_what_a_key_did(ministack_as_root: Ministack) -> None:
    own = session(None, "us-east-1")
    key = Account(ministack_as_root, ministack_as_root.root()).user("spied-on")
    ministack_as_root.client("sts", key).get_caller_identity()
    now = datetime.now(UTC) + timedelta(minutes=1)
    summary = summarise(
        lambda region: client(own, "cloudtrail", region, ministack_as_root.endpoint),
        key.key_id,
        [],
        now - timedelta(days=1),
        now,
        leaked=now - timedelta(hours=1),
    )
    assert (summary.incomplete, summary.events) == ((), 1)
    assert [each.after_leak for each in summary.regions[0].calls] == [1]
    assert key.secret not in json.dumps(as_json(summary)) + "\n".join(lines(summary))
