"""`keysweep doctor` says what works here and what does not, and changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.containing import Operator
from tests.emulators.faults import Faults
from tests.repositories import Repository


@pytest.fixture
def operator(faults: Faults, tmp_path: Path) -> Operator:
    return Operator(tmp_path / "operator", faults, faults.key(user="oncall"))


def doctor(operator: Operator, cwd: Path, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "doctor", "--format", "json", *arguments],
        cwd=cwd,
        env=operator.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    checks = json.loads(done.stdout)["checks"] if done.stdout else []
    return done.returncode, {each["name"]: (each["state"], each["told"]) for each in checks}


def test_a_repository_without_anything_works_and_lacks_hooks(operator: Operator, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a.txt", "a" * 100)
    code, checks = doctor(operator, repository.path)
    assert code == 0
    assert checks["git"][1].startswith("git version 2.")
    assert checks["hooks"][0] == "note"
    assert checks["configuration"] == ("ok", "none: the defaults hold")
    assert checks["would scan"] == ("ok", "1 file, 100 B, with `keysweep scan` here")
    assert checks["policy"][0] == "note"
    assert "AWS identity" not in checks
    assert not operator.state.exists()


def test_hooks_that_are_installed_are_seen(operator: Operator, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    install = [sys.executable, "-m", "keysweep", "install"]
    subprocess.run([*install, "--stage", "pre-commit"], cwd=repository.path, env=operator.environment, check=True)
    assert doctor(operator, repository.path)[1]["hooks"] == ("note", "pre-commit; not commit-msg, pre-push")
    subprocess.run(install, cwd=repository.path, env=operator.environment, check=True)
    assert doctor(operator, repository.path)[1]["hooks"] == ("ok", "pre-commit, commit-msg, pre-push")


def test_a_broken_configuration_and_a_broken_journal_are_wrong(operator: Operator, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.write("keysweep.toml", "fail-on = 5\n")
    operator.state.mkdir(mode=0o700)
    (operator.state / "journal.jsonl").write_text('{"prev": "x"}\n')
    (operator.state / "journal.jsonl").chmod(0o600)
    code, checks = doctor(operator, repository.path)
    assert code == 2
    assert checks["configuration"][0] == "wrong"
    assert "fail-on" in checks["configuration"][1]
    assert checks["journal"][0] == "wrong"


def test_outside_of_a_repository_it_says_so(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    code, checks = doctor(operator, tmp_path / "plain")
    assert (code, checks["hooks"]) == (0, ("note", "this is no work tree of git"))


def test_aws_is_asked_only_where_that_is_wanted(faults: Faults, operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    doctor(operator, tmp_path / "plain")
    assert not faults.log.requests()
    code, checks = doctor(operator, tmp_path / "plain", "--aws", "--aws-endpoint", faults.endpoint)
    assert (code, checks["AWS identity"][0]) == (0, "ok")
    assert "user/oncall" in checks["AWS identity"][1]
    code, checks = doctor(operator, tmp_path / "plain", "--aws", "--aws-endpoint", "http://127.0.0.1:9/")
    assert (code, checks["AWS identity"][0]) == (4, "wrong")
    assert doctor(operator, tmp_path / "plain", "--profile", "x")[0] == 2


def test_in_a_bare_repository_it_tells_of_the_hook_that_judges_pushes(operator: Operator, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r.git", options=("--bare",))
    assert doctor(operator, repository.path)[1]["hooks"][0] == "note"
    install = [sys.executable, "-m", "keysweep", "install", "--server", "."]
    subprocess.run(install, cwd=repository.path, env=operator.environment, check=True)
    state, told = doctor(operator, repository.path)[1]["hooks"]
    assert (state, told.split(":")[0]) == ("ok", "pre-receive")
