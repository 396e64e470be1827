"""`keysweep account` over all accounts of an organisation: complete, or told where not, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.account.organisations import OWN, ROLE, Organisation, members
from tests.cli.verifying import scanned
from tests.emulators import answers
from tests.emulators.wire import Given, serve
from tests.repositories import environment

FIRST, SECOND, THIRD = MEMBERS = members(3)
DENIED = answers.error("sts", "AccessDenied", "is not authorized to perform: sts:AssumeRole")


class Auditor:
    """Somebody of the management account who runs it."""

    def __init__(self, home: Path, endpoint: str) -> None:
        self.home = home
        self._endpoint = endpoint

    @property
    def kept(self) -> Path:
        """What the next run goes on with."""
        return self.home / "state" / "accounts" / f"aws-{OWN}.jsonl"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Without waiting for its end."""
        own = {
            "HOME": os.fspath(self.home),
            "KEYSWEEP_STATE": os.fspath(self.home / "state"),
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE22",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUTF8": "1",
        }
        command = [sys.executable, "-m", "keysweep", "account", "--aws-endpoint", self._endpoint, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.home,
            env={name: text for name, text in environment().items() if not name.startswith("AWS_")} | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def runs(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, and what it says on both streams."""
        with self.start(*arguments) as process:
            out, err = process.communicate()
        assert "Traceback" not in err
        return process.returncode, out, err

    def reads(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and report."""
        code, out, err = self.runs("--role", ROLE, "--format", "json", *arguments)
        assert out, err
        return code, json.loads(out)


@pytest.fixture
def organisation() -> Organisation:
    return Organisation(MEMBERS)


@pytest.fixture
def auditor(organisation: Organisation, tmp_path: Path) -> Iterator[Auditor]:
    with serve(organisation.answer) as endpoint:
        yield Auditor(tmp_path, endpoint)


def accounts(report: dict[str, Any]) -> list[str]:
    return [each["account"] for each in report["accounts"]]


def test_every_account_is_read_and_each_lapse_names_its_own(auditor: Auditor, organisation: Organisation) -> None:
    code, report = auditor.reads("--org")
    assert (code, report["complete"], accounts(report)) == (1, True, organisation.all)
    found = {(each["account"], each["key_id"]) for each in report["lapses"] if each["rule"] == "old-key"}
    assert found == {(each, organisation.key_id(each, number)) for each in organisation.all for number in (0, 1)}
    assert organisation.asked[OWN, "AssumeRole"] == len(MEMBERS), "one's own is read as oneself"
    assert not auditor.kept.exists(), "nothing is left to go on with"


def test_accounts_that_are_named_are_read_without_a_list_of_all(
    auditor: Auditor, organisation: Organisation
) -> None:
    code, report = auditor.reads("--account", THIRD, "--account", FIRST, "--account", THIRD)
    assert (code, accounts(report)) == (1, [FIRST, THIRD])
    assert organisation.asked[OWN, "ListAccounts"] == 0


def test_closed_and_skipped_accounts_are_not_asked(auditor: Auditor, organisation: Organisation) -> None:
    organisation.suspended = frozenset({SECOND})
    code, out, _ = auditor.runs("--role", ROLE, "--org", "--skip", FIRST)
    assert code == 1
    assert "1 account suspended or closed, where no key works" in out.replace("\n", " ")
    assert {account for account, _ in organisation.asked} == {OWN, THIRD}


def test_an_account_that_cannot_be_read_is_told_and_the_next_run_reads_it_alone(
    auditor: Auditor, organisation: Organisation
) -> None:
    def refuse(account: str, action: str, asked: dict[str, str]) -> Given | None:
        if action == "AssumeRole" and SECOND in asked["RoleArn"]:
            return DENIED
        if (account, action) == (FIRST, "GetCredentialReport"):
            return answers.error("iam", "AccessDenied")
        return None

    organisation.before = refuse
    code, report = auditor.reads("--org", "--fail-on", "critical")
    assert (code, report["complete"], accounts(report)) == (3, False, [OWN, FIRST, THIRD])
    (unreached,) = report["unreached"]
    assert (unreached["account"], unreached["name"]) == (SECOND, f"team {SECOND}")
    assert f"could not assume arn:aws:iam::{SECOND}:role/{ROLE}: AWS answered AccessDenied" in unreached["reason"]
    gaps = {(each["account"], each["needs"]) for each in report["not_checked"]}
    assert gaps >= {(FIRST, "iam:GenerateCredentialReport, iam:GetCredentialReport")}
    assert auditor.kept.stat().st_mode & 0o777 == 0o600

    code, out, err = auditor.runs("--role", ROLE, "--org", "--resume", "--fail-on", "critical")
    assert code == 3
    assert f"account {SECOND}: the account (team {SECOND}) could not be read" in out
    assert "2 of 4 accounts were read by the last run" in err
    organisation.before = lambda _account, _action, _asked: None
    organisation.asked.clear()
    code, report = auditor.reads("--org", "--resume")
    assert (code, report["complete"], accounts(report)) == (1, True, organisation.all)
    assert {account for account, _ in organisation.asked} == {OWN, FIRST, SECOND}
    assert organisation.asked[OWN, "ListAccessKeys"] == 0, "that was read before"
    assert not auditor.kept.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_a_run_had_read_when_it_was_stopped_is_not_read_again(
    auditor: Auditor, organisation: Organisation, how: signal.Signals
) -> None:
    reached, released = Event(), Event()

    def hold(account: str, action: str, _asked: dict[str, str]) -> None:
        if (account, action) == (THIRD, "ListAccessKeys"):
            reached.set()
            released.wait(60)

    organisation.before = hold
    with auditor.start("--role", ROLE, "--org", "--jobs", "1", "--format", "json") as process:
        assert reached.wait(60)
        process.send_signal(how)
        time.sleep(0.3)
        released.set()
        out, err = process.communicate()
    if how is not signal.SIGKILL:
        assert "Traceback" not in err
        report = json.loads(out)
        assert (report["complete"], accounts(report)) == (False, organisation.all)
        assert THIRD in {each["account"] for each in report["not_checked"]}
    organisation.before = lambda _account, _action, _asked: None
    organisation.asked.clear()
    code, report = auditor.reads("--org", "--resume")
    assert (code, report["complete"], accounts(report)) == (1, True, organisation.all)
    assert {account for account, action in organisation.asked if action == "ListAccessKeys"} == {THIRD}


def test_a_busy_iam_is_asked_again_until_all_is_known(auditor: Auditor, organisation: Organisation) -> None:
    organisation.throttled = 0.2
    code, report = auditor.reads("--org")
    assert (code, report["complete"], len(report["lapses"])) == (1, True, 16)


def test_what_was_kept_is_not_gone_on_with_where_it_may_be_wrong(
    auditor: Auditor, organisation: Organisation
) -> None:
    organisation.before = lambda _account, action, asked: (
        DENIED if action == "AssumeRole" and SECOND in asked["RoleArn"] else None
    )
    auditor.reads("--org")
    header, *lines = auditor.kept.read_text().splitlines()
    first = next(each for each in map(json.loads, lines) if each["id"] == FIRST)
    old = json.dumps(first | {"taken": "2026-01-01T00:00:00+00:00"})
    strange = json.dumps({**first, "users": 7})
    naive = json.dumps(first | {"taken": first["taken"].partition("+")[0]})
    for content in (
        "", "no JSON", header, "\n".join([header, old, strange, naive, json.dumps(first)[:50]]),
        "\n".join([header.replace(ROLE, "another"), *lines]),
    ):  # fmt: skip
        auditor.kept.write_text(content)
        organisation.asked.clear()
        code, report = auditor.reads("--org", "--resume")
        assert (code, accounts(report)) == (1, [OWN, FIRST, THIRD])
        assert organisation.asked[FIRST, "ListAccessKeys"] == 2, content


def test_two_runs_at_once_do_not_mix(auditor: Auditor, organisation: Organisation) -> None:
    reached, released = Event(), Event()

    def hold(account: str, action: str, _asked: dict[str, str]) -> None:
        if (account, action) == (THIRD, "ListAccessKeys"):
            reached.set()
            released.wait(60)

    organisation.before = hold
    with auditor.start("--role", ROLE, "--org", "--format", "json") as process:
        assert reached.wait(60)
        code, _, err = auditor.runs("--role", ROLE, "--org")
        assert (code, "another `keysweep account` reads the accounts" in err) == (2, True)
        released.set()
        assert json.loads(process.communicate()[0])["complete"]


def test_where_nobody_lets_it_in_nothing_is_called_clean(auditor: Auditor, organisation: Organisation) -> None:
    organisation.before = lambda _account, action, _asked: DENIED if action == "AssumeRole" else None
    code, report = auditor.reads("--account", FIRST, "--account", SECOND)
    assert (code, report["complete"], accounts(report)) == (4, False, [])
    organisation.before = lambda _account, action, _asked: (
        answers.error("organizations", "AccessDenied") if action == "ListAccounts" else None
    )
    code, out, err = auditor.runs("--role", ROLE, "--org")
    assert (code, out) == (4, "")
    assert "could not list the accounts of the organisation (organizations:ListAccounts)" in err


def test_where_nothing_can_be_kept_the_accounts_are_read_all_the_same(auditor: Auditor) -> None:
    auditor.kept.mkdir(parents=True)
    code, out, err = auditor.runs("--role", ROLE, "--account", FIRST)
    assert (code, "2 keys, 2 active" in out) == (1, True)
    assert err.count("cannot be written") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--org",), "no role is named to assume in each account"),
        (("--org", "--account", FIRST), "exclude each other"),
        (("--account", "12"), "12 is no account ID"),
        (("--skip", FIRST), "--skip goes with --org"),
        (("--resume",), "--resume and --role go with --org or --account"),
        (("--org", "--role", ROLE, "--skip", "999999999999"), "999999999999, which is not in the organisation"),
        (("--org", "--role", ROLE, *(f"--skip={each}" for each in (OWN, *MEMBERS))), "no account is left to read"),
    ],
)
def test_what_makes_no_sense_is_said(auditor: Auditor, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = auditor.runs(*arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_a_leaked_key_is_found_by_its_id_and_accounts_read_without_the_leak_are_not_gone_on_with(
    auditor: Auditor, organisation: Organisation, tmp_path: Path
) -> None:
    leaked = organisation.key_id(THIRD, 2)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "ci.env").write_text(f"AWS_ACCESS_KEY_ID={leaked}\n")
    found = os.fspath(scanned(tree, "--fail-on", "low"))
    told = answers.success("iam", "GetAccessKeyLastUsed", "<UserName>user-2</UserName><AccessKeyLastUsed/>")

    def before(account: str, action: str, asked: dict[str, str]) -> Given | None:
        if action == "AssumeRole" and SECOND in asked["RoleArn"]:
            return DENIED
        return told if (account, action) == (THIRD, "GetAccessKeyLastUsed") else None

    organisation.before = before
    assert auditor.reads("--org")[1]["lapses"][0]["rule"] != "leaked-key"
    other = organisation.key_id(SECOND, 1)
    (tree / "ci.env").write_text(f"AWS_ACCESS_KEY_ID={leaked}\nother={other}\n")
    scanned(tree, "--fail-on", "low")
    code, report = auditor.reads("--org", "--resume", found)
    first = report["lapses"][0]
    assert (code, first["rule"], first["account"], first["key_id"]) == (1, "leaked-key", THIRD, leaked)
    assert [(each["account"], each["leaked_keys"]) for each in report["unreached"]] == [(SECOND, [other])]
