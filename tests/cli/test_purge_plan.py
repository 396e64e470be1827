"""`keysweep purge-plan` as its users run it: what it says, what it refuses, and what it never shows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.keys import key_id, secret
from keysweep.aws.containment.journal import Journal
from tests.cli.test_scan import keysweep
from tests.repositories import Repository, environment

RNG = random.Random(83)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
WRITING = ("--write-replacements", "out/r.txt")
WRITES = pytest.mark.shows_secrets("content", "--write-replacements asks for files with the secrets")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A key that was committed and removed again."""
    repository = Repository(tmp_path / "app")
    repository.stage("key.ini", PAIR)
    repository.commit()
    repository.git("rm", "-q", "key.ini")
    repository.commit("remove it")
    return repository


def plan(cwd: Path, *arguments: str, code: int = 1, **variables: Any) -> dict[str, Any]:
    done = keysweep(cwd, "purge-plan", "--format", "json", *arguments, **variables)
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def found(repository: Repository, **verdict: Any) -> Path:
    """A findings file, with what AWS said of the key."""
    path = repository.path.parent / "found.json"
    keysweep(path.parent, "scan", "--history", "--format", "json", "--output", path.name, repository.path.name)
    document = json.loads(path.read_text())
    if verdict:
        told = {"key_id": ID, "reason": "AWS said so", "checked": "2026-11-27T04:51:25Z", "partition": "aws"}
        rest = dict.fromkeys(("account_id", "arn", "user_id", "request_id", "name", "principal"))
        document["findings"][0]["verdict"] = rest | told | verdict
        path.write_text(json.dumps(document))
    return path


def test_a_clean_history_has_nothing_to_take_out_and_nothing_is_written(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "app")
    repository.stage("a", "nothing\n")
    repository.commit()
    done = keysweep(tmp_path, "purge-plan", "app", "--write-replacements", "r.txt")
    assert done.returncode == 0
    assert "nothing to take out" in done.stdout
    assert os.listdir(tmp_path) == ["app"]


def test_a_key_of_which_nothing_is_known_is_contained_first(repository: Repository) -> None:
    done = keysweep(repository.path, "purge-plan")
    assert done.returncode == 1
    assert f"UNKNOWN   {ID}" in done.stdout
    assert "1. Contain the keys first" in done.stdout
    assert "--allow-account 123456789012 --apply" in done.stdout
    assert "Rewriting makes no key safe" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("status", "state", "first"),
    [
        ("live", "live", "Contain the keys first"),
        ("unknown", "unknown", "Contain the keys first"),
        ("wrong-secret", "unknown", "Contain the keys first"),
        ("dead", "dead", "Contain the keys: done"),
        ("inactive", "dead", "Contain the keys: done"),
    ],
)
def test_what_a_findings_file_says_of_a_key_decides_what_comes_first(
    repository: Repository, status: str, state: str, first: str
) -> None:
    told = plan(repository.path.parent, os.fspath(found(repository, status=status)))
    assert [leak["state"] for leak in told["leaks"]] == [state]
    assert told["steps"][0]["title"] == first


def test_a_dead_key_makes_the_plan_ask_whether_it_is_worth_it(repository: Repository) -> None:
    done = keysweep(repository.path.parent, "purge-plan", os.fspath(found(repository, status="dead")))
    assert "Is it worth it?" in done.stdout
    assert "keysweep contain" not in done.stdout


@pytest.mark.parametrize(("undone", "state"), [(False, "contained"), (True, "unknown")])
def test_a_key_that_the_journal_says_is_off_is_contained_until_that_is_taken_back(
    repository: Repository, tmp_path: Path, undone: bool, state: str
) -> None:
    journal = Journal(tmp_path / "state")
    journal.append("intended", "run1", change=1, action="deactivate-key", key_id=ID)
    journal.append("made", "run1", change=1, key_id=ID)
    if undone:
        undoes = {"run": "run1", "change": 1}
        journal.append("intended", "run2", change=1, action="deactivate-key", key_id=ID, undoes=undoes)
        journal.append("made", "run2", change=1, key_id=ID, undoes=undoes)
    told = plan(tmp_path, "app", KEYSWEEP_STATE=os.fspath(tmp_path / "state"))
    assert [leak["state"] for leak in told["leaks"]] == [state]


