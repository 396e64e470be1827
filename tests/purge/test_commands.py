"""Commands mean what they say in a shell, whatever a path is called."""

from __future__ import annotations

import subprocess

import pytest

from keysweep.purge.commands import line
from keysweep.report.style import Style

HOSTILE = (
    "plain",
    "with blanks",
    "it's",
    "two\nlines",
    "-dash",
    "~/home",
    "$(touch gone)",
    "`touch gone`",
    "\x1b[31mred\x07",
    "::error::x",
    "##[error]x",
    "back\\slash",
    "ünïcode",
    "\u202ereversed",
    "no utf-8 \udcff\udc80",
    "",
    "!history",
)


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("style", [Style(), Style(unicode=False)], ids=["unicode", "ascii"])
def test_a_shell_gets_the_very_path(path: str, style: Style) -> None:
    command = line(("printf", "%s", path), style.safe)
    assert command == style.safe(command)
    assert "\n" not in command
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout == path.encode("utf-8", "surrogateescape")
    assert not done.stderr
