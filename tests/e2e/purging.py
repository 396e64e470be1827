"""A plan to purge carried out as a person would: its commands, in a shell, with the real git filter-repo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.cli.test_scan import keysweep
from tests.repositories import environment

STEPS = ("contain", "freeze", "mirror", "rewrite", "check", "publish", "copies", "reclone")


def plan_of(cwd: Path, *arguments: str, code: int = 1) -> dict[str, Any]:
    """The plan as data."""
    done = keysweep(cwd, "purge-plan", *arguments, "--format", "json")
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def commands(plan: dict[str, Any], step: str) -> list[str]:
    """The commands of one step."""
    assert [each["name"] for each in plan["steps"]] == list(STEPS)
    found: list[str] = next(each["commands"] for each in plan["steps"] if each["name"] == step)
    return found


def shell(command: str, cwd: Path, codes: Iterable[int] = (0,)) -> str:
    """Run a command that a plan shows; what it printed."""
    bin_first = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment() | {"PATH": bin_first}, capture_output=True, check=False
    )
    assert done.returncode in codes, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.decode(errors="replace")


def carried_out(plan: dict[str, Any], cwd: Path, *steps: str) -> str:
    """Do these steps, as they stand; what the last command printed. A plan and a scan end with 1 for what they find."""
    printed = ""
    for step in steps:
        for command in commands(plan, step):
            printed = shell(command, cwd, (0, 1) if command.startswith("keysweep ") else (0,))
    return printed


def everything_in(repository: Path) -> bytes:
    """The content of every object of a repository, one behind the other."""
    return subprocess.run(
        ["git", "-C", repository, "cat-file", "--batch-all-objects", "--batch"],
        env=environment(),
        capture_output=True,
        check=True,
    ).stdout


def leaks_in(repository: Path) -> set[str]:
    """The fingerprints that a scan of its history counts."""
    done = keysweep(repository.parent, "scan", "--history", "--no-cache", "--format", "json", repository.name)
    found = json.loads(done.stdout)["findings"]
    return {each["fingerprint"] for each in found if each["severity"] in ("medium", "high", "critical")}
