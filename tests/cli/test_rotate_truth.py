"""`keysweep rotate` and its undo among others who work on the same keys and places, and where a place is odd."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from keysweep.aws.containment.journal import Journal
from tests.cli.rotating import ALLOWED, Desk
from tests.cli.test_rotate import SSM, writes
from tests.emulators.wire import Given, Request


@pytest.mark.practice(4)
def test_a_key_that_somebody_else_makes_at_the_same_moment_is_not_taken_for_ones_own(desk: Desk) -> None:
    """Two people at 3 a.m.: AWS refuses the third key, and the second one is in use by the other."""
    desk.fill(SSM)
    theirs = []

    def first(answer: Callable[[], Given], _: Request) -> Given:
        theirs.append(desk.account.access_key("ci"))
        return answer()

    with desk.between("CreateAccessKey", first) as endpoint:
        told = desk.rotates("--to", SSM, endpoint=endpoint)
    assert (told["code"], told["status"], "LimitExceeded" in told["reason"]) == (4, "failed", True)
    assert desk.rotates("--to", SSM)["refusal"]["guard"] == "two-keys"
    assert desk.told("undo", told["run"])["keys"][0]["status"] == "never-made"
    assert desk.key_states() == {desk.old.key_id: "Active", theirs[0].key_id: "Active"}


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_undo_does_not_put_a_key_back_that_works_no_more(desk: Desk, is_deleted: bool) -> None:
    """The new key would be switched off after that, and the user have none that works."""
    desk.fill(SSM)
    told = desk.rotates("--to", SSM)
    desk.account.deactivate("ci", desk.old)
    if is_deleted:
        desk.account.iam.delete_access_key(UserName="ci", AccessKeyId=desk.old.key_id)
    for dry in (["--dry-run"], []):
        undone = desk.told("undo", told["run"], *dry)
        assert (undone["code"], undone["keys"][0]["status"]) == (1, "changed-since")
        assert "would stand still" in undone["keys"][0]["reason"]
        assert ("would be left as it is" in undone["keys"][1]["reason"]) == bool(dry)
    assert desk.holds(SSM).key_id == told["new_key_id"]
    assert desk.key_states()[told["new_key_id"]] == "Active"


def test_what_a_write_has_to_know_is_read_before_a_key_is_made(desk: Desk) -> None:
    """A key that cannot be handed over is lost."""
    desk.fill(SSM)
    desk.account.deny("oncall", "ssm:GetParameterHistory")
    told = desk.rotates("--to", SSM)
    assert (told["code"], "GetParameterHistory" in told["reason"], writes(desk)) == (4, True, [])


def test_a_value_with_half_a_surrogate_pair_is_kept_as_it_is(desk: Desk) -> None:
    desk.service("ssm").put_parameter(Name="odd", Value='{"a":"\\ud83d"}', Type="SecureString")
    told = desk.rotates("--to", "ssm:odd")
    held = desk.service("ssm").get_parameter(Name="odd", WithDecryption=True)["Parameter"]["Value"]
    assert held.startswith('{"a":"\\ud83d","AccessKeyId":"' + told["new_key_id"])


def test_an_undo_keeps_what_somebody_changed_beside_the_key_since(desk: Desk) -> None:
    desk.fill(SSM)
    told = desk.rotates("--to", SSM)
    desk.change(SSM, db="later")
    undone = desk.told("undo", told["run"])
    assert {each["status"] for each in undone["keys"]} == {"restored"}, undone
    assert desk.holds(SSM) == desk.old
    assert desk.value(SSM)["db"] == "later"


def test_an_undo_says_that_the_version_before_is_gone_and_leaves_the_new_key_on(desk: Desk) -> None:
    """The server in the tests keeps two versions of a secret; AWS keeps what has no label for a day."""
    place = "secretsmanager:ci/key"
    desk.fill(place)
    told = desk.rotates("--to", place)
    desk.change(place, db="later")
    undone = desk.told("undo", told["run"])
    assert (undone["code"], [each["status"] for each in undone["keys"]]) == (4, ["failed", "planned"])
    assert "put the old pair there by hand" in undone["keys"][0]["reason"]
    assert set(desk.key_states().values()) == {"Active"}


@pytest.mark.parametrize("end", [">&-", "| true"])
def test_without_somebody_who_reads_standard_output_no_key_is_made(desk: Desk, end: str) -> None:
    words = ["keysweep", "rotate", desk.old.key_id, "--to", "stdout", "--apply", "--confirm", desk.old.key_id]
    asked = shlex.join([sys.executable, "-m", *words, *ALLOWED, "--aws-endpoint", desk.emulator.endpoint])
    script = f"{{ sleep 1; {asked}; echo $? >&2; }} {end}" if "true" in end else f"{asked} {end}; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", script], env=desk.operator.environment, capture_output=True, text=True, check=False
    )
    assert ("nobody reads standard output" in done.stderr, done.stderr.splitlines()[-1]) == (True, "2")
    assert list(desk.key_states()) == [desk.old.key_id]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_rotation_is_not_done_while_the_new_key_does_not_work(desk: Desk, is_deleted: bool) -> None:
    desk.fill(SSM)
    run, new = desk.rotated(SSM)
    desk.account.deactivate("ci", new)
    if is_deleted:
        desk.account.iam.delete_access_key(UserName="ci", AccessKeyId=new.key_id)
        desk.long_ago(run)
    for apply in ([], ["--apply"]):
        told = desk.told("rotate", "--resume", run, *apply)
        assert (told["code"], told["status"]) == (1, "waiting")
        assert ("does not list" if is_deleted else "is switched off") in told["awaits"][0]


def test_who_waits_sees_that_somebody_has_taken_it_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.fill(SSM)

    naps: list[float] = []

    def nap(seconds: float) -> None:
        assert not naps, "it waits on"
        naps.append(seconds)
        undoes = {"run": run, "change": 2}
        Journal(desk.operator.state).append("intended", "another", change=1, undoes=undoes)

    run = desk.rotates("--to", SSM)["run"]
    monkeypatch.setattr("keysweep.cli.rotate_run.time", SimpleNamespace(sleep=nap))
    told = desk.rotates("--wait")
    assert (told["code"], told["status"]) == (1, "refused")
    assert told["reason"].endswith(f"being taken back by run another: go on with `keysweep undo {run}`")
