"""What a terminal can show: colour, width, and which characters are safe to send to it."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "alarm": "1;31",
}
_WIDTH = 100
_COMMAND = re.compile(r"(?<!\S)::|##\w*\[")
"""What begins a command in the log of a CI job: GitHub's runner reads `::error::` at the start of a line, after
spaces too, and `##[error]` anywhere in it; Azure's reads `##vso[`, TeamCity's `##teamcity[`. Wrapping may start a
line at any word."""


class Style:
    """How to print; a plain class, because the hook prints before anything else is loaded."""

    def __init__(self, *, colour: bool = False, width: int = _WIDTH, unicode: bool = True) -> None:
        """Colour codes or none, columns, and whether more than ASCII can be encoded."""
        self.colour = colour
        self.width = width
        self.unicode = unicode

    @classmethod
    def detect(cls, stream: TextIO, environment: Mapping[str, str]) -> Style:
        """What `stream` can show: NO_COLOR and FORCE_COLOR decide, then whether it is a terminal."""
        terminal = stream.isatty()
        colour = terminal and environment.get("TERM") != "dumb"
        if environment.get("FORCE_COLOR") or (environment.get("CI") and environment.get("GITHUB_ACTIONS")):
            colour = True
        if environment.get("NO_COLOR"):
            colour = False
        width = _WIDTH
        columns = environment.get("COLUMNS", "")
        if columns.isascii() and columns.isdecimal() and len(columns) < 10:
            width = int(columns)
        elif terminal:
            try:
                width = os.get_terminal_size(stream.fileno()).columns
            except OSError:
                width = _WIDTH
        encoding = (stream.encoding or "ascii").lower().replace("-", "")
        return cls(colour=colour, width=max(40, min(width, 160)), unicode=encoding.startswith("utf"))

    def paint(self, text: str, colour: str) -> str:
        """`text` in a colour, where there are colours."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colour and text else text

    def safe(self, text: str) -> str:
        """`text` with everything that a terminal or a CI log would act on, or could not show, as an escape."""
        if not (text.isascii() and text.isprintable()):
            text = "".join(each if self._is_safe(each) else _escaped(each) for each in text)
        return _COMMAND.sub(_disarmed, text) if "::" in text or "##" in text else text

    def _is_safe(self, character: str) -> bool:
        if character.isascii():
            return character.isprintable()
        return self.unicode and character.isprintable() and not _is_bidi(character)


def labelled(label: str, text: str, style: Style) -> list[str]:
    """`text`, made safe, in lines of the width, with a label before the first."""
    lead, lines, line = f"  {label}  ", [], ""
    for word in style.safe(text).split():
        if line and len(lead) + len(line) + len(word) >= style.width:
            lines.append(line)
            line = ""
        line += f" {word}" if line else word
    lines.append(line)
    painted = style.paint(label, "dim")
    return [(f"  {painted}  " if number == 0 else " " * len(lead)) + each for number, each in enumerate(lines)]


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def number_of(count: int, what: str) -> str:
    """So many of something: `1 finding`, `2 findings`, `3 repositories`."""
    if count != 1:
        what = f"{what[:-1]}ies" if what.endswith("ry") else f"{what}s"
    return f"{count} {what}"


def complaint(error: BaseException) -> str:
    """A failure as one line for standard error, whatever names from outside it quotes."""
    return Style().safe(f"keysweep: {error}")


def _disarmed(command: re.Match[str]) -> str:
    """A command that no log acts on any more, and that people still can read."""
    return "\\x3a:" if command[0] == "::" else command[0].replace("[", "\\x5b")


def _is_bidi(character: str) -> bool:
    """Marks that reorder what is shown, so that a reader sees another text than is there."""
    return character in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"  # a byte that is no UTF-8, as `surrogateescape` keeps it
    return {"\n": "\\n", "\t": "  ", "\r": "\\r", "…": "...", "–": "-", "→": "->", "‹": "<", "›": ">"}.get(
        character, f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    )
