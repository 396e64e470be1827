"""`keysweep rotate`: what it plans, does, awaits, refuses and takes back, on ministack."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from keysweep.aws.policy_documents import Responder, permissions_document
from tests.cli.rotating import ALLOWED, PLACES, Desk
from tests.emulators import answers
from tests.emulators.keys import AccessKey
from tests.emulators.wire import Answer, Drop, Given, Request

SSM = "ssm:/ci/key"
KEPT = pytest.mark.shows_secrets("content", "the credentials file holds the keys of its profiles")
PRINTED = pytest.mark.shows_secrets("stdout", "the new key is to be printed there")


def writes(desk: Desk) -> list[str]:
    """What the operator had AWS change."""
    reading = ("Get", "List", "Lookup", "Describe", "AssumeRole")
    asked = [each for each in desk.emulator.log.requests() if each.key_id == desk.operator.own.key_id]
    return [each.action for each in asked if not each.action.startswith(reading)]


def test_a_plan_and_what_nobody_agrees_to_change_nothing_and_write_no_journal(desk: Desk) -> None:
    desk.fill(SSM)
    code, out, _ = desk.runs("rotate", desk.old.key_id, "--to", SSM, *ALLOWED)
    assert (code, out.startswith(f"PLANNED {desk.old.key_id} of user ci, account ")) == (1, True)
    assert f"which holds {desk.old.key_id}" in out
    assert "Nothing was changed" in out
    told = desk.told("rotate", desk.old.key_id, "--to", SSM, *ALLOWED, "--apply")
    assert (told["code"], told["refusal"]["guard"]) == (1, "unconfirmed")
    assert (writes(desk), desk.operator.journal()) == ([], [])


@pytest.mark.practice(2)
def test_it_waits_until_others_use_the_new_key_and_nobody_the_old_one(desk: Desk) -> None:
    desk.fill(SSM)
    first = desk.rotates("--to", SSM, "--quiet-hours", "0")
    new = desk.holds(SSM)
    assert (first["code"], first["status"]) == (1, "waiting")
    assert first["awaits"] == [f"nobody has used {new.key_id} yet, as far as IAM knows, which may be hours late"]
    desk.use(new)
    soon = datetime.now(UTC) + timedelta(seconds=2)
    desk.emulator.set_last_used(desk.old, soon, "s3", "eu-west-1")
    told = desk.rotates("--quiet-hours", "24")
    (awaited,) = told["awaits"]
    assert awaited.startswith(f"{desk.old.key_id} has to be unused for 24 h (last used s3 in eu-west-1 on ")
    plan = desk.told("rotate", desk.old.key_id)
    assert (plan["code"], plan["awaits"]) == (1, told["awaits"])
    assert desk.key_states()[desk.old.key_id] == "Active"
    desk.emulator.set_last_used(desk.old, soon - timedelta(hours=1), "s3", "eu-west-1")
    assert desk.rotates("--quiet-hours", "0")["status"] == "rotated"
    assert desk.key_states()[desk.old.key_id] == "Inactive"
    assert desk.told("rotate", "--resume", first["run"])["status"] == "rotated"


def test_with_wait_it_looks_until_the_key_is_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.fill(SSM)
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            desk.use(desk.holds(SSM))

    monkeypatch.setattr("keysweep.cli.rotate_run.time", SimpleNamespace(sleep=nap))
    assert desk.rotates("--to", SSM, "--quiet-hours", "0", "--wait")["status"] == "rotated"
    assert naps == [1.0, 2.0]


@pytest.mark.practice(4)
def test_a_third_key_is_not_asked_for_and_the_second_one_described(desk: Desk) -> None:
    desk.fill(SSM)
    second = desk.account.access_key("ci")
    desk.use(second)
    told = desk.rotates("--to", SSM)
    assert (told["code"], told["refusal"]["guard"]) == (1, "two-keys")
    assert f"{second.key_id} (active, last used iam in us-east-1 on " in told["reason"]
    assert any(f"keysweep delete {second.key_id}" in step for step in told["refusal"]["steps"])
    assert writes(desk) == []


@pytest.mark.parametrize("is_on", [True, False])
def test_users_who_are_never_touched_are_not_rotated_either(desk: Desk, is_on: bool) -> None:
    desk.fill(SSM)
    if not is_on:
        desk.account.deactivate("ci", desk.old)
    policy = str(desk.operator.policy('[guards]\ndeny-users = ["ci"]\n'))
    assert desk.rotates("--to", SSM, "--policy", policy)["refusal"]["guard"] == "protected"
    told = desk.told("rotate", desk.old.key_id, "--to", SSM, "--apply", "--confirm", desk.old.key_id)
    assert (told["code"], told["refusal"]["guard"]) == (1, "foreign-account")
    assert writes(desk) == []


def test_a_key_that_is_off_is_replaced_without_waiting(desk: Desk) -> None:
    """As after `keysweep contain`: whatever used it stands still."""
    desk.fill(SSM)
    desk.account.deactivate("ci", desk.old)
    assert desk.rotates("--to", SSM)["status"] == "rotated"
    assert desk.is_accepted(desk.holds(SSM))


def test_a_secret_without_fields_for_a_key_gets_those_that_aws_uses(desk: Desk) -> None:
    desk.service("secretsmanager").create_secret(Name="new", SecretString='{"a": [1, "ü"]}')
    told = desk.rotates("--to", "secretsmanager:new")
    held = json.loads(desk.service("secretsmanager").get_secret_value(SecretId="new")["SecretString"])
    assert list(held) == ["a", "AccessKeyId", "SecretAccessKey"]
    assert (held["a"], held["AccessKeyId"]) == ([1, "ü"], told["new_key_id"])


@pytest.mark.parametrize(
    ("name", "value", "kind", "why"),
    [
        ("gone", None, "", "there is no such parameter"),
        ("text", "hunter2", "SecureString", "no JSON object"),
        ("plain", "{}", "String", "make a SecureString"),
        ("twice", '{"a": 1, "a": 2}', "SecureString", "a name twice"),
        ("half", '{"access_key": "x"}', "SecureString", "1 fields for key IDs and 0 for secrets"),
        ("other", '{"access_key": "AKIAQNZGKIQYZZZZZZZZ", "secret_key": "x"}', "SecureString", "another key"),
        ("minio", '{"access_key": "minio", "secret_key": "x"}', "SecureString", "no ID of a user's key"),
        ("nested", '{"a": {"access_key": "AKIAQNZGKIQYZZZZZZZZ"}}', "SecureString", "not in one of the fields"),
        ("session", '{"access_key": "", "secret_key": "", "session-token": "x"}', "SecureString", "session token"),
        ("long", '{"a":"%s"}' % ("x" * 4000), "SecureString", "longer than 4096 bytes"),
    ],
)
def test_a_place_that_cannot_take_the_key_is_refused_before_one_is_made(
    desk: Desk, name: str, value: str | None, kind: str, why: str
) -> None:
    if value is not None:
        desk.service("ssm").put_parameter(Name=name, Value=value, Type=kind)
    told = desk.rotates("--to", f"ssm:{name}")
    assert (told["code"], told["refusal"]["guard"], why in told["reason"]) == (1, "unfit-sink", True), told
    assert "hunter2" not in json.dumps(told)
    assert writes(desk) == []


@pytest.mark.practice(11)
@PRINTED
def test_standard_output_gets_the_key_alone(desk: Desk) -> None:
    agreed = ("--apply", "--confirm", desk.old.key_id, *ALLOWED)
    code, out, err = desk.runs("rotate", desk.old.key_id, "--to", "stdout", *agreed)
    printed = json.loads(out)
    assert (code, out.count("\n"), sorted(printed)) == (1, 1, ["AccessKeyId", "SecretAccessKey", "Version"])
    assert desk.is_accepted(AccessKey(printed["AccessKeyId"], printed["SecretAccessKey"], desk.old.account))
    assert f"WAITING {desk.old.key_id}" in err


@pytest.mark.practice(2, 5)
@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[KEPT] if place.startswith("profile") else []) for place in PLACES]
)
def test_a_rotation_is_taken_back_whole_until_the_old_key_is_deleted(desk: Desk, place: str) -> None:
    desk.fill(place)
    content = desk.credentials.read_bytes() if desk.credentials.exists() else b""
    run, new = desk.rotated(place)
    if content:
        assert desk.credentials.stat().st_mode & 0o777 == 0o600
        assert f"[ci-kept-{desk.old.key_id}]" in desk.credentials.read_text()
    dry = desk.told("undo", run, "--dry-run")
    assert [each["action"] for each in dry["keys"]] == ["deactivate-key", "hand-over", "create-key"]
    assert {each["status"] for each in dry["keys"]} == {"planned"}
    done = desk.told("undo", run)
    assert (done["code"], {each["status"] for each in done["keys"]}) == (0, {"restored"}), done
    assert desk.key_states() == {desk.old.key_id: "Active", new.key_id: "Inactive"}
    assert desk.holds(place) == desk.old
    assert desk.is_accepted(desk.old)
    assert (desk.credentials.read_bytes() if content else b"") == content
    again = desk.told("undo", run)
    assert (again["code"], {each["status"] for each in again["keys"]}) == (0, {"already-restored"})
    code, _, err = desk.runs("rotate", "--resume", run)
    assert (code, f"taken back by run {done['run']}" in err) == (2, True)
    assert desk.rotates("--to", place)["refusal"]["guard"] == "two-keys"
    assert desk.faults() == []


def test_an_undo_leaves_the_new_key_on_where_the_place_was_changed_since(desk: Desk) -> None:
    """Whatever reads the place may be using it."""
    desk.fill(SSM)
    run, new = desk.rotated(SSM)
    desk.service("ssm").put_parameter(Name="/ci/key", Value="{}", Type="SecureString", Overwrite=True)
    done = desk.told("undo", run)
    assert done["code"] == 1
    assert [each["status"] for each in done["keys"]] == ["restored", "changed-since", "planned"]
    assert desk.key_states() == {desk.old.key_id: "Active", new.key_id: "Active"}


def test_where_the_hand_over_is_refused_another_place_may_be_named(desk: Desk) -> None:
    desk.fill(SSM)
    desk.fill("secretsmanager:ci/key")
    desk.account.deny("oncall", "ssm:PutParameter")
    told = desk.rotates("--to", SSM)
    assert (told["code"], told["status"], "AccessDenied" in told["reason"]) == (4, "failed", True)
    assert desk.holds(SSM) == desk.old
    moved = desk.rotates("--to", "secretsmanager:ci/key", "--confirm", told["new_key_id"])
    assert moved["status"] == "waiting"
    assert desk.holds("secretsmanager:ci/key").key_id == moved["new_key_id"]
    assert sorted(desk.key_states()) == sorted([desk.old.key_id, moved["new_key_id"]])
    code, _, err = desk.runs("rotate", desk.old.key_id, "--to", SSM)
    assert (code, "may be there already" in err) == (2, True)
    assert desk.faults() == []


def test_an_answer_that_is_lost_costs_a_key_and_never_makes_a_third(desk: Desk) -> None:
    """The client asks again by itself then, and AWS says that there are two."""
    desk.fill(SSM)

    def lost(answer: Callable[[], Given], _: Request) -> Given:
        answer()
        return Drop()

    with desk.between("CreateAccessKey", lost) as endpoint:
        told = desk.rotates("--to", SSM, endpoint=endpoint)
    assert (told["code"], "its answer with the secret was lost" in told["reason"]) == (4, True)
    (made,) = set(desk.key_states()) - {desk.old.key_id}
    assert desk.rotates()["refusal"]["guard"] == "lost-secret"
    assert desk.rotates("--confirm", made)["status"] == "waiting"
    assert desk.is_accepted(desk.holds(SSM))
    assert (len(desk.key_states()), desk.faults()) == (2, [])


def test_aws_is_asked_again_where_it_wants_fewer_requests(desk: Desk) -> None:
    desk.fill(SSM)
    with desk.between("CreateAccessKey", lambda *_: answers.error("iam", "Throttling")) as endpoint:
        assert desk.rotates("--to", SSM, endpoint=endpoint)["status"] == "waiting"


def test_a_key_that_was_never_handed_over_and_is_used_is_not_deleted(desk: Desk) -> None:
    desk.fill(SSM)
    desk.account.deny("oncall", "ssm:PutParameter")
    told = desk.rotates("--to", SSM)
    thief = AccessKey(told["new_key_id"], "", desk.old.account)
    desk.emulator.set_last_used(thief, desk.emulator.log.requests()[-1].at, "s3", "eu-west-1")
    again = desk.rotates("--confirm", told["new_key_id"])
    assert (again["code"], again["refusal"]["guard"]) == (1, "used-secret")
    undone = desk.told("undo", told["run"])
    assert desk.key_states() == {desk.old.key_id: "Active", told["new_key_id"]: "Inactive"}, undone


def test_nothing_is_rotated_by_a_journal_that_was_changed(desk: Desk) -> None:
    desk.fill(SSM)
    desk.rotates("--to", SSM)
    path = desk.operator.state / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"rotate", b"r0tate", 1))
    code, out, err = desk.runs("rotate", desk.old.key_id, "--apply", *ALLOWED)
    assert (code, out, "cannot be trusted" in err) == (4, "", True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "give the ID of the key"),
        (("AKIAQNZGKIQYZZZZZZZZ",), "say with --to"),
        (("AKIAQNZGKIQYZZZZZZZZ", "--to", "s3:bucket"), "secretsmanager:NAME"),
        (("AKIAQNZGKIQYZZZZZZZZ", "--to", "profile:a]\nb"), "secretsmanager:NAME"),
        (("AKIAQNZGKIQYZZZZZZZZ", "--to", "profile:a", "--region", "eu-west-1"), "leave --region out"),
        (("AKIAQNZGKIQYZZZZZZZZ", "--to", "ssm:a", "--wait"), "go with --apply"),
        (("--resume", "20261127t045125z-3f9a1c"), "knows no rotation"),
        (("AKIAQNZGKIQYZZZZZZZZ", "--to", "ssm:a", "--quiet-hours", "nan"), "a number of hours"),
        (("../../x/y", "--to", "ssm:a", "--apply"), "no access key of a user"),
        (("found.json", "--to", "ssm:a"), "no access key of a user"),
        (("ASIAQNZGKIQYZZZZZZZZ", "--to", "ssm:a"), "no access key of a user"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    tmp_path: Path,
    operator: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    why: str,
) -> None:
    from keysweep.cli.main import main

    operator.setenv("KEYSWEEP_STATE", str(tmp_path / "state"))
    code = main(["rotate", *arguments, "--aws-endpoint", "http://127.0.0.1:9"])
    _, err = capsys.readouterr()
    assert (code, why in err, err.count("\n")) == (2, True, 1), err
    assert not (tmp_path / "state").exists()


_QUOTED = (
    [pytest.mark.shows_secrets("exception", "botocore raises what AWS says; what keysweep makes of it has none")]
    if sys.version_info >= (3, 12)
    else []
)
"""Before that the net does not see exceptions of others."""


@pytest.mark.parametrize("place", [pytest.param(each, marks=_QUOTED) for each in PLACES[:2]])
def test_what_aws_quotes_of_a_request_that_it_does_not_take_is_told_to_nobody(desk: Desk, place: str) -> None:
    """The net under all tests looks for the secret."""
    desk.fill(place)
    action = {"secretsmanager": "PutSecretValue", "ssm": "PutParameter"}[place.partition(":")[0]]

    def quoting(request: Request) -> Answer:
        quoted = next(text for name, text in request.parameters.items() if name in ("Value", "SecretString"))
        said = {"__type": "ValidationException", "message": f"Value '{quoted}' failed to satisfy constraint"}
        return Answer(400, json.dumps(said).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    with desk.between(action, lambda _, request: quoting(request)) as endpoint:
        told = desk.rotates("--to", place, endpoint=endpoint)
    assert (told["code"], told["reason"].startswith("could not write ")) == (4, True)
    assert told["reason"].endswith("AWS answered ValidationException.")


@PRINTED
def test_nobody_listens_is_no_reason_to_believe_that_somebody_has_the_key(desk: Desk) -> None:
    with open("/dev/full", "w") as full:
        running = subprocess.run(
            [sys.executable, "-m", "keysweep", "rotate", desk.old.key_id, "--to", "stdout", "--apply", "--confirm",
             desk.old.key_id, *ALLOWED, "--aws-endpoint", desk.emulator.endpoint],
            env=desk.operator.environment,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
    said = " ".join(running.stderr.split())
    assert (running.returncode, "nobody has it now" in said) == (4, True), said
    (lost,) = set(desk.key_states()) - {desk.old.key_id}
    code, out, _ = desk.runs("rotate", "--resume", desk.operator.journal()[0]["run"], "--apply")
    assert (code, out) == (1, "")
    agreed = ("--confirm", lost, "--confirm", desk.old.key_id)
    code, out, _ = desk.runs("rotate", "--resume", desk.operator.journal()[0]["run"], "--apply", *agreed)
    assert (code, json.loads(out)["AccessKeyId"] in desk.key_states(), len(desk.key_states())) == (1, True, 2)


@pytest.mark.parametrize("body", [b"", b"<html><body>Welcome</body></html>"])
def test_an_answer_that_is_none_of_aws_makes_no_key_and_the_next_run_goes_on(desk: Desk, body: bytes) -> None:
    desk.fill(SSM)
    answer = Answer(200, body, {"Content-Type": "text/html"})
    with desk.between("CreateAccessKey", lambda *_: answer) as endpoint:
        told = desk.rotates("--to", SSM, endpoint=endpoint)
    assert (told["code"], told["status"]) == (4, "unknown")
    assert desk.faults() != []
    assert desk.rotates()["status"] == "waiting"
    assert (len(desk.key_states()), desk.faults()) == (2, [])


def test_two_at_once_do_not_rotate_the_same_key(desk: Desk) -> None:
    desk.fill(SSM)
    desk.operator.state.mkdir(mode=0o700)
    with FileLock(desk.operator.state / f"rotation-{desk.old.key_id}.lock"):
        code, _, err = desk.runs("rotate", desk.old.key_id, "--to", SSM, "--apply", *ALLOWED)
    assert (code, f"another keysweep is rotating {desk.old.key_id}" in err, writes(desk)) == (4, True, [])


def test_a_role_with_the_statements_for_it_can_rotate_hand_over_undo_and_delete(desk: Desk) -> None:
    """As `keysweep responder policy --with Rotate --with HandOver` prints it, and no more."""
    document = permissions_document(Responder(optional=frozenset({"Rotate", "HandOver"})))
    # ministack holds this one to no resource, so that only `*` allows it there; AWS holds it to a user.
    anywhere = {"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": "*"}
    policy = json.dumps({**document, "Statement": [*document["Statement"], anywhere]})
    desk.account.role("responder", trusts=f"arn:aws:iam::{desk.account.id}:user/oncall")
    desk.account.iam.put_role_policy(RoleName="responder", PolicyName="it", PolicyDocument=policy)
    desk.account.allow("oncall", "sts:AssumeRole")
    as_role = ("--policy", str(desk.operator.policy('[responder]\nrole = "responder"\n')))
    desk.fill(SSM)
    first = desk.rotates("--to", SSM, *as_role)
    assert first["status"] == "waiting", first
    assert desk.told("undo", first["run"], *as_role)["code"] == 0
    assert desk.holds(SSM) == desk.old
    agreed = ("--apply", "--confirm", first["new_key_id"], "--kept-days", "0", *ALLOWED)
    assert desk.told("delete", first["new_key_id"], *agreed, *as_role)["code"] == 0
    desk.fill("secretsmanager:ci/key")
    second = desk.rotates("--to", "secretsmanager:ci/key", *as_role)
    assert second["status"] == "waiting", second
    assert desk.told("undo", second["run"], *as_role)["code"] == 0
    assert desk.holds("secretsmanager:ci/key") == desk.old
