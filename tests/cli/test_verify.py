"""`keysweep scan --verify` and `keysweep verify`, run as a user runs them against a server on loopback."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id, secret, session_token
from keysweep.detect.keyid import account_of
from keysweep.report.json import schema
from tests.cli.test_interrupt import Scan, filled, has_open, slow_rule, stuck
from tests.emulators.faults import Faults
from tests.emulators.keys import mint
from tests.emulators.script import Reply, access_denied, expired_token, hang_up, throttling, time_out
from tests.repositories import Repository, environment

RNG = random.Random(43)
KEY, SESSION_KEY = mint(RNG), mint(RNG, prefix="ASIA")
ID, SECRET = KEY.key_id, KEY.secret
TEMPORARY, ITS_SECRET, TOKEN = SESSION_KEY.key_id, SESSION_KEY.secret, str(SESSION_KEY.token)
PAIR = f'aws_access_key_id = "{ID}"\naws_secret_access_key = "{SECRET}"\n'
SESSION = (
    f"export AWS_ACCESS_KEY_ID={TEMPORARY}\nexport AWS_SECRET_ACCESS_KEY={ITS_SECRET}\n"
    f"export AWS_SESSION_TOKEN={TOKEN}\n"
)


@pytest.fixture
def sts(faults: Faults) -> Faults:
    faults.add(KEY)
    faults.add(SESSION_KEY, expired_token(), arn="arn:aws:sts::123456789012:assumed-role/deploy/me")
    return faults


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "r")


def keysweep(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", *arguments],
        cwd=cwd,
        env=environment() | {"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr
    for hidden in (SECRET, ITS_SECRET, TOKEN):
        assert hidden not in done.stdout + done.stderr
    return done


def scanned(tree: Path, *arguments: str) -> Path:
    done = keysweep(tree, "scan", *arguments, "--format", "json", "--output", "found.json")
    assert done.returncode == 1, done.stderr
    return tree / "found.json"


def statuses(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {each["key_id"]: each["status"] for each in json.loads(done.stdout)["keys"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "deploy.ini").write_text(PAIR)
    (tmp_path / "session.sh").write_text(SESSION)
    return tmp_path


def test_scan_verify_raises_a_live_pair_to_critical(tree: Path, sts: Faults) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", sts.endpoint, "--format", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    found: dict[str, Any] = {each["key_id"]: each for each in document["findings"]}
    assert (found[ID]["severity"], found[ID]["verdict"]["status"]) == ("critical", "live")
    assert found[ID]["verdict"]["arn"] == "arn:aws:iam::123456789012:user/ci"
    assert (found[TEMPORARY]["severity"], found[TEMPORARY]["verdict"]["status"]) == ("info", "expired")


def test_scan_verify_says_in_words_what_aws_said(tree: Path, sts: Faults) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", sts.endpoint)
    assert "CRITICAL" in done.stdout
    assert "live, arn:aws:iam::123456789012:user/ci: AWS accepted it" in done.stdout


def test_a_scan_without_verify_asks_nobody(tree: Path, sts: Faults) -> None:
    scanned(tree)
    assert sts.log.requests() == []
    refused = keysweep(tree, "scan", "--aws-endpoint", sts.endpoint)
    assert refused.returncode == 2
    assert "goes with --verify" in refused.stderr or "go with --verify" in refused.stderr


def test_verify_reads_the_secrets_again_from_the_files(tree: Path, sts: Faults) -> None:
    found = scanned(tree)
    assert SECRET not in found.read_text()
    done = keysweep(tree.parent, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert done.returncode == 1
    assert statuses(done) == {ID: "live", TEMPORARY: "expired"}


def test_verify_reads_the_secrets_again_from_history(repository: Repository, sts: Faults) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit("add")
    repository.stage("deploy.ini", "clean\n")
    repository.commit(f"say what happened\n\n{SESSION}")
    found = scanned(repository.path, "--history")
    done = keysweep(
        repository.path.parent, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json"
    )
    assert statuses(done) == {ID: "live", TEMPORARY: "expired"}
    assert done.returncode == 1


def verified(sts: Faults, found: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return keysweep(
        found.parent, "verify", found.name, "--aws-endpoint", sts.endpoint, "--format", "json", *arguments
    )


def unread(done: subprocess.CompletedProcess[str]) -> dict[str | None, str]:
    return {each["key_id"]: each["reason"] for each in json.loads(done.stdout)["unread"]}


def test_a_pair_split_over_two_staged_files_is_joined_again(repository: Repository, sts: Faults) -> None:
    repository.stage("id.txt", PAIR.splitlines()[0])
    repository.stage("secret.txt", PAIR.splitlines()[1])
    assert statuses(verified(sts, scanned(repository.path, "--staged"))) == {ID: "live"}


@pytest.mark.parametrize("form", ["--history", "--range=HEAD", "--staged"])
def test_a_key_in_the_name_of_a_file_is_read_again(repository: Repository, sts: Faults, form: str) -> None:
    """Also where an empty file of another name is the same object."""
    for name in (f"backup/{ID}.txt", f"backup/{TEMPORARY}.txt", "empty"):
        repository.stage(name, "")
    if form != "--staged":
        repository.commit()
    found = scanned(repository.path, form, "--fail-on", "low")
    done = verified(sts, found)
    assert unread(done) == {}
    assert statuses(done) == {ID: "unknown", TEMPORARY: "unknown"}


def test_what_a_submodule_holds_is_read_again(repository: Repository, tmp_path: Path, sts: Faults) -> None:
    parser = Repository(tmp_path / "parser")
    parser.stage("deploy.ini", PAIR)
    parser.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(parser.path), "libs/parser")
    repository.commit()
    (repository.path / "libs" / "parser" / "deploy.ini").unlink()
    assert statuses(verified(sts, scanned(repository.path, "--history"))) == {ID: "live"}


@pytest.mark.parametrize("form", ["bundle", "file://"])
def test_what_a_file_of_git_or_an_address_of_this_machine_holds_is_read_again(
    repository: Repository, tmp_path: Path, sts: Faults, form: str
) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit()
    repository.git("bundle", "create", "../all.bundle", "--all")
    named = "all.bundle" if form == "bundle" else repository.path.as_uri()
    assert statuses(verified(sts, scanned(tmp_path, "--history", named))) == {ID: "live"}


def test_the_repository_that_git_dir_names_is_read_again_without_it(
    repository: Repository, tmp_path: Path, sts: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit()
    command = [sys.executable, "-m", "keysweep", "scan", "--history", "--format", "json", "--output", "found.json"]
    git_dir = {"GIT_DIR": str(repository.path / ".git")}
    subprocess.run(command, cwd=tmp_path, env=environment() | git_dir, capture_output=True, check=False)
    assert statuses(verified(sts, tmp_path / "found.json")) == {ID: "live"}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("nothing", "its repository is not here: name a copy"),
        ("a file", "neither one nor a bundle: name a copy"),
        ("a directory", "there is none in that directory; name a copy"),
        ("another", "the repository does not hold object"),
    ],
)
def test_where_a_repository_cannot_be_read_again_the_reason_is_said(
    repository: Repository, tmp_path: Path, sts: Faults, there: str, said: str
) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit()
    found = scanned(repository.path, "--history").rename(tmp_path / "found.json")
    repository.path.rename(tmp_path / "moved")
    if there == "a file":
        repository.path.write_text("")
    elif there == "a directory":
        repository.path.mkdir()
    elif there == "another":
        Repository(repository.path).commit()
    done = verified(sts, found)
    assert said in unread(done)[ID]
    assert done.returncode == 3
    assert statuses(verified(sts, found, "--repository", str(tmp_path / "moved"))) == {ID: "live"}


def test_a_file_that_is_none_any_more_is_not_called_gone(tree: Path, sts: Faults) -> None:
    found = scanned(tree)
    (tree / "deploy.ini").unlink()
    (tree / "deploy.ini").mkdir()
    assert unread(verified(sts, found)) == {ID: "it is not a file"}


def test_bait_of_the_scans_own_configuration_is_not_tried(tree: Path, sts: Faults) -> None:
    """That configuration need not be there any more."""
    (tree / "keysweep.toml").write_text(f'canary-accounts = ["{account_of(ID)}"]\n')
    (tree / "session.sh").unlink()
    found = scanned(tree)
    (tree / "keysweep.toml").unlink()
    done = verified(sts, found)
    assert (statuses(done), done.returncode) == ({ID: "canary"}, 0)
    assert sts.log.requests() == []


def test_a_match_of_the_users_own_rule_is_nothing_to_read_again(tree: Path, sts: Faults) -> None:
    (tree / "keysweep.toml").write_text("[[rules]]\nname = 'ours'\npattern = 'INT-([0-9a-f]{32})'\n")
    (tree / "token").write_text(f"INT-{'0123456789abcdef' * 2}\n")
    done = verified(sts, scanned(tree))
    assert (unread(done), done.returncode) == ({}, 1)


def test_of_one_key_with_two_session_tokens_both_are_read_again(tmp_path: Path, sts: Faults) -> None:
    sts.add(SESSION_KEY)
    (tmp_path / "a.sh").write_text(SESSION.replace(TOKEN, session_token(RNG)))
    (tmp_path / "b.sh").write_text(SESSION)
    assert statuses(verified(sts, scanned(tmp_path))) == {TEMPORARY: "live"}


def test_what_changed_since_the_scan_is_not_called_clean(tree: Path, sts: Faults) -> None:
    found = scanned(tree)
    (tree / "deploy.ini").write_text(PAIR.replace(SECRET, secret(RNG)))
    (tree / "session.sh").unlink()
    done = keysweep(tree, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert done.returncode == 3
    reasons = {each["key_id"]: each["reason"] for each in json.loads(done.stdout)["unread"]}
    assert reasons == {ID: "the file no longer holds it", TEMPORARY: "the file is gone"}
    assert sts.log.requests() == []


def test_what_came_from_a_stream_cannot_be_read_again(tmp_path: Path, sts: Faults) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "scan", "-", "--format", "json", "--output", "found.json"],
        cwd=tmp_path,
        input=PAIR,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    done = keysweep(tmp_path, "verify", "found.json", "--aws-endpoint", sts.endpoint)
    assert done.returncode == 3
    assert "scan and verify in one run" in done.stdout


def test_where_aws_cannot_be_asked_the_exit_code_is_4(tree: Path) -> None:
    found = scanned(tree)
    done = keysweep(tree, "verify", str(found), "--aws-endpoint", "http://127.0.0.1:9/", "--format", "json")
    assert done.returncode == 4
    assert set(statuses(done).values()) == {"unknown"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ("[]", "no findings file of keysweep"),
        ('{"format": "keysweep-findings", "version": 99}', "version 99"),
        ('{"format": "keysweep-findings", "version": 1}', "damaged"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_findings_file_is_refused_in_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "found.json").write_text(content)
    done = keysweep(tmp_path, "verify", "found.json")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("scanned", "repository"), 1.5),
        (("scanned", "directory"), ["."]),
        (("findings", 0, "fingerprint"), None),
        (("findings", 0, "key_id"), 5),
        (("findings", 0, "canary"), True),
        (("findings", 0, "placeholder"), {}),
        (("findings", 0, "parts"), "x"),
        (("findings", 0, "verdict"), {"checked": "0001-01-01T00:00:00+14:00"}),
        (("findings", 0, "origin", "path"), 0),
        (("findings", 0, "origin", "members"), "x"),
        (("findings", 0, "origin", "members"), [5]),
        (("findings", 0, "origin", "blob"), 5),
        (("findings", 0, "origin", "source"), []),
    ],
)
def test_a_findings_file_with_a_value_of_another_type_is_damaged(
    tree: Path, where: tuple[str | int, ...], value: object
) -> None:
    found = scanned(tree)
    document = json.loads(found.read_text())
    inner: Any = document
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    found.write_text(json.dumps(document))
    done = keysweep(tree, "verify", "found.json")
    assert done.returncode == 2
    assert "damaged" in done.stderr


def test_names_of_objects_in_a_findings_file_cannot_be_options_of_git(repository: Repository) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit("add")
    found = scanned(repository.path, "--history")
    document = json.loads(found.read_text())
    document["findings"][0]["origin"]["blob"] = "--batch-check"
    found.write_text(json.dumps(document))
    done = keysweep(repository.path, "verify", "found.json")
    assert done.returncode == 2
    assert "damaged" in done.stderr


@pytest.mark.parametrize(
    "address",
    ["ftp://x/", "http://", "http://u:p@127.0.0.1/", "http://:p@127.0.0.1/", "x", "http://[", "http://a:0/"],
)
def test_an_endpoint_that_is_no_address_is_refused(tree: Path, address: str) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", address)
    assert done.returncode == 2
    assert "--aws-endpoint has to be" in done.stderr


@pytest.mark.parametrize("command", ["scan", "verify"])
@pytest.mark.parametrize("presses", [1, 2, 3])
def test_ctrl_c_keeps_what_was_found_and_answered(tree: Path, sts: Faults, command: str, presses: int) -> None:
    """One key is answered at once, and the server never answers about the other: nobody waits for that."""
    found = scanned(tree)
    found.rename(tree.parent / "found.json")
    sts.add(SESSION_KEY, time_out())
    options = ("--verify",) if command == "scan" else ("../found.json",)
    asking = Scan(tree, command, *options, "--aws-endpoint", sts.endpoint, "--format", "json")
    while len(sts.log.requests()) < 2:
        time.sleep(0.02)
    time.sleep(0.5)
    begin = time.monotonic()
    for _ in range(presses):
        asking.press_ctrl_c()
        time.sleep(0.02)
    done = asking.end()
    assert time.monotonic() - begin < 2
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["complete"] is False
    if command == "verify":
        assert statuses(done) == {ID: "live"}
    else:
        assert {each["key_id"] for each in document["findings"]} == {ID, TEMPORARY}


def test_a_scan_that_was_interrupted_asks_nobody(tmp_path: Path, sts: Faults) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "1.ini").write_text(filled(PAIR))
    (tree / "2.txt").write_text(stuck())
    options = ("--verify", "--aws-endpoint", sts.endpoint, "--format", "json")
    scanning = Scan(tree, "scan", "--jobs", "1", slow_rule(tree), *options)
    scanning.wait_until(has_open("2.txt"))
    scanning.press_ctrl_c()
    done = scanning.end()
    assert [each["key_id"] for each in json.loads(done.stdout)["findings"]] == [ID]
    assert "interrupted before AWS was asked" in done.stdout
    assert sts.log.requests() == []


def test_ctrl_c_while_files_are_read_again_asks_nobody(tree: Path, sts: Faults) -> None:
    (tree / "deploy.ini").write_text(filled(PAIR))
    found = scanned(tree)
    os.truncate(tree / "session.sh", 1 << 34)
    reading = Scan(tree, "verify", found.name, "--aws-endpoint", sts.endpoint)
    reading.wait_until(has_open("session.sh"))
    time.sleep(1)
    reading.press_ctrl_c()
    assert reading.end().returncode == 3
    assert sts.log.requests() == []


@pytest.mark.parametrize(
    "fault", [throttling(), access_denied(), hang_up()], ids=["throttling", "denied", "hang-up"]
)
def test_a_key_about_which_aws_gave_no_answer_makes_exit_code_4(tree: Path, sts: Faults, fault: Reply) -> None:
    """Also where what came instead has a request ID."""
    found = scanned(tree)
    sts.add(KEY, fault)
    done = keysweep(tree, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert (statuses(done)[ID], done.returncode) == ("unknown", 4)


def test_a_key_with_which_nothing_can_be_asked_makes_no_exit_code_4(tmp_path: Path, sts: Faults) -> None:
    (tmp_path / "a.ini").write_text(f"a = {key_id(RNG)}\n")
    (tmp_path / "b.sh").write_text(SESSION.rpartition("export")[0])
    found = scanned(tmp_path)
    done = keysweep(tmp_path, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert set(statuses(done).values()) == {"unknown"}
    assert done.returncode == 0
