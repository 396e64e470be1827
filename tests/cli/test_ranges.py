"""`keysweep scan --range` and what else narrows a scan of history, as CI systems and people run it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_interrupt import Scan, slow_rule
from tests.cli.test_scan import document, keysweep
from tests.repositories import Repository, environment

RNG = random.Random(74)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ZERO = "0" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A clean commit, and a branch that adds a key and takes it out again."""
    repository = Repository(tmp_path / "r")
    repository.stage("a", "nothing\n")
    repository.commit("base")
    repository.git("checkout", "-q", "-b", "feature")
    repository.stage("conf/key.ini", PAIR)
    repository.commit("add it")
    repository.git("rm", "-q", "conf/key.ini")
    repository.commit("remove it")
    return repository


def test_a_key_that_a_branch_added_and_removed_fails_its_review(repository: Repository) -> None:
    brought, taken = repository.git("rev-list", "--reverse", "main..feature").decode().split()
    done = keysweep(repository.path, "scan", "--range", "main..feature")
    assert done.returncode == 1
    assert f"conf/key.ini:1:21 (commit {brought[:12]})" in done.stdout
    assert f"taken out by {taken[:12]}" in done.stdout.replace("\n      ", " ")
    assert SECRET not in done.stdout


def test_the_json_is_that_of_every_scan_of_history(repository: Repository) -> None:
    narrowed = document(
        keysweep(repository.path.parent, "scan", "r", "--range", "main..feature", "--format", "json")
    )
    whole = document(keysweep(repository.path.parent, "scan", "--history", "r", "--format", "json"))
    assert narrowed["findings"] == whole["findings"]
    assert narrowed["objects"] == {"listed": 3, "scanned": 3, "skipped": 0, "earlier": 0}
    assert narrowed["notes"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--refs", "main"), 0),
        (("--refs", "feature"), 1),
        (("--refs", "main", "--refs", "feature"), 1),
        (("--since", "2024-01-01"), 1),
        (("--since", "2024-01-02"), 0),
        (("--since", "2 weeks ago"), 0),
        (("--paths", "conf"), 1),
        (("--paths", "a"), 0),
        (("--range", "feature", "--range", "^main"), 1),
        (("--range", f"{ZERO}..feature"), 1),
        (("--range", "main..feature", "--paths", "conf", "--since", "2023-12-31", "--refs", "feature"), 1),
        (("--range", "main..feature", "--refs", "main"), 0),
        (("--history", "--range", "main..feature", "."), 1),
    ],
)
def test_conditions_narrow_the_scan_and_imply_history(
    repository: Repository, arguments: tuple[str, ...], code: int
) -> None:
    assert keysweep(repository.path, "scan", *arguments).returncode == code


def test_an_empty_selection_is_clean_and_says_that_it_is_empty(repository: Repository) -> None:
    done = keysweep(repository.path, "scan", "--range", "main..main")
    assert done.returncode == 0
    assert "no commit is selected, so that there was nothing to scan" in done.stdout
    told = document(keysweep(repository.path, "scan", "--range", "main..main", "--format", "json"))
    assert told["notes"] == ["no commit is selected, so that there was nothing to scan"]


