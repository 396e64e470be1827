"""The pages for beginners say what happens: their commands run in order, in a repository as theirs may be."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

from fixtures.keys import key_id, secret
from tests.repositories import Repository, environment

PAGE = Path(__file__).parents[1] / "docs" / "quickstart-developer.md"
RNG = random.Random(77)


def leak() -> str:
    return f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n"


def test_the_commands_for_developers_lead_from_a_leak_to_a_clean_scan(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.stage("old.ini", leak())
    repository.commit("long ago")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "keysweep"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keysweep "$@"\n')
    program.chmod(0o755)
    variables = environment() | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command], cwd=repository.path, env=variables, capture_output=True, text=True, check=False
        )

    run("git config user.email ada@example.net")
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    codes = {}
    for command in "".join(blocks).splitlines():
        done = run(command)
        assert "Traceback" not in done.stderr, done.stderr
        codes[command] = done.returncode
        if command.startswith("git commit") and "Refuse" in command:
            repository.stage("new.ini", leak())
            refused = run("git commit -m more")
            assert refused.returncode == 1
            assert "new.ini:2" in refused.stderr
            run("git rm -q --cached new.ini && rm new.ini")
    found = {command for command, code in codes.items() if code == 1}
    assert found == {"keysweep init --yes", "keysweep scan --history"}
    assert set(codes.values()) == {0, 1}
