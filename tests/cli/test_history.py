"""`keysweep scan --history` as a user runs it: exit codes, both reports, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.report.json import schema
from tests.cli.test_hostile_files import without_override
from tests.cli.test_scan import document, keysweep
from tests.repositories import Repository, environment

RNG = random.Random(51)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A key that was committed and removed again."""
    repository = Repository(tmp_path / "r")
    repository.stage("conf/key.ini", PAIR)
    repository.commit("add it")
    repository.git("rm", "-q", "conf/key.ini")
    repository.commit("remove it")
    return repository


def test_a_key_that_was_removed_again_is_found_with_its_story(repository: Repository) -> None:
    brought, taken = repository.git("rev-list", "--reverse", "HEAD").decode().split()
    assert keysweep(repository.path, "scan").returncode == 0
    done = keysweep(repository.path, "scan", "--history")
    assert done.returncode == 1
    assert f"conf/key.ini:1:21 (commit {brought[:12]})" in done.stdout
    assert f"conf/key.ini; since {brought[:12]} of 2024-01-01 by A Tester" in done.stdout
    assert f"taken out by {taken[:12]}" in done.stdout.replace("\n      ", " ")
    assert SECRET not in done.stdout


def test_the_json_says_the_same_to_programs(repository: Repository) -> None:
    done = keysweep(repository.path.parent, "scan", "--history", "--format", "json", "r")
    assert done.returncode == 1
    found = document(done)
    jsonschema.validate(found, schema(), format_checker=jsonschema.FormatChecker())
    (finding,) = found["findings"]
    (exposure,) = finding["exposures"]
    assert (exposure["path"], len(exposure["introduced"]), len(exposure["removed"])) == ("conf/key.ini", 1, 1)
    assert exposure["introduced"][0]["email"] == "tester@example.net"
    assert finding["origin"]["source"] == "history"
    assert SECRET not in done.stdout


def test_a_second_scan_says_what_an_earlier_one_did_unless_told_to_forget_it(repository: Repository) -> None:
    keysweep(repository.path, "scan", "--history")
    again = keysweep(repository.path, "scan", "--history")
    assert again.returncode == 1
    assert "6 objects: all scanned (6 of them by an earlier run; --no-cache scans all again)." in again.stdout
    anew = keysweep(repository.path, "scan", "--history", "--no-cache")
    assert "6 objects: all scanned.\n" in anew.stdout


def test_a_clean_history_is_clean(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a", "nothing\n")
    repository.commit()
    done = keysweep(repository.path, "scan", "--history")
    assert done.returncode == 0
    assert "no leaked AWS keys found in 3 items" in done.stdout


def test_a_bare_mirror_and_an_empty_repository_are_taken(repository: Repository, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--mirror", repository.path, tmp_path / "m.git"], check=True)
    assert keysweep(tmp_path, "scan", "--history", "m.git").returncode == 1
    subprocess.run(["git", "init", "-q", tmp_path / "empty"], check=True)
    assert keysweep(tmp_path, "scan", "--history", "empty").returncode == 0


def test_allowed_and_excluded_findings_do_not_count(repository: Repository) -> None:
    repository.write("keysweep.toml", 'exclude = ["conf/"]\n')
    done = keysweep(repository.path, "scan", "--history")
    assert done.returncode == 0
    assert "1 suppressed by configuration" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--history", "--staged"), 2, "--history scans one repository"),
        (("--history", "a", "b"), 2, "--history scans one repository"),
        (("--no-cache",), 2, "--no-cache goes with --history"),
        (("--history", "nowhere"), 2, "nowhere is no directory"),
        (("--history", "."), 3, "this is not a git repository"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = keysweep(tmp_path, "scan", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["pack", "00"])
def test_objects_that_cannot_be_listed_are_never_clean_and_hide_no_others(
    repository: Repository, place: str
) -> None:
    closed = repository.path / ".git/objects" / place
    closed.mkdir(exist_ok=True)
    closed.chmod(0)
    done = without_override(repository.path, "scan", "--history", "--fail-on", "critical")
    closed.chmod(0o700)
    assert done.returncode == 3
    assert f"objects/{place} cannot be listed: Permission denied" in done.stdout
    assert ID in done.stdout
    assert "all scanned, but see the problems above" in done.stdout


def test_hostile_authors_subjects_and_paths_reach_no_terminal(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a\x1b[31m\n.ini", PAIR)
    escape = "\x1b]0;title\x07"
    repository.git("-c", f"user.name={escape}", "commit", "-q", "-m", escape, f"--author={escape} <{escape}@x>")
    done = keysweep(repository.path, "scan", "--history")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def test_an_interrupt_keeps_what_was_found_and_is_never_clean(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", PAIR)
    repository.commit()
    rng = random.Random(52)
    for number in range(40):
        repository.write(f"{number}.bin", rng.randbytes(2_000_000))
    repository.git("add", "-A")
    repository.commit()
    command = [sys.executable, "-m", "keysweep", "scan", "--history", "--format", "json", "--jobs", "1"]
    process = subprocess.Popen(
        command, cwd=repository.path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.6)
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    if process.returncode == 1:  # it was quick enough to have found the key
        assert ID.encode() in output
        assert json.loads(output)["complete"] == (b"interrupted" not in output)
    else:
        assert process.returncode == 3
        assert b"interrupted" in output + errors