def test_a_forced_push_over_what_is_gone_is_scanned_and_says_so(repository: Repository) -> None:
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    done = keysweep(repository.path, "scan", "--range", f"{'1' * 40}..feature")
    assert done.returncode == 1
    assert "Note: 111111111111 is not here (a forced push?)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--range", "main..feature", "--staged"), "narrow the scan of one repository's history"),
        (("--since", "2024-01-01", "--all-files"), "narrow the scan of one repository's history"),
        (("--refs", "main", "-"), "narrow the scan of one repository's history"),
        (("--paths", "conf", "a", "b"), "narrow the scan of one repository's history"),
        (("--range", ""), "lacks a side (an unset variable?)"),
        (("--range", "..feature"), "lacks a side (an unset variable?)"),
        (("--range", "--all"), "is no commit here"),
        (("--range", "main..\x1b]0;x\x07"), "is no commit here"),
        (("--range", "main..$(touch x)"), "is no commit here"),
        (("--range", "main..nowhere"), "is no commit here: check how it is written"),
        (("--since", ""), "is no date"),
        (("--since", "soon"), "is no date"),
        (("--refs", "featur"), "did you mean refs/heads/feature?"),
        (("--paths", "conv"), "is nothing that a selected commit has"),
        (("--paths", ""), "--paths got nothing (an unset variable?)"),
        (("--range", "main", "nowhere"), "nowhere is no directory"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    repository: Repository, arguments: tuple[str, ...], words: str
) -> None:
    done = keysweep(repository.path, "scan", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert not (repository.path / "x").exists()


def test_a_shallow_clone_of_ci_is_never_clean(repository: Repository, tmp_path: Path) -> None:
    base = repository.git("rev-parse", "main").decode().strip()
    command = ["git", "clone", "-q", "--depth=1", f"file://{repository.path}", str(tmp_path / "clone")]
    subprocess.run(command, env=environment(), check=True)
    for revisions in (f"{base}..HEAD", f"{ZERO}..HEAD", "HEAD"):
        done = keysweep(tmp_path / "clone", "scan", "--range", revisions)
        assert done.returncode == 3
        assert "fetch-depth: 0" in done.stdout + done.stderr


def test_allowed_and_excluded_findings_do_not_count(repository: Repository) -> None:
    repository.write("keysweep.toml", 'exclude = ["conf/"]\n')
    done = keysweep(repository.path, "scan", "--range", "main..feature")
    assert done.returncode == 0
    assert "1 suppressed by configuration" in done.stdout


def test_submodules_are_left_to_scans_of_their_own(repository: Repository) -> None:
    """A range of the repository around them means nothing in theirs."""
    other = Repository(repository.path / ".git/modules/sub")
    other.stage("key.ini", PAIR)
    other.commit()
    assert keysweep(repository.path, "scan", "--range", "main").returncode == 0


def test_a_bundle_can_be_narrowed_too(repository: Repository, tmp_path: Path) -> None:
    repository.git("bundle", "create", "-q", str(tmp_path / "b.bundle"), "--all")
    assert keysweep(tmp_path, "scan", "b.bundle", "--range", "main").returncode == 0
    assert keysweep(tmp_path, "scan", "b.bundle", "--range", "main..feature").returncode == 1


def test_where_there_is_no_repository_the_failure_says_so(tmp_path: Path) -> None:
    done = keysweep(tmp_path, "scan", "--range", "main..feature")
    assert done.returncode == 3
    assert "this is not a git repository" in done.stderr


def has_worked_for(seconds: float) -> Callable[[int], bool]:
    """Whether a process has taken this much of a processor; one that is gone has not."""

    def check(pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        ticks = int(stat.rpartition(")")[2].split()[11])
        return ticks >= seconds * os.sysconf("SC_CLK_TCK")

    return check


@pytest.mark.parametrize("times", [1, 2, 5])
def test_ctrl_c_keeps_what_was_found_and_is_never_clean(repository: Repository, times: int) -> None:
    """Messages are scanned first, and then a file in which a rule gets stuck; impatience changes nothing."""
    repository.stage("stuck", "q" * 4000)
    repository.commit(f"deploy\n\n{PAIR}")
    options = ("--jobs", "1", "--format", "json", slow_rule(repository.path))
    scan = Scan(repository.path, "scan", "--range", "feature~1..feature", *options)
    scan.wait_until(has_worked_for(2))
    for _ in range(times):
        scan.press_ctrl_c()
        time.sleep(0.03)
    done = scan.end()
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [each["key_id"] for each in found["findings"]] == [ID]
    assert [each["code"] for each in found["problems"]] == ["interrupted"]
    assert found["complete"] is False
