"""Draw the picture in the README from a real commit that is refused: `python -m docs.picture`."""

from __future__ import annotations

import io
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from fixtures.keys import key_id, secret

PICTURE = Path(__file__).parent / "refusal.svg"
COLUMNS = 104
_ADDRESSES = re.compile(r"@font-face \{\{.*?\}\}\n|<!--.*?-->", re.DOTALL)
"""Fonts to be fetched from the network, and an advertisement."""


def refused_commit(directory: Path) -> str:
    """What a terminal shows when a commit with a key pair is refused, colours included."""
    rng = random.Random(7)
    settings = f"AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID={key_id(rng)}\nAWS_SECRET_ACCESS_KEY={secret(rng)}\n"
    (directory / "deploy.env").write_text(settings)
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "EMAIL": "developer@example.com",
        "FORCE_COLOR": "1",
        "COLUMNS": str(COLUMNS),
        "PYTHONUTF8": "1",
    }
    commands = ("git init --quiet", "keysweep install", "git add deploy.env", "git commit -m 'Add the settings'")
    shown = []
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if command.startswith("git commit"):
            shown.append(f"\x1b[1m$ {command}\x1b[0m\n{done.stdout}\n\x1b[1m$ echo $?\x1b[0m\n{done.returncode}\n")
    return "".join(shown)


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as directory:
        text = refused_commit(Path(directory))
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(text), soft_wrap=True)
    form = _ADDRESSES.sub("", CONSOLE_SVG_FORMAT)
    picture = console.export_svg(title="a refused commit", code_format=form, unique_id="keysweep")
    PICTURE.write_text(picture + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
