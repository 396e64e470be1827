"""Commands as a person pastes them into a shell: nothing in a path can become another command, or another path."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable


def line(words: tuple[str, ...], safe: Callable[[str], str]) -> str:
    """One command on one line; `safe` is what the place it is shown in makes of a text."""
    return " ".join(_quoted(word, safe) for word in words)


def _quoted(word: str, safe: Callable[[str], str]) -> str:
    plain = shlex.quote(word)
    if word.isprintable() and safe(plain) == plain:
        return plain
    # `$'...'` of bash, zsh and ksh: bytes as they are, whatever a terminal would make of them
    return "$'" + "".join(map(_escaped, os.fsencode(word))) + "'"


def _escaped(byte: int) -> str:
    character = chr(byte)
    harmless = character.isascii() and character.isprintable() and character not in "\\':#"
    return character if harmless else f"\\x{byte:02x}"
