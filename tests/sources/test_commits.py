"""Commit messages and pushed ranges."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.errors import GitError, IncompleteError, UsageError
from keysweep.findings import ScanResult
from keysweep.sources.commits import Update, pushed_updates, scan_message, scan_pushed
from tests.repositories import Repository

RNG = random.Random(5)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ZERO = "0" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.stage("a", "a\n")
    repository.commit("base")
    return repository


def pushed(repository: Repository, *lines: str, remote: str = "origin") -> ScanResult:
    updates = pushed_updates({}, [remote, "url"], io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    return scan_pushed(updates, cwd=os.fspath(repository.path))


def test_a_new_branch_is_scanned_from_its_root(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    commit = repository.commit()
    (finding,) = pushed(repository, f"refs/heads/main {commit} refs/heads/main {ZERO}").findings
    assert (finding.origin.path, finding.origin.commit) == ("k.ini", commit)


def test_what_the_remote_has_is_not_scanned_again(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    old = repository.commit()
    repository.stage("b", "b\n")
    new = repository.commit()
    assert pushed(repository, f"refs/heads/main {new} refs/heads/main {old}").findings == ()


def test_a_new_branch_leaves_out_what_other_branches_of_the_remote_hold(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    old = repository.commit()
    repository.git("update-ref", "refs/remotes/origin/main", old)
    repository.stage("b", "b\n")
    new = repository.commit()
    assert pushed(repository, f"refs/heads/x {new} refs/heads/x {ZERO}").findings == ()
    assert pushed(repository, f"refs/heads/x {new} refs/heads/x {ZERO}", remote="other").findings


def test_a_key_that_a_later_commit_removes_still_leaves_with_the_push(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD").decode().strip()
    repository.stage("k.ini", PAIR)
    leak = repository.commit("leak")
    repository.git("rm", "-q", "k.ini")
    new = repository.commit("remove")
    (finding,) = pushed(repository, f"refs/heads/main {new} refs/heads/main {base}").findings
    assert finding.origin.commit == leak


def test_a_copy_of_a_file_adds_its_keys_though_the_file_itself_had_them_before(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    base = repository.commit()
    repository.stage("k.ini", PAIR + "# touched\n")
    repository.commit("touch")
    repository.stage("copy.ini", PAIR + "# touched\n")
    new = repository.commit("copy")
    (finding,) = pushed(repository, f"refs/heads/main {new} refs/heads/main {base}").findings
    assert (finding.origin.path, finding.origin.commit) == ("copy.ini", new)


def test_a_version_that_two_commits_of_a_push_bring_is_told_once(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD").decode().strip()
    for branch in ("one", "two"):
        repository.git("checkout", "-q", "-b", branch, base)
        repository.stage("k.ini", PAIR)
        repository.commit(branch)
    lines = [f"refs/heads/{name} {repository.git('rev-parse', name).decode().strip()} refs/heads/{name} {ZERO}"
             for name in ("one", "two")]  # fmt: skip
    repository.git("update-ref", "refs/remotes/origin/main", base)
    assert len(pushed(repository, *lines).findings) == 1


def test_a_forced_push_over_an_unknown_commit_is_scanned(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    new = repository.commit()
    assert pushed(repository, f"refs/heads/main {new} refs/heads/main {'1' * 40}").findings


def test_messages_of_commits_and_tags_are_scanned(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD").decode().strip()
    commit = repository.commit(f"use {ID} and secret {SECRET}")
    assert pushed(repository, f"refs/heads/main {commit} refs/heads/main {base}").findings
    repository.git("tag", "-a", "v1", "-m", PAIR, base)
    tag = repository.git("rev-parse", "v1").decode().strip()
    assert pushed(repository, f"refs/tags/v1 {tag} refs/tags/v1 {ZERO}").findings


def test_a_deleted_branch_sends_nothing(repository: Repository) -> None:
    assert pushed(repository, f"(delete) {ZERO} refs/heads/main {'1' * 40}").findings == ()


def test_a_merge_commit_is_scanned_for_what_no_parent_had(repository: Repository) -> None:
    base = repository.git("rev-parse", "HEAD").decode().strip()
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("side", "side\n")
    repository.commit("side")
    repository.git("checkout", "-q", "main")
    repository.stage("main", "main\n")
    repository.commit("main")
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side")
    repository.stage("evil.ini", PAIR)
    new = repository.commit("merge")
    (finding,) = pushed(repository, f"refs/heads/main {new} refs/heads/main {base}").findings
    assert finding.origin.path == "evil.ini"


def test_the_pre_commit_frameworks_environment_is_understood(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    commit = repository.commit()
    environment = {"PRE_COMMIT_TO_REF": commit, "PRE_COMMIT_FROM_REF": ZERO, "PRE_COMMIT_REMOTE_NAME": "origin"}
    assert pushed_updates(environment, [], io.BytesIO()) == [Update(commit, None, "origin")]


@pytest.mark.parametrize("branch", ["refs/heads/main", "HEAD"])
def test_a_push_from_the_root_on_for_which_the_framework_names_only_a_branch_is_scanned(
    repository: Repository, branch: str
) -> None:
    repository.stage("k.ini", PAIR)
    commit = repository.commit()
    cwd = os.fspath(repository.path)
    environment = {"PRE_COMMIT_LOCAL_BRANCH": branch, "PRE_COMMIT_REMOTE_NAME": "origin"}
    updates = pushed_updates(environment, [], io.BytesIO(), cwd)
    assert updates == [Update(commit, None, "origin")]
    assert scan_pushed(updates, cwd=cwd).findings


def test_a_branch_of_the_framework_that_is_not_here_is_an_error(repository: Repository) -> None:
    with pytest.raises(GitError):
        pushed_updates({"PRE_COMMIT_LOCAL_BRANCH": "--all"}, [], io.BytesIO(), os.fspath(repository.path))


@pytest.mark.parametrize("line", ["nonsense", "a b c d", f"refs/heads/x --all refs/heads/x {ZERO}"])
def test_lines_that_git_never_writes_are_refused(line: str) -> None:
    with pytest.raises(UsageError, match="pre-push reads lines"):
        pushed_updates({}, [], io.BytesIO(line.encode() + b"\n"))


def test_a_commit_message_is_scanned_without_what_git_cuts_off(tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text(f"fix\n\n# ------------------------ >8 ------------------------\n{PAIR}")
    assert scan_message(os.fspath(message)).findings == ()
    message.write_text(f"fix, used {ID}\n")
    assert scan_message(os.fspath(message)).findings


def test_a_message_that_cannot_be_read_is_an_incomplete_scan(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="cannot be read"):
        scan_message(os.fspath(tmp_path / "none"))
