"""The commands of the examples for CI systems, out of their files, run as their agents run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.repositories import environment

CI = Path(__file__).parents[2] / "ci"
INSTALLS = re.compile(r"\bpipx?\b.* install |-m venv ")
"""What brings keysweep to an agent; the tests bring the one under test instead."""


def example(name: str) -> Any:
    return yaml.safe_load((CI / name).read_text(encoding="utf-8"))


def jenkins_scripts() -> list[str]:
    """What stands between `sh '''` and `'''`. Groovy reads escapes there, so there may be none."""
    scripts = re.findall(r"sh '''\n(.*?)'''", (CI / "Jenkinsfile").read_text(encoding="utf-8"), re.DOTALL)
    assert scripts
    assert not any("\\" in script for script in scripts)
    return scripts


def run(
    lines: Sequence[str], cwd: Path, variables: Mapping[str, str], *, shell: str = "sh"
) -> subprocess.CompletedProcess[str]:
    """Run the lines in one shell, without those that install keysweep. `program` in the variables is where it is put."""
    given = dict(variables)
    program = Path(given.pop("program"))
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -X utf8 -m keysweep "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    kept = [line for text in lines for line in text.splitlines() if not INSTALLS.search(line)]
    done = subprocess.run(
        [shell, "-e", "-c", "\n".join(kept)],
        cwd=cwd,
        env=environment() | {"PATH": path, "CI": "true"} | given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert "keysweep" in "\n".join(kept)
    return done