def test_a_journal_that_was_tampered_with_says_nothing(repository: Repository, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    journal.append("intended", "run1", change=1, action="deactivate-key", key_id=key_id(RNG))
    journal.append("made", "run1", change=1, key_id=ID)
    text = journal.path.read_text().replace("deactivate-key", "deactivate-key ")
    journal.path.write_text(text)
    told = plan(tmp_path, "app", KEYSWEEP_STATE=os.fspath(tmp_path / "state"))
    assert [leak["state"] for leak in told["leaks"]] == ["unknown"]


def test_what_is_accepted_is_left_out_and_the_mirror_is_planned_by_a_findings_file(repository: Repository) -> None:
    other = key_id(RNG), secret(RNG)
    keysweep(repository.path, "baseline", "create", "--history", "--reason", "dead", "--owner", "me@example.net")
    assert plan(repository.path, code=0)["leaks"] == []
    repository.stage("new.ini", f"aws_access_key_id = {other[0]}\naws_secret_access_key = {other[1]}\n")
    repository.commit()
    told = plan(repository.path)
    assert [leak["key_id"] for leak in told["leaks"]] == [other[0]]
    assert told["notes"] == ["1 accepted by comments, baseline or configuration: left out"]
    mirror = next(step for step in told["steps"] if step["name"] == "mirror")["commands"]
    assert mirror[-1].split()[:3] == ["keysweep", "purge-plan", f"{repository.path}-purge/found.json"]


def test_a_configuration_is_named_for_the_mirror(repository: Repository) -> None:
    (repository.path / "keysweep.toml").write_text('exclude = ["docs/"]\n')
    told = plan(repository.path)
    commands = [
        command for step in told["steps"] for command in step["commands"] if "app-purge/app.git" in command
    ]
    assert f"--config {repository.path}/keysweep.toml" in commands[1]


def test_a_key_id_alone_is_planned_for_only_where_it_is_asked(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "app")
    repository.stage("a", f"see {ID}\n")
    repository.commit()
    assert plan(tmp_path, "app", code=0)["leaks"] == []
    assert len(plan(tmp_path, "app", "--fail-on", "low")["leaks"]) == 1


def test_what_no_ref_reaches_is_told_so(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.commit("begin anew")
    repository.git("branch", "-q", "-D", "main")
    done = keysweep(repository.path, "purge-plan")
    assert "no ref reaches it: a fresh clone does not have it" in done.stdout
    assert plan(repository.path)["leaks"][0]["refs"] == []


def test_a_secret_in_the_name_of_an_author_or_a_file_is_shown_nowhere(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "app")
    value = secret(RNG).replace("/", "+")
    repository.stage(f"{key_id(RNG)}:{value}", "x\n")
    repository.commit("a name", f"--author=x {ID}:{SECRET} <a@example.net>")
    told = plan(tmp_path, "app")
    text = keysweep(tmp_path, "purge-plan", "app").stdout
    assert value not in json.dumps(told) + text
    assert SECRET not in json.dumps(told) + text
    ways = {copy["way"] for leak in told["leaks"] for copy in leak["copies"]}
    assert ways == {"rename-path", "by-hand"}
    assert "--mailmap" in text


def test_what_the_repository_knows_of_its_copies_is_named_without_their_passwords(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("remote", "add", "origin", "https://me:hunter2@github.com/team/app.git")
    repository.git("remote", "add", "fork", "git@gitlab.example.net:me/app.git")
    repository.git("worktree", "add", "-q", os.fspath(tmp_path / "other"))
    repository.git("update-ref", "refs/pull/7/head", "HEAD~1")
    told = keysweep(tmp_path, "purge-plan", "app").stdout
    assert "hunter2" not in told
    assert "git clone --mirror --no-local -- https://github.com/team/app.git" in told
    assert "push --force --mirror origin" in told
    said = " ".join(told.split())
    assert "Other remotes of this repository, perhaps forks: fork (git@gitlab.example.net:me/app.git)" in said
    assert f"Work trees of this repository: {tmp_path}/other" in said
    assert "gh api --paginate repos/OWNER/NAME/forks" in said
    assert "refs/pull/7/head" in said


@WRITES
@pytest.mark.parametrize(
    "place", ["app/r.txt", "app/sub/r.txt", "other/r.txt", "gone/r.txt", "there.txt", "link.txt"]
)
def test_the_files_are_not_written_where_they_could_be_committed_or_overwrite_something(
    repository: Repository, tmp_path: Path, place: str
) -> None:
    (repository.path / "sub").mkdir()
    Repository(tmp_path / "other")
    (tmp_path / "there.txt").write_text("mine")
    (tmp_path / "link.txt").symlink_to(tmp_path / "nowhere")
    done = keysweep(tmp_path, "purge-plan", "app", "--write-replacements", place)
    assert done.returncode == 2
    assert place.rsplit("/", 1)[-1] in done.stderr
    assert (tmp_path / "there.txt").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert not any(SECRET in path.read_text("latin-1") for path in tmp_path.rglob("*.txt") if path.is_file())
    keysweep(tmp_path, "purge-plan", "app", "--write-replacements", "r.txt")
    assert SECRET in (tmp_path / "r.txt").read_text()


@WRITES
def test_a_link_to_a_directory_does_not_lead_into_a_work_tree(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(repository.path)
    assert keysweep(tmp_path, "purge-plan", "app", "--write-replacements", "out/r.txt").returncode == 2
    keysweep(tmp_path, "purge-plan", "app", "--write-replacements", "r.txt")


def test_a_disk_that_is_full_leaves_nothing_behind(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    keysweep(tmp_path, "purge-plan", "app")  # so that nothing else has to be written
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 0; exec "$0" -m keysweep purge-plan app "$@"', sys.executable, *WRITING],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert b"nothing of it is left" in done.stderr
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    "arguments",
    [("--config", "x", "--no-config"), ("app", "--repository", "app"), ("found.json", "--no-config"), ("gone",)],
)
def test_what_cannot_be_meant_is_refused(repository: Repository, arguments: tuple[str, ...]) -> None:
    found(repository)
    done = keysweep(repository.path.parent, "purge-plan", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
