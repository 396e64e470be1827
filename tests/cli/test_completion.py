"""A shell completes commands and options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEYSWEEP = Path(sys.executable).parent / "keysweep"


def asked(**variables: str) -> str:
    done = subprocess.run([KEYSWEEP], env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    assert "_KEYSWEEP_COMPLETE" in asked(_KEYSWEEP_COMPLETE=f"{shell}_source")


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("keysweep con", "1", "contain"),
        ("keysweep contain --deny", "2", "--deny-sessions"),
        ("keysweep responder ch", "2", "check"),
    ],
)
def test_words_are_completed(words: str, number: str, expected: str) -> None:
    said = asked(_KEYSWEEP_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=number)
    assert expected in said.split(",")[1:][0].splitlines()
