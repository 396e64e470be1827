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


@pytest.mark.parametrize("framework", ["pre-commit", "prek"])
def test_the_framework_refuses_leaks_at_commit_message_and_push(
    framework: str, published: Repository, tmp_path: Path
) -> None:
    user = Repository(tmp_path / "user")
    remote = tmp_path / "remote"
    user.git("init", "-q", "--bare", os.fspath(remote))
    user.git("remote", "add", "origin", os.fspath(remote))
    user.stage(
        ".pre-commit-config.yaml",
        "default_install_hook_types: [pre-commit, commit-msg, pre-push]\n"
        f"repos:\n- repo: {published.path}\n  rev: v0\n  hooks:\n"
        "  - id: keysweep\n  - id: keysweep-commit-msg\n  - id: keysweep-pre-push\n",
    )
    tools = Path(sys.executable).parent
    variables = environment() | {
        "HOME": os.fspath(tmp_path),
        "PRE_COMMIT_HOME": os.fspath(tmp_path / "cache"),
        "PREK_HOME": os.fspath(tmp_path / "cache"),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=user.path, env=variables, capture_output=True, encoding="utf-8", check=False
        )

    installed = run(os.fspath(tools / framework), "install", "--install-hooks")
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
