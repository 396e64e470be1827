"""The real `pre-commit` and `prek`, using this repository as people do."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.repositories import Repository, environment

ROOT = Path(__file__).parents[2]
RNG = random.Random(9)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """This repository as it stands, committed, the way a user's `rev:` would name it."""
    repository = Repository(tmp_path_factory.mktemp("published"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        repository.write(name, (ROOT / name).read_bytes())
    for path in sorted((ROOT / "src").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            repository.write(os.fspath(path.relative_to(ROOT)), path.read_bytes())
    repository.git("add", "-A")
    repository.commit("published")
    repository.git("tag", "v0")
    return repository


@pytest.fixture
def user(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "user")


def run_in(user: Repository, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody whose home and caches are beside the repository."""
    home = os.fspath(user.path.parent)
    variables = environment() | {
        "HOME": home,
        "PRE_COMMIT_HOME": os.path.join(home, "cache"),
        "PREK_HOME": os.path.join(home, "cache"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        command, cwd=user.path, env=variables, capture_output=True, encoding="utf-8", check=False
    )


def test_what_init_adds_to_a_configuration_runs_under_pre_commit(published: Repository, user: Repository) -> None:
    user.stage(
        ".pre-commit-config.yaml",
        "# ours\nrepos:\n-   repo: local  # see below\n    hooks:\n    -   id: fine\n"
        "        name: fine\n        language: system\n        entry: 'true'\n",
    )
    done = run_in(user, sys.executable, "-m", "keysweep", "init", "--yes", "--repo", os.fspath(published.path))
    assert done.returncode == 0, done.stdout + done.stderr
    user.git("add", "-A")
    command = next(line for line in done.stdout.splitlines() if "pre-commit install" in line).partition(": ")[2]
    installed = run_in(user, *command.split(), "--install-hooks")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    clean = run_in(user, "git", "commit", "-m", "configuration")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    user.stage("prod.ini", PAIR)
    refused = run_in(user, "git", "commit", "-m", "leak")
    assert refused.returncode != 0
    assert "prod.ini:1:21" in refused.stdout + refused.stderr
    assert "fine" in refused.stdout + refused.stderr


@pytest.mark.parametrize("framework", ["pre-commit", "prek"])
def test_the_framework_refuses_leaks_at_commit_message_and_push(
    framework: str, published: Repository, user: Repository, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    user.git("init", "-q", "--bare", os.fspath(remote))
    user.git("remote", "add", "origin", os.fspath(remote))
    user.stage(
        ".pre-commit-config.yaml",
        "default_install_hook_types: [pre-commit, commit-msg, pre-push]\n"
        f"repos:\n- repo: {published.path}\n  rev: v0\n  hooks:\n"
        "  - id: keysweep\n  - id: keysweep-commit-msg\n  - id: keysweep-pre-push\n",
    )

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return run_in(user, *command)

    installed = run(framework, "install", "--install-hooks")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    clean = run("git", "commit", "-m", "configuration")
    assert clean.returncode == 0, clean.stdout + clean.stderr

    user.stage("first.ini", PAIR)
    assert run("git", "commit", "--no-verify", "-q", "-m", "leak").returncode == 0
    first_push = run("git", "push", "origin", "HEAD:main")
    assert first_push.returncode != 0
    assert ID in first_push.stdout + first_push.stderr
    run("git", "reset", "-q", "--hard", "HEAD~1")
    assert run("git", "push", "-q", "origin", "main").returncode == 0

    user.stage("prod.ini", PAIR)
    refused = run("git", "commit", "-m", "leak")
    assert refused.returncode != 0
    assert "prod.ini:1:21" in refused.stdout + refused.stderr
    assert SECRET not in refused.stdout + refused.stderr

    assert run("git", "commit", "--no-verify", "-q", "-m", "leak").returncode == 0
    pushed = run("git", "push", "origin", "main")
    assert pushed.returncode != 0
    assert ID in pushed.stdout + pushed.stderr

    run("git", "reset", "-q", "--hard", "HEAD~1")
    message = run("git", "commit", "--allow-empty", "-m", f"use {ID} with secret {SECRET}")
    assert message.returncode != 0
    assert "commit message" in message.stdout + message.stderr
