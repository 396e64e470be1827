"""Base64 that goes on over line ends: which next line still belongs to a value, and which is another one."""

from __future__ import annotations

import re

_NEXT_LINE = re.compile(
    rb"\\?\r?\n[ \t]*([A-Za-z0-9+/]+={0,2}|={1,2})(?=[ \t]*\\?\r?\n|[\"'`,;<)\]}&]|[ \t]*\Z)",
)
_KEY_ID = re.compile(rb"A[KSBC][IC]A[A-Z2-7]{16}")
_LEAST_LINE = 16
"""Shorter lines may be words; they belong to a value only where something says that it is not complete."""


def rest_of(value: str, content: bytes, end: int, limit: int) -> tuple[str, int]:
    """The lines after `end` that go on with the base64 `value`, joined, and where they end.

    Base64 comes in fours, is wrapped at one width, and ends with a line that is no longer than the others. Where
    that leaves it open, forty characters are a secret. Nothing is read beyond `limit`.
    """
    rest, width = "", 0
    while line := _NEXT_LINE.match(content, end, limit):
        run = line.group(1).decode("ascii")
        if (value + rest).endswith("=") and run != "=":
            break
        if _KEY_ID.fullmatch(line.group(1)) or not _goes_on(len(value + rest) % 4, run, width):
            break
        rest += run
        end = line.end(1)
        if len(run) < max(width, len(value)):
            break  # the first line, which may begin with a name, is no longer than the others
        width = len(run)
    return rest, end


def _goes_on(over: int, run: str, width: int) -> bool:
    """Whether `run` is more of a value of 4n + `over` characters, wrapped at `width`, which is 0 if not known."""
    if width:
        return len(run) <= width and (
            len(run) >= _LEAST_LINE or over > 0 or run.endswith("=") or len(run) % 4 == 0
        )
    if len(run) >= _LEAST_LINE:
        return over > 0 or len(run) != 40 or run.endswith("=")
    return (over > 0 or run.endswith("=")) and (over + len(run)) % 4 == 0
