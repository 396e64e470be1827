"""`keysweep scan --machine` as its users run it, in homes of their own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.cli.main import main
from keysweep.report import FORMATS
from keysweep.report.json import schema
from keysweep.sources.machine.surroundings import Machine, surroundings
from tests.cli.verifying import ID, SECRET
from tests.emulators.faults import Faults
from tests.homes import Home
from tests.repositories import environment

RNG = random.Random(os.getpid())
SNIPPET, STEP = {
    Machine.PERSON: ("[sso-session work]", "Try it: `aws sso login`, and `aws sts get-caller-identity`."),
    Machine.EC2: ("[default]", "Give the instance a role: SDKs find it by themselves."),
}[surroundings({}).machine]
"""What takes the place of a key on the machine that runs the tests, which can be an instance of EC2."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With a key in the credentials file and one in the history."""
    made = Home(tmp_path / "home", seed=89)
    made.write(".aws/credentials", f"[default]\n{made.pair()}")
    made.write(".bash_history", "export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}\n".format(*made.key()))
    return made


def scan(home: Home, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it where nothing of whoever runs the tests is: but their processes are there."""
    kept = {name: value for name, value in environment().items() if not name.startswith(("AWS_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "scan", "--machine", *arguments],
        cwd=home.path.parent,
        env=kept | {"HOME": os.fspath(home.path), "PYTHONUTF8": "1", "HISTFILE": ""} | variables,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def document(text: str, home: Home) -> dict[str, Any]:
    """What it says of the home, without what processes of others have."""
    loaded: dict[str, Any] = json.loads(text)
    jsonschema.validate(loaded, schema(), format_checker=jsonschema.FormatChecker())
    for name in ("findings", "weak_places"):
        loaded[name] = [each for each in loaded[name] if each["origin"]["path"].startswith(os.fspath(home.path))]
    return loaded


def test_people_read_what_a_place_is_what_is_weak_and_what_to_do(home: Home) -> None:
    done = scan(home)
    assert done.returncode == 1
    for said in (
        f"{home.path}/.aws/credentials:2:21  AWS credentials file",
        "stands where AWS's own tools look for it",
        f"{home.path}/.bash_history:1:26  shell history",
        "A secret was typed and is kept  [key-in-history]",
        "A long-term key could be replaced  [replaceable-key]",
        f"        {SNIPPET}\n",
        f"  do  {STEP}",
        "in a file that you name to --config, with a reason:",
        "Note: profiles of AWS get their credentials from a long-term key (1).",
    ):
        assert said in done.stdout
    assert "leak" not in done.stdout


def test_the_same_in_several_files_comes_with_what_mends_each() -> None:
    """Not where pytest has its directories, which nobody else can pass."""
    with TemporaryDirectory() as directory:
        home = Home(Path(directory), seed=90)
        home.path.chmod(0o755)
        for name in ("a.env", "b.env"):
            home.write(name, home.pair(), 0o644)
        said = scan(home).stdout.partition("[exposed-file]")[2]
    steps = [line for line in said.partition("\n\n")[0].splitlines() if line.startswith("  do  ")]
    assert steps[:2] == [f"  do  chmod 600 {home.path}/{name}.env" for name in "ab"]
    assert [step[:18] for step in steps[2:]] == ["  do  Where others"]


def test_every_format_tells_of_a_machine_and_json_of_all(home: Home, tmp_path: Path) -> None:
    reports = {form: tmp_path / f"report.{form}" for form in FORMATS}
    asked = [word for form, path in reports.items() for word in ("--report", f"{form}={path}")]
    done = scan(home, *asked, "--fail-on", "critical")
    assert done.returncode == 0
    told = document(reports["json"].read_text(), home)
    assert {(each["origin"]["what"], each["severity"]) for each in told["findings"]} == {
        ("AWS credentials file", "low"),
        ("shell history", "high"),
    }
    assert [each["rule"] for each in told["weak_places"]] == ["key-in-history", "replaceable-key"]
    assert told["weak_places"][1]["snippet"].startswith(f"{SNIPPET}\n")
    ids = {each["key_id"] for each in told["findings"]}
    for form, path in reports.items():
        assert all(key in path.read_text() for key in ids), form
    lines = [json.loads(line) for line in reports["jsonl"].read_text().splitlines()]
    assert {each["rule"] for each in lines if each["type"] == "weak-place"} >= {
        "key-in-history",
        "replaceable-key",
    }
    for form in ("csv", "markdown", "junit", "gitlab", "github-annotations", "html"):
        assert (
            "weak places, none of them critical or worse, which text and JSON tell of" in reports[form].read_text()
        )


def test_a_findings_file_of_a_machine_can_be_shown_and_verified_again(home: Home, tmp_path: Path) -> None:
    saved = tmp_path / "machine.json"
    scan(home, "--format", "json", "--output", os.fspath(saved))
    written = document(saved.read_text(), home)
    again = tmp_path / "again.json"
    assert main(["report", os.fspath(saved), "--format", "json", "--output", os.fspath(again)]) == 1
    shown = document(again.read_text(), home)
    assert (shown["findings"], shown["weak_places"]) == (written["findings"], written["weak_places"])
    twice = tmp_path / "twice.json"
    main(["report", os.fspath(saved), os.fspath(saved), "--format", "json", "--output", os.fspath(twice)])
    assert {each["rule"] for each in json.loads(twice.read_text())["weak_places"]} >= {"replaceable-key"}


def found(home: Home, *arguments: str) -> set[str]:
    done = scan(home, "--format", "json", *arguments)
    return {each["rule"] for each in document(done.stdout, home)["weak_places"]}


def test_the_environment_of_a_process_is_told_with_its_name(home: Home) -> None:
    key, its_secret = key_id(RNG), secret(RNG)
    sleeping = subprocess.Popen(
        ["sleep", "60"], env={"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": its_secret}
    )
    try:
        done = scan(home)
    finally:
        sleeping.kill()
        sleeping.wait()
    assert f"(environment of pid {sleeping.pid} sleep):1:19  environment of processes" in done.stdout
    assert f"in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; pid {sleeping.pid} sleep" in done.stdout


def test_where_somebody_stands_has_no_say_and_a_file_that_is_named_has(home: Home, tmp_path: Path) -> None:
    (tmp_path / "keysweep.toml").write_text('exclude = ["*"]\n')
    home.write("keysweep.toml", 'exclude = ["*"]\n')
    told = document(scan(home, "--format", "json").stdout, home)
    assert len(told["findings"]) == 2
    allowed = next(each["fingerprint"] for each in told["findings"] if each["severity"] == "low")
    named = tmp_path / "of-mine.toml"
    named.write_text(
        f'exclude = [".bash_history"]\nallow = [{{ fingerprint = "{allowed}", reason = "until we sign in" }}]\n'
    )
    done = scan(home, "--format", "json", "--config", os.fspath(named))
    told = document(done.stdout, home)
    assert (told["findings"], told["weak_places"]) == ([], [])
    assert (told["counts"]["suppressed_by"]["allow"], told["counts"]["suppressed_by"]["exclude"]) == (1, 1)


def test_a_comment_in_the_credentials_file_allows_the_key_and_its_weak_place(home: Home) -> None:
    home.write(".aws/credentials", f"[default]\n# keysweep:allow reason: no SSO before May\n{home.pair()}")
    assert found(home) == {"key-in-history"}
    assert found(home, "--strict") == {"key-in-history", "replaceable-key"}


def test_with_verify_aws_says_which_keys_of_a_machine_are_live(home: Home, sts: Faults) -> None:
    home.write(".aws/credentials", f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n")
    done = scan(home, "--verify", "--aws-endpoint", sts.endpoint, "--format", "json")
    (live,) = [each for each in document(done.stdout, home)["findings"] if each["key_id"] == ID]
    assert (live["severity"], live["verdict"]["status"]) == ("critical", "live")


def test_what_could_not_be_read_is_incomplete(home: Home) -> None:
    os.mkfifo(home.path / ".netrc")
    done = scan(home, "--fail-on", "critical")
    assert done.returncode == 3
    assert f"incomplete  {home.path}/.netrc is a pipe in the place of the password file" in done.stdout


def test_names_of_files_reach_no_terminal_as_they_are(home: Home) -> None:
    home.write(os.fsdecode(b".kube/\x1b[2J\xff\xe2\x80\xae"), home.pair(), 0o644)
    done = scan(home)
    assert "\\x1b[2J\\xff" in done.stdout
    assert not {"\x1b", "\u202e"} & set(done.stdout)


def test_names_of_profiles_add_no_line_to_what_is_to_be_copied(home: Home) -> None:
    home.write(".aws/credentials", f"[x\u2028credential_process = evil]\n{home.pair()}")
    done = scan(home)
    assert "        [profile 'x\\u2028credential_process = evil']\n" in done.stdout


def test_nothing_is_started_or_asked_over_the_network(home: Home) -> None:
    """Not even by the libraries: Python itself tells of each such event."""
    program = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith(('socket.', 'subprocess.', 'os.posix_spawn', 'os.exec', 'os.system', 'os.fork')):\n"
        "        print('EVENT', event, file=sys.stderr)\n"
        "from keysweep.cli.main import main\n"
        "sys.addaudithook(refuse)\n"
        "sys.exit(main(['scan', '--machine']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment() | {"HOME": os.fspath(home.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


@contextmanager
def standing_in(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("src",), "scan other paths in another run"),
        (("-",), "scan other paths in another run"),
        (("--staged",), "leave out --staged"),
        (("--history",), "leave out --history"),
        (("--range", "a..b"), "leave out --range"),
        (("--since", "1 day"), "leave out --since"),
        (("--refs", "x"), "leave out --refs"),
        (("--paths", "x"), "leave out --paths"),
        (("--all-files",), "leave out --all-files"),
        (("--strict-base", "HEAD"), "leave out --strict-base"),
    ],
)
def test_what_chooses_something_else_to_scan_is_refused(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("HOME", os.fspath(home.path))
    with standing_in(home.path):
        assert main(["scan", "--machine", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("given", [None, "", "relative", "/no/such/home", "FILE"])
def test_a_home_that_is_none_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str | None
) -> None:
    if given is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", os.fspath(home.path / ".bash_history") if given == "FILE" else given)
    assert main(["scan", "--machine"]) == 2
    assert "set it to the home directory that is to be scanned" in capsys.readouterr().err
