"""What a person sees of `keysweep contain`: where the key stood, what to do once for all keys, on any terminal."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.containing import HERE, Operator, administrator, found, leak
from tests.emulators.accounts import Account
from tests.emulators.ministack import Ministack

THERE = "444455556666"
ALLOWED = ("--allow-account", HERE)


@pytest.fixture
def operator(ministack: Ministack, account: Account, tmp_path: Path) -> Operator:
    return administrator(account, tmp_path / "operator", ministack)


def test_a_terminal_that_knows_ascii_alone_gets_the_whole_report(
    ministack: Ministack, operator: Operator, account: Account, tmp_path: Path
) -> None:
    """The key is off by then, and its run has to be known; the summary of CloudTrail has a dash between times."""
    key = account.user("ci")
    findings = found(operator, leak(tmp_path / "r", key))
    done = subprocess.run(
        [
            sys.executable, "-m", "keysweep", "contain", findings, *ALLOWED, "--apply", "--confirm", key.key_id,
            "--aws-endpoint", ministack.endpoint,
        ],
        env=operator.environment | {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert (done.returncode, account.status("ci", key)) == (0, "Inactive")
    assert "keysweep undo" in done.stdout


def test_what_to_do_about_many_keys_is_said_once(
    ministack: Ministack, operator: Operator, account: Account, tmp_path: Path
) -> None:
    other = Account(ministack, ministack.root(THERE))
    theirs = [other.user(f"user{number}") for number in range(6)]
    ours = account.user("ci")
    findings = found(operator, leak(tmp_path / "r", *theirs, ours))
    shown = operator.runs("contain", findings, *ALLOWED).stdout
    assert shown.count("report-abuse") == 1
    assert "REFUSED   6 keys" in shown
    for number, key in enumerate(theirs):
        (line,) = [each for each in shown.splitlines() if key.key_id in each]
        assert line.split() == [key.key_id, "live,", f"user{number}", "of", f"{THERE},", f"deploy{number}.ini:2"]
    assert "7 of them may still let somebody in" in shown


def test_the_plan_says_where_each_key_stood(operator: Operator, account: Account, tmp_path: Path) -> None:
    key = account.user("ci")
    findings = found(operator, leak(tmp_path / "r", key))
    assert "  at       deploy0.ini:2" in operator.runs("contain", findings, *ALLOWED).stdout
    assert operator.told("contain", findings, *ALLOWED).keys[key.key_id]["places"] == ["deploy0.ini:2"]


def test_the_run_is_named_before_anything_is_done(operator: Operator, account: Account) -> None:
    """Whoever loses the terminal in the midst of it needs the name to undo."""
    key = account.user("ci")
    done = operator.runs("contain", key.key_id, *ALLOWED, "--apply", "--confirm", key.key_id, "--no-trail")
    first = done.stderr.splitlines()[0]
    assert first.startswith(f"keysweep: run {operator.journal()[0]['run']}, journal ")


def test_the_command_that_takes_a_run_back_has_all_that_it_needs(operator: Operator, account: Account) -> None:
    """Without its policy, undo would act as somebody else, in another account."""
    key = account.user("ci")
    policy = operator.policy(f'[guards]\nallow-accounts = ["{HERE}"]\n').rename(operator.home / "my policy.toml")
    options = ("--policy", str(policy), "--apply", "--no-trail")
    nothing = operator.told("contain", key.key_id, *options)
    assert (nothing.statuses, nothing.document["undo"]) == ({key.key_id: "refused"}, None)
    done = operator.told("contain", key.key_id, *options, "--confirm", key.key_id)
    assert done.statuses == {key.key_id: "disabled"}
    words = shlex.split(done.document["undo"])
    assert words[:5] == ["keysweep", "undo", done.document["run"], "--policy", str(policy)]
    undone = subprocess.run(
        [sys.executable, "-m", *words], env=operator.environment, capture_output=True, text=True, check=False
    )
    assert (undone.returncode, account.status("ci", key)) == (0, "Active"), undone.stderr


def test_a_report_that_cannot_be_written_does_not_hide_that_a_key_is_live(
    operator: Operator, account: Account
) -> None:
    key = account.user("ci")
    shown = operator.runs("contain", key.key_id, *ALLOWED, "--output", "/dev/full")
    assert (shown.returncode, "could not be written" in shown.stderr) == (1, True)
    assert key.key_id in shown.stdout


def test_what_aws_did_not_do_comes_with_what_to_do_next(operator: Operator, account: Account) -> None:
    key = account.user("ci")
    account.deny("oncall", "iam:UpdateAccessKey")
    options = (*ALLOWED, "--apply", "--confirm", key.key_id, "--no-trail")
    shown = operator.runs("contain", key.key_id, *options)
    assert (shown.returncode, "do 1     Mend what the reason names" in shown.stdout) == (4, True)
    assert operator.told("contain", key.key_id, *options).keys[key.key_id]["next"]


def test_nothing_that_others_chose_reaches_the_terminal_as_an_escape(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Jx"
    path.mkdir()
    (path / "a\x1b]0;owned\x07.ini").write_text("aws_access_key_id = AKIARTX3GSDS2BWUYNP5\n")
    findings = str(operator.home / "found.json")
    operator.runs_offline("scan", str(path), "--format", "json", "--output", findings)
    shown = operator.runs("contain", findings, *ALLOWED)
    assert "AKIARTX3GSDS2BWUYNP5" in shown.stdout
    assert not set("\x1b\x07") & set(shown.stdout + shown.stderr)
