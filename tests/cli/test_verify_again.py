"""What a findings file tells of is read again from where it was: files, a repository, a submodule, a bundle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import secret, session_token
from tests.cli.verifying import (
    ID,
    PAIR,
    SECRET,
    SESSION,
    SESSION_KEY,
    TEMPORARY,
    TOKEN,
    keysweep,
    scanned,
    statuses,
    unread,
    verified,
)
from tests.emulators.faults import Faults
from tests.repositories import Repository, environment

RNG = random.Random(432)


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
