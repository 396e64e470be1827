"""`keysweep rotate` killed before and after every request that writes, and gone on with: two keys, one in its place."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.cli.rotating import ALLOWED, PLACES, Desk
from tests.emulators.keys import AccessKey

KEPT = pytest.mark.shows_secrets("content", "the credentials file holds the keys of its profiles")
PRINTED = pytest.mark.shows_secrets("stdout", "the new key is to be printed there")
WRITES = {"secretsmanager:ci/key": "PutSecretValue", "ssm:/ci/key": "PutParameter"}


def marked(place: str, *values: object) -> object:
    return pytest.param(place, *values, marks=[KEPT] if place.startswith("profile") else [])


def ends_well(desk: Desk, place: str) -> None:
    """The rest of a rotation that has handed a key over: exactly two keys, of which the place has the one that is on."""
    new = desk.holds(place)
    assert desk.key_states() == {desk.old.key_id: "Active", new.key_id: "Active"}
    assert desk.is_accepted(new)
    desk.use(new)
    assert desk.rotates("--quiet-hours", "0")["status"] == "rotated"
    assert desk.key_states() == {desk.old.key_id: "Inactive", new.key_id: "Active"}
    assert desk.faults() == []


def begin(desk: Desk, place: str) -> tuple[str, ...]:
    return ("rotate", desk.old.key_id, "--to", place, *ALLOWED, "--apply", "--confirm", desk.old.key_id)


@pytest.mark.parametrize("place", [marked(place) for place in PLACES])
def test_killed_before_the_key_is_made_it_is_made_by_the_next_run(desk: Desk, place: str) -> None:
    desk.fill(place)
    code, _ = desk.dies(*begin(desk, place), action="CreateAccessKey", after=False)
    assert (code, list(desk.key_states())) == (-signal.SIGKILL, [desk.old.key_id])
    assert desk.rotates()["status"] == "waiting"
    ends_well(desk, place)


@pytest.mark.practice(2, 11)
@pytest.mark.parametrize("place", [marked(place) for place in PLACES])
def test_killed_after_the_key_was_made_its_secret_is_lost_and_it_is_replaced_by_word(
    desk: Desk, place: str
) -> None:
    desk.fill(place)
    desk.dies(*begin(desk, place), action="CreateAccessKey", after=True)
    (lost,) = set(desk.key_states()) - {desk.old.key_id}
    told = desk.rotates()
    assert (told["code"], told["refusal"]["guard"], told["new_key_id"]) == (1, "lost-secret", lost)
    assert f"--confirm {lost}" in " ".join(told["refusal"]["steps"])
    assert lost in desk.key_states(), "nobody agreed to have it deleted"
    assert desk.rotates("--confirm", lost)["status"] == "waiting"
    assert lost not in desk.key_states()
    ends_well(desk, place)


@pytest.mark.parametrize("place", WRITES)
def test_killed_before_the_hand_over_the_key_is_replaced_by_word(desk: Desk, place: str) -> None:
    desk.fill(place)
    desk.dies(*begin(desk, place), action=WRITES[place], after=False)
    assert desk.holds(place) == desk.old
    (lost,) = set(desk.key_states()) - {desk.old.key_id}
    assert desk.rotates()["refusal"]["guard"] == "lost-secret"
    assert desk.rotates("--confirm", lost)["status"] == "waiting"
    ends_well(desk, place)


@pytest.mark.parametrize("place", WRITES)
def test_killed_after_the_hand_over_the_place_is_looked_into_and_no_other_key_made(desk: Desk, place: str) -> None:
    desk.fill(place)
    desk.dies(*begin(desk, place), action=WRITES[place], after=True)
    new = desk.holds(place)
    told = desk.rotates()
    assert (told["status"], told["new_key_id"]) == ("waiting", new.key_id)
    ends_well(desk, place)


@KEPT
def test_killed_between_a_profile_and_the_line_about_it_the_profile_is_looked_into(desk: Desk) -> None:
    """No request is sent there, so the journal is cut off where the process would have been."""
    desk.fill("profile:ci")
    desk.rotates("--to", "profile:ci")
    path = desk.operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if b'"hand-over"' in line)
    path.write_bytes(b"".join(lines[: cut + 1]))
    new = desk.holds("profile:ci")
    assert desk.rotates()["new_key_id"] == new.key_id
    ends_well(desk, "profile:ci")


def test_killed_while_a_lost_key_is_deleted_the_next_run_sees_that_it_is_gone(desk: Desk) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    desk.dies(*begin(desk, place), action="CreateAccessKey", after=True)
    (lost,) = set(desk.key_states()) - {desk.old.key_id}
    desk.dies(*begin(desk, place), "--confirm", lost, action="DeleteAccessKey", after=True)
    assert list(desk.key_states()) == [desk.old.key_id]
    assert desk.rotates()["status"] == "waiting"
    ends_well(desk, place)


@pytest.mark.practice(2)
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_the_switching_off_it_is_off_in_the_end(desk: Desk, after: bool) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    desk.rotates("--to", place)
    new = desk.holds(place)
    desk.use(new)
    quiet = ("rotate", desk.old.key_id, "--quiet-hours", "0", "--apply", "--confirm", desk.old.key_id)
    desk.dies(*quiet, action="UpdateAccessKey", after=after)
    assert desk.key_states() == {desk.old.key_id: "Inactive" if after else "Active", new.key_id: "Active"}
    assert desk.rotates("--quiet-hours", "0")["status"] == "rotated"
    assert desk.key_states() == {desk.old.key_id: "Inactive", new.key_id: "Active"}
    assert desk.is_accepted(new)
    assert [each for each in desk.faults() if "deactivate-key" not in each] == []


@PRINTED
def test_killed_after_it_was_printed_the_use_of_the_key_tells_that_somebody_has_it(desk: Desk) -> None:
    code, out = desk.dies(*begin(desk, "stdout"), action="GetAccessKeyLastUsed", after=True)
    assert (code, out) == (-signal.SIGKILL, "")  # that is the look at the old key, before anything is done
    done = desk.runs(*begin(desk, "stdout"))
    printed = json.loads(done[1])
    new = AccessKey(printed["AccessKeyId"], printed["SecretAccessKey"], desk.old.account)
    path = desk.operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if b'"hand-over"' in line)
    path.write_bytes(b"".join(lines[: cut + 1]))
    assert desk.runs("rotate", desk.old.key_id, "--apply", "--confirm", desk.old.key_id)[0] == 1
    assert len(desk.key_states()) == 2
    desk.use(new)
    code, out, _ = desk.runs(
        "rotate", desk.old.key_id, "--apply", "--confirm", desk.old.key_id, "--quiet-hours", "0"
    )
    assert (code, out) == (0, "")
    assert desk.key_states() == {desk.old.key_id: "Inactive", new.key_id: "Active"}


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_while_a_key_is_made_gets_it_handed_over_first(desk: Desk, by: signal.Signals) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    code, _ = desk.dies(*begin(desk, place), action="CreateAccessKey", after=True, by=by)
    assert code == 3
    assert desk.holds(place).key_id in desk.key_states()
    assert desk.rotates()["status"] == "waiting"
    ends_well(desk, place)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_ends_it_while_it_waits_is_told_how_far_it_is(desk: Desk, by: signal.Signals) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    command = [*begin(desk, place), "--wait", "--format", "json", "--aws-endpoint", desk.emulator.endpoint]
    running = subprocess.Popen(
        [sys.executable, "-m", "keysweep", *command],
        env=desk.operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr
    said = iter(running.stderr.readline, "")
    assert any("keysweep: waits: " in line for line in said)
    running.send_signal(by)
    out, errors = running.communicate(timeout=30)
    assert "Traceback" not in errors
    told = json.loads(out)
    assert (running.returncode, told["status"], told["complete"]) == (3, "waiting", False)
    assert told["new_key_id"] == desk.holds(place).key_id
    assert told["run"] in told["go_on"]
    ends_well(desk, place)


def test_killed_before_the_key_is_made_a_key_that_somebody_makes_then_is_not_claimed(desk: Desk) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    desk.dies(*begin(desk, place), action="CreateAccessKey", after=False)
    theirs = desk.account.access_key("ci")
    run = desk.operator.journal()[0]["run"]
    undone = desk.told("undo", run)
    assert (undone["code"], undone["keys"][0]["status"]) == (1, "unconfirmed")
    assert theirs.key_id in undone["keys"][0]["reason"]
    told = desk.rotates()
    assert (told["refusal"]["guard"], "unless somebody else made it then" in told["reason"]) == (
        "lost-secret",
        True,
    )
    assert desk.told("undo", run)["keys"][0]["status"] == "unconfirmed"
    assert desk.key_states() == {desk.old.key_id: "Active", theirs.key_id: "Active"}


def test_a_key_that_was_made_long_after_a_run_was_killed_is_somebody_elses(desk: Desk) -> None:
    place = "ssm:/ci/key"
    desk.fill(place)
    desk.dies(*begin(desk, place), action="CreateAccessKey", after=False)
    desk.account.access_key("ci")
    path = desk.operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines()
    lines[-1] = re.sub(rb'"time": "[^"]+"', b'"time": "2026-01-01T00:00:00.000Z"', lines[-1])
    path.write_bytes(b"\n".join(lines) + b"\n")
    told = desk.rotates()
    assert (told["status"], told["code"], told["new_key_id"]) == ("failed", 4, None)
    assert len(desk.key_states()) == 2
    assert desk.rotates("--to", place)["refusal"]["guard"] == "two-keys"


def test_a_line_of_the_journal_that_a_crash_cut_off_ends_no_rotation(desk: Desk) -> None:
    """What it would have told of is looked for, as after every crash."""
    place = "ssm:/ci/key"
    desk.fill(place)
    desk.rotates("--to", place)
    path = desk.operator.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(number for number, line in enumerate(lines) if b'"hand-over"' in line)
    path.write_bytes(b"".join(lines[: cut + 1]) + lines[cut + 1][:30])
    for _ in range(2):  # at the end of the journal, and in the midst of it
        told = desk.rotates()
        assert (told["status"], told["new_key_id"]) == ("waiting", desk.holds(place).key_id)


def test_an_undo_that_was_killed_is_not_undone_by_the_nightly_run(desk: Desk) -> None:
    """The old key is on again, and a run that goes on would find that it may be switched off."""
    place = "ssm:/ci/key"
    desk.fill(place)
    run, new = desk.rotated(place)
    desk.dies("undo", run, action="UpdateAccessKey", after=True)
    code, _, err = desk.runs("rotate", desk.old.key_id, "--apply", "--confirm", desk.old.key_id)
    assert (code, f"go on with `keysweep undo {run}`" in err) == (2, True)
    assert desk.told("undo", run)["code"] == 0
    assert desk.key_states() == {desk.old.key_id: "Active", new.key_id: "Inactive"}
    assert (desk.holds(place), desk.faults()) == (desk.old, [])
