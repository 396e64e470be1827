"""`keysweep notify` as a user runs it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import secret
from keysweep.store.opening import Store, opened
from keysweep.verdicts import Status
from tests.emulators.wire import Answer
from tests.notify.filling import leak, receiver, verdict
from tests.notify.test_security_hub import checked


def notify(
    tmp_path: Path, *arguments: str, db: str = "sweep.db", **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "NO_COLOR": "1", **environment}
    command = [sys.executable, "-m", "keysweep", "notify", "--db", str(tmp_path / db), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def described(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config" / "keysweep" / "notify.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def filled(tmp_path: Path, count: int) -> list[str]:
    chance = random.Random(5)
    with opened(str(tmp_path / "sweep.db")) as store:
        return [leak(store, chance) for _ in range(count)]


def chat(address: str) -> str:
    return f'[[channel]]\nname = "{address}"\nkind = "slack"\naddress-from = "{address.upper()}"\n'


def test_all_are_told_and_that_is_said(tmp_path: Path) -> None:
    (key,) = filled(tmp_path, 1)
    described(tmp_path, chat("chat"))
    with receiver() as it:
        rehearsed = notify(tmp_path, "--dry-run")
        assert it.requests == []
        first = notify(tmp_path, CHAT=it.address)
        second = notify(tmp_path, CHAT=it.address)
    title = f"  Leaked: AWS access key with its secret {key} – not verified\n"
    assert (rehearsed.returncode, first.returncode, second.returncode) == (0, 0, 0)
    assert rehearsed.stdout == "chat (slack): 1 message about 1 leak would be sent.\n" + title
    assert first.stdout == "chat (slack): 1 of 1 leak told in 1 message.\n" + title
    assert second.stdout == "chat (slack): there is nothing new to tell.\n"


def test_a_receiver_that_does_not_take_it_is_exit_code_3_and_keeps_its_address_secret(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    token = secret(random.Random(8))
    described(tmp_path, chat("good") + chat("bad"))
    with receiver() as good, receiver(Answer(404, b"no such hook")) as bad:
        done = notify(tmp_path, GOOD=good.address, BAD=f"{bad.address}/{token}")
    assert done.returncode == 3
    assert "good (slack): 2 of 2 leaks told in 2 messages." in done.stdout
    assert "bad (slack): 0 of 2 leaks told in 0 messages; 2 not told." in done.stdout
    assert f"  NOT TAKEN: {bad.address.removeprefix('http://')} answered 404" in done.stdout
    assert token not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("", (), "nobody is to be told"),
        (chat("chat"), (), "there is no variable CHAT in the environment"),
        (chat("chat"), ("--channel", "chut"), "there is no channel chut: known are chat"),
        (chat("chat") + "kinds = 1\n", (), "unknown setting `channel chat: kinds`: did you mean `kind`?"),
        (chat("chat"), ("--asff", "x.json"), "--asff needs the --account and --region"),
        (chat("chat"), ("--asff", "x.json", "--dry-run"), "--asff writes files"),
        (chat("chat"), ("--region", "eu-central-1"), "--account and --region belong to --asff"),
        (chat("chat"), ("--asff", "x.json", "--account", "1", "--region", "eu-central-1"), "twelve digits"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_sentence(
    tmp_path: Path, text: str, arguments: tuple[str, ...], said: str
) -> None:
    filled(tmp_path, 1)
    described(tmp_path, text)
    done = notify(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    described(tmp_path, chat("chat"))
    done = notify(tmp_path, db="other.db", CHAT="https://hooks.example.net/x")
    assert done.returncode == 3
    assert "there is no store" in done.stderr
    assert not (tmp_path / "other.db").exists()


def test_what_is_there_can_count_as_told(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    described(tmp_path, chat("chat"))
    assert "3 leaks would count as told" in notify(tmp_path, "--first", "none", "--dry-run").stdout
    done = notify(tmp_path, "--first", "none")
    assert done.stdout == "chat (slack): 3 leaks of the store count as told now, and nothing was sent.\n"
    assert "nothing new" in notify(tmp_path, "--dry-run").stdout


@pytest.mark.parametrize(
    ("count", "names"), [(0, ["out.json"]), (100, ["out.json"]), (101, ["out-1.json", "out-2.json"])]
)
def test_findings_of_security_hub_are_written_as_the_aws_command_takes_them(
    tmp_path: Path, count: int, names: list[str]
) -> None:
    keys = filled(tmp_path, count)
    if keys:
        with opened(str(tmp_path / "sweep.db")) as store:
            verdict(store, keys[0], Status.DEAD)
    out = str(tmp_path / "out.json")
    done = notify(tmp_path, "--asff", out, "--account", "111122223333", "--region", "eu-central-1")
    assert done.returncode == 0, done.stderr
    written = [json.loads((tmp_path / name).read_text()) for name in names]
    assert done.stdout.splitlines() == [
        f"{tmp_path / name}: {len(each)} finding{'s' * (len(each) != 1)}."
        for name, each in zip(names, written, strict=True)
    ]
    assert sorted(path.name for path in tmp_path.glob("out*")) == sorted(names)
    findings = [finding for each in written for finding in each]
    assert len({each["Id"] for each in findings}) == count
    assert sum(each["RecordState"] == "ARCHIVED" for each in findings) == (1 if keys else 0)
    for each in filter(None, written):
        checked(*each)


def test_files_are_written_from_a_channel_that_sends_nothing(
    tmp_path: Path,
) -> None:
    filled(tmp_path, 1)
    described(
        tmp_path,
        '[[channel]]\nname = "hub"\nkind = "security-hub"\naccount = "111122223333"\nregion = "us-east-1"\n',
    )
    assert notify(tmp_path, "--asff", str(tmp_path / "out.json")).returncode == 0
    (finding,) = json.loads((tmp_path / "out.json").read_text())
    assert finding["AwsAccountId"] == "111122223333"
    assert "nobody is to be told" in notify(tmp_path).stderr


def test_a_hostile_store_prints_nothing_that_a_terminal_acts_on(tmp_path: Path) -> None:
    chance = random.Random(6)
    with opened(str(tmp_path / "sweep.db")) as store:
        _hostile(store, chance)
    described(tmp_path, chat("chat"))
    with receiver() as it:
        done = notify(tmp_path, CHAT=it.address)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def _hostile(store: Store, chance: random.Random) -> None:
    leak(store, chance, "\x1b[2J\n::error::x", repository="\x1b]0;x\x07", author="\x1b[31m")


def test_findings_of_security_hub_can_be_printed_all_at_once(tmp_path: Path) -> None:
    filled(tmp_path, 101)
    for place in ("-", "/dev/stdout"):
        done = notify(tmp_path, "--asff", place, "--account", "111122223333", "--region", "eu-central-1")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)) == 101
    assert not Path("-").exists()
