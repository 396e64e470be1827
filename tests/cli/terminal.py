"""A program at a pseudo-terminal: what it shows, and somebody who answers."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

from tests.repositories import environment

CTRL_C, CTRL_D = "\x03", "\x04"
HANG_SECONDS = 60
"""Far more than any of these takes; only a program that hangs gets there."""


def asleep(pid: int) -> None:
    """Wait until a program waits for something.

    Between a prompt and the wait for an answer lies an instant in which Python does not hear a Ctrl-C before the
    next key. Nobody is as fast as that but a test.
    """
    gives_up = time.monotonic() + HANG_SECONDS
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R":
        assert time.monotonic() < gives_up, "it never waits"
        time.sleep(0.001)


class Terminal:
    """`keysweep` started at a terminal of its own; use it in a `with`."""

    def __init__(
        self,
        cwd: Path,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        variables: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        kept = {name: value for name, value in environment().items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keysweep", *arguments],
            cwd=cwd,
            env=kept | {"TERM": "xterm", "NO_COLOR": "1", "PYTHONUTF8": "1"} | dict(variables or {}),
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # or Ctrl-C would be a byte like others
        )
        os.close(theirs)
        self.screen = ""
        self._raw = b""
        self._read_to = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.hang_up()

    def resize(self, columns: int, rows: int = 24) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal, as somebody who closes its window."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def wait_for(self, shown: str) -> str:
        """What was shown since the last time, up to and with `shown`."""
        gives_up = time.monotonic() + HANG_SECONDS
        while (at := self.screen.find(shown, self._read_to)) < 0:
            assert time.monotonic() < gives_up, f"{shown!r} never came: {self.screen[self._read_to :]}"
            assert self._more(), f"ended without {shown!r}: {self.screen[self._read_to :]}"
        piece = self.screen[self._read_to : at + len(shown)]
        self._read_to = at + len(shown)
        return piece

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def answer(self, key: str, prompt: str = "\n> ") -> str:
        """Wait for a prompt and press a key once it is waited for; what was shown before."""
        shown = self.wait_for(prompt)
        asleep(self.process.pid)
        self.press(key)
        return shown

    def answer_line(self, prompt: str, text: str) -> str:
        return self.answer(f"{text}\n", prompt)

    def end(self) -> tuple[int, str]:
        """Wait for the end: the exit code, and all that was shown since the last time."""
        while self._more():
            pass
        return self.process.wait(HANG_SECONDS), self.screen[self._read_to :]

    def _more(self) -> bool:
        if not select.select([self._ours], [], [], HANG_SECONDS)[0]:
            raise AssertionError(f"it hangs: {self.screen[self._read_to :]}")
        try:
            piece = os.read(self._ours, 1 << 16)
        except OSError:  # which is how Linux says that nobody has the other end any more
            piece = b""
        self._raw += piece
        self.screen = re.sub(r"\r\n", "\n", self._raw.decode(errors="replace"))
        return bool(piece)
