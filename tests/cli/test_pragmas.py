"""Pragmas through the command line: in files, staged changes, ranges and history, and in the hook."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_scan import keysweep
from tests.repositories import Repository

RNG = random.Random(72)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ALLOWED = f"# keysweep:allow reason: a fixture\n{PAIR}"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_pragma_silences_a_file_and_is_counted_listed_and_in_the_json(repository: Repository) -> None:
    repository.stage("a.ini", ALLOWED)
    done = keysweep(repository.path, "scan", "--show-suppressed")
    assert done.returncode == 0
    assert "1 suppressed by pragmas." in done.stdout
    assert "suppressed  a.ini:2:21  key-pair" in done.stdout
    assert "by pragma: a fixture" in done.stdout
    report = json.loads(keysweep(repository.path, "scan", "--format", "json").stdout)
    assert report["counts"]["suppressed_by"]["pragma"] == 1
    assert report["suppressed"][0]["reason"] == "a fixture"
    assert SECRET not in json.dumps(report)


@pytest.mark.parametrize("arguments", [("scan", "--staged"), ("hook", "pre-commit")])
def test_the_staged_change_heeds_pragmas_and_never_silently(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    repository.stage("a.ini", ALLOWED)
    done = keysweep(repository.path, *arguments)
    assert done.returncode == 0
    assert "1 suppressed by pragmas." in done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("scan", "--staged"), ("hook", "pre-commit"), ("scan", "--range", "HEAD~..HEAD")]
)
def test_a_change_that_takes_a_pragma_away_adds_what_it_allowed(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    repository.stage("a.ini", ALLOWED)
    repository.commit()
    repository.stage("a.ini", PAIR)
    if "--range" in arguments:
        repository.commit()
    assert keysweep(repository.path, *arguments).returncode == 1


def test_a_change_that_adds_a_pragma_adds_no_finding(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.commit()
    repository.stage("a.ini", ALLOWED)
    assert keysweep(repository.path, "scan", "--staged").returncode == 0


def test_a_range_heeds_the_pragma_in_the_version_that_it_adds(repository: Repository) -> None:
    repository.commit()
    repository.stage("a.ini", ALLOWED)
    repository.commit()
    done = keysweep(repository.path, "scan", "--range", "HEAD~..HEAD")
    assert done.returncode == 0
    assert "1 suppressed by pragmas." in done.stdout


def test_in_history_every_version_with_the_key_needs_the_pragma(repository: Repository) -> None:
    repository.stage("a.ini", ALLOWED)
    repository.commit()
    repository.stage("a.ini", f"{ALLOWED}# more\n")
    repository.commit()
    for _ in range(2):  # the second one from the cache
        done = keysweep(repository.path, "scan", "--history")
        assert done.returncode == 0
        assert "1 suppressed by pragmas." in done.stdout
    repository.stage("b.ini", PAIR)
    repository.commit()
    for arguments in ((), (), ("--no-cache",)):
        assert keysweep(repository.path, "scan", "--history", *arguments).returncode == 1


def test_a_pragma_that_came_later_does_not_allow_the_version_without_it(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.commit()
    repository.stage("a.ini", ALLOWED)
    repository.commit()
    for _ in range(2):
        assert keysweep(repository.path, "scan", "--history").returncode == 1


def test_an_expired_pragma_is_a_finding_again_and_says_so(repository: Repository) -> None:
    repository.stage("a.ini", f"# keysweep:allow until 2020-01-01\n{PAIR}")
    done = keysweep(repository.path, "scan")
    assert done.returncode == 1
    assert "next to it expired on 2020-01-01" in " ".join(done.stdout.split())
