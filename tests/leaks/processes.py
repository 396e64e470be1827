"""What processes print that a test starts, whatever they are written in."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.leaks.startup.leak_watch import command


def watch_processes(
    patch: pytest.MonkeyPatch, tell: Callable[[str, str, bytes], None], on_end: Callable[[], None]
) -> None:
    """Tell what is read from any child of this process, and when one has ended, before a test can go on."""
    communicate, wait = subprocess.Popen.communicate, subprocess.Popen.wait

    def told_communicate(process: subprocess.Popen[Any], *arguments: Any, **named: Any) -> tuple[Any, Any]:
        printed = communicate(process, *arguments, **named)
        name = command(process.args)
        for kind, content in zip(("stdout", "stderr"), printed, strict=True):
            if content:
                tell(
                    kind,
                    name,
                    content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"),
                )
        return printed

    def told_wait(process: subprocess.Popen[Any], *arguments: Any, **named: Any) -> int:
        code = wait(process, *arguments, **named)
        on_end()
        return code

    patch.setattr(subprocess.Popen, "communicate", told_communicate)
    patch.setattr(subprocess.Popen, "wait", told_wait)
