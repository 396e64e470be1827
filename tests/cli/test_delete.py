"""`keysweep delete`: only what has been off for long, by typed word, for good, on ministack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.rotating import ALLOWED, Desk
from tests.emulators.wire import Answer

KEPT = pytest.mark.shows_secrets("content", "the credentials file holds the keys of its profiles")
NOW = ("--kept-days", "0")


def deletes(desk: Desk, *more: str) -> Any:
    """`keysweep delete --apply`, agreed to; what became of the key, with the exit code."""
    agreed = ("--apply", "--confirm", desk.old.key_id, *ALLOWED)
    told = desk.told("delete", desk.old.key_id, *agreed, *more)
    (key,) = told["keys"]
    return {**key, "code": told["code"], "run": told["run"]}


@pytest.mark.practice(6)
def test_a_key_is_deleted_only_once_it_is_off_for_long_and_somebody_types_it(desk: Desk) -> None:
    told = deletes(desk, *NOW)
    assert (told["code"], told["guard"]) == (1, "still-active")
    contained = ("--apply", "--confirm", desk.old.key_id, "--no-trail", *ALLOWED)
    run = desk.told("contain", desk.old.key_id, *contained)["run"]
    told = deletes(desk)
    assert (told["code"], told["guard"], told["known_by"]) == (1, "too-young", "the journal says so")
    plan = desk.told("delete", desk.old.key_id, *ALLOWED, *NOW)
    assert (plan["code"], plan["keys"][0]["status"], plan["run"]) == (1, "planned", None)
    unasked = desk.told("delete", desk.old.key_id, "--apply", *ALLOWED, *NOW)
    assert (unasked["code"], unasked["keys"][0]["guard"]) == (1, "unconfirmed")
    assert desk.key_states() == {desk.old.key_id: "Inactive"}
    done = deletes(desk, *NOW)
    assert (done["code"], done["status"], desk.key_states()) == (0, "deleted", {})
    assert deletes(desk, *NOW)["status"] == "gone"
    code, out, _ = desk.runs("log", done["run"])
    assert code == 0
    assert f"{desk.old.key_id} of user ci: made " in out
    assert f"delete {desk.old.key_id} of user ci for good" in out
    code, _, err = desk.runs("undo", done["run"])
    assert (code, f"deleted {desk.old.key_id}, and nobody can bring a key back" in err) == (2, True)
    undone = desk.told("undo", run)
    assert (undone["code"], undone["keys"][0]["status"]) == (1, "deleted")


@pytest.mark.parametrize(
    ("is_told", "known_by"),
    [(True, "CloudTrail says so"), (False, "this is when it was last used, because CloudTrail does not say")],
)
def test_whoever_switched_it_off_the_date_is_looked_for(desk: Desk, is_told: bool, known_by: str) -> None:
    desk.account.deactivate("ci", desk.old)
    long_ago = datetime.now(UTC) - timedelta(days=60)
    desk.emulator.set_last_used(desk.old, long_ago, "s3", "eu-west-1")
    if not is_told:
        desk.account.deny("oncall", "cloudtrail:LookupEvents")
    (key,) = desk.told("delete", desk.old.key_id, *ALLOWED)["keys"]
    assert key["known_by"].startswith(known_by)
    assert (key["status"], key["guard"]) == (("refused", "too-young") if is_told else ("planned", None))


def test_a_key_that_is_used_though_it_is_off_is_missed_by_somebody(desk: Desk) -> None:
    """Last uses come hours late, and one may be of the time before."""
    desk.account.deactivate("ci", desk.old)
    desk.account.deny("oncall", "cloudtrail:LookupEvents")
    desk.emulator.set_last_used(desk.old, datetime.now(UTC) - timedelta(days=29), "s3", "eu-west-1")
    told = deletes(desk)
    assert (told["guard"], "last used s3 in eu-west-1" in told["reason"]) == ("too-young", True)
    assert "come back on" in told["reason"]


def test_no_more_keys_are_deleted_than_the_policy_lets_one_run_change(desk: Desk) -> None:
    other = desk.account.access_key("ci")
    for each in (desk.old, other):
        desk.account.deactivate("ci", each)
    policy = str(desk.operator.policy("[guards]\nmost-keys = 1\n"))
    told = desk.told("delete", desk.old.key_id, other.key_id, "--policy", policy, *ALLOWED, *NOW)
    assert [each["guard"] for each in told["keys"]] == [None, "too-many"]


@KEPT
def test_with_the_old_key_a_rotation_ends_and_the_pair_that_a_profile_kept_is_gone(desk: Desk) -> None:
    desk.fill("profile:ci")
    run, new = desk.rotated("profile:ci")
    agreed = ("--apply", "--confirm", desk.old.key_id, *ALLOWED, *NOW)
    desk.dies("delete", desk.old.key_id, *agreed, action="DeleteAccessKey", after=True)
    assert desk.key_states() == {new.key_id: "Active"}
    assert desk.old.key_id in desk.credentials.read_text()
    assert desk.runs("log")[0] == 1
    told = deletes(desk, *NOW)
    assert (told["code"], told["status"]) == (0, "gone")
    assert desk.old.key_id not in desk.credentials.read_text()
    assert desk.holds("profile:ci") == new
    assert desk.runs("log")[0] == 0
    code, _, err = desk.runs("undo", run)
    assert (code, "nobody can bring a key back" in err) == (2, True)


def test_a_deletion_that_aws_refuses_is_told_and_is_no_deletion(desk: Desk) -> None:
    desk.account.deactivate("ci", desk.old)
    desk.account.deny("oncall", "iam:DeleteAccessKey")
    told = deletes(desk, *NOW)
    assert (told["code"], told["status"], "AccessDenied" in told["reason"]) == (4, "failed", True)
    assert desk.told("undo", told["run"])["keys"] == []
    assert (desk.key_states(), desk.faults()) == ({desk.old.key_id: "Inactive"}, [])


def test_a_young_key_that_is_off_was_switched_off_though_cloudtrail_has_no_event_yet(desk: Desk) -> None:
    desk.account.deactivate("ci", desk.old)
    none = Answer(200, b'{"Events": []}', {"Content-Type": "application/x-amz-json-1.1"})
    with desk.between("LookupEvents", lambda *_: none) as endpoint:
        (key,) = desk.told("delete", desk.old.key_id, *ALLOWED, endpoint=endpoint)["keys"]
    assert (key["guard"], "up to 15 minutes late" in key["known_by"]) == ("too-young", True)


def test_what_others_switched_since_the_journal_is_older_than_is_seen(desk: Desk) -> None:
    contained = ("--apply", "--confirm", desk.old.key_id, "--no-trail", *ALLOWED)
    desk.long_ago(desk.told("contain", desk.old.key_id, *contained)["run"])
    (key,) = desk.told("delete", desk.old.key_id, *ALLOWED)["keys"]
    assert (key["guard"], key["known_by"]) == ("too-young", "CloudTrail says so")


def test_the_key_that_a_place_was_given_is_not_deleted_from_under_it(desk: Desk) -> None:
    desk.fill("ssm:/ci/key")
    run = desk.rotates("--to", "ssm:/ci/key")["run"]
    new = desk.holds("ssm:/ci/key")
    desk.account.deactivate("ci", new)
    agreed = ("delete", new.key_id, "--apply", "--confirm", new.key_id, *ALLOWED, *NOW)
    (key,) = desk.told(*agreed)["keys"]
    assert (key["guard"], run in key["reason"], new.key_id in desk.key_states()) == ("handed-over", True, True)
    assert desk.told("undo", run)["code"] == 0
    assert desk.told(*agreed)["code"] == 0
